"""What a clock shows, and what it never does, wherever somebody lives."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import LOS_ANGELES
from workshops.clock import NotOnTheClock, moment_at
from workshops.mentors.times import span_in_words, zone_of

PARIS = ZoneInfo("Europe/Paris")
FORWARD, BACK = date(2027, 3, 14), date(2027, 11, 7)
"""The days on which clocks in Los Angeles change in 2027."""
CHANGES = (FORWARD, BACK, date(2027, 3, 28), date(2027, 10, 31), date(2027, 4, 4), date(2027, 10, 3))
"""The same with those of Paris and of Lord Howe Island, whose clocks move by half an hour."""


def test_whoever_has_said_no_time_zone_has_that_of_the_school() -> None:
    assert (zone_of("").key, zone_of("Europe/Paris").key) == ("America/Los_Angeles", "Europe/Paris")


def test_a_time_that_clocks_skip_is_refused_with_the_reason() -> None:
    with pytest.raises(NotOnTheClock) as refused:
        moment_at(FORWARD, time(2, 30), LOS_ANGELES)
    assert str(refused.value) == (
        "Clocks in Los Angeles go forward on Sunday 14 March 2027, so there is no 2:30 am on that day. "
        "Choose an earlier or a later time."
    )


def test_a_time_that_comes_twice_is_refused_with_the_reason() -> None:
    with pytest.raises(NotOnTheClock) as refused:
        moment_at(BACK, time(1, 30), LOS_ANGELES)
    assert str(refused.value) == (
        "Clocks in Los Angeles go back on Sunday 7 November 2027, so 1:30 am comes twice. "
        "Choose an earlier or a later time."
    )


@pytest.mark.parametrize(
    ("day", "clock", "moment"),
    [
        (FORWARD, time(1, 59), datetime(2027, 3, 14, 9, 59, tzinfo=UTC)),
        (FORWARD, time(3, 0), datetime(2027, 3, 14, 10, 0, tzinfo=UTC)),
        (BACK, time(0, 59), datetime(2027, 11, 7, 7, 59, tzinfo=UTC)),
        (BACK, time(2, 0), datetime(2027, 11, 7, 10, 0, tzinfo=UTC)),
    ],
)
def test_the_minutes_around_a_change_are_what_they_are(day: date, clock: time, moment: datetime) -> None:
    assert moment_at(day, clock, LOS_ANGELES) == moment


@given(
    st.sampled_from(CHANGES) | st.dates(date(2026, 1, 1), date(2031, 1, 1)),
    st.times(max_value=time(3, 59)).map(lambda each: each.replace(second=0, microsecond=0)),
    st.sampled_from(["America/Los_Angeles", "Europe/Paris", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Cairo"]),
)
def test_whatever_is_accepted_is_what_the_clock_shows_and_shows_once(day: date, clock: time, zone_name: str) -> None:
    zone, shown = ZoneInfo(zone_name), datetime.combine(day, clock)
    readings = [
        moment
        for quarter in range(-8, 9)
        if (moment := shown.replace(tzinfo=zone).astimezone(UTC) + timedelta(minutes=15 * quarter))
        and moment.astimezone(zone).replace(tzinfo=None, fold=0) == shown
    ]
    try:
        moment = moment_at(day, clock, zone)
    except NotOnTheClock:
        assert len(readings) != 1
    else:
        assert readings == [moment.astimezone(UTC)]


def la(hour: int, minute: int = 0, day: date = date(2027, 3, 4)) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=LOS_ANGELES)


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "zone_name", "words"),
    [
        (la(17), la(18), "", "Thursday 4 March 2027, 5:00 pm to 6:00 pm PST"),
        (la(17), la(18), "America/Vancouver", "Thursday 4 March 2027, 5:00 pm to 6:00 pm PST"),
        (
            la(17),
            la(18),
            "Europe/Paris",
            "Thursday 4 March 2027, 5:00 pm to 6:00 pm PST (Friday 5 March 2027, 2:00 am to 3:00 am CET where you are)",
        ),
        (
            la(23, 30),
            la(0, 30, date(2027, 3, 5)),
            "",
            "Thursday 4 March 2027, 11:30 pm PST to Friday 5 March 2027, 12:30 am PST",
        ),
        (la(1, 30, FORWARD), la(3, 30, FORWARD), "", "Sunday 14 March 2027, 1:30 am PST to 3:30 am PDT"),
    ],
)
def test_a_span_names_day_hours_and_zone_and_the_readers_own_where_they_differ(
    starts_at: datetime, ends_at: datetime, zone_name: str, words: str
) -> None:
    assert span_in_words(starts_at, ends_at, zone_name) == words
