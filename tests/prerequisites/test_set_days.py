"""Days on set as people write them down and as pages say them."""

from datetime import date

import pytest

from workshops.prerequisites.set_days import days_in, runs_in_words


def test_a_date_and_a_range_are_read() -> None:
    assert days_in("2028-02-29") == (date(2028, 2, 29),)
    assert days_in("2026-02-27 to 2026-03-01") == (date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1))
    assert len(days_in("2026-01-01 to 2027-01-01")) == 366


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("2 March", "is not a date"),
        ("2026-02-29", "is not a date"),
        ("2026-03-02 to ", "is not a date"),
        ("2026-03-06 to 2026-03-02", "2 March 2026 is before 6 March 2026"),
        ("2026-01-01 to 2027-01-02", "more than a year of days"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        days_in(text)


def test_days_in_a_row_read_as_one() -> None:
    days = [date(2026, 3, 1), date(2026, 2, 28), date(2026, 3, 5), date(2026, 3, 5), date(2026, 3, 8), date(2026, 3, 9)]
    assert runs_in_words(days) == ["28 February to 1 March 2026", "5 March 2026", "8 to 9 March 2026"]
