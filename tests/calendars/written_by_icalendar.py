"""A feed as icalendar writes it, property by property: our own writing is held against it, and timed beside it."""

from datetime import UTC, date, datetime

from icalendar import Calendar, Event, vDuration, vUri

from booking.calendars.feeds import FETCH_AGAIN_AFTER, PRODID, Entry, Feed, Text, local_time
from booking.calendars.timezones import TZID, los_angeles
from tests.factories import LOS_ANGELES
from workshops.text import plain, tidy


def written(feed: Feed) -> bytes:
    """The same calendar."""
    calendar = Calendar()
    calendar.add("PRODID", PRODID)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    for name in ("NAME", "X-WR-CALNAME"):
        calendar.add(name, Text(plain(feed.name)))
    calendar.add("X-WR-TIMEZONE", Text(TZID))
    calendar.add("REFRESH-INTERVAL", vDuration(FETCH_AGAIN_AFTER), parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", vDuration(FETCH_AGAIN_AFTER))
    calendar.add_component(los_angeles())
    for entry in sorted(feed.entries, key=lambda entry: (_begins(entry.starts_at), entry.uid)):
        calendar.add_component(_event(entry))
    done: bytes = calendar.to_ical()
    return done


def _begins(start: datetime | date) -> datetime:
    if isinstance(start, datetime):
        return start
    return datetime(start.year, start.month, start.day, tzinfo=LOS_ANGELES)


def _event(entry: Entry) -> Event:
    cancelled = entry.status == "CANCELLED"
    event = Event()
    event.add("UID", entry.uid)
    event.add("SEQUENCE", entry.sequence)
    for name in ("DTSTAMP", "LAST-MODIFIED"):
        event.add(name, entry.revised_at.astimezone(UTC).replace(microsecond=0))
    for name, moment in (("DTSTART", entry.starts_at), ("DTEND", entry.ends_at)):
        event.add(name, local_time(moment) if isinstance(moment, datetime) else moment)
    event.add("SUMMARY", Text(plain(f"Cancelled: {entry.title}" if cancelled else entry.title)))
    event.add("STATUS", entry.status)
    event.add("TRANSP", "OPAQUE" if entry.busy and not cancelled else "TRANSPARENT")
    event.add("URL", vUri(entry.url))
    if entry.location:
        event.add("LOCATION", Text(plain(entry.location)))
    if entry.description:
        event.add("DESCRIPTION", Text(tidy(entry.description)))
    return event
