"""What a trainee's pages about their on-set records show. Nothing is written here."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db.models import QuerySet
from django.http import QueryDict
from django.shortcuts import get_object_or_404

from workshops.clock import school_day
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.models import HistoryLine
from workshops.history.record import history_of
from workshops.history.words import Told, told
from workshops.people.models import User
from workshops.prerequisites.records.dates import Fault, Reading
from workshops.prerequisites.records.day_by_day import OVER, Elsewhere, elsewhere, never_counting
from workshops.prerequisites.records.forms import RecordForm
from workshops.prerequisites.records.lifecycle import about
from workshops.prerequisites.records.models import NO_PROOF_HELPS, OnSetDay, OnSetRecord, RecordState, Review
from workshops.prerequisites.records.writing import MOST_FAULTS
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


def theirs(user: User) -> QuerySet[OnSetRecord]:
    """A person's records, with what their pages need."""
    return OnSetRecord.objects.theirs(user).select_related("user", "aims_for")


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
    claimed_words: Sequence[str]

    @classmethod
    def of(cls, days: Collection[OnSetDay]) -> "Days":
        """Read from the rows of a record."""
        refused = [each.day for each in days if each.is_refused]
        kept = [each.day for each in days if not each.is_refused]
        claimed = runs_in_words(each.day for each in days)
        return cls(len(kept), runs_in_words(kept), len(refused), runs_in_words(refused), claimed)

    @property
    def in_all(self) -> int:
        """Every date that it claims."""
        return self.count + self.left_out


@dataclass(frozen=True)
class Listed:
    """A record in the list."""

    record: OnSetRecord
    days: Days
    was_sent: bool

    @property
    def count(self) -> int:
        """Its days: those that were accepted or, where it is not, all that it claims."""
        return self.days.count if self.record.state == RecordState.ACCEPTED else self.days.in_all

    @property
    def words(self) -> Sequence[str]:
        """The same days in words."""
        return self.days.words if self.record.state == RecordState.ACCEPTED else self.days.claimed_words


def listed(user: User) -> list[Listed]:
    """A person's records, what needs them first and then the newest. Two statements."""
    found = [_listed(each) for each in theirs(user).prefetch_related("days").order_by("-pk")]
    return sorted(found, key=lambda each: ORDER.index(RecordState(each.record.state)))


def _listed(it: OnSetRecord) -> Listed:
    return Listed(it, Days.of(it.days.all()), was_sent=not it.is_unseen)


def form_of(it: OnSetRecord, *, now: datetime, data: QueryDict | None = None) -> RecordForm:
    """The form of a record, as it is kept or with what was typed. The cohort it names is offered for as long."""
    today = school_day(now)
    cohorts = list(Cohort.objects.coming(today).filter(status=CohortStatus.PUBLISHED))
    if it.aims_for and it.aims_for not in cohorts:
        cohorts.append(it.aims_for)
    return RecordForm(it, cohorts, today, data)


@dataclass(frozen=True)
class WhatWasRead:
    """What the page says about the dates as they were typed, and what the calendar marks."""

    days: tuple[date, ...]
    words: Sequence[str]
    faults: Sequence[Fault]
    more_faults: int
    twice: Sequence[str]
    is_one_twice: bool
    never: Sequence[str]
    """Which days cannot count, and why."""
    counted: Sequence[date]
    today: date


def what_was_read(it: OnSetRecord, reading: Reading, *, now: datetime) -> WhatWasRead:
    """The dates in words, what could not be read, those on another record as well, and those that cannot count."""
    other = elsewhere(it)
    twice = other.claimed & set(reading.days)
    return WhatWasRead(
        days=reading.days,
        words=runs_in_words(reading.days),
        faults=reading.faults[:MOST_FAULTS],
        more_faults=max(0, len(reading.faults) - MOST_FAULTS),
        twice=runs_in_words(twice),
        is_one_twice=len(twice) == 1,
        never=never_counting(it.user, reading.days, now=now),
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
    never: Sequence[str]
    """Which of its days cannot count, and why; of a form, `read` says so."""
    unproven: Sequence[str]
    """The days that were left out, but for those that count already: proof of these may still be sent."""
    already: Sequence[str]
    """Which of those left out count already, and with what."""
    story: Sequence[Told]
    is_unseen: bool

    @property
    def more_proof_helps(self) -> bool:
        """Whether the school's reason leaves room for other proof."""
        return self.review is None or self.review.reason not in NO_PROOF_HELPS

    @property
    def is_undone(self) -> bool:
        """Whether the school looks once more at what it had decided, and the trainee has not sent it again since."""
        review, it = self.review, self.record
        if review is None or review.undone_at is None or review.undone_by_id == it.user_id or not it.is_undecided:
            return False
        return it.sent_at is None or it.sent_at <= review.undone_at


def record_page(it: OnSetRecord, form: RecordForm | None, *, now: datetime) -> RecordPage:
    """Everything about one record but its conversation, in a constant number of statements."""
    days = list(it.days.all())
    kept, left_out = ([each.day for each in days if each.is_refused is refused] for refused in (False, True))
    other = elsewhere(it) if left_out else Elsewhere()
    may_count = form is None and it.state not in OVER
    return RecordPage(
        record=it,
        form=form,
        read=what_was_read(it, form.reading, now=now) if form else None,
        days=Days.of(days),
        review=it.reviews.last(),
        never=never_counting(it.user, kept, now=now) if may_count else [],
        unproven=runs_in_words(set(left_out) - other.counted.keys()),
        already=other.said_of(left_out),
        story=_story(it, history_of(*about(it))),
        is_unseen=it.is_unseen,
    )


def _story(it: OnSetRecord, lines: Iterable[HistoryLine]) -> list[Told]:
    """Its history, the newest first. Whoever opens their own proof need not be told, and the others once a day."""
    found: list[Told] = []
    opened: dict[tuple[date, str], tuple[int, int]] = {}
    for line in lines:
        if line.what == "proof-opened" and line.by_id == it.user_id:
            continue
        each = told(line, it.user)
        if line.what == "proof-opened":
            place, before = opened.setdefault((school_day(line.at), each.by), (len(found), 0))
            opened[school_day(line.at), each.by] = place, before + 1
            if before:
                found[place] = replace(found[place], what=f"Files of proof were opened {before + 1} times")
                continue
        found.append(each)
    return found[::-1]
