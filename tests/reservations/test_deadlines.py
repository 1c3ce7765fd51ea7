"""Until when things wait: the night, the clocks that change, and the end of bookings."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.reservations.deadlines import (
    end_of_grace,
    is_quiet,
    last_day_to_move,
    last_day_to_move_free,
    offer_ends,
)
from tests.factories import LOS_ANGELES
from workshops.programme.terms import Terms

FAR = datetime(2028, 1, 1, tzinfo=LOS_ANGELES)


def at(day: int, hour: int, minute: int = 0, *, month: int = 1) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=LOS_ANGELES)


@pytest.mark.parametrize(
    ("made", "ends"),
    [
        (at(11, 10), at(13, 10)),
        (at(11, 21), at(13, 21)),
        (at(11, 21, 1), at(14, 9)),
        (at(11, 23, 59), at(14, 9)),
        (at(11, 3), at(13, 9)),
        (at(11, 8, 59), at(13, 9)),
        (at(11, 9), at(13, 9)),
    ],
)
def test_an_offer_lasts_48_hours_and_never_ends_at_night(made: datetime, ends: datetime) -> None:
    assert offer_ends(made, Terms(), FAR) == ends


def test_hours_are_hours_when_the_clocks_change() -> None:
    """Forward on 14 March 2027, back on 7 November: 48 hours later is another time of day."""
    assert offer_ends(at(13, 10, month=3), Terms(), FAR) == at(15, 11, month=3)
    assert offer_ends(at(6, 10, month=11), Terms(), FAR) == at(8, 9, month=11)
    assert offer_ends(at(5, 20, 30, month=11), Terms(), FAR) == at(7, 19, 30, month=11)


def test_the_end_of_bookings_cuts_an_offer_short_on_the_evening_before() -> None:
    assert offer_ends(at(11, 10), Terms(), at(12, 0)) == at(11, 21)
    assert offer_ends(at(11, 10), Terms(), at(12, 15)) == at(12, 15)


def test_no_offer_is_made_that_could_not_end_by_day() -> None:
    assert offer_ends(at(11, 21), Terms(), at(12, 0)) is None
    assert offer_ends(at(11, 23), Terms(), at(12, 8)) is None


@given(
    made=st.datetimes(
        datetime(2026, 1, 1),  # noqa: DTZ001  (the strategy adds the zone)
        datetime(2029, 1, 1),  # noqa: DTZ001
        timezones=st.just(LOS_ANGELES),
        allow_imaginary=False,
    ),
    hours=st.integers(1, 336),
    start=st.times(),
    end=st.times(),
    left=st.timedeltas(timedelta(0), timedelta(days=20)),
)
def test_whatever_the_terms_an_offer_ends_by_day_in_time_and_after_it_was_made(
    made: datetime, hours: int, start: time, end: time, left: timedelta
) -> None:
    terms = Terms(offer_hours=hours, quiet_from=f"{start:%H:%M}", quiet_until=f"{end:%H:%M}")
    latest = made + left
    ends = offer_ends(made, terms, latest)
    if ends is not None:
        assert made.timestamp() < ends.timestamp() <= latest.timestamp()
        # A wall-clock time that a change of clocks skips or repeats may fall on the other side of it.
        assert not is_quiet(ends, terms) or ends.astimezone(LOS_ANGELES).fold or _skipped(ends)


def _skipped(moment: datetime) -> bool:
    before, after = moment - timedelta(hours=2), moment + timedelta(hours=2)
    return before.astimezone(LOS_ANGELES).utcoffset() != after.astimezone(LOS_ANGELES).utcoffset()


def test_moving_is_free_never_longer_than_it_is_possible() -> None:
    starts_on = date(2027, 6, 1)
    assert last_day_to_move(starts_on, Terms()) == last_day_to_move_free(starts_on, Terms()) == date(2027, 5, 2)
    later = Terms(moving_free_days=60, moving_until_days=5)
    assert (last_day_to_move_free(starts_on, later), last_day_to_move(starts_on, later)) == (
        date(2027, 4, 2),
        date(2027, 5, 27),
    )
    assert last_day_to_move_free(starts_on, Terms(moving_free_days=0)) == date(2027, 5, 2)


def test_the_grace_ends_with_a_day_in_los_angeles() -> None:
    due = datetime(2027, 3, 10, 23, 59, 59, tzinfo=LOS_ANGELES)
    assert end_of_grace(due, Terms()) == datetime(2027, 3, 17, 23, 59, 59, tzinfo=LOS_ANGELES)
