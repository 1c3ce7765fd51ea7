"""Private calendars as their owners' programs fetch them."""

from dataclasses import dataclass
from datetime import date, datetime

import icalendar
from django.http import HttpResponse
from django.test import Client

from booking.calendars import tokens
from booking.calendars.models import FeedKind
from tests.factories import NOW
from workshops.people.models import User


def subscribe(user: User, kind: FeedKind, *, now: datetime = NOW) -> str:
    """A fresh secret address of this calendar of theirs; the path of it."""
    _, address = tokens.make(user, kind, now=now)
    return "/" + address.split("/", 3)[3]


def fetch(path: str, **headers: str) -> HttpResponse:
    """What a program that knows nobody gets."""
    return Client().get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})  # type: ignore[return-value]


@dataclass(frozen=True)
class Seen:
    """An event as a program that subscribes reads it."""

    uid: str
    title: str
    start: date
    """A datetime where it is a moment."""
    end: date
    status: str
    shown_as: str
    sequence: int
    stamped: datetime
    modified: datetime
    url: str
    location: str


def events(path: str) -> list[Seen]:
    """What stands in it, in the order in which it is written."""
    response = fetch(path)
    assert response.status_code == 200, response.content
    calendar = icalendar.Calendar.from_ical(response.content)
    assert isinstance(calendar, icalendar.Calendar)
    return [
        Seen(
            uid=str(event["UID"]),
            title=str(event["SUMMARY"]),
            start=event.start,
            end=event.end,
            status=str(event["STATUS"]),
            shown_as=str(event["TRANSP"]),
            sequence=int(event.decoded("SEQUENCE")),
            stamped=event.decoded("DTSTAMP"),
            modified=event.decoded("LAST-MODIFIED"),
            url=str(event["URL"]),
            location=str(event.get("LOCATION", "")),
        )
        for event in calendar.events
    ]


def told(path: str) -> list[str]:
    """The titles of it."""
    return [event.title for event in events(path)]
