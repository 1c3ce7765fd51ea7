"""One offer, answered in two places at the same moment, or just as its time runs out."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError

from booking.payments import paying
from booking.payments.models import Purpose
from booking.payments.settling import settle
from booking.reservations import admission, cancelling, moving, offers, releasing, reserving, waiting
from booking.reservations.models import OWING, Charge, EntryState, Reservation, State, WaitlistEntry
from tests import factories
from tests.concurrency.racing import again, cross, full, heard, in_line, offers_in, people
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.services.databases import at_once
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort
from workshops.messages.models import Message
from workshops.people.models import User

pytestmark = pytest.mark.usefixtures("fresh_database")


def offered_to(*line: User) -> tuple[Cohort, Reservation]:
    """A cohort with one seat, the line before it, and the offer to the first in it."""
    cohort = factories.cohort(capacity=1)
    [had] = full(cohort)
    in_line(cohort, *line)
    cancelling.cancel(had, now=NOW, by=had.trainee)
    [offer] = offers_in(cohort)
    assert offer.trainee == line[0]
    return cohort, offer


def test_an_offer_accepted_in_two_tabs_is_accepted_once() -> None:
    for _ in range(2):
        [anna] = people(1)
        cohort, offer = offered_to(anna)
        accept = partial(moving.accept, offer, now=NOW, by=anna)
        reserve = partial(reserving.hold, cohort, anna, now=NOW)
        answers = at_once(accept, accept, accept, reserve)
        assert heard(answers, offers.OfferGone, admission.AlreadyReserved)["Reservation"] == 1
        assert_all_hold(NOW)
        assert again(offer).state == State.HELD
        assert Charge.objects.filter(reservation=offer).count() == 2
        assert Message.objects.filter(kind="reservation-held", subject=f"reservation:{offer.public_id}").count() == 1


def test_accepting_races_the_deadline_and_either_it_was_in_time_or_the_next_has_the_offer() -> None:
    for _ in range(2):
        anna, ben = people(2)
        cohort, offer = offered_to(anna, ben)
        ends = offer.held_until
        assert ends is not None
        answers = at_once(
            partial(moving.accept, offer, now=ends - timedelta(seconds=1), by=anna),
            partial(releasing.expire, offer, now=ends),
            partial(releasing.expire, offer, now=ends),
        )
        heard(answers, offers.OfferGone)
        in_time = isinstance(answers[0], Reservation)
        assert sorted(answers[1:]) == ([False, False] if in_time else [False, True])  # type: ignore[type-var]
        assert again(offer).state == (State.HELD if in_time else State.EXPIRED)
        assert [each.trainee for each in offers_in(cohort)] == ([] if in_time else [ben])
        assert_all_hold(ends)


def test_accepting_races_declining_and_leaving_and_one_of_them_counts() -> None:
    for _ in range(2):
        anna, ben = people(2)
        cohort, offer = offered_to(anna, ben)
        entry = WaitlistEntry.objects.get(offer=offer)
        answers = at_once(
            partial(moving.accept, offer, now=NOW, by=anna),
            partial(offers.decline, offer, now=NOW, by=anna),
            partial(waiting.leave, entry, now=NOW, by=anna),
        )
        heard(answers, offers.OfferGone, waiting.NotWaiting)
        accepted = not isinstance(answers[0], Exception)
        entry.refresh_from_db()
        assert entry.state == (EntryState.SEATED if accepted else EntryState.WITHDRAWN)
        assert again(offer).state == (State.HELD if accepted else State.CANCELLED)
        assert [each.trainee for each in offers_in(cohort)] == ([] if accepted else [ben])
        assert_all_hold(NOW)


def test_one_person_who_accepts_two_offers_at_once_ends_in_one_of_the_cohorts() -> None:
    """The second answer is a move, since a person has one active seat: it takes them there and frees the first."""
    for _ in range(2):
        anna, ben = people(2)
        one, first = offered_to(anna, ben)
        _, second = offered_to(anna)
        answers = at_once(*(partial(moving.accept, each, now=NOW, by=anna) for each in (first, second)))
        heard(answers, offers.OfferGone)
        assert Reservation.objects.filter(trainee=anna, state__in=OWING).count() == 1
        seat = Reservation.objects.get(trainee=anna, state__in=OWING)
        assert [each.trainee for each in offers_in(one)] == ([] if seat.cohort == one else [ben])
        assert_all_hold(NOW)


def test_accepting_races_reserving_in_another_cohort_and_leaves_one_seat() -> None:
    for _ in range(2):
        [anna] = people(1)
        _, offer = offered_to(anna)
        free = factories.cohort(capacity=1)
        answers = at_once(partial(offers.accept, offer, now=NOW, by=anna), partial(reserving.hold, free, anna, now=NOW))
        heard(answers, offers.HasAnotherSeat, admission.AlreadyReserved, IntegrityError)
        assert Reservation.objects.filter(trainee=anna, state__in=OWING).count() == 1
        assert_all_hold(NOW)


@pytest.mark.parametrize("first", ["accepting", "reserving"])
def test_whoever_reserves_where_they_have_an_offer_and_elsewhere_at_once_is_told_that_they_have_a_seat(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seat that came in between is "already reserved" like any other, whichever of the two came first."""
    [anna] = people(1)
    cohort, _ = offered_to(anna)
    free = factories.cohort(capacity=1)
    calls = [partial(reserving.hold, each, anna, now=NOW) for each in (cohort, free)]
    if first == "reserving":
        calls.reverse()
    answers = cross(monkeypatch, *calls, after=(reserving, "admit"), patience=10)
    assert heard(answers, admission.AlreadyReserved) == {"AlreadyReserved": 1, "Reservation": 1}
    assert_all_hold(NOW)


@pytest.mark.parametrize("road", ["accepting", "moving", "late money"])
def test_whoever_gets_a_seat_leaves_what_ran_out_elsewhere_to_the_line_there(road: str) -> None:
    """An offer that ran out and that nobody has noticed ends with it, and is offered on in the same transaction."""
    anna, ben = people(2)
    elsewhere, ran_out = offered_to(anna, ben)
    ends = ran_out.held_until
    assert ends is not None
    if road == "accepting":
        _, offer = offered_to(anna)
        offer.held_until = ends + timedelta(days=1)
        hold_offer_longer(offer)
        moving.accept(offer, now=ends, by=anna)
    else:
        here, there = factories.cohort(capacity=1), factories.cohort(capacity=1)
        held = reserving.hold(here, anna, now=NOW)
        payment = paying._open(held, Purpose.DEPOSIT, "sandbox", now=NOW)
        if road == "moving":
            settle(payment, now=NOW, by=None, reference="")
            moving.move(again(held), there, now=ends, by=anna)
        else:
            releasing.expire(held, now=ends)
            settle(payment, now=ends, by=None, reference="")
            assert again(held).state == State.RESERVED
    assert [each.trainee for each in offers_in(elsewhere)] == [ben]
    assert_all_hold(ends)


def hold_offer_longer(offer: Reservation) -> None:
    """Let an offer end at another time than the others, as one made on another day."""
    seats.hold_longer(offer.cohort_id, offer.trainee_id, until=offer.held_until, now=NOW)  # type: ignore[arg-type]
    offer.save(update_fields=["held_until"])


def test_people_who_are_offered_seats_answer_while_a_crowd_reserves() -> None:
    cohort = factories.cohort(capacity=6)
    had, line, crowd = full(cohort, paid=Purpose.DEPOSIT), people(8), people(8)
    entries = in_line(cohort, *line)
    for each in had[:4]:
        cancelling.cancel(each, now=NOW, by=each.trainee)
    made = offers_in(cohort)
    answers = at_once(
        *(partial(moving.accept, each, now=NOW, by=each.trainee) for each in made[:2]),
        *(partial(offers.decline, each, now=NOW, by=each.trainee) for each in made[2:]),
        *(partial(reserving.hold, cohort, each, now=NOW) for each in crowd),
        *(partial(waiting.leave, each, now=NOW, by=each.trainee) for each in entries[6:]),
        *(partial(cancelling.cancel, each, now=NOW, by=each.trainee) for each in had[4:]),
    )
    heard(answers, admission.Full)
    assert_all_hold(NOW)
    assert not Reservation.objects.filter(trainee__in=crowd).exists() or not WaitlistEntry.objects.waiting().exists()
