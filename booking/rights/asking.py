"""Asking to be erased, taking that back, and what became of it: the only writer of erasure requests."""

from datetime import datetime

from django.db.models import QuerySet

from booking.rights import emails
from workshops.history.record import record
from workshops.people.models import ErasureRequest, User
from workshops.people.presence import hold_open
from workshops.prerequisites.deciding import reason_given
from workshops.transactions import writes


def open_requests() -> QuerySet[ErasureRequest]:
    """Those that wait for an answer, the longest wait first."""
    return ErasureRequest.objects.open().select_related("user").order_by("asked_at", "pk")


def open_request(person: User) -> ErasureRequest | None:
    """The one that this person has open."""
    return open_requests().filter(user=person).first()


@writes
def ask(person: User, words: str, *, now: datetime) -> ErasureRequest:
    """Ask to be erased; whoever has asked already has asked once. Locks the person's row."""
    hold_open(person)
    if there := open_request(person):
        return there
    made = ErasureRequest.objects.create(user=person, words=words.strip(), asked_at=now)
    # The words lie in the request alone: the history keeps what it keeps for good.
    record("erasure-asked", about=_about(person), person=person, by=person, now=now)
    emails.asked(made, now=now)
    return made


@writes
def take_back(person: User, *, now: datetime) -> bool:
    """Take it back, as long as it has not been carried out; say whether there was anything to take back."""
    changed = ErasureRequest.objects.open().filter(user=person).update(taken_back_at=now)
    if changed:
        record("erasure-taken-back", about=_about(person), person=person, by=person, now=now)
    return bool(changed)


@writes
def decline(request: ErasureRequest, reason: str, *, by: User, now: datetime) -> bool:
    """Say why it is not done; False when it was taken back or answered meanwhile.

    Raises:
        BadFact: without a reason.
    """
    answer = reason_given(reason)
    still_open = ErasureRequest.objects.open().filter(pk=request.pk)
    if not still_open.update(answered_at=now, answered_by=by, answer=answer):
        return False
    request.answered_at, request.answered_by, request.answer = now, by, answer
    about = _about(request.user)
    record("erasure-declined", about=about, person=request.user, by=by, now=now, why=request.answer)
    emails.declined(request, now=now)
    return True


def carried_out(person: User, *, by: User, now: datetime) -> None:
    """Note on the request that this person has open, if any, that it was done. Inside the transaction that does it."""
    ErasureRequest.objects.open().filter(user=person).update(answered_at=now, answered_by=by)


def hand_over(person: User, to: User) -> None:
    """Give the requests of one account to another account of the same person.

    Whoever merges has made sure that not both have an open one.
    """
    ErasureRequest.objects.filter(user=person).update(user=to)


def _about(person: User) -> tuple[str, str]:
    return ("person", person.public_id)
