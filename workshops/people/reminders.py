"""Whether a person wants reminders before a workshop: their own word, given from an e-mail or on their profile.

The link in the e-mail works without signing in and does not run out. It can change this and nothing else.
"""

from datetime import datetime

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from workshops.history.record import record
from workshops.people.models import User
from workshops.people.presence import hold_open
from workshops.transactions import writes


class Forged(Exception):
    """A link that the school did not write, or whose account is closed."""


def stop_link(person: User) -> str:
    """The address of the page on which this person says that they want no more of these reminders."""
    return settings.SITE_URL + reverse("reminders-stop", args=[token_for(person)])


def token_for(person: User) -> str:
    """What stands in that address for this person."""
    return _signer().sign(person.public_id)


def who(token: str) -> User:
    """Whom a link is about.

    Raises:
        Forged: for a link that the school did not write, or about an account that was erased or merged.
    """
    try:
        public_id = _signer().unsign(token)
    except BadSignature:
        raise Forged from None
    person = User.objects.filter(public_id=public_id).first()
    if person is None or person.is_closed:
        raise Forged
    return person


@writes
def choose(person: User, *, wanted: bool, by: User, now: datetime) -> bool:
    """Write down whether this person wants them; False where they had said so already. Locks the person.

    Whoever queues a reminder holds the person as well: after this nothing is queued that they do not want, and what
    has been queued before does not go out.

    Raises:
        Closed: when the account was erased or merged away meanwhile.
    """
    known = hold_open(person)
    if known.wants_reminders == wanted:
        return False
    known.wants_reminders = wanted
    known.save(update_fields=["wants_reminders"])
    what = "reminders-wanted" if wanted else "reminders-stopped"
    record(what, about=("person", known.public_id), person=known, by=by, now=now)
    return True


def _signer() -> Signer:
    # A point, since some mail programs take a colon for the end of an address in plain text.
    return Signer(salt="people.reminders-stop", sep=".")
