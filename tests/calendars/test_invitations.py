"""Invitations: what they give a calendar, what they look like in an e-mail, and the conversation they make."""

import os
import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes
from email.utils import parseaddr
from typing import Any

import icalendar
import ics
import pytest
import vobject
from django.core import mail
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.calendars import invitations
from booking.calendars.invitations import days_of
from booking.calendars.timezones import los_angeles
from booking.desk.merging.carrying_out import Decided, merge
from booking.desk.merging.reading import account_of
from booking.desk.merging.what import compare
from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import bringing_in, calling_off, cancelling, lapses, lifecycle, moving, releasing, waiting
from booking.reservations.models import Reservation, State
from tests import factories
from tests.calendars.mailboxes import (
    Diary,
    as_the_database_says,
    assert_calendars_agree,
    calendar_part,
    expanded,
    expanded_by_vobject,
    heard,
    in_utc,
    news,
    of_calendar,
    read,
)
from tests.factories import LOS_ANGELES, NOW
from tests.reservations.test_every_road import ACTS, AN_EXAMPLE, a_school
from tests.reservations.test_every_road import EveryRoad as EveryRoad_
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, Session
from workshops.cohorts.plans import Plan
from workshops.messages.models import Message
from workshops.messages.outbox import send_again, send_due, words_of
from workshops.people.models import Role, User
from workshops.text import plain

SPRING_FORWARD, FALL_BACK = date(2027, 3, 14), date(2027, 11, 7)
EXPANDERS = {"icalendar and dateutil": expanded, "vobject": expanded_by_vobject}
Hours = tuple[datetime, datetime]


def at(day: date, hour: int, minute: int = 0, *, fold: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute, fold=fold), LOS_ANGELES)


def day_of(day: date, begins: int = 9, ends: int = 17) -> Hours:
    return at(day, begins, 30), at(day, ends, 30)


def in_a_row(first: date, days: int = 4) -> list[Hours]:
    return [day_of(first + timedelta(days=index)) for index in range(days)]


def written(hours: list[Hours]) -> str:
    """A calendar with these days as one event and nothing else."""
    calendar = icalendar.Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", "-//test//test//")
    calendar.add_component(los_angeles())
    for event in days_of(hours).events():
        event.add("UID", "one@example.org")
        event.add("DTSTAMP", NOW)
        calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text.decode()


def lines_of(calendar: str) -> list[str]:
    return calendar.replace("\r\n ", "").split("\r\n")


# -- days as one event -------------------------------------------------------------------------------------------------
MAY = date(2027, 5, 11)
WEEK = [MAY + timedelta(days=index) for index in range(5)]


def around(change: date, *days: int) -> list[date]:
    return [change + timedelta(days=index) for index in days]


def span(day: date, begins: tuple[int, int], ends: tuple[int, int], *, nights: int = 0) -> Hours:
    return at(day, *begins), at(day + timedelta(days=nights), *ends)


BEFORE_IT, AFTER_IT = FALL_BACK - timedelta(days=1), FALL_BACK + timedelta(days=1)
SECOND_TIME = at(FALL_BACK, 1, 30, fold=1)
DAYS: dict[str, tuple[list[Hours], tuple[int, int, int, int]]] = {
    # the days; how many days the rule gives, without how many, how many besides, how many instead
    "four days at the same hours": (in_a_row(MAY), (4, 0, 0, 0)),
    "one day": (in_a_row(MAY, 1), (1, 0, 0, 0)),
    "a short last day": ([*in_a_row(MAY, 3), day_of(WEEK[3], 9, 13)], (4, 0, 0, 1)),
    "a first day of its own": ([day_of(WEEK[0], 13, 19), *in_a_row(WEEK[1], 3)], (4, 0, 0, 3)),
    "a day off between": ([day_of(WEEK[index]) for index in (0, 1, 3, 4)], (5, 1, 0, 0)),
    "a day off and a short day": ([day_of(WEEK[0]), day_of(WEEK[2], 9, 13), day_of(WEEK[3])], (4, 1, 0, 1)),
    "two weekends": ([*in_a_row(date(2027, 5, 15), 2), *in_a_row(date(2027, 5, 22), 2)], (9, 5, 0, 0)),
    "into summer time": (in_a_row(SPRING_FORWARD - timedelta(days=3)), (4, 0, 0, 0)),
    "out of summer time": (in_a_row(FALL_BACK - timedelta(days=3)), (4, 0, 0, 0)),
    "a short day after a change": ([*in_a_row(FALL_BACK - timedelta(2), 3), day_of(AFTER_IT, 9, 13)], (4, 0, 0, 1)),
    "past midnight": ([span(day, (20, 0), (2, 0), nights=1) for day in WEEK[:4]], (4, 0, 0, 0)),
    "an hour that the clocks skip": (
        [span(day, (2, 30), (8, 0)) for day in around(SPRING_FORWARD, -2, -1, 0, 1)],
        (1, 0, 3, 1),
    ),
    "an hour that comes twice, the first time": (
        [span(day, (1, 30), (8, 0)) for day in around(FALL_BACK, -2, -1, 0, 1)],
        (1, 0, 3, 1),
    ),
    "an hour that comes twice, the second time": (
        [span(BEFORE_IT, (1, 30), (8, 0)), (SECOND_TIME, at(FALL_BACK, 8))],
        (1, 0, 1, 0),
    ),
    "a night with the change in it": (
        [span(day, (22, 0), (6, 0), nights=1) for day in around(FALL_BACK, -3, -2, -1)],
        (3, 0, 0, 1),
    ),
    "a first night with the change in it": (
        [span(day, (22, 0), (6, 0), nights=1) for day in around(FALL_BACK, -1, 0)],
        (1, 0, 1, 1),
    ),
    "a day whose end is shown for the second time": (
        [span(BEFORE_IT, (0, 10), (0, 50)), (at(FALL_BACK, 0, 10), SECOND_TIME)],
        (2, 0, 0, 1),
    ),
    "twice on one day": ([day_of(WEEK[0], 9, 12), day_of(WEEK[0], 13, 16), day_of(WEEK[1])], (1, 0, 2, 1)),
}


@pytest.mark.parametrize(("hours", "shape"), DAYS.values(), ids=DAYS)
def test_days_are_one_event_that_repeats_and_say_only_what_differs(
    hours: list[Hours], shape: tuple[int, int, int, int]
) -> None:
    days = days_of(hours)
    assert (days.count, len(days.without), len(days.besides), len(days.instead)) == shape


@pytest.mark.parametrize("expand", EXPANDERS.values(), ids=EXPANDERS)
@pytest.mark.parametrize("hours", [hours for hours, _ in DAYS.values()], ids=DAYS)
def test_every_reader_finds_exactly_the_days_that_were_meant(
    hours: list[Hours], expand: Callable[[str], list[Hours]]
) -> None:
    assert expand(written(hours)) == in_utc(hours)


def test_nine_thirty_stays_nine_thirty_on_both_sides_of_a_change() -> None:
    for change in (SPRING_FORWARD, FALL_BACK):
        found = expanded(written(in_a_row(change - timedelta(days=3))))
        assert [begins.astimezone(LOS_ANGELES).time() for begins, _ in found] == [time(9, 30)] * 4
        assert len({begins.hour for begins, _ in found}) == 2


@pytest.mark.parametrize("expand", EXPANDERS.values(), ids=EXPANDERS)
@settings(max_examples=150)
@given(
    first=st.dates(date(2027, 1, 1), date(2030, 12, 31)) | st.sampled_from([SPRING_FORWARD, FALL_BACK]),
    gaps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 3]), max_size=5),
    usual=st.tuples(st.integers(0, 22), st.sampled_from([0, 15, 30])),
    others=st.dictionaries(st.integers(0, 5), st.tuples(st.integers(0, 22), st.integers(20, 700)), max_size=2),
    lasts=st.integers(20, 700),
)
def test_whatever_the_hours_the_days_come_out_as_they_went_in(
    expand: Callable[[str], list[Hours]],
    first: date,
    gaps: list[int],
    usual: tuple[int, int],
    others: dict[int, tuple[int, int]],
    lasts: int,
) -> None:
    hours, day = [], first - timedelta(days=2)
    for index, gap in enumerate([0, *gaps]):
        day += timedelta(days=gap)
        hour, length = others.get(index, (usual[0], lasts))
        begins = at(day, hour, usual[1]).astimezone(UTC)  # an hour that the clocks skip is the one after it
        hours.append((begins, begins + timedelta(minutes=length)))
    assert expand(written(hours)) == in_utc(hours)


# -- a seat ------------------------------------------------------------------------------------------------------------
def seat(paid: Purpose = Purpose.DEPOSIT, **given: Any) -> Reservation:
    """A seat that is somebody's."""
    return pay(factories.reservation(**given), paid)


def pay(reservation: Reservation, purpose: Purpose) -> Reservation:
    paying.begin(reservation, purpose, "sandbox", by=reservation.trainee, now=NOW)
    return again(reservation)


def again(reservation: Reservation) -> Reservation:
    return Reservation.objects.select_related("cohort__venue", "cohort__module", "trainee").get(pk=reservation.pk)


def reschedule(cohort: Cohort, plan: Plan) -> Cohort:
    registrar = factories.person(Role.REGISTRAR)
    despite = ("year-full", "days", "past")
    fresh = Cohort.objects.get(pk=cohort.pk)
    return calling_off.reschedule(fresh, plan, by=registrar, now=NOW, reason="The stage is taken.", despite=despite)


def later(cohort: Cohort, days: int) -> Plan:
    by, plan = timedelta(days=days), planning.plan_of(Cohort.objects.get(pk=cohort.pk))
    return replace(
        plan, days=tuple(replace(day, starts_at=day.starts_at + by, ends_at=day.ends_at + by) for day in plan.days)
    )


def become_one(stays: User, goes: User) -> None:
    """Two accounts of one person are merged."""
    found = compare(account_of(stays, NOW), account_of(goes, NOW), 0)
    decided = Decided({}, {name: value for name, _, value in found.survivor.profile}, frozenset())
    merge(stays, goes, found.shown, decided, by=factories.person(Role.REGISTRAR), now=NOW, why="She told us.")


def sent() -> list[Any]:
    """Every e-mail as it goes over the wire, read back."""
    while send_due(now=NOW + timedelta(hours=1)):
        pass
    return [message_from_bytes(wire(each)) for each in mail.outbox]


def wire(email: Any) -> bytes:
    """The bytes that go to a mail server."""
    raw: bytes = email.message().as_bytes(linesep="\r\n")
    return raw


def of_kind(kind: str) -> Message:
    return Message.objects.get(kind=kind)


# -- what an invitation says -------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.one_database
class TestAnInvitation:
    def test_it_is_written_down_whole(self) -> None:
        taken = seat(trainee=factories.trainee(name="Anna", email="anna@example.org"))
        lines = lines_of(of_kind("reservation-reserved").calendar)
        assert lines[:5] == [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//CINTIMA//Booking//EN",
            "CALSCALE:GREGORIAN",
            "METHOD:REQUEST",
        ]
        page = f"http://localhost:8000/reservations/{taken.public_id}/"
        body = lines[lines.index("BEGIN:VEVENT") : lines.index("END:VEVENT") + 1]
        assert sorted(body) == sorted(
            [
                "BEGIN:VEVENT",
                f"UID:reservation-{taken.calendar_id}@localhost",
                "SEQUENCE:1",
                "DTSTAMP:20270111T180000Z",
                "DTSTART;TZID=America/Los_Angeles:20270511T093000",
                "DTEND;TZID=America/Los_Angeles:20270511T173000",
                "RRULE:FREQ=DAILY;COUNT=4",
                "ORGANIZER;CN=CINTIMA:mailto:workshops@localhost",
                "ATTENDEE;CN=Anna;PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT;RSVP=FALSE:mailto:anna@example.org",
                f"SUMMARY:{taken.cohort.title}".replace(",", "\\,"),
                f"LOCATION:{taken.cohort.venue.name}\\, 100 Example Street\\, Los Angeles",
                f"DESCRIPTION:Everything about your seat\\, once you have signed in: {page}",
                f"URL:{page}",
                "STATUS:CONFIRMED",
                "TRANSP:OPAQUE",
                "END:VEVENT",
            ]
        )

    def test_it_names_nobody_else_and_no_money(self) -> None:
        cohort = factories.cohort(instructors=(factories.person(Role.INSTRUCTOR, name="Amara Teaches"),))
        seat(cohort=cohort, trainee=factories.trainee(name="Somebody Else"))
        anna = seat(cohort=cohort, trainee=factories.trainee(name="Anna")).trainee
        (invitation,) = heard(anna)
        for mark in ("Somebody Else", "Amara", "person", "$", "500", "1,599", "deposit", "Seat 2", "VALARM"):
            assert mark.lower() not in invitation.lower().replace(anna.email, "")
        assert invitation.count("\r\nATTENDEE") == 1

    def test_the_uid_keeps_its_host_when_the_address_changes(self) -> None:
        taken = seat()
        with override_settings(SITE_URL="https://new.example.org", CALENDAR_HOST="old.example.org"):
            text = invitations.request(taken, now=NOW).replace("\r\n ", "")
        assert f"UID:reservation-{taken.calendar_id}@old.example.org" in text
        assert "URL:https://new.example.org/reservations/" in text

    def test_the_same_moment_gives_the_same_bytes(self) -> None:
        taken = seat()
        assert invitations.request(taken, now=NOW) == invitations.request(again(taken), now=NOW)
        assert invitations.cancellation(taken, now=NOW) == invitations.cancellation(again(taken), now=NOW)

    def test_a_cancellation_names_every_day_and_the_same_people(self) -> None:
        taken = seat()
        short = taken.cohort.sessions.get(day=3)
        Session.objects.filter(pk=short.pk).update(ends_at=short.ends_at - timedelta(hours=3))
        found = read(invitations.cancellation(taken, now=NOW))
        (event,) = found.events
        assert str(found["METHOD"]) == "CANCEL"
        assert (str(event["STATUS"]), str(event["TRANSP"])) == ("CANCELLED", "TRANSPARENT")
        assert str(event["SUMMARY"]) == f"Cancelled: {taken.cohort.title}"
        assert "RECURRENCE-ID" not in event
        assert event["RRULE"]["COUNT"] == [4]
        assert str(event["ATTENDEE"]) == f"mailto:{taken.trainee.email}"
        assert str(event["ORGANIZER"]) == "mailto:workshops@localhost"

    def test_days_with_hours_of_their_own_stand_under_the_same_uid(self) -> None:
        taken = seat()
        short = taken.cohort.sessions.get(day=3)
        Session.objects.filter(pk=short.pk).update(ends_at=short.ends_at - timedelta(hours=3))
        found = read(invitations.request(taken, now=NOW))
        main, other = found.events
        assert main["UID"] == other["UID"]
        for name in ("SEQUENCE", "DTSTAMP", "SUMMARY", "LOCATION", "ORGANIZER", "ATTENDEE", "STATUS"):
            assert main[name].to_ical() == other[name].to_ical()
        assert "RRULE" not in other
        assert expanded(found.to_ical()) == in_utc(taken.cohort.sessions.values_list("starts_at", "ends_at"))

    def test_a_module_that_the_title_does_not_name_stands_before_it(self) -> None:
        taken = seat(cohort=factories.cohort(title="Spring 2027"))
        assert str(read(invitations.request(taken, now=NOW)).events[0]["SUMMARY"]) == "Module IV, Spring 2027"

    def test_a_cohort_without_days_invites_nobody(self) -> None:
        taken = seat()
        taken.cohort.sessions.all().delete()
        assert invitations.request(taken, now=NOW) == ""

    def test_an_address_is_written_as_a_link_has_to(self) -> None:
        for address, as_link in (
            ("anna+cintima@example.org", "anna+cintima@example.org"),
            ("o'neill@example.org", "o'neill@example.org"),
            ("per%cent?x&y@example.org", "per%25cent%3Fx%26y@example.org"),
            ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ):
            assert str(invitations._person("", address)) == f"mailto:{as_link}"


HOSTILE = {
    "a line that begins another property": "Day\r\nATTENDEE:mailto:eve@example.org",
    "an end and a new event": "x\nEND:VEVENT\nBEGIN:VEVENT\nUID:other",
    "an end of the parameter": 'Anna";ROLE=CHAIR:mailto:eve@example.org',
    "quotes": 'Anna "Ace" O\'Neill',
    "controls": "a\x07b\x1bc\x7f\x85d",
    "line ends that only Unicode knows": "a\u2028b\u2029c\x0bd\x0ce",
    "separators": "a,b;c:d=e",
    "backslashes": "C:\\set\\, \\;\\\\",
    "carets": "^n ^^ ^'",
    "right to left": "וורקשופ 4 \u202eא",
    "four bytes a character": "🎬🎞️" * 14,
}


@pytest.mark.django_db
@pytest.mark.one_database
class TestHostileWords:
    @pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
    def test_no_title_place_or_name_breaks_out_of_its_line(self, words: str) -> None:
        there = factories.venue(name=words)
        cohort = factories.cohort(title=f"Module IV {words}", venue=there)
        taken = seat(cohort=cohort, trainee=factories.trainee(name=words, email="anna@example.org"))
        invitation = invitations.request(taken, now=NOW)
        names = re.findall(r"\r\n(ATTENDEE|BEGIN:VEVENT|UID|ORGANIZER)", invitation)
        assert names == ["BEGIN:VEVENT", "UID", "ATTENDEE", "ORGANIZER"]
        (event,) = read(invitation).events
        assert str(event["ATTENDEE"]) == "mailto:anna@example.org"
        name = plain(words).replace('"', "'").replace("\\", "/")
        assert dict(event["ATTENDEE"].params) == {
            "CN": name,
            "PARTSTAT": "ACCEPTED",
            "ROLE": "REQ-PARTICIPANT",
            "RSVP": "FALSE",
        }
        title = str(event["SUMMARY"])
        assert title == plain(f"Module IV {words}")
        assert vobject.readOne(invitation).vevent.summary.value == title
        assert vobject.readOne(invitation).vevent.attendee.value == "mailto:anna@example.org"
        assert [each.name for each in ics.Calendar(invitation).events] == [title]

    def test_no_character_is_cut_by_a_fold(self) -> None:
        taken = seat()
        for padding in range(80):
            taken.trainee.name = "x" * (padding % 40) + "🎬" * 20
            Cohort.objects.filter(pk=taken.cohort_id).update(title="Module IV " + "x" * padding + "🎬🎞️" * 9)
            invitation = invitations.request(taken, now=NOW)
            for line in invitation.encode().split(b"\r\n"):
                assert len(line) <= 75
                line.decode()
            assert b"\n" not in invitation.encode().replace(b"\r\n", b"")
            (event,) = read(invitation).events
            assert event["ATTENDEE"].params["CN"] == taken.trainee.name
            assert str(event["SUMMARY"]) == "Module IV " + "x" * padding + "🎬🎞️" * 9


# -- on the wire -------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.one_database
class TestTheEmail:
    def test_it_carries_the_invitation_as_its_last_alternative(self) -> None:
        taken = seat(trainee=factories.trainee(name="Zoë 🎬", email="zoe@example.org"))
        found = next(each for each in sent() if "reserved" in each["Subject"])
        assert found.get_content_type() == "multipart/alternative"
        parts = found.get_payload()
        assert [part.get_content_type() for part in parts] == ["text/plain", "text/html", "text/calendar"]
        last = parts[-1]
        assert (last.get_param("method"), last.get_param("charset")) == ("REQUEST", "utf-8")
        assert "Content-Disposition" not in last
        text = last.get_payload(decode=True)
        assert text.strip() == of_kind("reservation-reserved").calendar.encode().strip()
        assert str(read(text)["METHOD"]) == "REQUEST"
        assert expanded(text) == in_utc(taken.cohort.sessions.values_list("starts_at", "ends_at"))
        (event,) = ics.Calendar(text.decode()).events
        assert (event.uid, event.begin.datetime) == (f"reservation-{taken.calendar_id}@localhost", day_of(MAY)[0])

    def test_lines_are_folded_and_end_as_they_must_on_the_wire(self) -> None:
        seat(trainee=factories.trainee(name="Zoë " + "🎬" * 30))
        send_due(now=NOW)
        raw = wire(mail.outbox[-1])
        calendar = raw[raw.index(b"BEGIN:VCALENDAR") : raw.index(b"END:VCALENDAR")]
        assert max(map(len, calendar.split(b"\r\n"))) <= 75
        assert b"\n" not in calendar.replace(b"\r\n", b"")

    @pytest.mark.parametrize("sender", ["CINTIMA <workshops@example.org>", '"École, \\"CINTIMA\\"" <a+b@example.org>'])
    def test_whoever_it_is_from_is_whoever_invites(self, sender: str) -> None:
        with override_settings(DEFAULT_FROM_EMAIL=sender):
            taken = seat()
            sent()
            cancelling.cancel(taken, now=NOW, by=factories.person(Role.REGISTRAR))
            parts = [(each, calendar_part(each)) for each in sent()]
        found = [(each, part) for each, part in parts if part is not None]
        assert len(found) == 2
        for each, part in found:
            organizer = read(part.get_payload(decode=True)).events[0]["ORGANIZER"]
            assert str(organizer) == f"mailto:{parseaddr(each['From'])[1]}"

    def test_a_cancellation_says_so_in_its_head(self) -> None:
        cancelling.cancel(seat(), now=NOW, by=factories.person(Role.REGISTRAR))
        part = calendar_part(next(each for each in sent() if "cancelled" in each["Subject"]))
        assert part is not None
        assert part.get_param("method") == "CANCEL"

    def test_sent_again_it_is_the_same_to_the_last_byte(self) -> None:
        taken = seat()
        sent()
        Session.objects.filter(cohort=taken.cohort).update(starts_at=NOW, ends_at=NOW + timedelta(hours=1))
        User.objects.filter(pk=taken.trainee_id).update(name="Another Name")
        send_again(of_kind("reservation-reserved"), now=NOW)
        before, after = (calendar_part(each) for each in sent() if "reserved" in each["Subject"])
        assert before is not None
        assert after is not None
        assert before.get_payload(decode=True) == after.get_payload(decode=True)

    def test_the_words_say_so_where_days_are_attached_and_only_there(self) -> None:
        taken = seat(cohort=factories.cohort())
        waits = factories.reservation(cohort=taken.cohort)
        pay(taken, Purpose.BALANCE)
        reschedule(taken.cohort, later(taken.cohort, 1))
        moving.move(again(taken), factories.cohort(), now=NOW, by=taken.trainee)
        moving.move(again(waits), factories.cohort(), now=NOW, by=waits.trainee)
        confirmed = Reservation.objects.get(trainee=taken.trainee, state=State.CONFIRMED)
        cancelling.cancel(again(confirmed), now=NOW, by=taken.trainee)
        told = {each: "attached for your calendar" in words_of(each).text for each in Message.objects.all()}
        assert {each.kind for each, says in told.items() if says} == {
            "reservation-reserved",
            "reservation-confirmed",
            "cohort-moved",
            "reservation-moved",
        }
        for each, says in told.items():
            assert says == ("\r\nMETHOD:REQUEST\r\n" in each.calendar), each


# -- one conversation --------------------------------------------------------------------------------------------------
@pytest.mark.django_db
class TestTheConversation:
    def test_paying_the_deposit_invites_and_paying_the_rest_changes_nothing(self) -> None:
        taken = seat()
        pay(taken, Purpose.BALANCE)
        assert news(taken.trainee) == [("reservation-reserved", "REQUEST", 1), ("reservation-confirmed", "REQUEST", 1)]
        assert_calendars_agree(taken.trainee)

    def test_nobody_is_invited_to_a_seat_that_is_only_held(self) -> None:
        held = factories.reservation()
        reschedule(held.cohort, later(held.cohort, 1))
        assert news(held.trainee) == []

    def test_a_hold_that_runs_out_has_nothing_to_cancel(self) -> None:
        held = factories.reservation(cohort=factories.cohort(capacity=1))
        factories.reservation(cohort=held.cohort, now=NOW + timedelta(hours=2))
        given_back = factories.reservation()
        cancelling.cancel(given_back, now=NOW, by=given_back.trainee)
        assert {again(each).state for each in (held, given_back)} == {State.EXPIRED, State.CANCELLED}
        assert news(held.trainee) == news(given_back.trainee) == []

    def test_a_seat_without_a_deposit_invites_at_once(self) -> None:
        taken = factories.reservation(cohort=factories.cohort(terms_changed={"deposit_cents": 0}))
        assert news(taken.trainee) == [("reservation-reserved", "REQUEST", 0)]
        assert_calendars_agree(taken.trainee)

    def test_a_cohort_that_the_school_moves_twice_moves_in_every_calendar(self) -> None:
        taken, other = seat(), factories.reservation()
        for days in (2, 5):
            reschedule(taken.cohort, later(taken.cohort, days))
        assert news(taken.trainee) == [
            ("reservation-reserved", "REQUEST", 1),
            ("cohort-moved", "REQUEST", 2),
            ("cohort-moved", "REQUEST", 3),
        ]
        assert_calendars_agree(taken.trainee, other.trainee)

    def test_another_venue_or_title_is_an_update(self) -> None:
        taken = seat()
        plan = planning.plan_of(taken.cohort)
        reschedule(taken.cohort, replace(plan, venue=factories.venue(name="The new stage")))
        assert_calendars_agree(taken.trainee)
        plan = planning.plan_of(Cohort.objects.get(pk=taken.cohort_id))
        reschedule(taken.cohort, replace(plan, title="Module IV, the early one"))
        assert_calendars_agree(taken.trainee)
        assert [number for _, _, number in news(taken.trainee)] == [1, 2, 3]

    def test_everything_in_one_story_has_one_entry(self) -> None:
        """Reserved, paid, moved twice by the school, to another cohort and back, then given up."""
        taken, elsewhere = seat(), factories.cohort()
        trainee, home = taken.trainee, taken.cohort
        pay(taken, Purpose.BALANCE)
        reschedule(home, later(home, 2))
        reschedule(home, later(home, 3))
        assert_calendars_agree(trainee)
        there = moving.move(again(taken), elsewhere, now=NOW, by=trainee)
        assert_calendars_agree(trainee)
        back = moving.move(again(there), Cohort.objects.get(pk=home.pk), now=NOW, by=trainee)
        assert_calendars_agree(trainee)
        cancelling.cancel(again(back), now=NOW, by=trainee)
        assert_calendars_agree(trainee)
        assert of_calendar(trainee).entries == {}
        assert len(of_calendar(trainee).seen) == 1
        numbers = [number for _, _, number in news(trainee)]
        assert numbers[0] == numbers[1]
        assert numbers[1:] == sorted(set(numbers[1:]))
        assert [method for _, method, _ in news(trainee)] == ["REQUEST"] * 6 + ["CANCEL"]

    def test_the_school_cancels_and_the_person_chooses_another_cohort(self) -> None:
        taken, registrar = seat(), factories.person(Role.REGISTRAR)
        calling_off.call_off(taken.cohort, by=registrar, now=NOW, why="The stage burnt down.")
        assert of_calendar(taken.trainee).entries == {}
        assert_calendars_agree(taken.trainee)
        moving.move(again(taken), factories.cohort(), now=NOW, by=taken.trainee)
        assert [each[:2] for each in news(taken.trainee)] == [
            ("reservation-reserved", "REQUEST"),
            ("cohort-cancelled", "CANCEL"),
            ("reservation-moved", "REQUEST"),
        ]
        assert len(of_calendar(taken.trainee).entries) == 1
        assert_calendars_agree(taken.trainee)

    def test_a_cohort_is_called_off_only_where_it_was_in_a_calendar(self) -> None:
        cohort = factories.cohort(capacity=2)
        taken, held = seat(cohort=cohort), factories.reservation(cohort=cohort)
        calling_off.call_off(cohort, by=factories.person(Role.REGISTRAR), now=NOW, why="The stage burnt down.")
        assert [each[1] for each in news(taken.trainee)] == ["REQUEST", "CANCEL"]
        assert news(held.trainee) == []

    def test_two_who_change_places_have_each_others_days(self) -> None:
        one, other = seat(), seat()
        moving.swap(one, other, now=NOW, by=factories.person(Role.REGISTRAR), why="They asked.")
        assert_calendars_agree(one.trainee, other.trainee)
        assert [each[0] for each in news(one.trainee)] == ["reservation-reserved", "reservation-moved"]

    def test_a_seat_that_the_clock_takes_leaves_the_calendar(self) -> None:
        late = seat(cohort=factories.cohort(terms_changed={"release_overdue": True}))
        assert lapses.release_overdue(NOW + timedelta(days=110)) == 1
        promised = seat(
            Purpose.FULL,
            cohort=factories.cohort(terms_changed={"provisional_days": 60}),
            trainee=factories.trainee(lacking="module-iii"),
        )
        assert lapses.keep_promises(NOW + timedelta(days=100)) == 1
        for each in (late, promised):
            assert again(each).state == State.CANCELLED
            assert of_calendar(each.trainee).entries == {}
            assert_calendars_agree(each.trainee)

    def test_money_that_is_gone_again_leaves_the_days_alone(self) -> None:
        taken = seat(Purpose.FULL)
        lifecycle.owes_again(taken, why="A dispute.", now=NOW)
        assert again(taken).state == State.RESERVED
        assert len(news(taken.trainee)) == 1
        assert_calendars_agree(taken.trainee)

    def test_late_money_for_a_hold_that_ran_out_invites(self) -> None:
        late = factories.reservation()
        registrar, after = factories.person(Role.REGISTRAR), NOW + timedelta(hours=3)
        releasing.expire(late, now=after)
        paying.record_transfer(late, Purpose.DEPOSIT, reference="LATE", by=registrar, now=after)
        assert [each[:2] for each in news(late.trainee)] == [("reservation-reserved", "REQUEST")]
        assert_calendars_agree(late.trainee)

    def test_whoever_accepts_an_offer_by_moving_has_the_new_days(self) -> None:
        full = factories.cohort(capacity=1)
        leaves, moves = seat(cohort=full), seat()
        waiting.join(full, moves.trainee, now=NOW)
        cancelling.cancel(leaves, now=NOW, by=leaves.trainee)
        offer = again(Reservation.objects.get(state=State.OFFERED))
        assert news(moves.trainee)[1:] == []
        moving.accept(offer, now=NOW, by=moves.trainee)
        assert_calendars_agree(moves.trainee, leaves.trainee)

    def test_another_name_or_address_is_taken_over_though_the_days_are_as_they_were(self) -> None:
        """The number stays; of two with one number a calendar takes the later."""
        taken = seat(trainee=factories.trainee(name="Anna", email="anna@example.org"))
        User.objects.filter(pk=taken.trainee_id).update(name="Ana", email="ana@example.org")
        paying.record_transfer(
            again(taken),
            Purpose.BALANCE,
            reference="B",
            by=factories.person(Role.REGISTRAR),
            now=NOW + timedelta(hours=1),
        )
        before, after = (read(each).events[0] for each in heard(taken.trainee))
        assert (str(after["ATTENDEE"]), after["ATTENDEE"].params["CN"]) == ("mailto:ana@example.org", "Ana")
        assert before["SEQUENCE"] == after["SEQUENCE"]
        assert before.decoded("DTSTAMP") < after.decoded("DTSTAMP")
        assert_calendars_agree(taken.trainee)

    def test_two_accounts_that_become_one_go_on_with_one_entry(self) -> None:
        """Where one calendar reads both addresses, it has the days in the end, in whatever order the e-mails came."""
        taken, stays = seat(), factories.trainee(email="stays@example.org")
        become_one(stays, taken.trainee)
        assert again(taken).sequence == taken.sequence + 2
        assert_calendars_agree(stays)
        cancelling.cancel(again(taken), now=NOW, by=again(taken).trainee)
        assert news(stays) == [
            ("reservation-reserved", "REQUEST", 1),
            ("days-brought-over", "CANCEL", 2),
            ("days-brought-over", "REQUEST", 3),
            ("reservation-cancelled", "CANCEL", 4),
        ]
        assert str(read(heard(stays)[-1]).events[0]["ATTENDEE"]) == "mailto:stays@example.org"
        assert_calendars_agree(stays)

    def test_two_accounts_that_become_one_leave_no_days_at_the_address_that_went(self) -> None:
        """Each mailbox by itself: the old one is rid of the days, the new one has them, with itself as who attends."""
        taken = seat(trainee=factories.trainee(name="Noor", email="goes@example.org"))
        stays = factories.trainee(name="Noor", email="stays@example.org")
        sent()
        become_one(stays, taken.trainee)
        sent()
        boxes: dict[str, Diary] = {}
        for each in sent():
            part = calendar_part(each)
            if part is not None:
                invitation: Any = part.get_payload(decode=True)
                assert str(read(invitation).events[0]["ATTENDEE"]) == f"mailto:{parseaddr(each['To'])[1]}"
                boxes.setdefault(parseaddr(each["To"])[1], Diary()).receive(invitation)
        assert boxes["goes@example.org"].entries == {}
        assert boxes["stays@example.org"].entries == as_the_database_says(stays) != {}

    def test_days_that_are_over_stay_where_they_are_when_two_accounts_become_one(self) -> None:
        taken = seat()
        Cohort.objects.update(starts_on=NOW - timedelta(days=9), ends_on=NOW - timedelta(days=6))
        become_one(factories.trainee(), taken.trainee)
        assert not Message.objects.filter(kind="days-brought-over").exists()

    def test_an_old_invitation_that_goes_out_last_does_not_bring_older_days(self) -> None:
        """A mail server was busy; the words go, and the calendar keeps the newer days. Another seat's days go along."""
        taken, other = seat(), seat()
        reschedule(taken.cohort, later(taken.cohort, 2))
        sent()
        mail.outbox.clear()
        for each in Message.objects.filter(kind="reservation-reserved"):
            send_again(each, now=NOW)
        found = {parseaddr(each["To"])[1]: each for each in sent()}
        assert calendar_part(found[taken.trainee.email]) is None
        assert "attached for your calendar" not in str(found[taken.trainee.email].get_payload()[0])
        assert calendar_part(found[other.trainee.email]) is not None

    def test_an_invitation_that_was_taken_back_while_it_waited_goes_out_as_words_alone(self) -> None:
        taken = seat()
        cancelling.cancel(taken, now=NOW, by=taken.trainee)
        methods = {each["Subject"].partition(":")[0]: calendar_part(each) is not None for each in sent()}
        assert methods["Your seat is reserved"] is False
        assert methods["Your reservation is cancelled"] is True
        assert {of_kind(f"reservation-{kind}").state for kind in ("reserved", "cancelled")} == {"sent"}

    def test_nobody_who_was_erased_is_invited(self) -> None:
        taken = seat()
        taken.trainee.erased_at = NOW
        assert invitations.about(taken, now=NOW) == ""

    def test_a_hold_that_moves_still_has_no_days(self) -> None:
        held = factories.reservation()
        new = moving.move(held, factories.cohort(), now=NOW, by=held.trainee)
        assert news(held.trainee) == []
        pay(new, Purpose.DEPOSIT)
        assert_calendars_agree(held.trainee)


@pytest.mark.django_db
class TestSeatsThatWereBroughtIn:
    """Nobody is written to when the school's records are brought in, so nobody's calendar has heard of these seats."""

    def brought_in(self) -> Reservation:
        made = bringing_in.seat(
            factories.cohort(),
            factories.trainee(),
            number=None,
            price_cents=209_900,
            deposit_cents=50_000,
            is_paid=True,
            reserved_at=NOW - timedelta(days=30),
            now=NOW,
            by=factories.person(Role.REGISTRAR),
        )
        return again(made)

    def test_the_first_change_invites(self) -> None:
        taken = self.brought_in()
        assert news(taken.trainee) == []
        reschedule(taken.cohort, later(taken.cohort, 1))
        assert news(taken.trainee) == [("cohort-moved", "REQUEST", 1)]
        assert_calendars_agree(taken.trainee)

    def test_their_end_cancels_nothing(self) -> None:
        taken = self.brought_in()
        cancelling.cancel(taken, now=NOW, by=taken.trainee)
        assert news(taken.trainee) == []

    def test_their_end_cancels_what_a_change_had_told(self) -> None:
        taken = self.brought_in()
        reschedule(taken.cohort, later(taken.cohort, 1))
        cancelling.cancel(again(taken), now=NOW, by=taken.trainee)
        assert [each[1] for each in news(taken.trainee)] == ["REQUEST", "CANCEL"]
        assert of_calendar(taken.trainee).entries == {}


# -- every road, at random ---------------------------------------------------------------------------------------------
WALKS = int(os.environ.get("ROADS", "320")) // AN_EXAMPLE
OFTEN = ["reschedule", "move", "say_yes", "take_it_elsewhere", "swap", "call_off", "reserve_and_pay", "cancel"]


@pytest.mark.django_db
@pytest.mark.slow
def test_whatever_anyone_does_every_calendar_has_the_days_that_its_person_has() -> None:
    walker = type("EveryRoad", (EveryRoad_,), {"school": a_school()})
    chance = random.Random("calendars")  # noqa: S311
    for _ in range(WALKS):
        walk, told = walker(), []
        walk.the_first_morning()
        for _ in range(AN_EXAMPLE):
            told.append((chance.choice([*ACTS, *OFTEN]), chance.randrange(3), chance.randrange(8), chance.randrange(8)))
            try:
                walk.a_step(*told[-1])
            except Exception as fault:
                raise AssertionError("\n".join(f"walk.a_step{step}" for step in told)) from fault
        try:
            assert_calendars_agree(*walk.people)
        except AssertionError as fault:
            raise AssertionError("\n".join(f"walk.a_step{step}" for step in told)) from fault
        walk.teardown()
