"""Calendars as three programs read them that share no code: what one of them forgives, another does not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import icalendar
import ics
import vobject


@dataclass(frozen=True, order=True)
class Read:
    """What a person sees of an event, and what tells a client that it is the same one."""

    starts_at: datetime
    ends_at: datetime
    uid: str
    title: str


def by_icalendar(feed: bytes) -> list[Read]:
    """Read by icalendar, strictly: an event with an error in it counts as a failure."""
    calendar = icalendar.Calendar.from_ical(feed)
    assert isinstance(calendar, icalendar.Calendar)
    assert not calendar.errors
    assert not any(event.errors for event in calendar.walk())
    return sorted(
        Read(event.decoded("DTSTART"), event.decoded("DTEND"), str(event["UID"]), str(event["SUMMARY"]))
        for event in calendar.events
    )


def by_ics(feed: bytes) -> list[Read]:
    """Read by ics, which takes the names of time zones at their word."""
    events = ics.Calendar(feed.decode()).events
    return sorted(Read(event.begin.datetime, event.end.datetime, event.uid, event.name) for event in events)


def by_vobject(feed: bytes) -> list[Read]:
    """Read by vobject, which works out the hours from the feed's own VTIMEZONE."""
    calendar = vobject.readOne(feed.decode())
    return sorted(
        Read(event.dtstart.value, event.dtend.value, event.uid.value, event.summary.value)
        for event in calendar.contents.get("vevent", [])
    )


READERS: dict[str, Callable[[bytes], list[Read]]] = {
    "icalendar": by_icalendar,
    "ics": by_ics,
    "vobject": by_vobject,
}
