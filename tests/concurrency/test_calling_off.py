"""A cohort is called off while people reserve, pay, accept, join, move and cancel: nothing dangles, no cent is lost."""

from functools import partial

import pytest

from booking.payments import ledger, paying
from booking.payments.models import Payment, PaymentStatus, Purpose, Refund
from booking.payments.settling import settle
from booking.reservations import (
    admission,
    calling_off,
    cancelling,
    lifecycle,
    moving,
    offers,
    releasing,
    reserving,
    waiting,
)
from booking.reservations.models import IN_LINE, LIVE, Reservation, State, WaitlistEntry
from tests import factories
from tests.concurrency.racing import LATER, again, cross, full, heard, in_line, offers_in, people, seated
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.services.databases import at_once
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, Seat
from workshops.people.models import Role

pytestmark = pytest.mark.usefixtures("fresh_database")

WHY = "The stage burnt down."


def nobody_is_left_in(cohort: Cohort) -> None:
    """No live reservation, no offer, nobody in line, and no seat that anyone could take."""
    assert not Reservation.objects.filter(cohort=cohort, state__in=LIVE).exists()
    assert not WaitlistEntry.objects.filter(cohort=cohort, state__in=IN_LINE).exists()
    assert set(Seat.objects.filter(cohort=cohort).values_list("status", flat=True)) == {"blocked"}


@pytest.mark.parametrize("trial", range(2))
def test_a_cohort_is_called_off_in_the_middle_of_everything(trial: int) -> None:
    registrar = factories.person(Role.REGISTRAR)
    cohort, elsewhere, other = factories.cohort(capacity=10), factories.cohort(capacity=3), factories.cohort(capacity=1)
    had = full(cohort, paid=Purpose.DEPOSIT)
    line, public, joiners = people(4), people(4), people(3)
    in_line(cohort, *line)
    for each in had[8:]:
        cancelling.cancel(each, now=NOW, by=each.trainee)
    made, stays = offers_in(cohort), had[:8]
    balance = [paying._open(each, Purpose.BALANCE, "sandbox", now=NOW) for each in stays[:3]]
    [incoming] = seated(other, 1, paid=Purpose.DEPOSIT)
    off = partial(calling_off.call_off, cohort, now=NOW, by=registrar, why=WHY)
    answers = at_once(
        off,
        off,
        *(partial(reserving.hold, cohort, each, now=NOW) for each in public),
        *(partial(waiting.join, cohort, each, now=NOW) for each in joiners),
        *(partial(settle, each, now=NOW, by=None, reference="") for each in balance),
        *(partial(moving.accept, each, now=NOW, by=each.trainee) for each in made),
        *(partial(moving.move, each, elsewhere, now=NOW, by=each.trainee) for each in stays[2:5]),
        *(partial(cancelling.cancel, each, now=NOW, by=each.trainee) for each in stays[5:7]),
        partial(moving.swap, stays[7], incoming, now=NOW, by=registrar, why="They asked."),
        partial(moving.move, incoming, cohort, now=NOW, by=registrar, why="They asked."),
    )
    told = heard(
        answers,
        admission.BookingClosed,
        admission.Full,
        admission.AlreadyReserved,
        waiting.SeatsAvailable,
        lifecycle.Moved,
        offers.OfferGone,
        planning.Refused,
    )
    assert (told["Touches"], told["Refused"]) == (1, 1)
    nobody_is_left_in(cohort)
    assert_all_hold(NOW)
    for each in Reservation.objects.filter(cohort=cohort, state=State.CANCELLED):
        assert ledger.kept_cents(each) == 0 or each.choose_until is not None
    received = Payment.objects.filter(status=PaymentStatus.SUCCEEDED).count()
    assert received == 11 + len(balance)  # whatever became of it, all that was paid is on the books


def test_a_claim_that_was_let_in_a_moment_before_finds_the_seats_shut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was admitted while the cohort still took place, and takes the seat afterwards."""
    registrar, [anna] = factories.person(Role.REGISTRAR), people(1)
    cohort = factories.cohort(capacity=2)
    answers = cross(
        monkeypatch,
        partial(reserving.hold, cohort, anna, now=NOW),
        partial(calling_off.call_off, cohort, by=registrar, now=NOW, why=WHY),
        after=(reserving, "admit"),
        patience=10,
    )
    assert heard(answers, admission.Full) == {"Full": 1, "Touches": 1}
    nobody_is_left_in(cohort)
    assert_all_hold(NOW)


def test_a_registrar_who_places_someone_as_the_cohort_is_called_off_places_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Called off, every seat is blocked: none of them is one that the school keeps back for somebody."""
    registrar, [anna] = factories.person(Role.REGISTRAR), people(1)
    cohort = factories.cohort(capacity=2)
    cross(
        monkeypatch,
        partial(reserving.place, cohort, anna, 1, now=NOW, by=registrar, why="A guest."),
        partial(calling_off.call_off, cohort, by=registrar, now=NOW, why=WHY),
        after=(reserving, "admit"),
        patience=10,
    )
    nobody_is_left_in(cohort)
    assert_all_hold(NOW)


def test_holds_that_ran_out_and_late_money_meet_a_cohort_that_is_called_off() -> None:
    for _ in range(2):
        registrar, cohort = factories.person(Role.REGISTRAR), factories.cohort(capacity=3)
        had = full(cohort)
        payments = [paying._open(each, Purpose.DEPOSIT, "sandbox", now=NOW) for each in had]
        answers = at_once(
            partial(calling_off.call_off, cohort, by=registrar, now=LATER, why=WHY),
            *(partial(settle, each, now=LATER, by=None, reference="") for each in payments),
            *(partial(releasing.expire, each, now=LATER) for each in had),
        )
        heard(answers)
        nobody_is_left_in(cohort)
        assert_all_hold(LATER)
        for each, payment in zip(had, payments, strict=True):
            waits = again(each).choose_until is not None
            assert ledger.kept_cents(each) == (50_000 if waits else 0)
            assert Refund.objects.filter(payment=payment).count() == (0 if waits else 1)
