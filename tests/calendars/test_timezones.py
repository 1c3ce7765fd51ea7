"""The time zone that stands in every feed, worked out by programs that know nothing but its rules."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
import vobject
from dateutil.tz import tzical

from booking.calendars.feeds import Feed, as_bytes
from booking.calendars.timezones import TZID, los_angeles

WORLDS = ZoneInfo("America/Los_Angeles")
HOUR = timedelta(hours=1)
YEARS = range(2007, 2061)


def by_vobject() -> tzinfo:
    """The zone as vobject makes it of our rules."""
    read: tzinfo = vobject.readOne(as_bytes(Feed("None", ())).decode()).vtimezone.tzinfo
    return read


def by_dateutil() -> tzinfo:
    """The zone as dateutil makes it of our rules."""
    written = los_angeles().to_ical().decode().replace("X-LIC-LOCATION:America/Los_Angeles\r\n", "")
    read = tzical(StringIO(written)).get(TZID)
    assert isinstance(read, tzinfo)
    return read


class ByHand(tzinfo):
    """The zone as this file works it out: which Sunday of which month, and what the clocks show before and after it."""

    def __init__(self) -> None:
        self._rules = [self._rule(part) for part in ("DAYLIGHT", "STANDARD")]

    @staticmethod
    def _rule(part: str) -> tuple[int, int, int, timedelta, str]:
        written = los_angeles().to_ical().decode()
        body = written.split(f"BEGIN:{part}\r\n")[1].split(f"END:{part}")[0]
        told = dict(line.split(":", 1) for line in body.splitlines())
        rule = dict(each.split("=") for each in told["RRULE"].split(";"))
        assert rule.pop("FREQ") == "YEARLY"
        which = re.fullmatch(r"(\d)SU", rule.pop("BYDAY"))
        assert which is not None
        month = int(rule.pop("BYMONTH"))
        assert not rule  # nothing else that would have to be worked out, and no end
        hours = int(told["TZOFFSETTO"][:3])
        assert told["TZOFFSETTO"][3:] == "00"
        return month, int(which[1]), int(told["DTSTART"][9:11]), timedelta(hours=hours), told["TZNAME"]

    def _at(self, moment: datetime) -> tuple[timedelta, str]:
        (to_summer, summer), (to_winter, winter) = (
            (_sunday(moment.year, month, which).replace(hour=hour), (offset, name))
            for month, which, hour, offset, name in self._rules
        )
        return summer if to_summer <= moment.replace(tzinfo=None) < to_winter else winter

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return self._at(moment)[0] if moment else None

    def dst(self, _moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return self._at(moment)[1] if moment else None


def _sunday(year: int, month: int, which: int) -> datetime:
    first = datetime(year, month, 1)  # noqa: DTZ001
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (which - 1))


MADE = {"vobject": by_vobject, "dateutil": by_dateutil, "by hand": ByHand}
"""vobject asks dateutil for what the rules mean; by hand asks nobody."""


def changes() -> list[datetime]:
    """Every moment in these years at which the world's clocks in Los Angeles change, to the hour."""
    found, moment = [], datetime(2007, 3, 1, tzinfo=UTC)
    while moment.year < YEARS.stop:
        later = moment + HOUR
        if moment.astimezone(WORLDS).utcoffset() != later.astimezone(WORLDS).utcoffset():
            found.append(later)
        moment = later
    return found


def test_there_are_two_changes_a_year_and_they_are_the_sundays_of_the_rule() -> None:
    found = changes()
    assert len(found) == 2 * len(YEARS)
    for change in found:
        local = change.astimezone(WORLDS)
        assert local.weekday() == 6
        assert (local.month, (local.day - 1) // 7) in {(3, 1), (11, 0)}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_our_rules_and_the_worlds_clocks_agree_on_every_change_from_2007_to_2060(made: Callable[[], tzinfo]) -> None:
    """Every hour of the days around each change, every quarter of an hour around the change itself."""
    ours, compared = made(), 0
    for change in changes():
        moments = {change + step * HOUR for step in range(-36, 37)}
        moments |= {change + step * HOUR / 4 for step in range(-12, 13)}
        for moment in sorted(moments):
            theirs = moment.astimezone(WORLDS)
            wall = theirs.replace(tzinfo=None)
            if theirs.fold:
                continue  # the second of two: a feed says it in UTC
            local = wall.replace(tzinfo=ours)
            assert (local.utcoffset(), local.tzname()) == (theirs.utcoffset(), theirs.tzname()), moment
            compared += 1
    assert compared > 80 * 2 * len(YEARS)


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_our_rules_and_the_worlds_clocks_agree_on_every_day_from_2007_to_2060(made: Callable[[], tzinfo]) -> None:
    ours, noon = made(), datetime(2007, 3, 12, 12)  # noqa: DTZ001
    while noon.year < YEARS.stop:
        assert noon.replace(tzinfo=ours).utcoffset() == noon.replace(tzinfo=WORLDS).utcoffset(), noon
        noon += timedelta(days=1)


def test_there_is_one_time_zone_and_it_never_changes() -> None:
    written = as_bytes(Feed("None", ()))
    start = written.index(b"BEGIN:VTIMEZONE")
    end = written.index(b"END:VTIMEZONE")
    assert written.count(b"BEGIN:VTIMEZONE") == 1
    assert written[start:end].decode().split("\r\n") == [
        "BEGIN:VTIMEZONE",
        "TZID:America/Los_Angeles",
        "X-LIC-LOCATION:America/Los_Angeles",
        "BEGIN:DAYLIGHT",
        "DTSTART:20070311T020000",
        "RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3",
        "TZNAME:PDT",
        "TZOFFSETFROM:-0800",
        "TZOFFSETTO:-0700",
        "END:DAYLIGHT",
        "BEGIN:STANDARD",
        "DTSTART:20071104T020000",
        "RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11",
        "TZNAME:PST",
        "TZOFFSETFROM:-0700",
        "TZOFFSETTO:-0800",
        "END:STANDARD",
        "",
    ]
