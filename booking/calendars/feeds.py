"""A calendar feed as bytes (RFC 5545, RFC 7986): the same feed is the same bytes, today and tomorrow, on any machine.

A feed is a published calendar that people subscribe to, not a message to them: it has no METHOD, no UID of its own, no
attendees and no alarms, and nothing in it tells when it was fetched.

The few properties that a feed has are written here line by line: icalendar looks up, wraps and folds each of them for
any calendar there could be, and takes several times as long. A test holds that the bytes are those it writes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

from icalendar import vText

from booking.calendars.timezones import TZID, los_angeles
from workshops.text import plain, tidy

PRODID = "-//CINTIMA//Booking//EN"
FETCH_AGAIN_AFTER = timedelta(hours=1)
Status = Literal["CONFIRMED", "TENTATIVE", "CANCELLED"]
_LONGEST = 74
"""Octets of a line before it is folded: one less than may be, so that lines which begin with a fold's space fit too."""
_ZONE = ZoneInfo(TZID)


@dataclass(frozen=True)
class Entry:
    """One event of a feed."""

    uid: str
    sequence: int
    revised_at: datetime
    starts_at: datetime | date
    """A moment; or a day, for an entry of whole days."""
    ends_at: datetime | date
    """The moment, or the first day, when it is over."""
    title: str
    url: str
    location: str = ""
    description: str = ""
    status: Status = "CONFIRMED"
    busy: bool = False
    """Whether whoever subscribes is busy then, or is only told that it happens."""


@dataclass(frozen=True)
class Feed:
    """A calendar with a name."""

    name: str
    entries: tuple[Entry, ...]


def whole_day(day: date) -> tuple[date, date]:
    """Start and end of an entry of one whole day: the end is the day after (RFC 5545, 3.6.1)."""
    return day, day + timedelta(days=1)


class Text(vText):
    r"""A TEXT value that is escaped once, and exactly: icalendar takes a backslash before an N for a line end."""

    def to_ical(self) -> bytes:
        """Escape as RFC 5545, 3.3.11 says."""
        return _escaped(self).encode()


def as_bytes(feed: Feed) -> bytes:
    """The feed as an iCalendar stream. The order of its entries does not matter."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODID}",
        "CALSCALE:GREGORIAN",
        # NAME is the standard's word (RFC 7986, 5.1), the others are what Apple, Google and Outlook read.
        f"NAME:{_line(feed.name)}",
        f"X-WR-CALNAME:{_line(feed.name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{_hours(FETCH_AGAIN_AFTER)}",
        f"X-PUBLISHED-TTL:{_hours(FETCH_AGAIN_AFTER)}",
        f"X-WR-TIMEZONE:{TZID}",
        *_time_zone(),
    ]
    for entry in _in_order(feed.entries):
        lines += _event(entry)
    lines.append("END:VCALENDAR")
    return b"".join(map(_folded, lines))


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (_begins(entry.starts_at), entry.uid))


def _begins(start: datetime | date) -> datetime:
    return start if isinstance(start, datetime) else datetime.combine(start, time(), _ZONE)


def _event(entry: Entry) -> Iterator[str]:
    """The lines of one event, in the order in which icalendar puts them."""
    cancelled = entry.status == "CANCELLED"
    yield "BEGIN:VEVENT"
    # RFC 5545, 3.3.11, forbids control characters in a TEXT, and readers that split lines the way their language does
    # stumble over line ends that only Unicode knows: neither is left in a plain line.
    yield f"SUMMARY:{_line(f'Cancelled: {entry.title}' if cancelled else entry.title)}"
    yield f"DTSTART{_when(entry.starts_at)}"
    yield f"DTEND{_when(entry.ends_at)}"
    # Without a METHOD, DTSTAMP is when this information was last revised (RFC 5545, 3.8.7.2): never the time of asking.
    revised = f"{entry.revised_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield f"DTSTAMP:{revised}"
    yield f"UID:{_line(entry.uid)}"
    yield f"SEQUENCE:{entry.sequence}"
    if entry.description:
        yield f"DESCRIPTION:{_escaped(tidy(entry.description))}"
    yield f"LAST-MODIFIED:{revised}"
    if entry.location:
        yield f"LOCATION:{_line(entry.location)}"
    yield f"STATUS:{entry.status}"
    yield f"TRANSP:{'OPAQUE' if entry.busy and not cancelled else 'TRANSPARENT'}"
    yield f"URL:{plain(entry.url)}"
    yield "END:VEVENT"


def _when(moment: datetime | date) -> str:
    """A moment or a day as the value of DTSTART or DTEND, with the parameter that says how to read it."""
    if not isinstance(moment, datetime):
        return f";VALUE=DATE:{moment:%Y%m%d}"
    local = local_time(moment)
    return f":{local:%Y%m%dT%H%M%SZ}" if local.tzinfo is UTC else f";TZID={TZID}:{local:%Y%m%dT%H%M%S}"


def local_time(moment: datetime) -> datetime:
    """A moment, in whole seconds, as the clocks in Los Angeles show it.

    The hour that they show twice in November means the first time (RFC 5545, 3.3.5), but not everyone reads it so:
    ical.js, and Thunderbird with it, takes the second. Both are said in UTC.
    """
    local = moment.replace(microsecond=0).astimezone(_ZONE)
    is_shown_twice = local.utcoffset() != local.replace(fold=not local.fold).utcoffset()
    return local.astimezone(UTC) if is_shown_twice else local


def _line(text: str) -> str:
    return _escaped(plain(text))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _hours(duration: timedelta) -> str:
    return f"PT{duration // timedelta(hours=1)}H"


@cache
def _time_zone() -> list[str]:
    """The lines of the VTIMEZONE, which never change."""
    written: bytes = los_angeles().to_ical()
    return written.decode().rstrip("\r\n").split("\r\n")


def _folded(line: str) -> bytes:
    """One line with its end, folded (RFC 5545, 3.1), but never within a character.

    Nor between a backslash and what it stands before: that may be, and more than one reader gets it wrong.
    """
    octets = line.encode()
    if len(octets) <= _LONGEST:
        return octets + b"\r\n"
    parts, begin = [], 0
    while len(octets) - begin > _LONGEST:
        end = begin + _LONGEST
        while octets[end] & 0xC0 == 0x80:  # within a character (RFC 3629, 3)
            end -= 1
        end -= octets[end - 1] in b"\\^"
        parts.append(octets[begin:end])
        begin = end
    return b"\r\n ".join([*parts, octets[begin:]]) + b"\r\n"
