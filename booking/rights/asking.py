"""Asking to be erased, taking that back, and declining it: with `erasing`, the only writers of erasure requests."""

from datetime import datetime

from django.db.models import QuerySet

from booking.rights import emails
from workshops.history.record import record
from workshops.people.models import ErasureRequest, User
from workshops.transactions import writes


def open_requests() -> QuerySet[ErasureRequest]:
    """Those that wait for an answer, the longest wait first."""
    open_ones = ErasureRequest.objects.filter(answered_at=None, taken_back_at=None)
    return open_ones.select_related("user").order_by("asked_at", "pk")


def open_request(person: User) -> ErasureRequest | None:
    """The one that this person has open."""
    return open_requests().filter(user=person).first()


@writes
def ask(person: User, words: str, *, now: datetime) -> ErasureRequest:
    """Ask to be erased; whoever has asked already has asked once. Locks the person's row."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=person.pk)
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
    changed = ErasureRequest.objects.filter(user=person, answered_at=None, taken_back_at=None).update(taken_back_at=now)
    if changed:
        record("erasure-taken-back", about=_about(person), person=person, by=person, now=now)
    return bool(changed)


@writes
def decline(request: ErasureRequest, reason: str, *, by: User, now: datetime) -> bool:
    """Say why it is not done; False when it was taken back or answered meanwhile."""
    still_open = ErasureRequest.objects.filter(pk=request.pk, answered_at=None, taken_back_at=None)
    if not still_open.update(answered_at=now, answered_by=by, answer=reason.strip()):
        return False
    request.answered_at, request.answered_by, request.answer = now, by, reason.strip()
    about = _about(request.user)
    record("erasure-declined", about=about, person=request.user, by=by, now=now, why=request.answer)
    emails.declined(request, now=now)
    return True


def _about(person: User) -> tuple[str, str]:
    return ("person", person.public_id)
