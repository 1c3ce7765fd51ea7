"""Days on set as people write them down and as pages say them."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from workshops.clock import in_words, range_in_words

LONGEST_RANGE = 366
"""Days; more in a row than this is a slip of the pen."""


def days_in(text: str) -> tuple[date, ...]:
    """Every day of “2026-03-02”, or of “2026-03-02 to 2026-03-06”.

    Raises:
        ValueError: when it is neither, with a sentence that says what to do.
    """
    first, between, last = (part.strip() for part in text.partition(" to "))
    begin, end = _day(first), _day(last if between else first)
    if end < begin:
        raise ValueError(f"{in_words(end)} is before {in_words(begin)}. Write the earlier date first.")
    count = (end - begin).days + 1
    if count > LONGEST_RANGE:
        raise ValueError("This is more than a year of days in a row. Please look at the dates again.")
    return tuple(begin + timedelta(days=index) for index in range(count))


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  (a date has no zone)
    except ValueError:
        raise ValueError(f"“{text}” is not a date. Write it with the year first: 2026-03-02.") from None


def runs_in_words(days: Iterable[date]) -> list[str]:
    """Dates in words, days in a row as one: 2 to 6 March 2026."""
    runs: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if runs and day - runs[-1][1] == timedelta(days=1):
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return [range_in_words(first, last) for first, last in runs]
