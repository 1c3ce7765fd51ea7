"""What holds for every decision about somebody's record: nobody makes it about themselves, and it has a reason."""

from workshops.people.models import User

SAY_WHY = "Say why: whoever reads this in two years will need it."


class BadFact(Exception):
    """A fact or a decision that cannot be recorded as it is, with a sentence that says why."""


def not_their_own(user: User, by: User | None) -> None:
    """Keep registrars from deciding about themselves.

    Raises:
        BadFact: when both are the same person.
    """
    if by is not None and by.pk == user.pk:
        raise BadFact("Nobody decides about their own record. Ask another registrar.")


def reason_given(why: str) -> str:
    """The reason as it is kept.

    Raises:
        BadFact: when there is nothing in it.
    """
    if not why.strip():
        raise BadFact(SAY_WHY)
    return why.strip()
