"""A second way to count what someone has, as slow and as plain as can be: no subtracting of years, no sets, no SQL.

It shares nothing with the check but the words of the rules, so that both err together only by the same misreading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from workshops.prerequisites.check import Rule
from workshops.prerequisites.models import WaiverKind
from workshops.prerequisites.records.models import RecordState

Ymd = tuple[int, int, int]


@dataclass(frozen=True)
class Claimed:
    """One date on one record, as it lies there: the same date may lie on many."""

    day: date
    state: RecordState = RecordState.ACCEPTED
    is_refused: bool = False


@dataclass(frozen=True)
class Given:
    """One decision of a registrar that a requirement is met."""

    requirement: str
    kind: WaiverKind = WaiverKind.WAIVER
    until: date | None = None
    for_cohort: int | None = None
    is_taken_back: bool = False


@dataclass(frozen=True)
class History:
    """Everything that happened to one person."""

    finished: Sequence[str] = ()
    let_in: Sequence[tuple[str, date]] = ()
    claimed: Sequence[Claimed] = ()
    given: Sequence[Given] = ()


@dataclass(frozen=True)
class Counted:
    """What the count by hand says of one requirement."""

    met: bool
    waived: bool
    counted: int
    in_review: int


def count(rule: Rule, history: History, today: date, cohort: int | None = None) -> Counted:
    """Look at everything there is, one thing at a time."""
    counted = in_review = 0
    if rule.module is not None:
        for module in history.finished:
            if module == rule.module:
                counted = 1
    else:
        as_of = today
        for module, day in history.let_in:
            if module == rule.opens:
                as_of = day
        for each in every_date(_ymd(as_of), rule.within_years or 0):
            if _is_claimed(history, each, RecordState.ACCEPTED):
                counted += 1
            elif _is_claimed(history, each, RecordState.IN_REVIEW) or _is_claimed(history, each, RecordState.QUESTION):
                in_review += 1
    met = counted >= rule.needed
    before = _decided(rule, history, today, cohort, WaiverKind.BEFORE)
    waived = not met and not before and _decided(rule, history, today, cohort, WaiverKind.WAIVER)
    return Counted(met or before or waived, waived, counted, in_review)


def _is_claimed(history: History, day: Ymd, state: RecordState) -> bool:
    return any(_ymd(it.day) == day and it.state == state and not it.is_refused for it in history.claimed)


def _decided(rule: Rule, history: History, today: date, cohort: int | None, kind: WaiverKind) -> bool:
    for it in history.given:
        if it.requirement != rule.code or it.kind != kind or it.is_taken_back:
            continue
        if it.for_cohort is not None and it.for_cohort != cohort:
            continue
        if it.until is None or _ymd(it.until) >= _ymd(today):
            return True
    return False


def every_date(last: Ymd, years: int) -> list[Ymd]:
    """Every date of the window that ends with `last`, walking back over the calendar day by day."""
    year, month, day = last
    first = (year - years, month, day)
    if not _exists(first):  # 29 February of a year that has none: the day before it
        first = (year - years, 2, 28)
    dates = []
    while (year, month, day) >= first:
        dates.append((year, month, day))
        day -= 1
        if day == 0:
            month -= 1
            if month == 0:
                year, month = year - 1, 12
            day = _days_in(year, month)
    return dates


def _exists(it: Ymd) -> bool:
    return it[2] <= _days_in(it[0], it[1])


def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 400 == 0 or (year % 4 == 0 and year % 100 != 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _ymd(day: date) -> Ymd:
    return day.year, day.month, day.day
