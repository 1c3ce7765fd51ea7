"""How far an on-set record has come: the table of allowed moves, and the only writer of its state."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F

from workshops.history.record import Fact, record
from workshops.people.models import User
from workshops.prerequisites.records.models import OnSetRecord, RecordState

MOVES: Mapping[RecordState, frozenset[RecordState]] = {
    RecordState.DRAFT: frozenset({RecordState.IN_REVIEW, RecordState.WITHDRAWN}),
    RecordState.IN_REVIEW: frozenset(
        {
            RecordState.DRAFT,
            RecordState.QUESTION,
            RecordState.ACCEPTED,
            RecordState.REJECTED,
            RecordState.WITHDRAWN,
        }
    ),
    RecordState.QUESTION: frozenset(
        {RecordState.IN_REVIEW, RecordState.ACCEPTED, RecordState.REJECTED, RecordState.WITHDRAWN}
    ),
    RecordState.ACCEPTED: frozenset({RecordState.IN_REVIEW, RecordState.WITHDRAWN}),
    RecordState.REJECTED: frozenset({RecordState.IN_REVIEW, RecordState.DRAFT, RecordState.WITHDRAWN}),
    RecordState.WITHDRAWN: frozenset(),
}


class ChangedMeanwhile(Exception):
    """The record is not any more what the person acting had before them. `found` is what it is now."""

    def __init__(self, found: OnSetRecord) -> None:
        super().__init__("This has changed since the page was opened. Look at it again.")
        self.found = found


class NotPossible(Exception):
    """What was asked cannot be done to a record that has come this far; the sentence says why and what to do."""


def locked(it: OnSetRecord) -> OnSetRecord:
    """The record as it is now, locked until the caller's transaction ends."""
    return OnSetRecord.objects.select_for_update(of=("self",)).select_related("user").get(pk=it.pk)


def as_seen(it: OnSetRecord, revision: int) -> OnSetRecord:
    """The record as it is now, locked, when it is still what the person acting saw.

    Raises:
        ChangedMeanwhile: when it has another revision by now.
    """
    now_there = locked(it)
    if now_there.revision != revision:
        raise ChangedMeanwhile(now_there)
    return now_there


def move(
    it: OnSetRecord,
    to: RecordState,
    what: str,
    *,
    by: User,
    now: datetime,
    why: str = "",
    facts: Mapping[str, Fact] | None = None,
    **fields: Any,
) -> None:
    """Bring a locked record to another state, with its line of history and whatever else changes with it.

    `what` is the history's code, `facts` its numbers; `fields` are written in the same statement. Its revision rises.

    Raises:
        NotPossible: when there is no way from where it is to there.
        ChangedMeanwhile: when it was not locked and somebody else was first.
    """
    if to not in MOVES[RecordState(it.state)]:
        raise NotPossible(f"This record is {it.get_state_display().lower()}, so that cannot be done any more.")
    changes = {"state": to, "changed_at": now, **fields}
    changed = OnSetRecord.objects.filter(pk=it.pk, state=it.state, revision=it.revision).update(
        revision=F("revision") + 1, **changes
    )
    if not changed:
        raise ChangedMeanwhile(OnSetRecord.objects.get(pk=it.pk))
    for name, value in changes.items():
        setattr(it, name, value)
    it.revision += 1
    record(what, about=about(it), person=it.user, by=by, now=now, why=why, **(facts or {}))


def about(it: OnSetRecord) -> tuple[str, str]:
    """How the history names it."""
    return ("record", it.public_id)
