"""Private calendars: whose days stand in them, as what, and who may fetch them."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from booking.calendars import tokens, views
from booking.calendars.models import Client as Program
from booking.calendars.models import FeedKind, FeedToken
from booking.payments import paying
from booking.payments.gateways.base import Card
from booking.payments.models import Purpose
from booking.payments.plans import choosing
from booking.payments.plans import lifecycle as plans
from booking.reservations import calling_off, cancelling, lifecycle, moving, offers, owing, releasing, waiting
from booking.reservations.models import Charge, ChargeKind, Reservation
from booking.rights import erasing
from booking.site.due import do_due
from tests import factories
from tests.calendars.subscribed import Seen, events, fetch, subscribe, told
from tests.factories import LOS_ANGELES, NOW
from tests.payments.plans.running import digest_of
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, CohortStatus, Session, Teaching
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed
from workshops.mentors.models import Mentorship
from workshops.people import roles
from workshops.people.models import Role, User
from workshops.web.limits import Limiter

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)


@pytest.fixture(autouse=True)
def _limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of another test have had these numbers; and no time passes, however slow the machine is."""
    monkeypatch.setattr(views, "_limiter", Limiter(clock=lambda: 1.0))


@pytest.fixture(autouse=True)
def _addresses(settings: Settings) -> None:
    settings.SITE_URL = "https://booking.example.org"
    settings.CALENDAR_HOST = "calendar.example.org"


def at(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(views, "current_time", lambda: now)


def said(event: Seen) -> tuple[str, str, int]:
    """Status, whether busy, and sequence."""
    return event.status, event.shown_as, event.sequence


def spring(**fields: object) -> Cohort:
    return factories.cohort(code="2027-spring", title="Module IV, spring 2027", **fields)  # type: ignore[arg-type]


def reserved(trainee: User, cohort: Cohort) -> Reservation:
    made = factories.reservation(cohort=cohort, trainee=trainee)
    paying.begin(made, Purpose.DEPOSIT, "sandbox", by=trainee, now=NOW)
    made.refresh_from_db()
    return made


def confirmed(trainee: User, cohort: Cohort) -> Reservation:
    made = factories.reservation(cohort=cohort, trainee=trainee)
    paying.begin(made, Purpose.FULL, "sandbox", by=trainee, now=NOW)
    made.refresh_from_db()
    return made


# -- the trainee's days ------------------------------------------------------------------------------------------------
def test_a_seat_that_is_theirs_is_four_busy_days_that_lead_to_its_page() -> None:
    trainee, cohort = factories.trainee(), spring()
    seat = confirmed(trainee, cohort)
    path = subscribe(trainee, FeedKind.TRAINEE)
    found = events(path)
    assert [event.title for event in found] == [f"Module IV, spring 2027, day {n} of 4" for n in (1, 2, 3, 4)]
    sessions = list(cohort.sessions.order_by("day"))
    assert [event.uid for event in found] == [
        f"{session.uid}-{seat.public_id}@calendar.example.org" for session in sessions
    ]
    assert [(event.start, event.end) for event in found] == [(each.starts_at, each.ends_at) for each in sessions]
    assert {said(event) for event in found} == {("CONFIRMED", "OPAQUE", seat.sequence)}
    assert {event.url for event in found} == {f"https://booking.example.org/reservations/{seat.public_id}/"}


def test_a_hold_is_tentative_until_its_deposit_is_here_and_that_raises_its_number() -> None:
    trainee, cohort = factories.trainee(), spring()
    path = subscribe(trainee, FeedKind.TRAINEE)
    made = factories.reservation(cohort=cohort, trainee=trainee)
    first = events(path)[0]
    assert first.title == "On hold: Module IV, spring 2027, day 1 of 4"
    assert said(first) == ("TENTATIVE", "TRANSPARENT", 0)
    paying.begin(made, Purpose.FULL, "sandbox", by=trainee, now=NOW)
    second = events(path)[0]
    assert second.uid == first.uid
    assert said(second) == ("CONFIRMED", "OPAQUE", 1)


def test_a_day_says_the_later_of_two_changes_and_counts_both() -> None:
    trainee, cohort = factories.trainee(), spring()
    seat = confirmed(trainee, cohort)
    path = subscribe(trainee, FeedKind.TRAINEE)
    later = NOW + 5 * DAY
    Session.objects.filter(cohort=cohort, day=2).update(sequence=7, revised_at=later)
    found = events(path)
    assert [event.sequence - seat.sequence for event in found] == [0, 7, 0, 0]
    assert [event.stamped == later.replace(microsecond=0) for event in found] == [False, True, False, False]
    assert all(event.stamped == event.modified for event in found)


def test_a_hold_that_ran_out_is_cancelled_at_that_moment_whether_or_not_a_worker_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainee = factories.trainee()
    held = factories.reservation(cohort=spring(), trainee=trainee)
    assert held.held_until is not None
    path = subscribe(trainee, FeedKind.TRAINEE)
    before = fetch(path)["ETag"]
    at(monkeypatch, held.held_until - timedelta(seconds=1))
    assert fetch(path, If_None_Match=before).status_code == 304
    at(monkeypatch, held.held_until)
    assert fetch(path)["ETag"] != before
    unnoticed = [said(event) for event in events(path)]
    assert unnoticed == [("CANCELLED", "TRANSPARENT", 1)] * 4
    do_due(held.held_until + timedelta(minutes=1))
    held.refresh_from_db()
    assert held.state == "expired"
    assert [said(event) for event in events(path)] == unnoticed


@pytest.mark.parametrize("is_noticed", [True, False])
def test_late_money_for_a_hold_that_ran_out_gives_another_number_than_its_end(
    monkeypatch: pytest.MonkeyPatch, is_noticed: bool
) -> None:
    held = factories.reservation(cohort=spring(), trainee=factories.trainee())
    path, after = subscribe(held.trainee, FeedKind.TRAINEE), NOW + timedelta(hours=3)
    at(monkeypatch, after)
    if is_noticed:
        releasing.expire(held, now=after)
    assert [said(event) for event in events(path)] == [("CANCELLED", "TRANSPARENT", 1)] * 4
    registrar = factories.person(Role.REGISTRAR)
    paying.record_transfer(held, Purpose.DEPOSIT, reference="LATE", by=registrar, now=after)
    days = [said(event) for event in events(path) if ", day " in event.title]
    assert days == [("CONFIRMED", "OPAQUE", 2)] * 4


def test_the_line_then_the_offer_then_the_seat_are_each_told_once() -> None:
    cohort = spring(capacity=1)
    seated = confirmed(factories.trainee(), cohort)
    trainee = factories.trainee()
    path = subscribe(trainee, FeedKind.TRAINEE)
    entry, _ = waiting.join(cohort, trainee, now=NOW)
    found = events(path)
    assert [event.title for event in found] == [f"In line: Module IV, spring 2027, day {n} of 4" for n in (1, 2, 3, 4)]
    assert {said(event) for event in found} == {("TENTATIVE", "TRANSPARENT", 0)}
    assert all(f"-{entry.public_id}@" in event.uid for event in found)
    assert found[0].url == f"https://booking.example.org/line/{entry.public_id}/"

    cancelling.cancel(seated, now=NOW + DAY, by=seated.trainee)
    offer = Reservation.objects.get(trainee=trainee)
    found = events(path)
    assert [event.status for event in found] == ["TENTATIVE"] * 4
    assert all(f"-{offer.public_id}@" in event.uid for event in found)
    assert all(event.title.startswith("On hold: ") for event in found)

    accepted = offers.accept(offer, now=NOW + DAY, by=trainee)
    paying.begin(accepted, Purpose.FULL, "sandbox", by=trainee, now=NOW + DAY)
    found = events(path)
    assert [event.status for event in found] == ["CONFIRMED"] * 4
    assert all(f"-{offer.public_id}@" in event.uid for event in found)


def test_an_offer_that_was_declined_is_cancelled_once() -> None:
    cohort = spring(capacity=1)
    seated = confirmed(factories.trainee(), cohort)
    trainee = factories.trainee()
    path = subscribe(trainee, FeedKind.TRAINEE)
    waiting.join(cohort, trainee, now=NOW)
    cancelling.cancel(seated, now=NOW, by=seated.trainee)
    offers.decline(Reservation.objects.get(trainee=trainee), now=NOW, by=trainee)
    assert told(path) == [f"Cancelled: Module IV, spring 2027, day {n} of 4" for n in (1, 2, 3, 4)]


def test_who_leaves_the_line_sees_it_go() -> None:
    cohort = spring(capacity=1)
    confirmed(factories.trainee(), cohort)
    trainee = factories.trainee()
    entry, _ = waiting.join(cohort, trainee, now=NOW)
    path = subscribe(trainee, FeedKind.TRAINEE)
    waiting.leave(entry, now=NOW, by=trainee)
    assert {said(event) for event in events(path)} == {("CANCELLED", "TRANSPARENT", 1)}


def test_what_was_cancelled_stays_for_thirty_days(monkeypatch: pytest.MonkeyPatch) -> None:
    trainee = factories.trainee()
    seat = confirmed(trainee, spring())
    path = subscribe(trainee, FeedKind.TRAINEE)
    before = {event.uid for event in events(path)}
    cancelling.cancel(seat, now=NOW, by=trainee)
    found = events(path)
    assert {event.uid for event in found} == before
    assert {said(event) for event in found} == {("CANCELLED", "TRANSPARENT", seat.sequence + 1)}
    at(monkeypatch, NOW + 30 * DAY)
    assert len(events(path)) == 4
    at(monkeypatch, NOW + 31 * DAY)
    assert events(path) == []


def test_who_comes_back_is_not_told_of_the_first_time() -> None:
    trainee, cohort = factories.trainee(), spring()
    first = confirmed(trainee, cohort)
    cancelling.cancel(first, now=NOW, by=trainee)
    second = confirmed(trainee, cohort)
    path = subscribe(trainee, FeedKind.TRAINEE)
    assert len(events(path)) == 4
    assert all(f"-{second.public_id}@" in event.uid for event in events(path))


def test_moving_cancels_the_old_days_and_brings_the_new() -> None:
    trainee, cohort = factories.trainee(), spring()
    other = factories.cohort(title="Module IV, summer 2027", starts_on=date(2027, 7, 6))
    seat = confirmed(trainee, cohort)
    path = subscribe(trainee, FeedKind.TRAINEE)
    moving.move(seat, other, now=NOW, by=trainee)
    titles = told(path)
    assert titles[:4] == [f"Cancelled: Module IV, spring 2027, day {n} of 4" for n in (1, 2, 3, 4)]
    assert titles[4:] == [f"Module IV, summer 2027, day {n} of 4" for n in (1, 2, 3, 4)]


def test_a_cohort_that_the_school_cancels_is_cancelled_for_everyone_in_it() -> None:
    instructor = factories.person(Role.INSTRUCTOR)
    cohort = spring(instructors=(instructor,), capacity=2)
    here, waits = factories.trainee(), factories.trainee()
    for person in (here, factories.trainee()):
        confirmed(person, cohort)
    waiting.join(cohort, waits, now=NOW)
    paths = [
        subscribe(here, FeedKind.TRAINEE),
        subscribe(waits, FeedKind.TRAINEE),
        subscribe(instructor, FeedKind.INSTRUCTOR),
    ]
    before = [{event.uid: event.sequence for event in events(path)} for path in paths]
    calling_off.call_off(cohort, by=factories.person(Role.REGISTRAR), now=NOW + DAY, why="The stage burned down.")
    for path, known in zip(paths, before, strict=True):
        found = {event.uid: event for event in events(path)}
        assert found.keys() == known.keys()
        for uid, event in found.items():
            assert event.status == "CANCELLED"
            assert event.title.startswith("Cancelled: Module IV, spring 2027, day ")
            assert event.sequence > known[uid]
        assert b"burned" not in fetch(path).content


def test_the_window_is_ninety_days_back_and_eighteen_months_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    trainee = factories.trainee()
    confirmed(trainee, spring())
    path = subscribe(trainee, FeedKind.TRAINEE)
    last = datetime(2027, 5, 14, 9, 30, tzinfo=LOS_ANGELES)
    for days, left in ((90, 1), (91, 0)):
        at(monkeypatch, last + days * DAY)
        assert len(told(path)) == left


# -- what is due -------------------------------------------------------------------------------------------------------
def test_the_balance_is_an_entry_of_its_day_until_it_is_paid() -> None:
    trainee = factories.trainee()
    seat = reserved(trainee, spring())
    path = subscribe(trainee, FeedKind.TRAINEE)
    [due] = [event for event in events(path) if "due" in event.title]
    charge = Charge.objects.get(reservation=seat, kind=ChargeKind.BALANCE)
    assert due.title == "Balance due: Module IV, spring 2027"
    assert due.uid == f"due-{charge.pk}@calendar.example.org"
    assert (due.start, due.end) == (seat.balance_due_on, seat.balance_due_on + DAY)
    assert said(due) == ("CONFIRMED", "TRANSPARENT", 0)
    owing.due_later(Reservation.objects.get(pk=seat.pk), seat.balance_due_on + 7 * DAY, NOW + DAY)
    [due] = [event for event in events(path) if "due" in event.title]
    assert due.start == seat.balance_due_on + 7 * DAY
    assert (due.uid, due.sequence) == (f"due-{charge.pk}@calendar.example.org", 1)
    paying.begin(seat, Purpose.BALANCE, "sandbox", by=trainee, now=NOW)
    assert len(told(path)) == 4


def test_each_monthly_part_is_an_entry_and_what_was_paid_is_none() -> None:
    trainee = factories.trainee()
    held = factories.reservation(cohort=spring(), trainee=trainee)
    paying.begin(held, Purpose.DEPOSIT, "sandbox", by=trainee, now=NOW)
    choosing.choose(held, 3, digest=digest_of(held, 3), now=NOW)
    plans.card_saved(lifecycle.lock(held), Card("pm_1", "cus_1", "Visa ending in 4242, until 12/2030"), now=NOW)
    path = subscribe(trainee, FeedKind.TRAINEE)
    due = [event for event in events(path) if " due" in event.title]
    assert [(event.title, event.start) for event in due] == [
        (f"Monthly part {number} due: Module IV, spring 2027", on)
        for number, on in enumerate((date(2027, 2, 11), date(2027, 3, 11), date(2027, 4, 11)), start=1)
    ]


def test_what_covers_the_first_part_leaves_the_others() -> None:
    """Payments cover charges in the order of their due dates, to the cent."""
    trainee = factories.trainee()
    seat = reserved(trainee, spring())
    path = subscribe(trainee, FeedKind.TRAINEE)
    Charge.objects.filter(reservation=seat, kind=ChargeKind.DEPOSIT).update(amount_cents=seat.deposit_cents - 1)
    assert len([title for title in told(path) if "due" in title]) == 1
    balance = Charge.objects.filter(reservation=seat, kind=ChargeKind.BALANCE)
    balance.update(amount_cents=1)  # what is here is now the deposit and this one cent
    assert [title for title in told(path) if "due" in title] == []
    balance.update(amount_cents=2)
    assert [title for title in told(path) if "due" in title] == ["Balance due: Module IV, spring 2027"]


def test_a_promise_is_an_entry_of_its_day_until_it_is_kept() -> None:
    trainee = factories.trainee(lacking="module-iii")
    seat = confirmed(trainee, spring(terms_changed={"provisional_days": 70}))
    path = subscribe(trainee, FeedKind.TRAINEE)
    [promise] = [event for event in events(path) if "promised" in event.title]
    assert promise.title == "Prerequisites promised by today: Module IV, spring 2027"
    assert promise.uid == f"promise-{seat.public_id}@calendar.example.org"
    assert promise.start == seat.provisional_until
    assert promise.shown_as == "TRANSPARENT"
    lifecycle.promise_kept(Reservation.objects.get(pk=seat.pk), rules="", now=NOW)
    assert len(told(path)) == 4


def test_who_does_not_want_dates_by_which_something_is_due_has_none() -> None:
    trainee = factories.trainee(lacking="module-iii")
    reserved(trainee, spring(terms_changed={"provisional_days": 70}))
    path = subscribe(trainee, FeedKind.TRAINEE)
    tag = fetch(path)["ETag"]
    assert len(told(path)) == 6
    tokens.set_due_dates(trainee, FeedKind.TRAINEE, shown=False)
    assert len(told(path)) == 4
    assert fetch(path)["ETag"] != tag


def test_a_hold_owes_nothing_yet() -> None:
    trainee = factories.trainee()
    factories.reservation(cohort=spring(), trainee=trainee)
    assert len(told(subscribe(trainee, FeedKind.TRAINEE))) == 4


# -- instructors and mentors -------------------------------------------------------------------------------------------
def test_an_instructor_sees_the_days_they_teach_and_where_the_roster_is() -> None:
    instructor, colleague = factories.person(Role.INSTRUCTOR), factories.person(Role.INSTRUCTOR)
    cohort = spring(instructors=(instructor,))
    factories.cohort(instructors=(colleague,))
    factories.cohort(instructors=(instructor,), status=CohortStatus.DRAFT)
    confirmed(factories.trainee(), cohort)
    found = events(subscribe(instructor, FeedKind.INSTRUCTOR))
    assert [event.title for event in found] == [f"Module IV, spring 2027, day {n} of 4" for n in (1, 2, 3, 4)]
    assert [event.uid for event in found] == [
        f"{session.uid}-teaching@calendar.example.org" for session in cohort.sessions.order_by("day")
    ]
    assert {said(event) for event in found} == {("CONFIRMED", "OPAQUE", 0)}
    roster = "https://booking.example.org/teaching/2027-spring/"
    assert {event.url for event in found} == {roster}
    assert Client().get("/teaching/2027-spring/").status_code == 302  # to sign in


def test_who_teaches_no_more_has_the_days_no_more() -> None:
    instructor = factories.person(Role.INSTRUCTOR)
    cohort = spring(instructors=(instructor,))
    path = subscribe(instructor, FeedKind.INSTRUCTOR)
    tag = fetch(path)["ETag"]
    Teaching.objects.filter(cohort=cohort).delete()
    assert fetch(path, If_None_Match=tag).status_code == 200
    assert told(path) == []


def mentoring() -> tuple[User, User, Mentorship]:
    mentor, trainee = factories.person(Role.MENTOR, name="Mara Mentor"), factories.trainee(name="Tova Trainee")
    begun = mentorships.begin(mentor, trainee, by=factories.person(Role.REGISTRAR), now=NOW)
    return mentor, trainee, begun


def test_a_meeting_stands_in_both_calendars_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    mentor, trainee, mentorship = mentoring()
    when = NOW + 7 * DAY
    meeting = meetings.plan(mentorship, Agreed(when, 50, "https://video.example.org/room"), by=mentor, now=NOW)
    paths = {
        "Mentoring meeting": subscribe(mentor, FeedKind.MENTOR),
        "Meeting with your mentor": subscribe(trainee, FeedKind.TRAINEE),
    }
    for title, path in paths.items():
        [event] = events(path)
        assert event.title == title
        assert event.uid == f"meeting-{meeting.public_id}@calendar.example.org"
        assert (event.start, event.end) == (when, when + timedelta(minutes=50))
        assert event.location == "https://video.example.org/room"
        assert said(event) == ("CONFIRMED", "OPAQUE", 0)
        assert event.url == f"https://booking.example.org/mentoring/meetings/{meeting.public_id}/"
        for name in (b"Mara", b"Tova"):
            assert name not in fetch(path).content
    meetings.cancel(meeting, seen=0, by=trainee, now=NOW + DAY)
    for title, path in paths.items():
        assert told(path) == [f"Cancelled: {title}"]
        assert said(events(path)[0]) == ("CANCELLED", "TRANSPARENT", 1)
    at(monkeypatch, NOW + 32 * DAY)
    assert [told(path) for path in paths.values()] == [[], []]


def test_a_mentor_sees_nobody_elses_meetings() -> None:
    mentor, _, mentorship = mentoring()
    other = factories.person(Role.MENTOR)
    meetings.plan(mentorship, Agreed(NOW + 7 * DAY, 50), by=mentor, now=NOW)
    assert told(subscribe(other, FeedKind.MENTOR)) == []


# -- the registrar's year ----------------------------------------------------------------------------------------------
def test_the_registrar_sees_the_whole_year_and_drafts_are_tentative() -> None:
    draft = factories.cohort(
        code="2027-fall",
        title="Module IV, fall 2027",
        starts_on=date(2027, 10, 5),
        status=CohortStatus.DRAFT,
        bookings_open_at=NOW + 30 * DAY,
    )
    path = subscribe(factories.person(Role.REGISTRAR), FeedKind.REGISTRAR)
    found = {event.title: event for event in events(path)}
    assert list(found) == [
        "Draft: Bookings open: Module IV, fall 2027",
        "Draft: Bookings close: Module IV, fall 2027",
        *(f"Draft: Module IV, fall 2027, day {n} of 4" for n in (1, 2, 3, 4)),
    ]
    assert {said(event) for event in found.values()} == {("TENTATIVE", "TRANSPARENT", 0)}
    assert {event.url for event in found.values()} == {"https://booking.example.org/desk/cohorts/2027-fall/"}
    before = {event.uid for event in found.values()}
    Cohort.objects.filter(pk=draft.pk).update(status=CohortStatus.PUBLISHED)
    after = events(path)
    assert {event.uid for event in after} == before
    assert {said(event) for event in after} == {("CONFIRMED", "TRANSPARENT", 1)}


def test_bookings_that_close_later_are_noticed() -> None:
    registrar, cohort = factories.person(Role.REGISTRAR), spring(instructors=(factories.person(Role.INSTRUCTOR),))
    path = subscribe(registrar, FeedKind.REGISTRAR)

    def closing() -> Seen:
        return next(event for event in events(path) if "close" in event.title)

    before, plan = closing(), planning.plan_of(cohort)
    plan = replace(plan, bookings_close_at=plan.bookings_close_at - DAY)
    planning.change_cohort(cohort, plan, by=registrar, now=NOW + DAY)
    assert before.start - closing().start == DAY
    assert closing().sequence == before.sequence + 1
    assert closing().uid == before.uid


def test_days_on_which_something_ends_are_told_once_without_names_or_numbers() -> None:
    cohort = spring(terms_changed={"provisional_days": 70})
    path = subscribe(factories.person(Role.REGISTRAR), FeedKind.REGISTRAR)
    people = [factories.trainee(name=f"Zzyzx {n}", lacking="module-iii") for n in range(3)]
    seats = [reserved(person, cohort) for person in people]
    days = [event for event in events(path) if not isinstance(event.start, datetime)]
    assert [(event.title, event.start) for event in days] == [
        ("Promised prerequisites to review: Module IV, spring 2027", seats[0].provisional_until),
        ("Balances due: Module IV, spring 2027", seats[0].balance_due_on),
    ]
    assert {said(event) for event in days} == {("CONFIRMED", "TRANSPARENT", 0)}
    assert b"Zzyzx" not in fetch(path).content
    calling_off.call_off(cohort, by=factories.person(Role.REGISTRAR), now=NOW + DAY, why="No stage.")
    days = [event for event in events(path) if not isinstance(event.start, datetime)]
    assert [event.title for event in days] == ["Choices end: Module IV, spring 2027"]


def test_another_persons_payment_that_leaves_the_day_changes_nothing() -> None:
    cohort = spring()
    path = subscribe(factories.person(Role.REGISTRAR), FeedKind.REGISTRAR)
    one, other = (reserved(factories.trainee(), cohort) for _ in range(2))
    tag = fetch(path)["ETag"]
    paying.begin(one, Purpose.BALANCE, "sandbox", by=one.trainee, now=NOW)
    assert fetch(path, If_None_Match=tag).status_code == 304
    paying.begin(other, Purpose.BALANCE, "sandbox", by=other.trainee, now=NOW)
    assert fetch(path, If_None_Match=tag).status_code == 200


# -- who may fetch -----------------------------------------------------------------------------------------------------
ROLES = {kind: Role(kind) for kind in FeedKind}


def owner_of(kind: FeedKind) -> User:
    return factories.trainee() if kind == FeedKind.TRAINEE else factories.person(ROLES[kind])


@pytest.mark.parametrize("kind", FeedKind)
def test_headers_suit_a_private_calendar(kind: FeedKind) -> None:
    response = fetch(subscribe(owner_of(kind), kind))
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert response["Content-Disposition"] == f'inline; filename="{kind}.ics"'
    assert response["Cache-Control"] == "private, no-cache"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Robots-Tag"] == "noindex"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Vary"] == "Accept-Encoding"
    assert not response.cookies


@pytest.mark.parametrize("kind", FeedKind)
def test_a_calendar_that_is_up_to_date_costs_one_statement(kind: FeedKind) -> None:
    user = owner_of(kind)
    if kind == FeedKind.TRAINEE:
        reserved(user, spring())
    path = subscribe(user, kind)
    tag, compressed = fetch(path)["ETag"], fetch(path, Accept_Encoding="gzip")
    assert gzip.decompress(compressed.content) == fetch(path).content
    assert compressed["ETag"] != tag
    for known, encoding in ((tag, ""), (f'"x", W/{tag}', ""), ("*", ""), (compressed["ETag"], "gzip")):
        with CaptureQueriesContext(connection) as asked:
            again = fetch(path, If_None_Match=known, Accept_Encoding=encoding)
        assert (again.status_code, again.content, len(asked)) == (304, b"", 1)
        assert again["Cache-Control"] == "private, no-cache"
    assert fetch(path, If_None_Match=compressed["ETag"]).status_code == 200


@pytest.mark.parametrize("kind", FeedKind)
def test_a_calendar_costs_no_more_statements_for_more_entries(kind: FeedKind) -> None:
    user = owner_of(kind)
    path, counts = subscribe(user, kind), []
    for number in range(3):
        cohort = factories.cohort(starts_on=date(2027, 5 + number, 1), instructors=(factories.person(Role.INSTRUCTOR),))
        Teaching.objects.create(cohort=cohort, instructor=user)
        factories.reservation(cohort=cohort, trainee=factories.trainee())
        if kind == FeedKind.TRAINEE:
            Reservation.objects.filter(cohort=cohort).update(trainee=user, is_only_one=False)
        fetch(path)
        with CaptureQueriesContext(connection) as asked:
            fetch(path)
        counts.append(len(asked))
    assert len(set(counts)) == 1
    assert counts[0] <= 4


def _unknown(_user: User, path: str, _kind: FeedKind) -> str:
    return path.rpartition("/")[0] + "/" + "x" * 43 + ".ics"


def _other_kind(_user: User, path: str, kind: FeedKind) -> str:
    other = next(each for each in FeedKind if each != kind)
    return path.replace(f"/{kind}/", f"/{other}/")


def _no_kind(_user: User, path: str, kind: FeedKind) -> str:
    return path.replace(f"/{kind}/", "/bookkeeper/")


def _revoked(user: User, path: str, kind: FeedKind) -> str:
    tokens.revoke(user, kind, by=user, now=NOW)
    return path


def _rotated(user: User, path: str, kind: FeedKind) -> str:
    tokens.make(user, kind, now=NOW)
    return path


def _without_the_role(user: User, path: str, kind: FeedKind) -> str:
    roles.withdraw(user, ROLES[kind], by=None, now=NOW)
    return path


def _deactivated(user: User, path: str, _kind: FeedKind) -> str:
    User.objects.filter(pk=user.pk).update(is_active=False)
    return path


WAYS_TO_NOTHING: dict[str, Callable[[User, str, FeedKind], str]] = {
    "unknown secret": _unknown,
    "another kind": _other_kind,
    "no kind": _no_kind,
    "revoked": _revoked,
    "rotated": _rotated,
    "role withdrawn": _without_the_role,
    "deactivated": _deactivated,
}


@pytest.mark.parametrize("kind", FeedKind)
@pytest.mark.parametrize("way", WAYS_TO_NOTHING.values(), ids=WAYS_TO_NOTHING)
def test_whoever_may_not_have_it_finds_what_everyone_finds_at_an_unknown_address(
    way: Callable[[User, str, FeedKind], str], kind: FeedKind
) -> None:
    nothing = fetch(f"/calendar/{kind}/never-was.ics")
    user = owner_of(kind)
    path = subscribe(user, kind)
    tag = fetch(path)["ETag"]
    gone = way(user, path, kind)
    for answer in (fetch(gone), fetch(gone, If_None_Match=tag), fetch(gone, If_None_Match="*")):
        assert_same_nothing(answer, nothing)


def assert_same_nothing(answer: HttpResponse, nothing: HttpResponse) -> None:
    assert answer.status_code == nothing.status_code == 404
    assert answer.content == nothing.content
    assert dict(answer.headers) == dict(nothing.headers)
    assert not answer.cookies
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"


def test_an_erased_account_has_no_calendar() -> None:
    trainee = factories.trainee()
    path = subscribe(trainee, FeedKind.TRAINEE)
    erasing.erase(trainee, by=factories.person(Role.REGISTRAR), now=NOW)
    assert_same_nothing(fetch(path), fetch("/calendar/trainee/never-was.ics"))


@pytest.mark.parametrize("closed", [{"erased_at": NOW}, {"merged_into": True}], ids=["erased", "merged"])
def test_a_closed_account_has_none_even_where_its_row_was_left(closed: dict[str, object]) -> None:
    trainee = factories.trainee()
    path = subscribe(trainee, FeedKind.TRAINEE)
    if "merged_into" in closed:
        closed = {"merged_into": factories.trainee()}
    User.objects.filter(pk=trainee.pk).update(**closed)
    assert FeedToken.objects.filter(user=trainee).exists()
    assert_same_nothing(fetch(path), fetch("/calendar/trainee/never-was.ics"))


def test_nobodys_cookies_are_read_or_set(settings: Settings) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    registrar = factories.person(Role.REGISTRAR)
    path = subscribe(registrar, FeedKind.REGISTRAR)
    signed_in, malformed = Client(), Client()
    signed_in.force_login(registrar)
    malformed.cookies["sessionid"] = "abc"
    fetch(path)
    for client in (signed_in, malformed):
        for address, status in ((path, 200), ("/calendar/registrar/never-was.ics", 404)):
            with CaptureQueriesContext(connection) as asked:
                response = client.get(address)
            assert response.status_code == status
            assert not response.cookies
            assert "Cookie" not in response.get("Vary", "")
            assert not [query for query in asked if "session_key" in query["sql"]]


def test_a_calendar_is_only_read() -> None:
    path = subscribe(factories.trainee(), FeedKind.TRAINEE)
    for method in (Client().post, Client().put, Client().delete, Client().patch):
        assert method(path).status_code == 405
    get, head = Client().get(path), Client().head(path)
    assert head.status_code == 200
    assert (head.content, dict(head.headers)) == (b"", dict(get.headers))


def test_a_fetch_is_noted_with_the_kind_of_program_and_changes_nothing_of_the_calendar() -> None:
    trainee = factories.trainee()
    path = subscribe(trainee, FeedKind.TRAINEE)
    tag = fetch(path, User_Agent="Google-Calendar-Importer")["ETag"]
    token = FeedToken.objects.get(user=trainee)
    assert (token.last_fetched_at, token.last_client) == (NOW, Program.GOOGLE)
    FeedToken.objects.update(last_fetched_at=NOW - 3 * DAY)
    assert fetch(path, User_Agent="iOS/17.5 (21F79) dataaccessd/1.0", If_None_Match=tag).status_code == 304
    token.refresh_from_db()
    assert (token.last_fetched_at, token.last_client) == (NOW, Program.APPLE)


# -- how often ---------------------------------------------------------------------------------------------------------
def test_one_calendar_may_be_fetched_once_a_second_and_another_is_not_held_up_by_it() -> None:
    """A calendar service fetches for a hundred people from one address: each calendar has its own measure."""
    paths = [subscribe(factories.trainee(), FeedKind.TRAINEE) for _ in range(2)]
    tag = fetch(paths[0])["ETag"]
    for _ in range(views.FETCHES_A_MINUTE - 1):
        assert fetch(paths[0], If_None_Match=tag).status_code == 304
    refused = fetch(paths[0], If_None_Match=tag)
    assert refused.status_code == 429
    assert refused["Retry-After"] == "1"
    assert refused["Cache-Control"] == "no-store"
    assert fetch(paths[1]).status_code == 200


def test_a_hundred_people_are_fetched_for_from_one_address() -> None:
    paths = [subscribe(factories.trainee(), FeedKind.TRAINEE) for _ in range(100)]
    assert {fetch(path).status_code for path in paths} == {200}


def test_guesses_are_not_remembered() -> None:
    for number in range(200):
        assert fetch(f"/calendar/trainee/guess-{number}.ics").status_code == 404
    assert views._limiter._used_up == {}
