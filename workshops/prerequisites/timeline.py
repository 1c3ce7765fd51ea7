"""Days on set over the years in which they count, as the page "Where you stand" draws and tells them. Pure.

What counts is the check's matter (`check.window_of`); this says it day by day, month by month and in sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from workshops.clock import in_words, range_in_words
from workshops.prerequisites.check import Facts, Rule, Window, lacks_access_date, last_day_it_counts, window_of

SOON = timedelta(days=365)
"""What stops counting within so long is marked in the drawing."""
TOGETHER = timedelta(days=7)
"""Days that stop counting no further apart than this are told of in one breath."""


class DayState(StrEnum):
    """What one day on set is worth today."""

    COUNTS = "counts"
    REVIEW = "review"
    BEFORE = "before"
    AFTER = "after"


_IN_WORDS = {
    DayState.COUNTS: "counts",
    DayState.REVIEW: "in review",
    DayState.BEFORE: "before the window, so it does not count",
    DayState.AFTER: "after you were given access, so it was not counted",
}


@dataclass(frozen=True)
class Day:
    """One date on set."""

    day: date
    state: DayState
    stops_on: date | None = None
    """The first day on which it does not count any more; None where it counts for good, or not at all."""

    @property
    def words(self) -> str:
        """What it is worth, as the list of days says it."""
        if self.stops_on is None:
            return _IN_WORDS[self.state]
        return f"counts until the end of {in_words(self.stops_on - timedelta(days=1))}"


@dataclass(frozen=True)
class Month:
    """One month of the drawing: how many of its days count, are in review, or do neither."""

    number: int
    counts: int = 0
    review: int = 0
    outside: int = 0
    is_open: bool = True
    """Whether any of it lies in the window."""
    ends_soon: bool = False
    """Whether some of what counts will soon do so no more."""

    @property
    def days(self) -> int:
        """All of them."""
        return self.counts + self.review + self.outside

    @property
    def classes(self) -> str:
        """What the drawing shows, as names of looks."""
        looks = {
            "is-counted": self.counts,
            "is-in-review": self.review,
            "is-outside": not self.counts and not self.review and self.outside,
            "ends-soon": self.ends_soon,
            "is-closed": not self.is_open,
        }
        return " ".join(name for name, shown in looks.items() if shown)


@dataclass(frozen=True)
class Year:
    """Twelve months."""

    year: int
    months: tuple[Month, ...]


@dataclass(frozen=True)
class Ageing:
    """Days that stop counting about the same time, if the person has no access to the module by then."""

    days: int
    first: date
    last: date
    """The first and the last of the dates on which one of them counts no more."""
    left: int
    """How many days count after that."""

    @property
    def when(self) -> str:
        """The dates as one phrase."""
        return range_in_words(self.first, self.last)

    @property
    def words(self) -> str:
        """How many stop counting when: 3 days stop counting from 4 to 6 March 2027."""
        subject = "1 day stops" if self.days == 1 else f"{self.days} days stop"
        return f"{subject} counting {'on' if self.first == self.last else 'from'} {self.when}"


@dataclass(frozen=True)
class Timeline:
    """Everything that is known of someone's days on set."""

    window: Window
    span: int
    """How many years the rule looks back."""
    needed: int
    opens_title: str
    days: tuple[Day, ...]
    """The newest first."""
    years: tuple[Year, ...]
    """The newest first, with every year of the window."""
    ageing: tuple[Ageing, ...]
    """What stops counting, the next first; nothing where the window is frozen."""
    lacks_access_date: bool = False
    """Whether they have finished the module that the days open, and the day of access is not on record."""

    def having(self, state: DayState) -> int:
        """How many days are worth this."""
        return sum(day.state == state for day in self.days)

    @property
    def has_review(self) -> bool:
        """Whether any day is in review."""
        return bool(self.having(DayState.REVIEW))

    @property
    def has_outside(self) -> bool:
        """Whether any day does not count."""
        return bool(self.having(DayState.BEFORE) + self.having(DayState.AFTER))

    @property
    def sentence(self) -> str:
        """What the drawing shows, for those who do not see it."""
        worked = f"Between {in_words(self.window.first)} and {in_words(self.window.last)}"
        counts, review = self.having(DayState.COUNTS), self.having(DayState.REVIEW)
        parts = [_number(counts, "counts", "count")]
        if review:
            parts.append(_number(review, "is in review", "are in review"))
        if before := self.having(DayState.BEFORE):
            parts.append(f"{before} more {'was' if before == 1 else 'were'} worked before that")
        if after := self.having(DayState.AFTER):
            parts.append(f"{after} more {'was' if after == 1 else 'were'} worked after that")
        *most, final = parts
        return f"{worked}, {', '.join(most)}{' and ' if most else ''}{final}."

    @property
    def warning(self) -> str:
        """The next days to stop counting, and what would keep them; empty where none will."""
        if not self.ageing:
            return ""
        return f"{self.ageing[0].words} unless you have access to {self.opens_title} by then."


def _number(days: int, one: str, several: str) -> str:
    return f"{days or 'no'} {'day ' + one if days == 1 else 'days ' + several}"


def timeline_of(rule: Rule, facts: Facts, today: date) -> Timeline:
    """The days of a person by a rule that asks for days, as they stand on `today`."""
    window, span = window_of(rule, facts, today), rule.within_years or 0
    known = dict.fromkeys(facts.in_review_days, DayState.REVIEW) | dict.fromkeys(facts.accepted_days, DayState.COUNTS)
    days = [_placed(day, state, window, span) for day, state in sorted(known.items())]
    return Timeline(
        window=window,
        span=span,
        needed=rule.needed,
        opens_title=rule.opens_title,
        days=tuple(days[::-1]),
        years=_years(days, window, today),
        ageing=_ageing(days),
        lacks_access_date=lacks_access_date(rule, facts),
    )


def _placed(day: date, state: DayState, window: Window, span: int) -> Day:
    if day < window.first:
        return Day(day, DayState.BEFORE)
    if day > window.last:
        return Day(day, DayState.AFTER)
    if state == DayState.COUNTS and not window.is_frozen:
        return Day(day, state, last_day_it_counts(day, span) + timedelta(days=1))
    return Day(day, state)


def _years(days: Sequence[Day], window: Window, today: date) -> tuple[Year, ...]:
    """Every year of the window, and those after it in which there are days; older days are told of in words only."""
    latest = max([window.last, *(each.day for each in days)]).year
    by_month: dict[tuple[int, int], list[Day]] = {}
    for each in days:
        by_month.setdefault((each.day.year, each.day.month), []).append(each)
    first, last = (window.first.year, window.first.month), (window.last.year, window.last.month)
    return tuple(
        Year(
            year,
            tuple(
                _month(month, by_month.get((year, month), ()), today, is_open=first <= (year, month) <= last)
                for month in range(1, 13)
            ),
        )
        for year in range(latest, window.first.year - 1, -1)
    )


def _month(number: int, days: Sequence[Day], today: date, *, is_open: bool) -> Month:
    return Month(
        number,
        counts=sum(each.state == DayState.COUNTS for each in days),
        review=sum(each.state == DayState.REVIEW for each in days),
        outside=sum(each.state in (DayState.BEFORE, DayState.AFTER) for each in days),
        is_open=is_open,
        ends_soon=any(each.stops_on is not None and each.stops_on <= today + SOON for each in days),
    )


def _ageing(days: Sequence[Day]) -> tuple[Ageing, ...]:
    """What stops counting, in the order in which it does: those that go about the same time together."""
    going = sorted(each.stops_on for each in days if each.stops_on is not None)
    runs: list[list[date]] = []
    for day in going:
        if runs and day - runs[-1][-1] <= TOGETHER:
            runs[-1].append(day)
        else:
            runs.append([day])
    found, left = [], len(going)
    for run in runs:
        left -= len(run)
        found.append(Ageing(len(run), run[0], run[-1], left))
    return tuple(found)
