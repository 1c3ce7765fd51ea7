"""Moves and swaps at the same moment: everyone keeps exactly one seat, and no seat has two people."""

from functools import partial

import pytest

from booking.payments import ledger, paying
from booking.payments.models import Purpose
from booking.reservations import admission, cancelling, lifecycle, moving, reserving
from booking.reservations.models import OWING, Reservation, State
from tests import factories
from tests.concurrency.racing import again, full, heard, in_line, offers_in, pay, people, seated
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.services.databases import at_once
from workshops.cohorts.models import Seat
from workshops.people.models import Role

pytestmark = pytest.mark.usefixtures("fresh_database")


def test_of_fifty_who_move_at_once_into_one_free_seat_one_arrives_and_nobody_loses_theirs() -> None:
    crowded, wanted = factories.cohort(capacity=50), factories.cohort(capacity=1)
    movers = seated(crowded, 50)
    movers[:5] = [pay(each, Purpose.DEPOSIT) for each in movers[:5]]
    answers = at_once(*(partial(moving.move, each, wanted, now=NOW, by=each.trainee) for each in movers))
    assert heard(answers, admission.Full) == {"Reservation": 1, "Full": 49}
    assert_all_hold(NOW)
    assert Reservation.objects.filter(state__in=OWING).values("trainee").distinct().count() == 50
    assert Seat.objects.filter(occupant__isnull=False).count() == 50


def test_two_people_move_into_one_seat_and_the_other_may_wait_for_it_in_line() -> None:
    here, there, wanted = factories.cohort(capacity=1), factories.cohort(capacity=1), factories.cohort(capacity=1)
    anna, ben = seated(here, 1, paid=Purpose.FULL) + seated(there, 1, paid=Purpose.DEPOSIT)
    answers = at_once(*(partial(moving.move, each, wanted, now=NOW, by=each.trainee) for each in (anna, ben)))
    assert heard(answers, admission.Full) == {"Reservation": 1, "Full": 1}
    assert_all_hold(NOW)
    there_now = Reservation.objects.get(cohort=wanted)
    left_out = ben if there_now.trainee_id == anna.trainee_id else anna
    in_line(wanted, left_out.trainee)
    cancelling.cancel(there_now, now=NOW, by=there_now.trainee)
    arrived = moving.accept(*offers_in(wanted), now=NOW, by=left_out.trainee)
    assert (arrived.moved_from_id, ledger.kept_cents(arrived)) == (left_out.pk, ledger.paid_cents(arrived))
    assert_all_hold(NOW)


def test_one_person_who_moves_in_two_windows_moves_once() -> None:
    for two_places in (False, True):
        here, there = factories.cohort(capacity=1), factories.cohort(capacity=2)
        elsewhere = factories.cohort(capacity=2) if two_places else there
        [anna] = seated(here, 1, paid=Purpose.DEPOSIT)
        answers = at_once(
            *(partial(moving.move, anna, to, now=NOW, by=anna.trainee) for to in (there, elsewhere, there, elsewhere))
        )
        told = heard(answers, lifecycle.Moved, admission.AlreadyReserved)
        assert told.pop("Reservation") == 1
        assert sum(told.values()) == 3
        assert_all_hold(NOW)
        assert Reservation.objects.get(trainee=anna.trainee, state__in=OWING).moved_from_id == anna.pk


def test_people_who_move_past_each_other_between_two_cohorts_block_nobody() -> None:
    one, other = factories.cohort(capacity=9), factories.cohort(capacity=9)
    ones, others = seated(one, 8), seated(other, 8)
    answers = at_once(
        *(partial(moving.move, each, other, now=NOW, by=each.trainee) for each in ones),
        *(partial(moving.move, each, one, now=NOW, by=each.trainee) for each in others),
    )
    told = heard(answers, admission.Full)
    assert told["Reservation"] >= 2
    assert_all_hold(NOW)
    assert Reservation.objects.filter(state__in=OWING).count() == 16


def test_a_move_races_the_same_persons_cancelling_and_their_payment() -> None:
    """The money is where the person is, or has gone back with the seat."""
    for _ in range(2):
        here, there = factories.cohort(capacity=1), factories.cohort(capacity=1)
        [anna] = seated(here, 1, paid=Purpose.DEPOSIT)
        answers = at_once(
            partial(moving.move, anna, there, now=NOW, by=anna.trainee),
            partial(cancelling.cancel, anna, now=NOW, by=anna.trainee),
            partial(pay, anna, Purpose.BALANCE),
        )
        told = heard(answers, lifecycle.Moved, paying.NothingToPay)
        assert told["Moved"] == 1
        assert_all_hold(NOW)
        kept = [ledger.kept_cents(each) for each in Reservation.objects.filter(trainee=anna.trainee).order_by("pk")]
        ended_here = again(anna).state == State.CANCELLED
        assert kept in ([[0]] if ended_here else [[0, 50_000], [0, 209_900]])


def test_swaps_that_want_the_same_person_at_once_happen_one_at_most() -> None:
    """A with B, A with C, and A with B a second time: whoever comes first has it, and nobody is left without a seat."""
    registrar = factories.person(Role.REGISTRAR)
    for _ in range(2):
        one, two, three = (factories.cohort(capacity=1) for _ in range(3))
        anna, ben, cleo = (seated(each, 1, paid=Purpose.DEPOSIT)[0] for each in (one, two, three))
        change = partial(moving.swap, now=NOW, by=registrar, why="They asked.")
        answers = at_once(
            partial(change, anna, ben),
            partial(change, anna, cleo),
            partial(change, ben, anna),
            partial(change, anna, ben),
        )
        assert heard(answers, lifecycle.Moved) == {"tuple": 1, "Moved": 3}
        assert_all_hold(NOW)
        live = Reservation.objects.filter(cohort__in=(one, two, three), state__in=OWING)
        assert {each.trainee_id for each in live} == {anna.trainee_id, ben.trainee_id, cleo.trainee_id}
        assert {ledger.kept_cents(each) for each in live} == {50_000}


def test_a_swap_races_a_cancelling_and_the_seat_is_given_back_once() -> None:
    registrar = factories.person(Role.REGISTRAR)
    for _ in range(2):
        one, two = factories.cohort(capacity=1), factories.cohort(capacity=1)
        [anna], [ben] = seated(one, 1, paid=Purpose.DEPOSIT), seated(two, 1, paid=Purpose.FULL)
        [waits] = people(1)
        in_line(one, waits)
        answers = at_once(
            partial(moving.swap, anna, ben, now=NOW, by=registrar, why="They asked."),
            partial(cancelling.cancel, anna, now=NOW, by=anna.trainee),
        )
        assert heard(answers, lifecycle.Moved) in ({"tuple": 1, "Moved": 1}, {"Moved": 1, "Cancelled": 1})
        assert_all_hold(NOW)
        offered = [each.trainee_id for each in offers_in(one)]
        assert offered == ([waits.pk] if again(anna).state == State.CANCELLED else [])


def test_moves_race_the_public_for_the_last_seats() -> None:
    here, wanted = factories.cohort(capacity=10), factories.cohort(capacity=4)
    movers, public = full(here), people(10)
    answers = at_once(
        *(partial(moving.move, each, wanted, now=NOW, by=each.trainee) for each in movers),
        *(partial(reserving.hold, wanted, each, now=NOW) for each in public),
    )
    assert heard(answers, admission.Full) == {"Reservation": 4, "Full": 16}
    assert_all_hold(NOW)
    assert Reservation.objects.filter(cohort=wanted, state__in=OWING).count() == 4
