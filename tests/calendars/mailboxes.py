"""A person's calendar as it takes in invitations: what RFC 5546 asks of it, whatever we write."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message as Mail
from typing import Any

import icalendar
import vobject
from dateutil.rrule import rruleset, rrulestr

from booking.reservations.models import SEATED, Reservation
from workshops.messages.models import Message
from workshops.people.models import User

Spans = list[tuple[datetime, datetime]]
"""Beginnings and ends, in UTC and in order."""


def in_utc(spans: Iterable[tuple[datetime, datetime]]) -> Spans:
    """The same moments, however they were written."""
    return sorted((starts.astimezone(UTC), ends.astimezone(UTC)) for starts, ends in spans)


def read(calendar: Any) -> Any:
    """Read strictly: an error anywhere counts as a failure."""
    found = icalendar.Calendar.from_ical(calendar)
    assert isinstance(found, icalendar.Calendar)
    assert not found.errors
    assert not any(part.errors for part in found.walk())
    return found


def expanded(calendar: str | bytes) -> Spans:
    """Every day that an invitation gives: read by icalendar, repeated by dateutil on the clocks of its own zone."""
    events = read(calendar).events
    (main,) = [event for event in events if "RECURRENCE-ID" not in event]
    starts: datetime = main.decoded("DTSTART")
    lasts = main.decoded("DTEND").replace(tzinfo=None) - starts.replace(tzinfo=None)
    zone = starts.tzinfo
    rule = rruleset()
    rule.rdate(starts.replace(tzinfo=None))
    if "RRULE" in main:
        rule.rrule(rrulestr(main["RRULE"].to_ical().decode(), dtstart=starts.replace(tzinfo=None)))
    for moment in _listed(main, "RDATE"):
        rule.rdate(moment.replace(tzinfo=None))
    for moment in _listed(main, "EXDATE"):
        rule.exdate(moment.replace(tzinfo=None))
    days = {
        begin.replace(tzinfo=zone): (begin.replace(tzinfo=zone), (begin + lasts).replace(tzinfo=zone)) for begin in rule
    }
    for event in events:
        if event is not main:
            replaced = event.decoded("RECURRENCE-ID")
            assert replaced in days, f"{replaced} is no day of the rule"
            days[replaced] = (event.decoded("DTSTART"), event.decoded("DTEND"))
    return in_utc(days.values())


def _listed(event: icalendar.Event, name: str) -> list[datetime]:
    found = event.get(name, [])
    lists = found if isinstance(found, list) else [found]
    return [each.dt for every in lists for each in every.dts]


def expanded_by_vobject(calendar: str | bytes) -> Spans:
    """The same by vobject, which works out hours from the invitation's own VTIMEZONE."""
    text = calendar.decode() if isinstance(calendar, bytes) else calendar
    events = vobject.readOne(text).contents["vevent"]
    (main,) = [event for event in events if "recurrence-id" not in event.contents]
    zone = main.dtstart.value.tzinfo
    naive = main.dtstart.value.replace(tzinfo=None)
    lasts = main.dtend.value.replace(tzinfo=None) - naive
    repeats = main.getrruleset() if "rrule" in main.contents or "rdate" in main.contents else [main.dtstart.value]
    begins = {each.replace(tzinfo=None) for each in repeats} | {naive}
    days = {begin: (begin.replace(tzinfo=zone), (begin + lasts).replace(tzinfo=zone)) for begin in begins}
    for event in events:
        if event is not main:
            days[event.recurrence_id.value.replace(tzinfo=None)] = (event.dtstart.value, event.dtend.value)
    return in_utc(days.values())


# -- an e-mail ---------------------------------------------------------------------------------------------------------
def calendar_part(mail: Any) -> Mail | None:
    """The part of an e-mail that a calendar reads."""
    return next((part for part in mail.walk() if part.get_content_type() == "text/calendar"), None)


# -- a calendar --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Kept:
    """One entry as the calendar has it."""

    days: tuple[tuple[datetime, datetime], ...]
    title: str
    place: str


@dataclass
class Diary:
    """A calendar that takes in what comes by e-mail, in whatever order (RFC 5546, 2.1.4, 2.1.5, 3.2.2, 3.2.5)."""

    entries: dict[str, Kept] = field(default_factory=dict)
    seen: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    """The revision of each UID that was taken in last, cancelled ones as well."""
    strangers: list[str] = field(default_factory=list)
    """UIDs that were cancelled without ever having been heard of."""

    def receive(self, calendar: str | bytes) -> bool:
        """Take it in; False where something newer is known already."""
        found = read(calendar)
        events = found.events
        (uid,) = {str(event["UID"]) for event in events}
        ((sequence, stamp),) = {(int(event["SEQUENCE"]), event.decoded("DTSTAMP")) for event in events}
        method = str(found["METHOD"])
        if method == "CANCEL" and uid not in self.seen:
            self.strangers.append(uid)
        if uid in self.seen and (sequence, stamp) < self.seen[uid]:
            return False
        self.seen[uid] = (sequence, stamp)
        if method == "CANCEL":
            self.entries.pop(uid, None)
        else:
            assert method == "REQUEST"
            main = next(event for event in events if "RECURRENCE-ID" not in event)
            days = tuple(expanded(calendar))
            self.entries[uid] = Kept(days, str(main["SUMMARY"]), str(main["LOCATION"]))
        return True


# -- what went to somebody, and what they have ------------------------------------------------------------------------
def heard(person: User) -> list[str]:
    """What has gone to somebody's calendar, in order."""
    return [each.calendar for each in _with_calendars(person)]


def news(person: User) -> list[tuple[str, str, int]]:
    """The same in short: with which message, which method and which SEQUENCE."""
    return [(each.kind, *_short(each.calendar)) for each in _with_calendars(person)]


def _with_calendars(person: User) -> list[Message]:
    return list(Message.objects.filter(to=person).exclude(calendar="").order_by("pk"))


def _short(calendar: str) -> tuple[str, int]:
    found = read(calendar)
    return str(found["METHOD"]), int(found.events[0]["SEQUENCE"])


def of_calendar(person: User, *, order: Callable[[list[str]], list[str]] = list) -> Diary:
    """Somebody's calendar after it has taken all of that in."""
    diary = Diary()
    for calendar in order(heard(person)):
        diary.receive(calendar)
    return diary


def as_the_database_says(person: User) -> dict[str, Kept]:
    """The days that somebody has: those of every seat that is theirs."""
    kept = {}
    for each in Reservation.objects.filter(trainee=person, state__in=SEATED).select_related("cohort__venue"):
        days = in_utc(each.cohort.sessions.values_list("starts_at", "ends_at"))
        uid = f"reservation-{each.calendar_id}@localhost"
        kept[uid] = Kept(tuple(days), each.cohort.full_title, each.cohort.venue.in_a_line)
    return kept


def assert_calendars_agree(*people: User) -> None:
    """In whatever order the e-mails came, each calendar has the days that are theirs and no others."""
    for person in people:
        meant = as_the_database_says(person)
        for order in (list, lambda all_: all_[::-1], lambda all_: [*all_, *all_]):
            assert of_calendar(person, order=order).entries == meant
        assert of_calendar(person).strangers == []
        assert_no_number_is_given_twice(person)


def assert_no_number_is_given_twice(person: User) -> None:
    """Two invitations with one SEQUENCE say the same about the days."""
    said: dict[tuple[str, int], set[tuple[str, Kept | None]]] = {}
    for calendar in heard(person):
        found, diary = read(calendar), Diary()
        diary.receive(calendar)
        event = found.events[0]
        content = (str(found["METHOD"]), diary.entries.get(str(event["UID"])))
        said.setdefault((str(event["UID"]), int(event["SEQUENCE"])), set()).add(content)
    assert {key: found for key, found in said.items() if len(found) > 1} == {}
