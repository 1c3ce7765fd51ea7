"""How many codes one person may try, so that nobody finds one by guessing."""

from math import ceil

from workshops.people.models import User
from workshops.web.limits import Limiter

CODES_AN_HOUR = 10

_tried = Limiter(seconds=60 * 60)


class TooManyCodes(Exception):
    """They have tried as many codes as an hour has; the message says when to go on."""

    def __init__(self, seconds: int) -> None:
        minutes = ceil(seconds / 60)
        wait = "1 minute" if minutes == 1 else f"{minutes} minutes"
        super().__init__(f"You have tried {CODES_AN_HOUR} codes within an hour. Wait {wait}, then try again.")
        self.seconds = seconds


def count(person: User) -> None:
    """Count one code that this person tries, whether it is right or wrong.

    Raises:
        TooManyCodes: when it may not be tried now.
    """
    if seconds := _tried.wait(person.public_id, CODES_AN_HOUR):
        raise TooManyCodes(seconds)
