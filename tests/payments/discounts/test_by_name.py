"""Scholarships by name: they come off by themselves when the person reserves or accepts, and for nobody else."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.payments.discounts import making, using
from booking.payments.discounts.models import Discount, DiscountKind, Redemption
from booking.reservations import admission, cancelling, offers, reserving, waiting
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db

PRICE, DEPOSIT = 209_900, 50_000


@pytest.fixture
def anna() -> User:
    """A trainee."""
    return factories.trainee(name="Anna")


def scholarship(person: User, **given: Any) -> Discount:
    return factories.discount(person=person, kind=DiscountKind.SCHOLARSHIP, **given)


def offered(anna: User) -> Reservation:
    """A seat that is offered to Anna."""
    cohort = factories.cohort(capacity=1)
    first = factories.reservation(cohort=cohort)
    waiting.join(cohort, anna, now=NOW)
    cancelling.cancel(first, now=NOW, by=first.trainee)
    offer = offers.open_offer(cohort.pk, anna.pk, NOW)
    assert offer is not None
    return offer


def test_it_comes_off_when_they_reserve_and_the_message_names_what_is_left(anna: User) -> None:
    scholarship(anna, amount_cents=180_000)
    shown = admission.admit(factories.cohort(), anna, now=NOW).quote
    assert (shown.price_cents, shown.deposit_cents) == (29_900, 29_900)
    assert (shown.discount_cents, shown.discount_title) == (180_000, "Scholarship")
    held = factories.reservation(trainee=anna)
    assert (held.state, held.price_cents, held.deposit_cents) == (State.HELD, 29_900, 29_900)
    assert [each.amount_cents for each in held.charges.all()] == [29_900]
    assert Redemption.objects.get().amount_cents == 180_000
    assert HistoryLine.objects.get(what="discount-used").facts == {"cents": 180_000}
    assert "$299" in str(Message.objects.get(kind="reservation-held").context)
    assert_all_hold(NOW)


def test_a_full_scholarship_brings_the_seat_at_once(anna: User) -> None:
    scholarship(anna, percent=100)
    made = factories.reservation(trainee=anna)
    assert (made.state, made.price_cents, made.held_until) == (State.CONFIRMED, 0, None)
    assert Message.objects.filter(to=anna, kind="reservation-confirmed").count() == 1
    assert_all_hold(NOW)


def test_a_registrar_who_reserves_for_them_brings_it_along(anna: User) -> None:
    scholarship(anna)
    by = factories.person(Role.REGISTRAR)
    held = reserving.hold(factories.cohort(), anna, now=NOW, by=by, why="By phone.")
    assert held.price_cents == PRICE - 50_000


def test_a_seat_that_was_kept_back_comes_with_it(anna: User) -> None:
    scholarship(anna)
    cohort, by = factories.cohort(), factories.person(Role.REGISTRAR)
    seats.keep_back(cohort.pk, 1, now=NOW)
    placed = reserving.place(cohort, anna, 1, now=NOW, by=by, why="As promised.")
    assert placed.price_cents == PRICE - 50_000


def test_it_comes_off_an_offer_when_it_is_accepted_and_not_before(anna: User) -> None:
    offer = offered(anna)
    scholarship(anna, percent=90)
    shown = admission.quote_of_offer(offer, NOW)
    assert (offer.price_cents, shown.price_cents, shown.deposit_cents) == (PRICE, 20_990, 20_990)
    held = offers.accept(offer, now=NOW, by=anna)
    assert (held.state, held.price_cents, held.deposit_cents) == (State.HELD, 20_990, 20_990)
    assert [each.amount_cents for each in held.charges.all()] == [20_990]
    assert Redemption.objects.get().reservation_id == held.pk
    assert_all_hold(NOW)


def test_an_offer_that_costs_nothing_with_it_is_theirs_at_once(anna: User) -> None:
    offer = offered(anna)
    scholarship(anna, percent=100)
    made = offers.accept(offer, now=NOW, by=anna)
    assert (made.state, made.price_cents, made.charges.count()) == (State.CONFIRMED, 0, 0)
    assert_all_hold(NOW)


def test_nobody_elses_another_cohorts_a_later_or_an_ended_one_comes_off(anna: User) -> None:
    scholarship(factories.trainee())
    scholarship(anna, cohort=factories.cohort())
    scholarship(anna, valid_from=NOW.date() + timedelta(days=1))
    ended = scholarship(anna)
    making.end(ended, why="By mistake.", by=factories.person(Role.REGISTRAR), now=NOW)
    assert factories.reservation(trainee=anna).price_cents == PRICE
    assert not Redemption.objects.exists()


def test_of_two_the_better_one_comes_off_and_one_only(anna: User) -> None:
    scholarship(anna)
    better = scholarship(anna, percent=50)
    held = factories.reservation(trainee=anna)
    assert (held.price_cents, Redemption.objects.get().discount) == (104_950, better)


def test_a_hold_that_ran_out_frees_it_for_the_next_seat(anna: User) -> None:
    scholarship(anna)
    factories.reservation(trainee=anna)
    later = NOW + timedelta(hours=2)
    assert factories.reservation(trainee=anna, now=later).price_cents == PRICE - 50_000
    assert Redemption.objects.count() == 2


def test_it_can_be_given_up_for_a_code_and_taken_up_again(anna: User) -> None:
    scholarship(anna)
    held = factories.reservation(trainee=anna)
    using.take_off(held, now=NOW, by=anna)
    assert using.use_own(held, now=NOW, by=anna).price_cents == PRICE - 50_000


def test_one_that_is_ended_between_the_look_and_the_lock_does_not_come_off(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = scholarship(anna)
    admit = admission.admit

    def and_then_it_ends(cohort: Cohort, trainee: User, **named: object) -> admission.Admission:
        found = admit(cohort, trainee, **named)  # type: ignore[arg-type]
        Discount.objects.filter(pk=given.pk).update(ended_at=NOW)
        return found

    monkeypatch.setattr(reserving, "admit", and_then_it_ends)
    assert factories.reservation(trainee=anna).price_cents == PRICE
    assert (Reservation.objects.count(), Redemption.objects.count()) == (1, 0)


def test_whoever_has_none_takes_no_statement_more(anna: User) -> None:
    scholarship(factories.trainee())
    cohort = factories.cohort()
    factories.reservation(cohort=cohort)
    with CaptureQueriesContext(connection) as taken:
        admission.admit(cohort, anna, now=NOW)
    assert len(taken) == 2
    assert "booking_discount" in taken[0]["sql"]
    with CaptureQueriesContext(connection) as taken:
        reserving.hold(cohort, anna, now=NOW)
    later = [each["sql"] for each in taken.captured_queries[1:]]
    assert not [sql for sql in later if "booking_discount" in sql or "booking_redemption" in sql]
