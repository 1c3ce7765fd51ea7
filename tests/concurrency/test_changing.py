"""A venue, a title or the instructors change while people come and go: whoever has a seat then knows what is so."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from booking.desk.planning import as_shown
from booking.payments import paying
from booking.payments.models import Purpose
from booking.payments.settling import settle
from booking.reservations import (
    admission,
    calling_off,
    cancelling,
    changing,
    emails,
    lifecycle,
    moving,
    offers,
    reserving,
)
from booking.reservations import waiting as line
from booking.reservations.models import LIVE, SEATED, Reservation
from tests import factories
from tests.calendars.events import Said, said_in
from tests.concurrency.racing import again, cross, full, heard, in_line, offers_in, people, seated
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.services.databases import at_once
from workshops.cohorts import planning, venues
from workshops.cohorts.models import Cohort, Teaching, Venue
from workshops.messages.models import Message
from workshops.people.models import Role, User

pytestmark = pytest.mark.usefixtures("fresh_database")

WHY = "The studio has moved."
NEW = "7 New Street"


def everyone_knows(cohort: Cohort) -> None:
    """The last that each person with a seat has heard of the place is where it is; so does their invitation.

    No two contents of one invitation have the same sequence.
    """
    address = Cohort.objects.select_related("venue").get(pk=cohort.pk).venue.address
    for claim in Reservation.objects.filter(cohort=cohort, state__in=LIVE):
        told = list(Message.objects.filter(subject=f"reservation:{claim.public_id}").order_by("pk"))
        assert address in told[-1].context["venue"], (claim.public_id, [message.kind for message in told])
        if claim.state in SEATED:
            last = [message.calendar for message in told if message.calendar][-1]
            (event,) = said_in(last)
            assert address in event.place
            assert event.sequence == claim.sequence
    contents: dict[tuple[str, int], set[Said]] = defaultdict(set)
    for message in Message.objects.exclude(calendar=""):
        for event in said_in(message.calendar):
            contents[event.uid, event.sequence].add(event)
    assert {key: said for key, said in contents.items() if len(said) > 1} == {}


def moves_to(venue: Venue, address: str, by: User) -> Callable[[], list[changing.Reached]]:
    return partial(changing.change_venue, venue, {"address": address}, by=by, now=NOW, why=WHY, is_shown=True)


@pytest.mark.parametrize("trial", range(2))
def test_an_address_changes_in_the_middle_of_everything(trial: int) -> None:
    registrars = [factories.person(Role.REGISTRAR) for _ in range(2)]
    cohort, elsewhere = factories.cohort(capacity=10), factories.cohort(capacity=4)
    had, public, joiners = full(cohort, paid=Purpose.DEPOSIT), people(5), people(2)
    in_line(cohort, *people(3))
    for each in had[8:]:
        cancelling.cancel(each, now=NOW, by=each.trainee)
    made, stays = offers_in(cohort), had[:8]
    balance = [paying._open(each, Purpose.BALANCE, "sandbox", now=NOW) for each in stays[:2]]
    incoming = seated(elsewhere, 2, paid=Purpose.DEPOSIT)
    answers = at_once(
        moves_to(cohort.venue, NEW, registrars[0]),
        moves_to(cohort.venue, "8 Newer Street", registrars[1]),
        *(partial(reserving.hold, cohort, each, now=NOW) for each in public),
        *(partial(line.join, cohort, each, now=NOW) for each in joiners),
        *(partial(settle, each, now=NOW, by=None, reference="") for each in balance),
        *(partial(moving.accept, each, now=NOW, by=each.trainee) for each in made),
        *(partial(moving.move, each, elsewhere, now=NOW, by=each.trainee) for each in stays[2:4]),
        *(partial(cancelling.cancel, each, now=NOW, by=each.trainee) for each in stays[4:6]),
        *(partial(moving.move, each, cohort, now=NOW, by=registrars[0], why="They asked.") for each in incoming),
    )
    said = heard(
        answers,
        admission.BookingClosed,
        admission.Full,
        admission.AlreadyReserved,
        line.SeatsAvailable,
        lifecycle.Moved,
        offers.OfferGone,
    )
    assert said["list"] == 2
    everyone_knows(cohort)
    everyone_knows(elsewhere)
    assert_all_hold(NOW)


@pytest.mark.parametrize("costs", ["a deposit", "nothing now"])
def test_whoever_was_let_in_a_moment_before_is_told_where_it_is(monkeypatch: pytest.MonkeyPatch, costs: str) -> None:
    """They have read the page of the cohort as it was, and take the seat once it is another place."""
    registrar, [anna] = factories.person(Role.REGISTRAR), people(1)
    cohort = factories.cohort(capacity=2, terms_changed={} if costs == "a deposit" else {"deposit_cents": 0})
    factories.reservation(cohort=cohort)
    answers = cross(
        monkeypatch,
        partial(reserving.hold, cohort, anna, now=NOW),
        moves_to(cohort.venue, NEW, registrar),
        after=(reserving, "admit"),
        patience=10,
    )
    assert heard(answers) == {"Reservation": 1, "list": 1}
    everyone_knows(cohort)


def test_whoever_is_taking_a_seat_at_that_moment_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their message is written by then, with the old address: the change waits for them and tells them the new one."""
    registrar, [anna] = factories.person(Role.REGISTRAR), people(1)
    cohort = factories.cohort(capacity=2)
    factories.reservation(cohort=cohort)
    answers = cross(
        monkeypatch,
        partial(reserving.hold, cohort, anna, now=NOW),
        moves_to(cohort.venue, NEW, registrar),
        after=(emails, "state_changed"),
        inside=True,
        patience=2,
    )
    assert heard(answers) == {"Reservation": 1, "list": 1}
    everyone_knows(cohort)


def test_whoever_pays_at_that_moment_has_one_invitation_with_the_new_place(monkeypatch: pytest.MonkeyPatch) -> None:
    registrar, cohort = factories.person(Role.REGISTRAR), factories.cohort(capacity=2)
    [anna] = seated(cohort, 1)
    payment = paying._open(anna, Purpose.DEPOSIT, "sandbox", now=NOW)
    for first, second, after in (
        (partial(settle, payment, now=NOW, by=None, reference=""), moves_to(cohort.venue, NEW, registrar), "lock"),
    ):
        answers = cross(monkeypatch, first, second, after=(lifecycle, after), inside=True, patience=2)
        heard(answers)
    assert again(anna).state in SEATED
    everyone_knows(cohort)


def test_of_two_registrars_the_second_sees_what_the_first_has_done() -> None:
    registrars = [factories.person(Role.REGISTRAR) for _ in range(2)]
    cohort = factories.cohort()
    factories.reservation(cohort=cohort)
    venue, other = cohort.venue, Cohort.objects.get(pk=cohort.pk)
    shown = as_shown.seen_of_venue(venue, changing.reached_at(venue, registrars[0], NOW))
    by_venue = partial(as_shown.change_venue, venue, {"address": NEW}, shown, now=NOW, why=WHY, is_elsewhere=False)
    answers = at_once(*(partial(by_venue, by=each) for each in registrars))
    assert heard(answers, as_shown.Changed) == {"list": 1, "Changed": 1}
    assert Message.objects.filter(kind="venue-changed").count() == 1
    amara, lena = (factories.person(Role.INSTRUCTOR) for _ in range(2))
    seen = as_shown.seen_of_teachers(other)
    choices = [
        partial(as_shown.set_instructors, other, [each], each, seen, by=by, now=NOW, why="")
        for each, by in zip((amara, lena), registrars, strict=True)
    ]
    assert heard(at_once(*choices), as_shown.Changed) == {"Teachers": 1, "Changed": 1}
    assert Teaching.objects.get(cohort=cohort).is_lead
    assert Message.objects.filter(kind="teaching-added").count() == 1


@pytest.mark.parametrize("first", ["the cohort", "the venue"])
def test_a_cohort_that_moves_to_a_venue_as_that_changes_is_told_where_it_is(
    monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Either it is there by then and hears of the change, or it comes to the venue as it is afterwards."""
    registrars = [factories.person(Role.REGISTRAR) for _ in range(2)]
    amara = factories.person(Role.INSTRUCTOR)
    cohort, venue = factories.cohort(capacity=2, instructors=(amara,)), factories.venue()
    full(cohort, paid=Purpose.DEPOSIT)
    in_line(cohort, *people(1))
    plan = replace(planning.plan_of(cohort), venue=venue)
    moves = partial(calling_off.reschedule, cohort, plan, by=registrars[0], now=NOW, reason=WHY)
    changes = moves_to(venue, NEW, registrars[1])
    if first == "the cohort":
        answers = cross(monkeypatch, moves, changes, after=(emails, "rescheduled"), inside=True, patience=0.5)
    else:
        answers = cross(monkeypatch, changes, moves, after=(venues, "change_venue"), inside=True, patience=2)
    heard(answers)
    everyone_knows(cohort)
    for subject in ("waitlist:", "teaching:"):
        last = Message.objects.filter(subject__startswith=subject).latest("pk")
        assert NEW in last.context["venue"]
