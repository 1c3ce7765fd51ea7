"""Calendars as three programs read them that share no code: what one of them forgives, another does not.

A fourth, which is not written in Python, is in `js`; the fixture `readers` has all of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import icalendar
import ics
import vobject

from booking.calendars.timezones import TZID


@dataclass(frozen=True)
class Read:
    """What a person sees of an event, and what tells a client that it is the same one."""

    starts_at: datetime | date
    """A day, for an entry of whole days."""
    ends_at: datetime | date
    uid: str
    title: str


Reader = Callable[[bytes], list[Read]]


def in_order(events: Iterable[Read]) -> list[Read]:
    """By when they begin: a day at its first hour anywhere."""
    return sorted(events, key=lambda each: (_moment(each.starts_at), each.uid))


def _moment(start: datetime | date) -> datetime:
    return start if isinstance(start, datetime) else datetime.combine(start, time(), UTC)


def by_icalendar(feed: bytes) -> list[Read]:
    """Read by icalendar, strictly: an event with an error in it counts as a failure."""
    calendar = icalendar.Calendar.from_ical(feed)
    assert isinstance(calendar, icalendar.Calendar)
    assert not calendar.errors
    assert not any(event.errors for event in calendar.walk())
    return in_order(
        Read(event.decoded("DTSTART"), event.decoded("DTEND"), str(event["UID"]), str(event["SUMMARY"]))
        for event in calendar.events
    )


def by_ics(feed: bytes) -> list[Read]:
    """Read by ics, which takes the names of time zones at their word."""
    events = ics.Calendar(feed.decode()).events
    return in_order(
        Read(event.begin.date(), event.end.date(), event.uid, event.name)
        if event.all_day
        else Read(event.begin.datetime, event.end.datetime, event.uid, event.name)
        for event in events
    )


def by_vobject(feed: bytes) -> list[Read]:
    """Read by vobject, which works out the hours from the feed's own VTIMEZONE."""
    # It keeps the first zone of a name that it ever meets; here it is to read this feed's own, and nobody else to.
    zones = vars(vobject.icalendar)["__tzidMap"]
    zones.pop(TZID, None)
    calendar = vobject.readOne(feed.decode())
    zones.pop(TZID, None)
    return in_order(
        Read(event.dtstart.value, event.dtend.value, event.uid.value, event.summary.value)
        for event in calendar.contents.get("vevent", [])
    )


READERS: dict[str, Reader] = {
    "icalendar": by_icalendar,
    "ics": by_ics,
    "vobject": by_vobject,
}
