"""How far an on-set record has come: how it begins, the table of allowed moves, and the only writer of its state."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import F

from workshops.history.record import Fact, line, record, record_all
from workshops.people.models import User
from workshops.people.presence import hold_open
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState

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
    """The record as it is now, locked until the caller's transaction ends, and before it the account whose it is.

    Raises:
        Closed: when that was erased or merged away.
    """
    hold_open(it.user)
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
    touch(it, state=to, changed_at=now, **fields)
    record(what, about=about(it), person=it.user, by=by, now=now, why=why, **(facts or {}))


def touch(it: OnSetRecord, **fields: Any) -> None:
    """Write these fields of a locked record, and raise its revision: whoever saw it before has to look again.

    Raises:
        ChangedMeanwhile: when it was not locked and somebody else was first.
    """
    there = OnSetRecord.objects.filter(pk=it.pk, state=it.state, revision=it.revision)
    if not there.update(revision=F("revision") + 1, **fields):
        raise ChangedMeanwhile(OnSetRecord.objects.get(pk=it.pk))
    for name, value in fields.items():
        setattr(it, name, value)
    it.revision += 1


def begin(user: User, *, now: datetime) -> OnSetRecord:
    """An empty draft. Inside the transaction of the caller, who has made sure that they may have one more."""
    return OnSetRecord.objects.create(user=user, created_at=now, changed_at=now)


@dataclass(frozen=True)
class Entered:
    """Days on one production whose proof a registrar has seen, and what that was."""

    user: User
    days: Collection[date]
    production: str
    role: str
    proof: str


def enter(
    entered: Sequence[Entered], *, by: User | None, now: datetime, why: str = "", **facts: Fact
) -> list[OnSetRecord]:
    """Records that are accepted as they begin, each with its days and its line of history. Three statements.

    Inside the transaction of the caller, who has made sure that the days can be and that nobody decides about
    themselves. The history's reason is `why`, or else what the registrar saw; `facts` are for each line of it.
    """
    records = OnSetRecord.objects.bulk_create(
        OnSetRecord(
            user=each.user,
            production=each.production,
            role=each.role,
            proof=each.proof,
            state=RecordState.ACCEPTED,
            created_at=now,
            changed_at=now,
            decided_at=now,
            decided_by=by,
        )
        for each in entered
    )
    pairs = [(it, sorted(set(each.days))) for it, each in zip(records, entered, strict=True)]
    OnSetDay.objects.bulk_create(OnSetDay(record=it, day=day) for it, days in pairs for day in days)
    record_all(
        [
            line(
                "days-accepted",
                about=about(it),
                person=it.user,
                by=by,
                now=now,
                why=why or it.proof,
                days=len(days),
                **facts,
            )
            for it, days in pairs
        ]
    )
    return records


def hand_over(person: User, to: User) -> None:
    """Give the records of one account, with all that is about them, to another account of the same person.

    So do the records of others about which `person` asked for a second pair of eyes.
    """
    OnSetRecord.objects.filter(user=person).update(user=to)
    # Whoever asked that somebody else decide does not decide, whichever of their accounts they sign in to.
    OnSetRecord.objects.filter(second_eyes_by=person).update(second_eyes_by=to)


def about(it: OnSetRecord) -> tuple[str, str]:
    """How the history names it."""
    return ("record", it.public_id)
