"""What an event says beyond when it is: for tests that compare calendars with one another."""

from dataclasses import dataclass
from datetime import datetime

import icalendar


@dataclass(frozen=True)
class Said:
    """An event of a feed or of an invitation."""

    uid: str
    sequence: int
    title: str
    place: str
    status: str
    starts_at: datetime


def said_in(calendar: str | bytes) -> list[Said]:
    """The events in it, in the order in which they stand there."""
    read = icalendar.Calendar.from_ical(calendar)
    assert isinstance(read, icalendar.Calendar)
    return [
        Said(
            uid=str(event["UID"]),
            sequence=event.decoded("SEQUENCE"),
            title=str(event["SUMMARY"]),
            place=str(event.get("LOCATION", "")),
            status=str(event["STATUS"]),
            starts_at=event.decoded("DTSTART"),
        )
        for event in read.events
    ]
