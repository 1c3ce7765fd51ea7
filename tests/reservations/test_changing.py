"""What the school changes reaches everyone who has it in a calendar, everywhere at once, and nobody else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email import policy
from email.parser import BytesParser

import pytest
from django.core import mail
from django.test import Client

from booking.calendars import tokens
from booking.calendars.models import FeedKind
from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import calling_off, cancelling, changing, waiting
from booking.reservations.changing import ShowFirst
from booking.reservations.models import Reservation, State
from booking.reservations.story import chapters_of
from tests import factories
from tests.asking import StoppedClock
from tests.calendars.events import Said, said_in
from tests.factories import NOW
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, CohortStatus, Teaching
from workshops.cohorts.planning import Refused
from workshops.history.models import HistoryLine
from workshops.history.record import history_of
from workshops.history.words import sentence
from workshops.messages.models import Message
from workshops.messages.outbox import send_due, words_of
from workshops.people.models import Role, User
from workshops.programme.changing import change_school, confirm_conduct, confirm_terms
from workshops.programme.models import conduct_text
from workshops.programme.terms import Terms

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=20)
WHY = "The studio has moved."
NEW = {"address": "7 New Street"}
BEFORE, AFTER = "Stage 9, 100 Example Street, Los Angeles", "Stage 9, 7 New Street, Los Angeles"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


class World:
    """A cohort with everyone in it, and beside it another one elsewhere with people of its own."""

    def __init__(self) -> None:
        self.robin = factories.person(Role.REGISTRAR, name="Robin")
        self.amara, self.lena = (factories.person(Role.INSTRUCTOR, name=name) for name in ("Amara", "Lena"))
        self.venue = factories.venue(name="Stage 9")
        self.cohort = factories.cohort(
            title="Spring 2027", venue=self.venue, capacity=3, instructors=(self.amara,), starts_on=None
        )
        self.other = factories.cohort(title="Autumn 2027", instructors=(factories.person(Role.INSTRUCTOR),))
        paid_elsewhere = factories.reservation(cohort=self.other)
        paying.begin(paid_elsewhere, Purpose.DEPOSIT, "sandbox", by=paid_elsewhere.trainee, now=NOW)
        self.ines = factories.reservation(cohort=self.cohort, trainee=factories.trainee(name="Ines"))
        paying.begin(self.ines, Purpose.DEPOSIT, "sandbox", by=self.ines.trainee, now=NOW)
        self.kai = factories.reservation(cohort=self.cohort, trainee=factories.trainee(name="Kai"))
        leaves = factories.reservation(cohort=self.cohort, trainee=factories.trainee(name="Mo"))
        self.offered, self.waits = (
            waiting.join(self.cohort, factories.trainee(name=name), now=NOW)[0] for name in ("Noor", "Pia")
        )
        cancelling.cancel(leaves, now=NOW, by=leaves.trainee)
        self.offer = Reservation.objects.get(state=State.OFFERED)
        self.addresses = {
            name: tokens.make(person, kind, now=NOW)[1]
            for name, person, kind in (
                ("Ines", self.ines.trainee, FeedKind.TRAINEE),
                ("Kai", self.kai.trainee, FeedKind.TRAINEE),
                ("Noor", self.offer.trainee, FeedKind.TRAINEE),
                ("Pia", self.waits.trainee, FeedKind.TRAINEE),
                ("Amara", self.amara, FeedKind.INSTRUCTOR),
                ("Lena", self.lena, FeedKind.INSTRUCTOR),
                ("Robin", self.robin, FeedKind.REGISTRAR),
            )
        } | {"everyone": "/calendar/cohorts.ics", "whoever asks": f"/calendar/cohorts/{self.cohort.code}.ics"}
        send_due(now=NOW, limit=100)
        mail.outbox.clear()
        Message.objects.exclude(kind="reservation-reserved").delete()

    def days_in(self, whose: str) -> dict[str, Said]:
        """The days of this cohort in one calendar, by UID."""
        answer = Client().get(self.addresses[whose])
        assert answer.status_code == 200, whose
        uids = set(self.cohort.sessions.values_list("uid", flat=True))
        return {event.uid: event for event in said_in(answer.content) if any(event.uid.startswith(uid) for uid in uids)}

    def told(self) -> dict[str, str]:
        """Who got which message since."""
        found = Message.objects.exclude(kind__startswith="reservation-").select_related("to")
        return {str(message.to): message.kind for message in found}


@pytest.fixture
def world() -> World:
    return World()


HAVE_THESE_DAYS = ("Ines", "Kai", "Noor", "Pia", "Amara", "Robin", "everyone", "whoever asks")


def invitation(message: Message) -> Said:
    """The event that goes with a message, as a mail program finds it in what is sent."""
    mail.outbox.clear()
    send_due(now=LATER, limit=100)
    (sent,) = [each for each in mail.outbox if message.to and message.to.email in each.to[0]]
    whole = BytesParser(policy=policy.default).parsebytes(sent.message().as_bytes())
    (part,) = [each for each in whole.walk() if each.get_content_type() == "text/calendar"]
    assert part.get_param("method") == "REQUEST"
    return said_in(part.get_content())[0]


# -- everything together -----------------------------------------------------------------------------------------------
def moves(world: World) -> None:
    plan = planning.plan_of(world.cohort)
    days = tuple(
        replace(day, starts_at=day.starts_at + timedelta(days=7), ends_at=day.ends_at + timedelta(days=7))
        for day in plan.days
    )
    later = replace(plan, days=days)
    calling_off.reschedule(world.cohort, later, by=world.robin, now=LATER, reason=WHY)


def goes_elsewhere(world: World) -> None:
    plan = replace(planning.plan_of(world.cohort), venue=factories.venue(name="Stage Z"))
    calling_off.reschedule(world.cohort, plan, by=world.robin, now=LATER, reason=WHY)


def is_renamed(world: World) -> None:
    plan = replace(planning.plan_of(world.cohort), title="Late spring 2027")
    calling_off.reschedule(world.cohort, plan, by=world.robin, now=LATER, reason=WHY)


def has_another_address(world: World) -> None:
    changing.change_venue(world.venue, NEW, by=world.robin, now=LATER, why=WHY, is_shown=True)


@pytest.mark.parametrize(
    ("change", "says", "kinds"),
    [
        (moves, "", ("cohort-moved", "line-moved", "teaching-moved")),
        (goes_elsewhere, "Stage Z", ("cohort-moved", "line-moved", "teaching-moved")),
        (is_renamed, "Late spring 2027", ("cohort-renamed",) * 3),
        (has_another_address, "7 New Street", ("venue-changed",) * 3),
    ],
)
def test_after_each_change_every_calendar_message_and_history_says_the_same(
    world: World, clock: StoppedClock, change: Callable[[World], None], says: str, kinds: tuple[str, str, str]
) -> None:
    before = {whose: world.days_in(whose) for whose in HAVE_THESE_DAYS}
    first = Message.objects.get(kind="reservation-reserved", to=world.ines.trainee).calendar
    others = list(world.other.sessions.values_list("sequence", flat=True))
    clock.move(minutes=20)
    change(world)
    starts_at = world.cohort.sessions.get(day=1).starts_at
    for whose in HAVE_THESE_DAYS:
        after = world.days_in(whose)
        assert after.keys() == before[whose].keys(), "an event keeps its UID"
        assert len(after) == 4
        for uid, event in after.items():
            assert says in f"{event.title} {event.place}", whose
            assert event.sequence > before[whose][uid].sequence, whose
        assert min(event.starts_at for event in after.values()) == starts_at
    trainee, line, teacher = kinds
    assert world.told() == {"Ines": trainee, "Kai": trainee, "Noor": trainee, "Pia": line, "Amara": teacher}
    for message in Message.objects.exclude(kind="reservation-reserved"):
        assert says in words_of(message).text
        assert WHY in words_of(message).text
        # An invitation is for a seat that is somebody's.
        assert bool(message.calendar) == (str(message.to) == "Ines")
    old = said_in(first)[0]
    new = invitation(Message.objects.get(kind=trainee, to=world.ines.trainee))
    assert (new.uid, new.sequence > old.sequence) == (old.uid, True)
    assert (new.starts_at, says in f"{new.title} {new.place}") == (starts_at, True)
    for claim in (world.ines, world.kai, world.offer):
        known = history_of("reservation", claim.public_id)
        written = known.get(what__in=("days-moved", "title-changed", "place-changed"))
        assert (written.by, written.why, says in str(written.facts["after"])) == (world.robin, WHY, True)
        assert written.facts["before"] != written.facts["after"]
        (chapter,) = [each.told for each in chapters_of(claim, claim.trainee) if each.told.what == sentence(written)]
        assert (chapter.by, chapter.why) == ("the school", WHY)
    assert WHY in history_of("cohort", world.cohort.public_id).values_list("why", flat=True)
    assert list(world.other.sessions.values_list("sequence", flat=True)) == others


def test_a_replaced_instructor_changes_two_calendars_and_nobody_elses(world: World) -> None:
    before = {whose: world.days_in(whose) for whose in HAVE_THESE_DAYS}
    assert (len(before["Amara"]), len(world.days_in("Lena"))) == (4, 0)
    changing.set_instructors(
        world.cohort, [world.lena], world.lena, by=world.robin, now=LATER, why="Amara is ill.", is_shown=True
    )
    assert (len(world.days_in("Amara")), len(world.days_in("Lena"))) == (0, 4)
    assert world.told() == {"Amara": "teaching-removed", "Lena": "teaching-added"}
    for whose in set(HAVE_THESE_DAYS) - {"Amara"}:
        assert world.days_in(whose) == before[whose]
    told = [(line.what, str(line.person), line.why) for line in history_of("cohort", world.cohort.public_id)]
    assert ("instructor-added", "Lena", "Amara is ill.") in told
    assert ("instructor-removed", "Amara", "Amara is ill.") in told


# -- a venue -----------------------------------------------------------------------------------------------------------
def test_nothing_of_a_venue_that_people_go_by_changes_before_it_was_shown(world: World) -> None:
    with pytest.raises(ShowFirst):
        changing.change_venue(world.venue, {**NEW, "transit": "Tram"}, by=world.robin, now=LATER)
    world.venue.refresh_from_db()
    assert (world.venue.address, world.venue.transit, world.told()) == ("100 Example Street", "", {})


@pytest.mark.parametrize("gone", ["draft", "cancelled", "over", "nobody"])
def test_a_venue_where_nobody_has_days_to_come_is_changed_at_once(world: World, gone: str) -> None:
    now = LATER
    if gone == "nobody":
        venue = factories.cohort().venue
    elif gone == "over":
        venue, now = world.venue, world.cohort.sessions.get(day=4).ends_at
    else:
        venue = factories.cohort(status=CohortStatus(gone), instructors=(world.amara,)).venue
    assert changing.change_venue(venue, NEW, by=world.robin, now=now) == []
    venue.refresh_from_db()
    assert (venue.address, world.told()) == ("7 New Street", {})


def test_on_its_last_day_people_still_hear_where_it_is(world: World) -> None:
    last = world.cohort.sessions.get(day=4)
    with pytest.raises(ShowFirst):
        changing.change_venue(world.venue, NEW, by=world.robin, now=last.starts_at)


def test_notes_about_a_venue_touch_nobody(world: World) -> None:
    days = world.days_in("Ines")
    assert changing.change_venue(world.venue, {"toilets": "On each floor."}, by=world.robin, now=LATER) == []
    assert (world.days_in("Ines"), world.told()) == (days, {})


def test_a_form_opened_before_another_change_does_not_take_that_back_in_silence(world: World) -> None:
    """Whoever saves notes with the address of an hour ago changes the address back: that is shown first as well."""
    changing.change_venue(world.venue, NEW, by=world.robin, now=LATER, why=WHY, is_shown=True)
    old = {"name": "Stage 9", "address": "100 Example Street", "city": "Los Angeles", "toilets": "On each floor."}
    with pytest.raises(ShowFirst):
        changing.change_venue(world.venue, old, by=world.robin, now=LATER)


def test_every_cohort_to_come_there_is_reached_and_each_is_told_once(world: World) -> None:
    later = world.cohort.starts_on + timedelta(days=60)
    second = factories.cohort(venue=world.venue, starts_on=later, instructors=(world.amara,))
    factories.reservation(cohort=second, trainee=factories.trainee(name="Sam"))
    Message.objects.all().delete()
    reached = changing.change_venue(world.venue, NEW, by=world.robin, now=LATER, why=WHY, is_shown=True)
    assert [(each.cohort, len(each.everyone)) for each in reached] == [(world.cohort, 5), (second, 2)]
    assert sorted(world.told()) == ["Amara", "Ines", "Kai", "Noor", "Pia", "Sam"]
    assert (changing.how_many(reached), Message.objects.count()) == (6, 7)  # Amara hears of both cohorts
    lines = HistoryLine.objects.filter(what="cohort-venue-changed")
    assert [sentence(line) for line in lines] == [f"The venue was {BEFORE} and is {AFTER} now"] * 2


def test_two_changes_are_told_twice(world: World) -> None:
    for address in ("7 New Street", "8 New Street"):
        changing.change_venue(world.venue, {"address": address}, by=world.robin, now=LATER, why=WHY, is_shown=True)
    told = Message.objects.filter(to=world.ines.trainee, kind="venue-changed").order_by("pk")
    assert [(message.context["venue"], message.context["before"]) for message in told] == [
        (AFTER, BEFORE),
        ("Stage 9, 8 New Street, Los Angeles", AFTER),
    ]
    assert len({message.calendar for message in told}) == 2


def test_where_the_place_has_moved_people_may_leave_at_no_cost(world: World) -> None:
    changing.change_venue(world.venue, NEW, by=world.robin, now=LATER, why=WHY, is_elsewhere=True, is_shown=True)
    for claim, free in ((world.ines, True), (world.kai, True), (world.offer, False)):
        claim.refresh_from_db()
        assert (claim.may_leave_until is not None) == free
        message = Message.objects.get(to=claim.trainee, kind="venue-changed")
        assert ("Free to leave until" in words_of(message).text) == free
        assert "takes place at another address" in words_of(message).text


def test_better_words_for_the_same_place_let_nobody_leave_at_no_cost(world: World) -> None:
    has_another_address(world)
    world.ines.refresh_from_db()
    assert world.ines.may_leave_until is None
    assert "Free to leave" not in words_of(Message.objects.get(to=world.ines.trainee, kind="venue-changed")).text


def test_a_registrar_with_a_seat_does_not_free_themselves_by_moving_the_place() -> None:
    both = factories.trainee(name="Both")
    both.role_grants.create(role=Role.REGISTRAR, granted_at=NOW)
    own = factories.reservation(trainee=both)
    paying.begin(own, Purpose.DEPOSIT, "sandbox", by=both, now=NOW)
    changing.change_venue(own.cohort.venue, NEW, by=both, now=LATER, why=WHY, is_elsewhere=True, is_shown=True)
    own.refresh_from_db()
    assert own.may_leave_until is None
    assert Message.objects.get(kind="venue-changed").calendar


def test_a_hold_that_ran_out_is_nobodys_and_hears_nothing(world: World) -> None:
    changing.change_venue(world.venue, NEW, by=world.robin, now=NOW + timedelta(hours=2), why=WHY, is_shown=True)
    assert "Kai" not in world.told()
    assert not history_of("reservation", world.kai.public_id).filter(what="place-changed").exists()


# -- a title -----------------------------------------------------------------------------------------------------------
def details(world: World, **changes: object) -> Cohort:
    plan = replace(planning.plan_of(world.cohort), **changes)  # type: ignore[arg-type]
    return changing.change_details(world.cohort, plan, by=world.robin, now=LATER)


def test_a_cohort_that_someone_only_waits_for_or_teaches_is_not_moved_in_silence(world: World) -> None:
    taught, awaited = factories.cohort(instructors=(world.amara,)), factories.cohort(capacity=1)
    taken = factories.reservation(cohort=awaited)
    waiting.join(awaited, factories.trainee(lacking="on-set-days"), now=NOW)
    cancelling.cancel(taken, now=NOW, by=taken.trainee)
    for cohort in (taught, awaited):
        plan = replace(planning.plan_of(cohort), venue=factories.venue())
        with pytest.raises(Refused) as refused:
            changing.change_details(cohort, plan, by=world.robin, now=LATER)
        assert [objection.code for objection in refused.value.objections] == ["people"]


def test_topics_and_bookings_are_changed_at_once(world: World) -> None:
    days = tuple(replace(day, topics=("Rider language",)) for day in planning.plan_of(world.cohort).days)
    before = world.days_in("Ines")
    details(world, days=days, bookings_close_at=world.cohort.bookings_close_at - timedelta(days=1))
    assert (world.days_in("Ines"), world.told()) == (before, {})


def test_once_it_is_over_another_title_is_for_the_record(world: World) -> None:
    after = world.cohort.sessions.get(day=4).ends_at
    plan = replace(planning.plan_of(world.cohort), title="Spring")
    assert changing.change_details(world.cohort, plan, by=world.robin, now=after).title == "Spring"
    assert world.told() == {}


def test_a_title_alone_lets_nobody_leave_at_no_cost_and_touches_no_money(world: World) -> None:
    due_on = world.ines.balance_due_on
    is_renamed(world)
    world.ines.refresh_from_db()
    assert (world.ines.may_leave_until, world.ines.balance_due_on) == (None, due_on)


def test_days_and_title_at_once_are_one_message_that_says_both(world: World) -> None:
    plan = planning.plan_of(world.cohort)
    both = replace(plan, title="Late spring 2027", venue=factories.venue(name="Stage Z"))
    calling_off.reschedule(world.cohort, both, by=world.robin, now=LATER, reason=WHY)
    assert world.told()["Ines"] == "cohort-moved"
    for message in Message.objects.exclude(kind="reservation-reserved"):
        assert "Was called: Spring 2027" in words_of(message).text
        assert "Late spring 2027" in words_of(message).subject


# -- who teaches -------------------------------------------------------------------------------------------------------
def choose(world: World, *people: User, lead: User | None = None, **given: object) -> changing.Teachers:
    asked = {"by": world.robin, "now": LATER, "is_shown": True, "why": WHY, **given}
    return changing.set_instructors(world.cohort, people, lead, **asked)  # type: ignore[arg-type]


def test_who_teaches_changes_only_once_it_was_shown(world: World) -> None:
    with pytest.raises(ShowFirst):
        choose(world, world.lena, is_shown=False)
    assert Teaching.objects.get(cohort=world.cohort).instructor == world.amara
    assert not history_of("cohort", world.cohort.public_id).filter(what="instructor-added").exists()


def test_what_cannot_be_is_refused_before_it_is_shown(world: World) -> None:
    with pytest.raises(Refused):
        choose(world, is_shown=False)


def test_whoever_leads_or_does_not_any_more_is_told(world: World) -> None:
    choose(world, world.amara, world.lena, lead=world.lena)
    assert world.told() == {"Lena": "teaching-added", "Amara": "teaching-lead"}
    assert "as its lead instructor" in words_of(Message.objects.get(kind="teaching-added")).text
    assert words_of(Message.objects.get(kind="teaching-lead")).subject.startswith("You do not lead")
    choose(world, world.amara, world.lena, lead=world.amara)
    told = Message.objects.filter(kind="teaching-lead").order_by("pk")
    assert [(str(message.to), message.context["leads"]) for message in told] == [
        ("Amara", ""),
        ("Amara", "yes"),
        ("Lena", ""),
    ]


def test_whoever_does_it_is_not_told_of_it(world: World) -> None:
    world.robin.role_grants.create(role=Role.INSTRUCTOR, granted_at=NOW)
    touched = choose(world, world.amara, world.robin, lead=world.amara, is_shown=False)
    assert (touched.comes, touched.told, world.told()) == ([world.robin], [], {})


def test_coming_going_and_coming_again_is_told_each_time(world: World) -> None:
    for people in ((world.amara, world.lena), (world.amara,), (world.amara, world.lena)):
        choose(world, *people, lead=world.amara)
    told = Message.objects.filter(to=world.lena).order_by("pk").values_list("kind", flat=True)
    assert list(told) == ["teaching-added", "teaching-removed", "teaching-added"]


def test_a_drafts_instructors_hear_of_it_when_it_is_published(world: World) -> None:
    about = {"email": "school@example.org", "bank_details": "Bank 1", "legal_name": "Cintima LLC"}
    change_school(about | {"address": "1 Example Street"}, by=world.robin, now=NOW)
    confirm_terms(Terms().as_json(), by=world.robin, now=NOW)
    confirm_conduct(conduct_text(), by=world.robin, now=NOW)
    ready = factories.cohort(status=CohortStatus.DRAFT)
    touched = changing.set_instructors(ready, [world.lena], world.lena, by=world.robin, now=LATER)
    assert (touched.told, world.told(), world.days_in("Lena")) == ([], {}, {})
    changing.publish(ready, by=world.robin, now=LATER)
    assert world.told() == {"Lena": "teaching-added"}
    words = words_of(Message.objects.get(kind="teaching-added")).text
    assert "is published, and you teach it as its lead instructor" in words
    assert "Hours: 9:30 am PDT to 5:30 pm PDT, each day" in words
    assert f"/teaching/{ready.code}/" in words


def test_hours_that_differ_are_told_day_by_day(world: World) -> None:
    last = world.cohort.sessions.get(day=4)
    last.ends_at -= timedelta(hours=2)
    last.save()
    choose(world, world.amara, world.lena, lead=world.amara)
    assert (
        "Friday 14 May 2027, 9:30 am PDT to 3:30 pm PDT" in Message.objects.get(kind="teaching-added").context["hours"]
    )


def test_where_it_is_over_the_record_is_put_right_without_a_word(world: World) -> None:
    after = world.cohort.sessions.get(day=4).ends_at
    assert choose(world, world.lena, lead=world.lena, now=after, is_shown=False).told == []
    assert world.told() == {}
