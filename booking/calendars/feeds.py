"""A calendar feed as bytes (RFC 5545, RFC 7986): the same feed is the same bytes, today and tomorrow, on any machine.

A feed is a published calendar that people subscribe to, not a message to them: it has no METHOD, no UID of its own, no
attendees and no alarms, and nothing in it tells when it was fetched.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vDuration, vText, vUri

from booking.calendars.timezones import TZID, los_angeles
from workshops.text import plain, tidy

PRODID = "-//CINTIMA//Booking//EN"
FETCH_AGAIN_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class Entry:
    """One event of a feed."""

    uid: str
    sequence: int
    revised_at: datetime
    starts_at: datetime
    ends_at: datetime
    title: str
    url: str
    location: str = ""
    description: str = ""
    cancelled: bool = False
    busy: bool = False
    """Whether whoever subscribes is busy then, or is only told that it happens."""


@dataclass(frozen=True)
class Feed:
    """A calendar with a name."""

    name: str
    entries: tuple[Entry, ...]


class _Text(vText):
    r"""A TEXT value that is escaped once, and exactly: icalendar takes a backslash before an N for a line end."""

    def to_ical(self) -> bytes:
        """Escape as RFC 5545, 3.3.11 says."""
        escaped = self.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")
        return escaped.encode()


def as_bytes(feed: Feed) -> bytes:
    """The feed as an iCalendar stream. The order of its entries does not matter."""
    calendar = Calendar()
    calendar.add("PRODID", PRODID)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    # NAME is the standard's word (RFC 7986, 5.1), the others are what Apple, Google and Outlook read.
    for name in ("NAME", "X-WR-CALNAME"):
        calendar.add(name, _Text(plain(feed.name)))
    calendar.add("X-WR-TIMEZONE", _Text(TZID))
    calendar.add("REFRESH-INTERVAL", vDuration(FETCH_AGAIN_AFTER), parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", vDuration(FETCH_AGAIN_AFTER))
    calendar.add_component(los_angeles())
    for entry in _in_order(feed.entries):
        calendar.add_component(_event(entry))
    written: bytes = calendar.to_ical()
    return written


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.starts_at, entry.uid))


def _event(entry: Entry) -> Event:
    title = f"Cancelled: {entry.title}" if entry.cancelled else entry.title
    event = Event()
    event.add("UID", entry.uid)
    event.add("SEQUENCE", entry.sequence)
    # Without a METHOD, DTSTAMP is when this information was last revised (RFC 5545, 3.8.7.2): never the time of asking.
    event.add("DTSTAMP", _whole_seconds(entry.revised_at))
    event.add("LAST-MODIFIED", _whole_seconds(entry.revised_at))
    event.add("DTSTART", _local(entry.starts_at))
    event.add("DTEND", _local(entry.ends_at))
    # RFC 5545, 3.3.11, forbids control characters in a TEXT, and readers that split lines the way their language does
    # stumble over line ends that only Unicode knows: neither is left in a plain line.
    event.add("SUMMARY", _Text(plain(title)))
    event.add("STATUS", "CANCELLED" if entry.cancelled else "CONFIRMED")
    event.add("TRANSP", "OPAQUE" if entry.busy and not entry.cancelled else "TRANSPARENT")
    event.add("URL", vUri(entry.url))
    if entry.location:
        event.add("LOCATION", _Text(plain(entry.location)))
    if entry.description:
        event.add("DESCRIPTION", _Text(tidy(entry.description)))
    return event


def _local(moment: datetime) -> datetime:
    """A moment as the clocks in Los Angeles show it.

    The hour that they show twice in November means the first time (RFC 5545, 3.3.5); the second is said in UTC.
    """
    local = _whole_seconds(moment).astimezone(ZoneInfo(TZID))
    return local.astimezone(UTC) if local.fold else local


def _whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
