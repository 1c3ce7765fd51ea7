"""Reading the dates of a record as people write them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshops.prerequisites.records.dates import MOST_DAYS, read, typed
from workshops.prerequisites.set_days import LONGEST_RANGE, runs_in_words

TODAY = date(2027, 1, 11)
MONDAY = date(2026, 3, 2)


def march(*days: int) -> tuple[date, ...]:
    return tuple(date(2026, 3, day) for day in days)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02", "2026-3-2", "2026/03/02", "2 March 2026", "2nd of March 2026", "02 Mar 2026", "March 2, 2026",
        "Mar. 2 2026", "march 2nd, 2026", "3/2/2026", "03/02/2026", "Monday 2 March 2026", "Mon, March 2, 2026",
        " - 2 March 2026 ", "2\u00a0March\u00a02026", "2026-03-02;", "2 March 2026 to 2 March 2026",
    ],
)  # fmt: skip
def test_one_day_is_read_however_it_is_written(text: str) -> None:
    assert (read(text, TODAY).days, read(text, TODAY).faults) == (march(2), ())


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02 to 2026-03-06", "2026-03-02 - 2026-03-06", "2026-03-02\u20132026-03-06", "Mar 2-6, 2026",
        "March 2 through March 6, 2026", "2 to 6 March 2026", "2\u20136 March 2026", "3/2/2026-3/6/2026",
        "3/2-3/6/2026", "from Mon 2 to Fri 6 March 2026", "2, 3, 4, 5 and 6 March 2026", "March 2, 3, 4, 5, 6, 2026",
        "2026-03-02, 2026-03-03\n2026-03-04\r\n2026-03-05;2026-03-06", "2026-03-02 2026-03-03 2026-03-04 to 2026-03-06",
    ],
)  # fmt: skip
def test_ranges_and_lists_are_read(text: str) -> None:
    assert (read(text, TODAY).days, read(text, TODAY).faults) == (march(2, 3, 4, 5, 6), ())


def test_each_day_takes_the_month_that_is_named_with_it() -> None:
    assert read("2, 4 March and 6 April 2026", TODAY).days == (*march(2, 4), date(2026, 4, 6))
    assert read("March 2, 4, April 6, 2026", TODAY).days == (*march(2, 4), date(2026, 4, 6))
    assert read("30 December 2025 to 1 January 2026", TODAY).days == (
        date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 1)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("13/2/2026", "there is no month 13. With slashes the month comes first: 2/13/2026."),
        ("3/2/26", "write the year with four digits, for example 2026."),
        ("3-2-2026", "this is not a date."),
        ("2.3.2026", "this is not a date."),
        ("Match 2, 2026", "“Match 2, 2026”: this is not a date."),
        ("March 2026", "this is not a date."),
        ("March 2", "the year is missing."),
        ("2 March 2026, 5", "“5”: the month is missing."),
        ("30 February 2026", "there is no such day in the calendar."),
        ("Tuesday 2 March 2026", "2 March 2026 was a Monday."),
        ("2026-03-06 to 2026-03-02", "2 March 2026 is before 6 March 2026."),
        ("2025-01-01 to 2026-01-02", "more than a year of days"),
        ("12 January 2027", "12 January 2027 has not come yet."),
        ("10 to 12 January 2027", "12 January 2027 has not come yet."),
        ("31 December 1949", "31 December 1949 is too long ago."),
    ],
)
def test_what_cannot_be_read_is_named_and_adds_no_day_of_its_own(text: str, fault: str) -> None:
    found = read(f"2026-05-01\n{text}", TODAY)
    assert fault in str(found.faults[0])
    assert str(found.faults[0]).startswith("Line 2, “")
    assert set(found.days) <= {date(2026, 5, 1), MONDAY}


def test_today_counts_and_a_day_before_1950_does_not() -> None:
    assert read("11 January 2027; 1950-01-01", TODAY).days == (date(1950, 1, 1), TODAY)


def test_the_day_that_would_be_one_too_many_is_named() -> None:
    full = "2025-01-01 to 2025-12-31\n2026-01-01 to 2026-02-04"
    assert len(read(full, TODAY).days) == MOST_DAYS
    found = read(f"{full}\n2026-03-02\n2025-06-01", TODAY)
    assert (len(found.days), [fault.line for fault in found.faults]) == (MOST_DAYS, [3])


SETS = st.sets(st.dates(date(1950, 1, 1), TODAY), max_size=40)
RUNS = st.lists(st.tuples(st.dates(date(1950, 1, 1), TODAY - timedelta(days=60)), st.integers(0, 50)), max_size=6).map(
    lambda runs: {first + timedelta(days=index) for first, count in runs for index in range(count + 1)}
)


@given(days=SETS | RUNS)
def test_what_pages_print_is_read_back_as_the_same_days(days: set[date]) -> None:
    for text in ("; ".join(runs_in_words(days)), "\n".join(runs_in_words(days)), typed(days)):
        assert read(text, TODAY) == (read(typed(sorted(days)), TODAY))
        assert read(text, TODAY).days == tuple(sorted(days))
        assert not read(text, TODAY).faults


@given(days=SETS | RUNS)
def test_writing_and_reading_go_round(days: set[date]) -> None:
    assert typed(read(typed(days), TODAY).days) == typed(days)


def test_more_than_a_year_in_a_row_is_written_so_that_it_can_be_read() -> None:
    days = {date(2025, 1, 1) + timedelta(days=index) for index in range(LONGEST_RANGE + 10)}
    assert set(read("; ".join(runs_in_words(days)), TODAY).days) == days


WRITTEN = st.text(st.sampled_from("0123456789/-.,; \nMarchtoJuneandWed\u2013\u202e\u00a0"), max_size=300)


@given(text=WRITTEN | st.text(max_size=300))
def test_nothing_that_is_typed_breaks_the_reading(text: str) -> None:
    found = read(text, TODAY)
    assert list(found.days) == sorted(set(found.days))
    assert all(date(1950, 1, 1) <= day <= TODAY for day in found.days)
    assert all(fault.what and str(fault) for fault in found.faults)


def test_a_long_text_is_read_at_once() -> None:
    for text in ("9" * 20_000, "a," * 10_000, " " * 20_000 + "x", "2 March " * 2_500, "1-" * 10_000, "1," * 10_000):
        read(text, TODAY)
