"""What a trainee's pages about their on-set records show. Nothing is written here."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.shortcuts import get_object_or_404

from workshops.clock import school_day
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.models import HistoryLine
from workshops.history.record import history_of
from workshops.history.words import Told, told
from workshops.people.models import User
from workshops.prerequisites.records.dates import Fault, Reading
from workshops.prerequisites.records.forms import RecordForm
from workshops.prerequisites.records.lifecycle import about
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState, Review
from workshops.prerequisites.records.writing import MOST_FAULTS, is_unseen
from workshops.prerequisites.set_days import runs_in_words

ORDER = (
    RecordState.QUESTION,
    RecordState.DRAFT,
    RecordState.IN_REVIEW,
    RecordState.REJECTED,
    RecordState.ACCEPTED,
    RecordState.WITHDRAWN,
)
"""What needs the trainee comes first."""
PILLS = {
    RecordState.DRAFT: "",
    RecordState.QUESTION: "warn",
    RecordState.IN_REVIEW: "wait",
    RecordState.REJECTED: "stop",
    RecordState.ACCEPTED: "good",
    RecordState.WITHDRAWN: "",
}
OVER = (RecordState.REJECTED, RecordState.WITHDRAWN)
"""Their days count for nothing."""


def theirs(user: User) -> QuerySet[OnSetRecord]:
    """A person's records; a draft that was deleted before the school saw it is not there any more."""
    deleted = Q(state=RecordState.WITHDRAWN, sent_at=None, decided_at=None)
    return OnSetRecord.objects.filter(~deleted, user=user).select_related("user", "aims_for")


def own_record(user: User, public_id: str) -> OnSetRecord:
    """One of them, or "not found"."""
    return get_object_or_404(theirs(user), public_id=public_id)


@dataclass(frozen=True)
class Days:
    """The dates of a record: how many, which in words, and those that were left out of its acceptance."""

    count: int
    words: Sequence[str]
    left_out: int
    left_out_words: Sequence[str]

    @classmethod
    def of(cls, days: Collection[OnSetDay]) -> "Days":
        """Read from the rows of a record."""
        refused = [each.day for each in days if each.is_refused]
        kept = [each.day for each in days if not each.is_refused]
        return cls(len(kept), runs_in_words(kept), len(refused), runs_in_words(refused))

    @property
    def in_all(self) -> int:
        """Every date that it claims."""
        return self.count + self.left_out


@dataclass(frozen=True)
class Listed:
    """A record in the list."""

    record: OnSetRecord
    days: Days
    pill: str
    was_sent: bool


def listed(user: User) -> list[Listed]:
    """A person's records, what needs them first and then the newest. Two statements."""
    found = [_listed(each) for each in theirs(user).prefetch_related("days").order_by("-pk")]
    return sorted(found, key=lambda each: ORDER.index(RecordState(each.record.state)))


def _listed(it: OnSetRecord) -> Listed:
    return Listed(it, Days.of(it.days.all()), PILLS[RecordState(it.state)], was_sent=not is_unseen(it))


def form_of(it: OnSetRecord, *, now: datetime, data: QueryDict | None = None) -> RecordForm:
    """The form of a record, as it is kept or with what was typed. The cohort it names is offered for as long."""
    today = school_day(now)
    cohorts = list(Cohort.objects.coming(today).filter(status=CohortStatus.PUBLISHED))
    if it.aims_for and it.aims_for not in cohorts:
        cohorts.append(it.aims_for)
    return RecordForm(it, cohorts, today, data)


@dataclass(frozen=True)
class Elsewhere:
    """The dates of a person's other records that were not refused or taken back."""

    claimed: frozenset[date]
    counted: frozenset[date]
    """Accepted already."""


def elsewhere(it: OnSetRecord) -> Elsewhere:
    """One statement."""
    others = OnSetDay.objects.filter(record__user=it.user_id, is_refused=False).exclude(record=it)
    rows = list(others.exclude(record__state__in=OVER).values_list("day", "record__state"))
    accepted = frozenset(day for day, state in rows if state == RecordState.ACCEPTED)
    return Elsewhere(frozenset(day for day, _ in rows), accepted)


@dataclass(frozen=True)
class WhatWasRead:
    """What the page says about the dates as they were typed, and what the calendar marks."""

    days: tuple[date, ...]
    words: Sequence[str]
    faults: Sequence[Fault]
    more_faults: int
    twice: Sequence[str]
    is_one_twice: bool
    counted: Sequence[date]
    today: date


def what_was_read(reading: Reading, other: Elsewhere, *, now: datetime) -> WhatWasRead:
    """The dates in words, what could not be read, and those that are on another record as well."""
    twice = other.claimed & set(reading.days)
    return WhatWasRead(
        days=reading.days,
        words=runs_in_words(reading.days),
        faults=reading.faults[:MOST_FAULTS],
        more_faults=max(0, len(reading.faults) - MOST_FAULTS),
        twice=runs_in_words(twice),
        is_one_twice=len(twice) == 1,
        counted=sorted(other.counted),
        today=school_day(now),
    )


@dataclass(frozen=True)
class RecordPage:
    """One record as its trainee sees it."""

    record: OnSetRecord
    form: RecordForm | None
    """Where they may change what it says, or have typed something that must not be lost."""
    read: WhatWasRead | None
    days: Days
    review: Review | None
    """The latest decision; it holds unless `review.undone_at` is set."""
    story: Sequence[Told]
    is_unseen: bool
    pill: str


def record_page(it: OnSetRecord, form: RecordForm | None, *, now: datetime) -> RecordPage:
    """Everything about one record but its conversation, in a constant number of statements."""
    days = list(it.days.all())
    return RecordPage(
        record=it,
        form=form,
        read=what_was_read(form.reading, elsewhere(it), now=now) if form else None,
        days=Days.of(days),
        review=it.reviews.last(),
        story=_story(it, history_of(*about(it))),
        is_unseen=is_unseen(it),
        pill=PILLS[RecordState(it.state)],
    )


def _story(it: OnSetRecord, lines: Iterable[HistoryLine]) -> list[Told]:
    """Its history, the oldest first. Whoever opens their own proof need not be told."""
    return [told(each, it.user) for each in lines if not (each.what == "proof-opened" and each.by_id == it.user_id)]
