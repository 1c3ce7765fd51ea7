"""The worker asks about what is under way, should nobody tell us."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from pytest_django import Settings

from booking.payments import attempts, paying
from booking.payments.attempts import look_again_due
from booking.payments.gateways.base import Unavailable
from booking.payments.models import Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.payments.returning import owe_back
from booking.payments.sending import send_back
from booking.payments.settling import catch_up
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from tests.stripe_stand_in import StandIn

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def begin(reservation: Reservation, purpose: Purpose = Purpose.DEPOSIT, now: datetime = NOW) -> Payment:
    fresh = Reservation.objects.get(pk=reservation.pk)
    return paying.begin(fresh, purpose, "stripe", by=fresh.trainee, now=now).payment


def status_of(payment: Payment) -> str:
    return Payment.objects.get(pk=payment.pk).status


def asked(stripe: StandIn) -> int:
    return len(stripe.requests)


def test_a_page_that_was_paid_on_without_a_word_is_found(stripe: StandIn) -> None:
    payment = begin(factories.reservation())
    stripe.pay(payment.checkout_id)
    assert look_again_due(NOW + 9 * MINUTE) == 0
    assert look_again_due(NOW + 10 * MINUTE) == 1
    assert Reservation.objects.get().state == State.RESERVED


def test_an_open_page_is_asked_about_every_fifteen_minutes(stripe: StandIn) -> None:
    begin(factories.reservation())
    before = asked(stripe)
    for minutes in (9, 10, 11, 24, 25, 26):
        look_again_due(NOW + minutes * MINUTE)
    assert asked(stripe) == before + 2


def test_a_page_that_has_closed_is_asked_about_at_once(stripe: StandIn) -> None:
    payment = begin(factories.reservation())
    look_again_due(NOW + 59 * MINUTE)
    assert status_of(payment) == PaymentStatus.OPEN
    stripe.now = NOW + HOUR
    assert look_again_due(NOW + HOUR) == 1
    assert status_of(payment) == PaymentStatus.EXPIRED


def test_an_attempt_whose_answer_was_lost_is_found_and_goes_on(stripe: StandIn) -> None:
    held = factories.reservation()
    stripe.faults.add("POST", "/v1/checkout/sessions", "drop_after", times=3)
    with pytest.raises(Unavailable):
        begin(held)
    assert look_again_due(NOW + MINUTE) == 0
    assert look_again_due(NOW + 2 * MINUTE) == 1
    payment = Payment.objects.get()
    assert (payment.status, payment.checkout_id) == (PaymentStatus.OPEN, stripe.all("checkout.session")[0]["id"])
    assert begin(held, now=NOW + 3 * MINUTE) == payment


def test_an_attempt_that_never_reached_stripe_has_come_to_nothing(stripe: StandIn) -> None:
    stripe.faults.add("POST", "/v1/checkout/sessions", "drop_before", times=3)
    with pytest.raises(Unavailable):
        begin(factories.reservation())
    assert look_again_due(NOW + 2 * MINUTE) == 1
    assert Payment.objects.get().status == PaymentStatus.EXPIRED


def test_what_is_with_a_bank_is_asked_about_every_six_hours(stripe: StandIn) -> None:
    held = factories.reservation()
    stripe.pay(begin(held).checkout_id)
    look_again_due(NOW + 10 * MINUTE)
    balance = begin(held, Purpose.BALANCE)
    intent = stripe.pay(balance.checkout_id, method="us_bank_account")["payment_intent"]
    catch_up(balance, now=NOW)
    stripe.settle_bank_debit(intent)
    assert look_again_due(NOW + 5 * HOUR) == 0
    assert look_again_due(NOW + 6 * HOUR) == 1
    assert Reservation.objects.get().state == State.CONFIRMED


def test_a_refund_under_way_is_asked_about_every_six_hours(stripe: StandIn) -> None:
    stripe.refunds = "pending"
    payment = begin(factories.reservation())
    stripe.pay(payment.checkout_id)
    payment = catch_up(payment, now=NOW)
    with transaction.atomic():
        [refund] = owe_back(payment.reservation, 20_000, rule="goodwill", why="Kindness.", by=None, now=NOW)
    refund = send_back(refund, now=NOW)
    stripe.finish_refund(refund.processor_id)
    assert look_again_due(NOW + 5 * HOUR) == 0
    assert look_again_due(NOW + 6 * HOUR) == 1
    assert Refund.objects.get().status == RefundStatus.SUCCEEDED


def test_a_round_is_limited_and_the_longest_unasked_come_first(
    stripe: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "AT_ONCE", 2)
    made = [begin(factories.reservation(), now=NOW + count * MINUTE) for count in range(3)]
    for each in made:
        stripe.pay(each.checkout_id)
    later = NOW + 20 * MINUTE
    assert look_again_due(later) == 2
    assert [status_of(each) for each in made] == ["succeeded", "succeeded", "open"]
    assert look_again_due(later) == 1


def test_one_that_cannot_be_asked_about_keeps_no_other_waiting(
    stripe: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "AT_ONCE", 1)
    wrong, right = begin(factories.reservation()), begin(factories.reservation(), now=NOW + MINUTE)
    for each in (wrong, right):
        stripe.pay(each.checkout_id)
    Payment.objects.filter(pk=wrong.pk).update(currency="EUR")
    later = NOW + 20 * MINUTE
    with pytest.raises(Exception, match="asked for was EUR"):
        look_again_due(later)
    assert look_again_due(later) == 1
    assert (status_of(wrong), status_of(right)) == (PaymentStatus.OPEN, PaymentStatus.SUCCEEDED)


def test_while_stripe_is_down_the_round_ends_with_the_first(stripe: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    made = [begin(factories.reservation()) for _ in range(3)]
    stripe.down = True
    assert look_again_due(NOW + 20 * MINUTE) == 0
    assert [Payment.objects.get(pk=each.pk).asked_at is None for each in made] == [False, True, True]
    assert [each.message for each in caplog.records if "does not answer" in each.message]
    stripe.down = False
    stripe.pay(made[0].checkout_id)
    assert look_again_due(NOW + 36 * MINUTE) == 1


def test_without_keys_there_is_nobody_to_ask(stripe: StandIn, settings: Settings) -> None:
    begin(factories.reservation())
    settings.STRIPE_SECRET_KEY = ""
    assert look_again_due(NOW + HOUR) == 0
