"""Invitations that go with e-mails: a seat as its person's calendar takes it in (RFC 5545, RFC 5546, RFC 6047).

Unlike a feed, an invitation is a message. It says what a calendar should do with it (REQUEST: have these days, CANCEL:
have them no more), under one UID for the whole story of a seat: who moves to another cohort keeps the entry, and the
days in it change. A calendar goes by the highest SEQUENCE that it has seen, in whatever order e-mails arrive; of two
with the same one, by the later DTSTAMP.

No mail is received here, so nobody is asked for a reply: who booked the days has said yes to them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils.encoding import punycode
from icalendar import Calendar, Event, vCalAddress, vText, vUri

from booking.calendars.feeds import PRODID, Text, local_time
from booking.calendars.timezones import TZID, los_angeles
from booking.reservations.models import SEATED, Reservation
from workshops.cohorts.models import Cohort, Session
from workshops.messages.models import Message
from workshops.people.models import User
from workshops.text import plain

Method = Literal["REQUEST", "CANCEL"]
_ZONE = ZoneInfo(TZID)
_DAY = timedelta(days=1)
# What may stand in a mailto: address as it is (RFC 6068, 2); a "+" is part of many people's.
_IN_ADDRESSES = "@!$'()*+,;:"


# -- what goes with an e-mail ------------------------------------------------------------------------------------------
def about(reservation: Reservation, *, now: datetime) -> str:
    """What its person's calendar is to hear of a reservation with the e-mail that is queued `now`.

    An invitation where the seat is theirs, a cancellation where it is not (any more) and an invitation had gone out,
    and nothing otherwise. Two SQL statements at most. The caller has locked the reservation, and has raised its
    sequence where something about it has changed that people must notice.
    """
    if reservation.trainee.erased_at is not None:
        return ""  # there is no address, and nobody is written to
    if reservation.state in SEATED:
        return request(reservation, now=now)
    return cancellation(reservation, now=now) if is_invited(reservation) else ""


def request(reservation: Reservation, *, now: datetime) -> str:
    """The days as an invitation, or as the update of one: whoever reads it cannot tell, and need not.

    One event for as many days as have the same hours; days with hours of their own stand in for theirs under the same
    UID. "" where the cohort has no days. One SQL statement.
    """
    return _written("REQUEST", reservation, now)


def cancellation(reservation: Reservation, *, now: datetime, attendee: User | None = None) -> str:
    """The end of an invitation: all of its days go. One SQL statement.

    `attendee` is whom the invitation was for, where that is not the reservation's trainee any more.
    """
    return _written("CANCEL", reservation, now, attendee)


def is_invited(reservation: Reservation) -> bool:
    """Whether the last that its person's calendar has heard, of this seat or one it moved from, was an invitation.

    What is in the outbox counts as heard: it goes out, and where it could not, a cancellation harms nobody. Seats that
    were brought in from the school's records have had none. One SQL statement.
    """
    story = Reservation.objects.filter(trainee=reservation.trainee_id, calendar_id=reservation.calendar_id)
    subjects = story.values_list(Concat(Value("reservation:"), "public_id"))
    heard = Message.objects.filter(to=reservation.trainee_id, subject__in=subjects).exclude(calendar="")
    last = heard.order_by("-pk").values_list("calendar", flat=True).first()
    return last is not None and is_invitation(last)


def is_invitation(calendar: str) -> bool:
    """Whether what goes with an e-mail is an invitation, neither a cancellation nor nothing."""
    return "\nMETHOD:REQUEST\r" in calendar


# -- writing it down ---------------------------------------------------------------------------------------------------
def _written(method: Method, reservation: Reservation, now: datetime, attendee: User | None = None) -> str:
    # Read together and now: the cohort that a caller holds may be as it was before another one changed it.
    sessions = list(
        Session.objects.filter(cohort=reservation.cohort_id)
        .select_related("cohort__module", "cohort__venue")
        .order_by("starts_at")
    )
    if not sessions:
        return ""
    calendar = Calendar()
    calendar.add("PRODID", PRODID)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", method)
    calendar.add_component(los_angeles())
    days = days_of([(each.starts_at, each.ends_at) for each in sessions])
    for event in days.events() if method == "REQUEST" else [days.event()]:
        _describe(event, method, reservation, sessions[0].cohort, now)
        event.add("ATTENDEE", _attendee(attendee or reservation.trainee))
        calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written.decode()


def _describe(event: Event, method: Method, reservation: Reservation, cohort: Cohort, now: datetime) -> None:
    is_cancelled = method == "CANCEL"
    title, page = cohort.full_title, f"{settings.SITE_URL}{reservation.get_absolute_url()}"
    event.add("UID", f"reservation-{reservation.calendar_id}@{settings.CALENDAR_HOST}")
    event.add("SEQUENCE", reservation.sequence)
    # With a METHOD, DTSTAMP is when this message was made (RFC 5545, 3.8.7.2), and is what decides between two of one
    # SEQUENCE (RFC 5546, 2.1.5): a name that was spelt anew is taken over, though nothing about the days has changed.
    event.add("DTSTAMP", now.astimezone(UTC).replace(microsecond=0))
    event.add("ORGANIZER", _organizer())
    event.add("SUMMARY", Text(plain(f"Cancelled: {title}" if is_cancelled else title)))
    event.add("LOCATION", Text(plain(cohort.venue.in_a_line)))
    event.add("DESCRIPTION", Text(f"Everything about your seat, once you have signed in: {page}"))
    event.add("URL", vUri(page))
    event.add("STATUS", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("TRANSP", "TRANSPARENT" if is_cancelled else "OPAQUE")


def _organizer() -> vCalAddress:
    """Whoever the e-mail is from (RFC 6047, 2.3): calendars take a change from nobody else.

    An invitation is kept as it was written, so one that waits in the outbox, or is sent again, while the school changes
    its address still names the former one. So do all that are out there: `docs/settings.md` says to keep the address.
    """
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return _person(name, address)


def _attendee(trainee: User) -> vCalAddress:
    """The trainee: the only one, whoever else is in the room."""
    person = _person(str(trainee), trainee.email)
    person.params |= {"PARTSTAT": vText("ACCEPTED"), "ROLE": vText("REQ-PARTICIPANT"), "RSVP": vText("FALSE")}
    return person


def _person(name: str, address: str) -> vCalAddress:
    local, _, host = address.rpartition("@")
    person = vCalAddress(f"mailto:{quote(f'{local}@{punycode(host)}', safe=_IN_ADDRESSES)}")
    # A parameter cannot hold a double quote (RFC 5545, 3.2), and few programs know the escape of RFC 6868. A backslash
    # escapes nothing in one, but several read what follows it as if it did.
    if named := plain(name).replace('"', "'").replace("\\", "/"):
        person.params["CN"] = vText(named)
    return person


# -- days as one event -------------------------------------------------------------------------------------------------
Hours = tuple[datetime, datetime]
"""When a day begins and ends."""


@dataclass(frozen=True)
class Days:
    """Days as a calendar repeats them: a first one, the rule that gives the others, and what differs from the rule."""

    first: Hours
    count: int
    """How many days in a row the rule gives, the first included; 1 without a rule."""
    without: tuple[datetime, ...]
    """Of those, the beginnings of days that are none."""
    besides: tuple[datetime, ...]
    """Beginnings that no rule gives."""
    instead: tuple[tuple[datetime, Hours], ...]
    """Days with other hours than the first: the beginning that the rule gives them, and their own hours."""

    def event(self) -> Event:
        """All of the days, without those hours of their own."""
        event = _event(self.first)
        if self.count > 1:
            event.add("RRULE", {"FREQ": "DAILY", "COUNT": self.count})
        if self.without:
            event.add("EXDATE", list(self.without))
        if self.besides:
            event.add("RDATE", list(self.besides))
        return event

    def events(self) -> Iterator[Event]:
        """All of the days as they are."""
        yield self.event()
        for beginning, hours in self.instead:
            event = _event(hours)
            event.add("RECURRENCE-ID", beginning)
            yield event


def _event(hours: Hours) -> Event:
    event = Event()
    event.add("DTSTART", hours[0])
    event.add("DTEND", hours[1])
    return event


def days_of(hours: Sequence[Hours]) -> Days:
    """These days, in their order, as one repeating event. Pure.

    Repeated by the clocks of Los Angeles, so that nine o'clock is nine o'clock on both sides of a change to or from
    summer time. Programs disagree about what a rule gives where the clocks skip an hour or show it twice, and about
    the end of a day with a change inside it: days near enough to that are listed one by one instead, in UTC.
    """
    whole = [(starts.replace(microsecond=0), ends.replace(microsecond=0)) for starts, ends in hours]
    return _by_the_clocks(whole) or _one_by_one(whole)


def _by_the_clocks(hours: Sequence[Hours]) -> Days | None:
    """A day after the other at the hours of the first; None where a clock could mislead."""
    shown = [(starts.astimezone(_ZONE), ends.astimezone(_ZONE)) for starts, ends in hours]
    first = shown[0]
    own = {starts.date(): (starts, ends) for starts, ends in shown}
    count = (max(own) - first[0].date()).days + 1
    beginnings = [datetime.combine(first[0].date() + index * _DAY, first[0].time(), _ZONE) for index in range(count)]
    if len(own) < len(hours) or not all(_is_shown_once(each) for each in (*beginnings, first[1])) or _changes(first):
        return None
    without, instead = [], []
    for beginning in beginnings:
        day = own.get(beginning.date())
        if day is None:
            without.append(beginning)
        elif day[0].time() != beginning.time() or _lasts(day) != _lasts(first) or _changes(day):
            instead.append((beginning, _as_written(day)))
    return Days(first, count, tuple(without), (), tuple(instead))


def _one_by_one(hours: Sequence[Hours]) -> Days:
    first, *others = [(starts.astimezone(UTC), ends.astimezone(UTC)) for starts, ends in hours]
    instead = tuple((each[0], each) for each in others if _lasts(each) != _lasts(first))
    return Days(first, 1, (), tuple(starts for starts, _ in others), instead)


def _is_shown_once(local: datetime) -> bool:
    """Whether the clocks show this hour, and only once."""
    return local.utcoffset() == local.replace(fold=1).utcoffset()


def _lasts(hours: Hours) -> timedelta:
    return hours[1].astimezone(UTC) - hours[0].astimezone(UTC)


def _changes(hours: Hours) -> bool:
    """Whether the clocks change within these hours, so that they show another length than it lasts."""
    return hours[0].utcoffset() != hours[1].utcoffset()


def _as_written(hours: Hours) -> Hours:
    """By the clocks of Los Angeles; in UTC where they show one of the two for the second time."""
    starts, ends = local_time(hours[0]), local_time(hours[1])
    return (starts, ends) if starts.tzinfo == ends.tzinfo else (starts.astimezone(UTC), ends.astimezone(UTC))
