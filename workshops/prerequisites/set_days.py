"""Days on set as people write them down and as pages say them."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from workshops.clock import in_words, range_in_words

ONE_DAY = timedelta(days=1)
LONGEST_RANGE = 366
"""Days; more in a row than this is a slip of the pen."""
EARLIEST = date(1950, 1, 1)
"""What is said to be earlier is a slip of the pen. Years can be counted back from it without leaving the calendar."""


def cannot_be(day: date, today: date) -> str:
    """Why something cannot have happened on this day, in a sentence; empty when it can."""
    if day > today:
        return f"{in_words(day)} has not come yet."
    if day < EARLIEST:
        return f"{in_words(day)} is too long ago. Please look at the year again."
    return ""


def days_in(text: str) -> tuple[date, ...]:
    """Every day of “2026-03-02”, or of “2026-03-02 to 2026-03-06”: the strict form, for files that a program wrote.

    What people write themselves is read by `records.dates`.

    Raises:
        ValueError: when it is neither, with a sentence that says what to do.
    """
    first, between, last = (part.strip() for part in text.partition(" to "))
    return days_between(_day(first), _day(last if between else first))


def days_between(first: date, last: date) -> tuple[date, ...]:
    """Every day from the first to the last.

    Raises:
        ValueError: the last is before the first, or more than a year after it, with a sentence that says so.
    """
    if last < first:
        raise ValueError(f"{in_words(last)} is before {in_words(first)}. Write the earlier date first.")
    count = (last - first).days + 1
    if count > LONGEST_RANGE:
        raise ValueError("This is more than a year of days in a row. Please look at the dates again.")
    return tuple(first + timedelta(days=index) for index in range(count))


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  (a date has no zone)
    except ValueError:
        raise ValueError(f"“{text}” is not a date. Write it with the year first: 2026-03-02.") from None


def runs_of(days: Iterable[date]) -> list[tuple[date, date]]:
    """Dates as runs of days in a row, each by its first and last day and none longer than a year."""
    runs: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if runs and day - runs[-1][1] == ONE_DAY and (day - runs[-1][0]).days < LONGEST_RANGE:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def runs_in_words(days: Iterable[date]) -> list[str]:
    """Dates in words, days in a row as one: 2 to 6 March 2026."""
    return [range_in_words(first, last) for first, last in runs_of(days)]
