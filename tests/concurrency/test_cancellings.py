"""Money and seat at the same moment: what was paid comes back once, whoever asks, and never beside a seat."""

from datetime import timedelta
from functools import partial

import pytest
from django.db.models import Sum

from booking.payments import ledger, paying
from booking.payments.models import Payment, PaymentStatus, Purpose, Refund
from booking.payments.settling import settle
from booking.reservations import calling_off, cancelling, lifecycle, moving
from booking.reservations.models import OWING, Reservation, State
from tests import factories
from tests.concurrency.racing import again, heard, in_line, offers_in, pay, people, seated
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.services.databases import at_once
from workshops.clock import school_day
from workshops.people.models import Role

pytestmark = pytest.mark.usefixtures("fresh_database")


def sums(reservation: Reservation) -> tuple[int, int]:
    """What came in for a reservation, and what goes back of it."""
    came = Payment.objects.filter(reservation=reservation, status=PaymentStatus.SUCCEEDED)
    back = Refund.objects.filter(reservation=reservation)
    return tuple(rows.aggregate(n=Sum("amount_cents"))["n"] or 0 for rows in (came, back))  # type: ignore[return-value]


@pytest.mark.parametrize("way", ["sandbox", "transfer"])
@pytest.mark.parametrize("purpose", [Purpose.DEPOSIT, Purpose.BALANCE])
def test_cancelling_races_a_payment_and_all_of_it_goes_back(way: str, purpose: Purpose) -> None:
    """In whichever order they come: the seat is given back, and so is every cent, once."""
    registrar = factories.person(Role.REGISTRAR)
    for trial in range(2):
        cohort = factories.cohort(capacity=1)
        [held] = seated(cohort, 1, paid=None if purpose == Purpose.DEPOSIT else Purpose.DEPOSIT)
        in_line(cohort, *people(1))
        under_way = paying._open(held, purpose, "sandbox" if way == "sandbox" else "offline", now=NOW)
        if way == "sandbox":
            arrives = partial(settle, under_way, now=NOW, by=None, reference="")
        else:
            reference = f"{purpose}-{trial}"
            arrives = partial(paying.record_transfer, held, purpose, reference=reference, by=registrar, now=NOW)
        answers = at_once(arrives, arrives, partial(cancelling.cancel, held, now=NOW, by=held.trainee))
        # The second registrar may hear that it is recorded, or that nothing is missing any more.
        told = heard(answers, paying.AlreadyRecorded, paying.NothingToPay)
        assert told["Cancelled"] == 1
        assert again(held).state == State.CANCELLED
        came, back = sums(held)
        assert came == back > 0
        assert ledger.kept_cents(held) == 0
        assert len(offers_in(cohort)) == 1
        assert_all_hold(NOW)


def test_a_transfer_that_arrives_after_cancelling_is_booked_as_what_was_asked_for_and_goes_back() -> None:
    """What went back meanwhile does not make the transfer larger: the books say what the bank says."""
    registrar = factories.person(Role.REGISTRAR)
    [held] = seated(factories.cohort(capacity=1), 1, paid=Purpose.DEPOSIT)
    asked = paying._open(held, Purpose.BALANCE, "offline", now=NOW)
    cancelling.cancel(held, now=NOW, by=held.trainee)
    settled = paying.record_transfer(held, Purpose.BALANCE, reference="W-1", by=registrar, now=NOW)
    assert settled.refund is not None
    assert asked.amount_cents == settled.payment.amount_cents == settled.refund.amount_cents == 159_900
    assert_all_hold(NOW)


def test_cancelling_in_two_tabs_and_by_the_registrar_sends_the_money_back_once() -> None:
    """In parts across two payments, each part once."""
    registrar = factories.person(Role.REGISTRAR)
    for _ in range(2):
        [held] = seated(factories.cohort(capacity=1), 1, paid=Purpose.DEPOSIT)
        paid = pay(held, Purpose.BALANCE)
        cancel = partial(cancelling.cancel, paid, now=NOW)
        answers = at_once(
            partial(cancel, by=paid.trainee),
            partial(cancel, by=paid.trainee, expected_cents=209_900),
            partial(cancel, by=registrar, all_of_it=True),
        )
        assert heard(answers, lifecycle.Moved) == {"Cancelled": 1, "Moved": 2}
        assert sums(paid) == (209_900, 209_900)
        assert sorted(Refund.objects.filter(reservation=paid).values_list("amount_cents", flat=True)) == [
            50_000,
            159_900,
        ]
        assert_all_hold(NOW)


def late_mover() -> Reservation:
    """Someone who moved when that had a fee, and has paid it."""
    terms: dict[str, object] = {"moving_fee_cents": 10_000, "moving_free_days": 60, "moving_until_days": 20}
    near = factories.cohort(capacity=1, starts_on=school_day(NOW) + timedelta(days=50), terms_changed=terms)
    [paid] = seated(near, 1, paid=Purpose.FULL)
    moved = moving.move(paid, factories.cohort(capacity=1), now=NOW, by=paid.trainee, expected_fee_cents=10_000)
    return pay(moved, Purpose.FULL)


def test_a_fee_that_is_waived_twice_at_once_goes_back_once() -> None:
    registrar, moved = factories.person(Role.REGISTRAR), late_mover()
    assert (moved.state, moved.fee_cents) == (State.CONFIRMED, 10_000)
    waive = partial(cancelling.waive_fee, moved, now=NOW, by=registrar, why="Their train was cancelled.")
    assert heard(at_once(waive, waive, waive), lifecycle.Moved) == {"list": 1, "Moved": 2}
    assert sums(moved)[1] == 10_000
    assert_all_hold(NOW)


def test_a_fee_that_is_waived_while_the_person_cancels_never_goes_back_twice() -> None:
    registrar, moved = factories.person(Role.REGISTRAR), late_mover()
    answers = at_once(
        partial(cancelling.waive_fee, moved, now=NOW, by=registrar, why="Their train was cancelled."),
        partial(cancelling.cancel, moved, now=NOW, by=registrar, all_of_it=True),
    )
    assert heard(answers, lifecycle.Moved)["Cancelled"] == 1
    assert sums(moved)[1] == 219_900
    assert_all_hold(NOW)


def test_taking_the_money_races_moving_it_to_another_cohort() -> None:
    """After the school called a cohort off: the money, or the seat that it buys elsewhere. Two tabs and the worker."""
    registrar = factories.person(Role.REGISTRAR)
    for _ in range(2):
        cancelled, elsewhere = factories.cohort(capacity=1), factories.cohort(capacity=1)
        [paid] = seated(cancelled, 1, paid=Purpose.DEPOSIT)
        calling_off.call_off(cancelled, by=registrar, now=NOW, why="The stage burnt down.")
        left = again(paid)
        assert left.choose_until is not None
        answers = at_once(
            partial(cancelling.take_the_money, left, now=NOW, by=left.trainee),
            partial(cancelling.take_the_money, left, now=NOW, by=left.trainee),
            partial(moving.move, left, elsewhere, now=NOW, by=left.trainee),
            partial(cancelling.choices_over, left.choose_until),
        )
        told = heard(answers, lifecycle.Moved)
        seats = Reservation.objects.filter(trainee=left.trainee, state__in=OWING).count()
        taken = told.get("Cancelled", 0) + (answers[3] == 1)
        assert taken + seats == 1
        assert Refund.objects.filter(payment__reservation=left).count() == taken
        assert_all_hold(NOW)


def test_overdue_and_unkept_seats_are_released_once_while_their_people_pay_or_cancel() -> None:
    for _ in range(2):
        cohort = factories.cohort(capacity=2, terms_changed={"release_overdue": True, "balance_grace_days": 7})
        [first, second] = seated(cohort, 2, paid=Purpose.DEPOSIT)
        in_line(cohort, *people(2))
        late = NOW + timedelta(days=100)
        answers = at_once(
            partial(cancelling.cancel_overdue, first, now=late),
            partial(cancelling.cancel_overdue, first, now=late),
            partial(pay, first, Purpose.BALANCE, now=late),
            partial(cancelling.cancel_overdue, second, now=late),
            partial(cancelling.cancel, second, now=late, by=second.trainee),
        )
        heard(answers, lifecycle.Moved, paying.NothingToPay)
        assert again(second).state == State.CANCELLED
        assert again(first).state in (State.CANCELLED, State.CONFIRMED)
        assert_all_hold(late)
