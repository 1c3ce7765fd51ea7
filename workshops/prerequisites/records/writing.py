"""What a trainee does with a record of their days on set: write it down, send it, change it, take it back.

Whoever calls has made sure that the record is theirs.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from workshops.clock import in_words, school_day
from workshops.conversations.models import Post
from workshops.conversations.writing import write
from workshops.people.models import User
from workshops.people.presence import hold_open
from workshops.prerequisites.records import lifecycle
from workshops.prerequisites.records.dates import MOST_DAYS, read
from workshops.prerequisites.records.lifecycle import (
    ChangedMeanwhile,
    NotPossible,
    about,
    as_seen,
    locked,
    move,
    touch,
)
from workshops.prerequisites.records.models import UNDECIDED, OnSetDay, OnSetRecord, ProofKind, RecordState
from workshops.prerequisites.records.reviewing import set_aside
from workshops.transactions import writes

MOST_OPEN = 50
"""Records of one person that are neither decided nor withdrawn."""
WRITTEN = (
    "production",
    "kind",
    "company",
    "department",
    "role",
    "is_paid",
    "is_union",
    "as_coordinator",
    "note",
    "proof_kind",
    "proof_link",
    "proof_reason",
    "dates_typed",
    "aims_for",
)
"""The fields that a trainee writes."""
MOST_FAULTS = 10
"""Unreadable dates that are named one by one."""


@dataclass(frozen=True)
class Lack:
    """What a record still needs before it can be sent: the field, and what to do about it."""

    field: str
    words: str


class Incomplete(Exception):
    """Something is missing or cannot be true; `lacks` says what, field by field."""

    def __init__(self, lacks: Sequence[Lack]) -> None:
        super().__init__(" ".join(lack.words for lack in lacks))
        self.lacks = lacks


@writes
def begin(user: User, *, now: datetime) -> OnSetRecord:
    """Begin a draft. One that was begun and never filled in is used again, so that a second click makes no second.

    Raises:
        NotPossible: when the person has very many records open already.
    """
    hold_open(user)
    mine = OnSetRecord.objects.filter(user=user, state__in=(RecordState.DRAFT, *UNDECIDED))
    for draft in mine.filter(state=RecordState.DRAFT, revision=1, sent_at=None, files=None, days=None):
        return draft
    _one_more_may_be_open(user)
    return lifecycle.begin(user, now=now)


@writes
def save(
    it: OnSetRecord, values: Mapping[str, Any], days: Collection[date] | None, *, revision: int, now: datetime
) -> OnSetRecord:
    """Save what a draft says, finished or not; `days` None leaves the dates as they were.

    Nothing is checked here but what the database must hold: a draft may say anything. What says so already is no
    change and no conflict: a save that was under way when the next began must not stop it. Locks the record.

    Raises:
        ChangedMeanwhile: when it is not any more what the trainee had before them.
        NotPossible: when it is under review or decided.
    """
    found = locked(it)
    unknown = set(values) - set(WRITTEN)
    if unknown:
        raise KeyError(f"A trainee does not write {', '.join(sorted(unknown))}.")
    had = set(found.days.values_list("day", flat=True))
    wanted = had if days is None else set(days)
    if found.is_editable and wanted == had and _says(found, values):
        return found
    if found.revision != revision:
        raise ChangedMeanwhile(found)
    if not found.is_editable:
        raise NotPossible("This record is with the school and cannot be changed. Open it again first, or write to us.")
    touch(found, changed_at=now, **values)
    OnSetDay.objects.filter(record=found, day__in=had - wanted).delete()
    OnSetDay.objects.bulk_create(OnSetDay(record=found, day=day) for day in sorted(wanted - had))
    return found


@writes
def send(it: OnSetRecord, *, revision: int, by: User, now: datetime) -> OnSetRecord:
    """Send a record to the school for review; after a question, send it once more. Locks it.

    Raises:
        Incomplete: when something is missing; nothing has changed then.
        ChangedMeanwhile: when it is not any more what the trainee had before them.
        NotPossible: when it was sent already.
    """
    found = as_seen(it, revision)
    if not found.is_editable:
        raise NotPossible("This record is with the school already.")
    if lacks := lacks_now(found, school_day(now)):
        raise Incomplete(lacks)
    # Whoever only answers a question keeps their place in the queue.
    since = found.sent_at if found.state == RecordState.QUESTION else now
    facts = {"days": found.days.count()}
    move(found, RecordState.IN_REVIEW, "record-sent", by=by, now=now, facts=facts, sent_at=since, dates_typed="")
    return found


@writes
def take_back_to_change(it: OnSetRecord, *, revision: int, by: User, now: datetime) -> OnSetRecord:
    """Turn what was sent, or not accepted, into a draft again. Its place in the queue is given up. Locks it.

    Raises:
        ChangedMeanwhile: when a registrar was first, or another tab.
        NotPossible: when it is accepted or withdrawn, or they have very many open already.
    """
    found = as_seen(it, revision)
    if found.state == RecordState.REJECTED:
        _one_more_may_be_open(found.user)
    move(found, RecordState.DRAFT, "record-reopened", by=by, now=now, decided_at=None, decided_by=None,
         second_eyes_by=None, second_eyes_why="")  # fmt: skip
    set_aside(found, by=by, now=now)
    return found


@writes
def withdraw(it: OnSetRecord, *, by: User, now: datetime) -> OnSetRecord:
    """Withdraw a record for good, however far it has come: its days count no more, and its files go. Locks it.

    Of a draft that the school has never seen nothing is left but an empty row, for as long as its files are on their
    way out.

    Raises:
        NotPossible: when that was done already.
    """
    found = locked(it)
    nothing: dict[str, Any] = {}
    what = "record-withdrawn"
    if found.is_unseen:
        what = "draft-deleted"
        empty = OnSetRecord()
        nothing = {name: getattr(empty, name) for name in WRITTEN}
        OnSetDay.objects.filter(record=found).delete()
    move(found, RecordState.WITHDRAWN, what, by=by, now=now, **nothing)
    return found


@writes
def answer(it: OnSetRecord, *, person: User, author: User, words: str, title: str, link: str, now: datetime) -> Post:
    """Write in the conversation about a record; what its trainee writes answers an open question. Locks it.

    While the record itself lacks something, as far as it was changed meanwhile, it is with the trainee still: their
    words go to the school, and it goes with `send`. What they write while the school may decide is another revision.

    Raises:
        CannotWrite: as `conversations.writing.write` does.
    """
    found = locked(it)
    post = write(about(found), person=person, author=author, words=words, title=title, link=link, now=now)
    is_answer = author.pk == found.user_id and found.state == RecordState.QUESTION
    if is_answer and not lacks_now(found, school_day(now)):
        move(found, RecordState.IN_REVIEW, "record-answered", by=author, now=now)
    elif author.pk == found.user_id and found.is_undecided:
        touch(found)  # nobody decides over words that they have not read
    return post


def lacks_now(it: OnSetRecord, today: date) -> list[Lack]:
    """What a record needs as it is kept now before the school can look at it. Two statements."""
    return lacks_of(it, list(it.days.values_list("day", flat=True)), it.files.kept().exists(), today)


def lacks_of(it: OnSetRecord, days: Collection[date], has_files: bool, today: date) -> list[Lack]:
    """What a record needs before it can be sent. Pure; the fields are in the order of the form."""
    asked = (
        ("production", it.production, "Say which production it was."),
        ("kind", it.kind, "Say what was being made."),
        ("company", it.company, "Say which company made it, or that there was none."),
        ("department", it.department, "Say in which department you worked."),
        ("role", it.role, "Say what you did there."),
        ("is_paid", it.is_paid is not None, "Say whether you were paid. Both count."),
        ("is_union", it.is_union is not None, "Say whether it was a union production. Both count."),
        ("dates", days, "Enter the days on which you worked."),
        ("proof_kind", it.proof_kind, "Say what shows that you worked there."),
    )
    lacks = [Lack(name, words) for name, given, words in asked if not given]
    faults = read(it.dates_typed, today).faults
    lacks += [Lack("dates", str(fault)) for fault in faults[:MOST_FAULTS]]
    if days and max(days) > today:
        lacks.append(Lack("dates", f"{in_words(max(days))} has not come yet. Only days that you have worked count."))
    if len(days) > MOST_DAYS:
        lacks.append(Lack("dates", f"These are {len(days)} days. Put {MOST_DAYS} at most on one record."))
    if it.proof_kind == ProofKind.IMDB:
        if not it.proof_link:
            lacks.append(Lack("proof_link", "Enter the address of the IMDb page."))
        if not it.proof_reason:
            lacks.append(Lack("proof_reason", "Say why there is no other proof: an IMDb page alone is rarely enough."))
    elif it.proof_kind and not (has_files or it.proof_link):
        lacks.append(Lack("files", "Add the proof itself: at least one file, or a link to it."))
    return lacks


def _one_more_may_be_open(user: User) -> None:
    if OnSetRecord.objects.filter(user=user, state__in=(RecordState.DRAFT, *UNDECIDED)).count() >= MOST_OPEN:
        raise NotPossible(
            f"You have {MOST_OPEN} records open. Delete or withdraw some, or wait until the school has decided."
        )


def _says(it: OnSetRecord, values: Mapping[str, Any]) -> bool:
    return all(getattr(it, name) == value for name, value in values.items())
