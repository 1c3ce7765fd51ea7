"""Audits: while one is open, none of a person's proof is deleted, however long ago it was decided about.

The only writer of `AuditHold`. Which files may go is asked of `ProofFile.objects.due_for_deletion`.
"""

from datetime import datetime

from workshops.history.record import record
from workshops.people.models import User
from workshops.people.presence import hold_open
from workshops.prerequisites.deciding import not_their_own, reason_given
from workshops.prerequisites.records.models import AuditHold
from workshops.transactions import writes


class OpenAlready(Exception):
    """Their proof is kept already; `hold` says since when and why."""

    def __init__(self, hold: AuditHold) -> None:
        super().__init__("Their proof is kept for an audit already.")
        self.hold = hold


@writes
def begin_audit(user: User, why: str, *, by: User, now: datetime) -> AuditHold:
    """Keep all proof of a person until the audit ends. Locks the person: of two who begin, one does.

    Raises:
        BadFact: without a reason, or when the registrar is the person.
        OpenAlready: when one is open.
    """
    not_their_own(user, by)
    reason = reason_given(why)
    hold_open(user)
    if there := open_audit(user):
        raise OpenAlready(there)
    hold = AuditHold.objects.create(user=user, why=reason, begun_at=now, begun_by=by)
    record("audit-begun", about=("person", user.public_id), person=user, by=by, now=now, why=reason)
    return hold


@writes
def end_audit(user: User, why: str, *, by: User, now: datetime) -> bool:
    """End a person's audit: proof that is old enough goes with the next round. False when none is open.

    Raises:
        BadFact: without a reason, or when the registrar is the person.
    """
    not_their_own(user, by)
    reason = reason_given(why)
    hold_open(user)
    return _end(user, reason, by=by, now=now)


def hand_over(person: User, to: User, *, by: User, now: datetime, why: str) -> None:
    """Give the audits of one account to another account of the same person, inside the transaction that merges them.

    One that is open keeps the proof of both. Where both have one, that of `person` ends here.
    """
    if open_audit(to):
        _end(person, why, by=by, now=now)
    AuditHold.objects.filter(user=person).update(user=to)


def open_audit(user: User) -> AuditHold | None:
    """The audit for which a person's proof is kept now. One statement."""
    return AuditHold.objects.open().select_related("begun_by").filter(user=user).first()


def _end(user: User, why: str, *, by: User, now: datetime) -> bool:
    ended = AuditHold.objects.open().filter(user=user).update(ended_at=now, ended_by=by)
    if ended:
        record("audit-ended", about=("person", user.public_id), person=user, by=by, now=now, why=why)
    return bool(ended)
