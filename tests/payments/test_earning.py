"""Tuition is held until the cohort has run, and earned then; what is missing of it is owed."""

from datetime import datetime, time, timedelta

import pytest

from booking.payments import ledger, paying
from booking.payments.earning import earn_due
from booking.payments.models import Account, LedgerEntry, Purpose
from booking.payments.settling import settle
from booking.reservations import cancelling
from booking.reservations.models import Reservation
from tests import factories
from tests.factories import LOS_ANGELES, NOW
from tests.invariants import assert_all_hold
from workshops.people.models import Role

pytestmark = pytest.mark.django_db


def seated(purpose: Purpose = Purpose.FULL) -> Reservation:
    held = factories.reservation()
    paying.begin(held, purpose, "sandbox", by=held.trainee, now=NOW)
    return Reservation.objects.select_related("cohort").get(pk=held.pk)


def morning_after(reservation: Reservation) -> datetime:
    return datetime.combine(reservation.cohort.ends_on + timedelta(days=1), time(0, 1), LOS_ANGELES)


def stands(reservation: Reservation) -> dict[str, int]:
    found: dict[str, int] = {}
    for account, cents in reservation.entries.values_list("postings__account", "postings__amount_cents"):
        found[account] = found.get(account, 0) + cents
    return {account: cents for account, cents in found.items() if cents}


def test_nothing_is_earned_before_the_last_day_is_over() -> None:
    one = seated()
    assert earn_due(morning_after(one) - timedelta(minutes=2)) == 0
    assert stands(one) == {Account.SANDBOX: 209_900, Account.TUITION_HELD: -209_900}


def test_what_was_held_is_earned_once_the_cohort_has_run() -> None:
    one = seated()
    now = morning_after(one)
    assert earn_due(now) == 1
    assert stands(one) == {Account.SANDBOX: 209_900, Account.TUITION_EARNED: -209_900}
    assert earn_due(now) == 0
    assert LedgerEntry.objects.filter(source=f"earned:{one.public_id}").count() == 1
    assert ledger.kept_cents(one) == 209_900
    assert_all_hold(now)


def test_what_is_missing_is_owed_and_is_paid_off_by_what_comes_later() -> None:
    one = seated(Purpose.DEPOSIT)
    now = morning_after(one)
    earn_due(now)
    assert stands(one) == {Account.SANDBOX: 50_000, Account.TUITION_EARNED: -209_900, Account.OWED: 159_900}
    assert ledger.kept_cents(one) == 50_000
    registrar = factories.person(Role.REGISTRAR)
    paying.record_transfer(one, Purpose.BALANCE, reference="W-1", by=registrar, now=now)
    assert stands(one)[Account.TUITION_EARNED] == -209_900
    assert Account.OWED not in stands(one)


def test_a_seat_that_was_given_back_earns_nothing() -> None:
    one = seated()
    cancelling.cancel(one, now=NOW, by=one.trainee)
    assert earn_due(morning_after(one)) == 0


def test_one_that_cannot_be_booked_keeps_no_other_waiting() -> None:
    """Somebody had booked under its number by hand: the rest is earned all the same."""
    first, second = seated(), seated()
    now = morning_after(second) + timedelta(days=1)
    ledger.post(f"earned:{first.public_id}", None, {Account.BANK: 1, Account.OPENING: -1}, at=NOW)
    assert earn_due(now) == 1
    assert stands(second)[Account.TUITION_EARNED] == -209_900


def test_money_that_came_for_a_seat_that_has_run_settles_once() -> None:
    one = seated()
    payment = one.payments.get()
    earn_due(morning_after(one))
    assert settle(payment, now=morning_after(one), by=None, reference="").refund is None
    assert LedgerEntry.objects.filter(reservation=one).count() == 2
