"""Paying by Stripe: one page an attempt, what is asked of it, and what becomes of it whatever the network does."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from booking.payments import ledger, outside, paying
from booking.payments.gateways.base import Refused, Report, SentBack, Unavailable, WrongMoney
from booking.payments.gateways.stripe import checkout, customers
from booking.payments.gateways.stripe.methods import excluded
from booking.payments.models import Customer, LedgerEntry, Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.payments.returning import owe_back
from booking.payments.sending import send_back, send_back_due
from booking.payments.settling import catch_up
from booking.reservations import cancelling
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.stripe_stand_in import StandIn

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def begin(
    reservation: Reservation, purpose: Purpose = Purpose.DEPOSIT, *, now: datetime = NOW, keeps_card: bool = False
) -> Payment:
    fresh = Reservation.objects.get(pk=reservation.pk)
    return paying.begin(fresh, purpose, "stripe", by=fresh.trainee, now=now, keeps_card=keeps_card).payment


def state_of(reservation: Reservation) -> tuple[str, int]:
    return Reservation.objects.get(pk=reservation.pk).state, ledger.paid_cents(reservation)


def status_of(payment: Payment) -> str:
    return Payment.objects.get(pk=payment.pk).status


def asked(stripe: StandIn, path: str = "/v1/checkout/sessions") -> list[dict[str, Any]]:
    return [each.params for each in stripe.requests if (each.method, each.path) == ("POST", path)]


def held_until(reservation: Reservation) -> datetime | None:
    return Reservation.objects.get(pk=reservation.pk).held_until


# -- what is asked for -------------------------------------------------------------------------------------------------
def test_a_deposit_is_paid_on_a_page_of_stripes(stripe: StandIn) -> None:
    held = factories.reservation()
    payment = begin(held)
    assert (payment.status, payment.checkout_url) == (PaymentStatus.OPEN, stripe.object(payment.checkout_id)["url"])
    assert catch_up(payment, now=NOW).status == PaymentStatus.OPEN
    intent = stripe.pay(payment.checkout_id)["payment_intent"]

    paid = catch_up(payment, now=NOW)

    assert (paid.status, paid.reference, paid.amount_cents) == (PaymentStatus.SUCCEEDED, intent, 50_000)
    assert state_of(held) == (State.RESERVED, 50_000)
    assert LedgerEntry.objects.filter(source__startswith="fee:txn_").count() == 1
    catch_up(paid, now=NOW)
    assert LedgerEntry.objects.count() == 2
    assert_all_hold(NOW)


def test_stripe_learns_our_numbers_the_amount_and_nothing_of_the_card_is_kept(stripe: StandIn) -> None:
    held = factories.reservation()
    payment = begin(held)
    session = stripe.object(payment.checkout_id)
    ours = {"cintima_payment": payment.public_id, "cintima_reservation": held.public_id}
    assert (session["metadata"], session["client_reference_id"]) == (ours, payment.public_id)
    assert (session["amount_total"], session["currency"]) == (50_000, "usd")
    assert session["success_url"].endswith(f"/payments/{payment.public_id}/back")
    assert session["cancel_url"].endswith(f"/payments/{payment.public_id}/stopped")
    assert stripe.object(stripe.pay(session["id"])["payment_intent"])["metadata"] == ours
    assert "setup_future_usage" not in str(asked(stripe))


def test_a_card_is_saved_only_where_a_plan_was_chosen(stripe: StandIn) -> None:
    payment = begin(factories.reservation(), keeps_card=True)
    [page] = asked(stripe)
    assert page["payment_intent_data"]["setup_future_usage"] == "off_session"
    assert page["allowed_payment_method_types"] == {"0": "card"}
    stripe.pay(payment.checkout_id)
    report = checkout.look(payment)
    assert report is not None
    assert report.card is not None
    assert report.card.payer_id == Customer.objects.get().processor_id
    assert "4242" in report.card.words


@pytest.mark.parametrize(
    ("purpose", "cents", "all_of_it", "pay_later", "may"),
    [
        (Purpose.FULL, 209_900, True, True, {"klarna", "afterpay_clearpay"}),
        (Purpose.FULL, 209_900, True, False, set()),
        (Purpose.FULL, 159_900, False, True, set()),
        (Purpose.FULL, 400_001, True, True, {"klarna"}),
        (Purpose.FULL, 500_001, True, True, set()),
        (Purpose.FULL, 999, True, True, {"afterpay_clearpay"}),
        (Purpose.FULL, 99, True, True, set()),
        (Purpose.DEPOSIT, 50_000, False, True, set()),
        (Purpose.BALANCE, 159_900, False, True, {"us_bank_account"}),
    ],
)
def test_what_may_be_offered_follows_purpose_limits_and_terms(
    purpose: Purpose, cents: int, all_of_it: bool, pay_later: bool, may: set[str]
) -> None:
    never = excluded(purpose, cents, "USD", pay_later=pay_later, is_all_of_it=all_of_it)
    assert {"klarna", "afterpay_clearpay", "us_bank_account"} - set(never) == may
    assert {"affirm", "zip", "sunbit"} <= set(never)
    assert never == sorted(set(never))


def test_pay_later_is_for_dollars_alone() -> None:
    never = excluded(Purpose.FULL, 209_900, "EUR", pay_later=True, is_all_of_it=True)
    assert {"klarna", "afterpay_clearpay"} <= set(never)


def test_klarna_pays_a_seat_in_full_and_is_not_offered_for_a_deposit(stripe: StandIn) -> None:
    held = factories.reservation()
    deposit = begin(held)
    assert "klarna" in asked(stripe)[-1]["excluded_payment_method_types"].values()
    stripe.expire(deposit.checkout_id)
    full = begin(held, Purpose.FULL)
    assert "klarna" not in asked(stripe)[-1]["excluded_payment_method_types"].values()
    stripe.pay(full.checkout_id, method="klarna")
    catch_up(full, now=NOW)
    assert state_of(held) == (State.CONFIRMED, 209_900)


# -- page and hold end together ----------------------------------------------------------------------------------------
def test_the_page_closes_when_the_hold_runs_out(stripe: StandIn) -> None:
    held = factories.reservation()
    payment = begin(held)
    assert payment.expires_at == held_until(held) == NOW + HOUR
    assert stripe.object(payment.checkout_id)["expires_at"] == int((NOW + HOUR).timestamp())


def test_a_hold_that_is_nearly_over_is_made_longer_for_the_page_once(stripe: StandIn) -> None:
    held, now = factories.reservation(), NOW + 45 * MINUTE
    stripe.now = now
    payment = begin(held, now=now)
    assert payment.prolonged_hold
    assert payment.expires_at == held_until(held) == now + 31 * MINUTE
    stripe.now = later = now + 10 * MINUTE
    assert begin(held, now=later) == payment  # the page that is open is used


def test_another_purpose_in_the_last_minutes_leaves_the_page_that_is_open(stripe: StandIn) -> None:
    """A second prolonging is refused, and so nothing is closed for it: the first page can still be paid on."""
    held, now = factories.reservation(), NOW + 45 * MINUTE
    stripe.now = now
    payment = begin(held, now=now)
    stripe.now = later = now + 10 * MINUTE
    with pytest.raises(paying.TooLittleTime):
        begin(held, Purpose.FULL, now=later)
    assert stripe.object(payment.checkout_id)["status"] == "open"
    stripe.pay(payment.checkout_id)
    catch_up(payment, now=later)
    assert state_of(held)[0] == State.RESERVED


def test_where_no_hold_runs_out_a_page_is_open_for_two_hours(stripe: StandIn) -> None:
    held = factories.reservation()
    stripe.pay(begin(held).checkout_id)
    catch_up(Payment.objects.get(), now=NOW)
    assert begin(held, Purpose.BALANCE).expires_at == NOW + 2 * HOUR


def test_a_page_that_ran_out_is_an_attempt_that_ran_out_and_another_can_begin(stripe: StandIn) -> None:
    held = factories.reservation()
    stripe.pay(begin(held).checkout_id)
    catch_up(Payment.objects.get(), now=NOW)
    first = begin(held, Purpose.BALANCE)
    stripe.now = later = NOW + 3 * HOUR
    second = begin(held, Purpose.BALANCE, now=later)
    assert (status_of(first), status_of(second)) == (PaymentStatus.EXPIRED, PaymentStatus.OPEN)
    assert second.checkout_id != first.checkout_id


# -- again, and something else -----------------------------------------------------------------------------------------
def test_beginning_again_continues_the_same_page(stripe: StandIn) -> None:
    held = factories.reservation()
    first = begin(held)
    assert begin(held, now=NOW + 5 * MINUTE) == first
    assert len(asked(stripe)) == 1


def test_another_purpose_closes_the_page_that_was_open(stripe: StandIn) -> None:
    held = factories.reservation()
    deposit = begin(held)
    full = begin(held, Purpose.FULL, now=NOW + 2 * MINUTE)
    assert stripe.object(deposit.checkout_id)["status"] == "expired"
    assert (status_of(deposit), status_of(full)) == (PaymentStatus.EXPIRED, PaymentStatus.OPEN)


def test_a_page_that_was_paid_on_meanwhile_is_booked_instead_of_closed(stripe: StandIn) -> None:
    held = factories.reservation()
    stripe.pay(begin(held).checkout_id)
    full = begin(held, Purpose.FULL)
    assert (state_of(held), full.amount_cents) == ((State.RESERVED, 50_000), 159_900)


def test_two_windows_pay_deposit_and_everything_and_what_is_too_much_goes_back(stripe: StandIn) -> None:
    """Stripe was not to be reached when the first page should have been closed, so both are open."""
    held = factories.reservation()
    deposit = begin(held)
    stripe.faults.add("*", "/v1/checkout/sessions/", "503", times=3)
    full = begin(held, Purpose.FULL, now=NOW + 2 * MINUTE)
    stripe.pay(full.checkout_id)
    stripe.pay(deposit.checkout_id)
    for payment in (full, deposit):
        catch_up(payment, now=NOW + 3 * MINUTE)
    refund = Refund.objects.get()
    assert (refund.payment, refund.amount_cents, refund.rule) == (deposit, 50_000, "paid-twice")
    assert refund.status == RefundStatus.SUCCEEDED
    assert state_of(held) == (State.CONFIRMED, 209_900)
    assert sum(book.net for book in stripe.books().values()) == stripe.balance()
    assert_all_hold(NOW + 3 * MINUTE)


def test_an_attempt_given_up_here_and_paid_there_brings_the_seat_or_goes_back(stripe: StandIn) -> None:
    cohort = factories.cohort(capacity=1)
    held = factories.reservation(cohort=cohort)
    payment = begin(held)
    stripe.pay(payment.checkout_id)
    Payment.objects.update(status=PaymentStatus.EXPIRED)
    later = NOW + 2 * HOUR
    factories.reservation(cohort=cohort, now=later)
    assert catch_up(payment, now=later).status == PaymentStatus.SUCCEEDED
    assert (Refund.objects.get().rule, Refund.objects.get().status) == ("late-no-seat", RefundStatus.SUCCEEDED)
    assert state_of(held) == (State.EXPIRED, 0)
    assert_all_hold(later)


def test_money_that_is_with_a_bank_is_waited_for(stripe: StandIn) -> None:
    held = factories.reservation()
    stripe.pay(begin(held).checkout_id)
    catch_up(Payment.objects.get(), now=NOW)
    balance = begin(held, Purpose.BALANCE)
    intent = stripe.pay(balance.checkout_id, method="us_bank_account")["payment_intent"]
    assert catch_up(balance, now=NOW).status == PaymentStatus.PROCESSING
    with pytest.raises(paying.OnItsWay):
        begin(held, Purpose.BALANCE)
    stripe.settle_bank_debit(intent, ok=False)
    assert catch_up(balance, now=NOW).status == PaymentStatus.FAILED
    again = begin(held, Purpose.BALANCE)
    intent = stripe.pay(again.checkout_id, method="us_bank_account")["payment_intent"]
    stripe.settle_bank_debit(intent)
    catch_up(again, now=NOW)
    assert state_of(held) == (State.CONFIRMED, 209_900)


def test_a_declined_card_leaves_the_page_open_for_another(stripe: StandIn) -> None:
    held = factories.reservation()
    payment = begin(held)
    stripe.fail(payment.checkout_id)
    assert catch_up(payment, now=NOW).status == PaymentStatus.OPEN
    stripe.pay(payment.checkout_id)
    catch_up(payment, now=NOW)
    assert state_of(held) == (State.RESERVED, 50_000)


# -- the network -------------------------------------------------------------------------------------------------------
def test_a_repeat_after_a_lost_answer_gets_the_same_page_by_the_same_key(stripe: StandIn) -> None:
    held = factories.reservation()
    stripe.faults.add("POST", "/v1/checkout/sessions", "drop_after", times=3)
    with pytest.raises(Unavailable):
        begin(held)
    assert Payment.objects.get().status == PaymentStatus.CREATED
    payment = begin(held, now=NOW + MINUTE / 2)
    assert len(stripe.all("checkout.session")) == 1
    assert (payment.status, payment.checkout_id) == (PaymentStatus.OPEN, stripe.all("checkout.session")[0]["id"])
    keys = {each.idempotency_key for each in stripe.requests if each.path == "/v1/checkout/sessions"}
    assert keys == {f"payment-{payment.public_id}"}


@pytest.mark.parametrize("minutes", [2, 25, 45])
def test_a_page_whose_answer_was_lost_is_found_again_and_continued(stripe: StandIn, minutes: int) -> None:
    """Not made a second time: the hold may have been prolonged for it, which is done once."""
    held, now = factories.reservation(), NOW
    stripe.faults.add("POST", "/v1/checkout/sessions", "drop_after", times=3)
    with pytest.raises(Unavailable):
        begin(held, now=now)
    stripe.now = later = now + minutes * MINUTE
    payment = begin(held, now=later)
    [page] = stripe.all("checkout.session")
    assert (payment.status, payment.checkout_id, payment.checkout_url) == ("open", page["id"], page["url"])
    assert Payment.objects.count() == 1


def test_a_page_that_never_came_about_costs_nobody_the_longer_hold(stripe: StandIn) -> None:
    held = factories.reservation()
    stripe.now = now = NOW + 45 * MINUTE
    stripe.down = True
    with pytest.raises(Unavailable):
        begin(held, now=now)
    stripe.down = False
    stripe.now = later = now + 10 * MINUTE
    payment = begin(held, now=later)
    assert (payment.status, payment.expires_at) == (PaymentStatus.OPEN, held_until(held))
    assert Payment.objects.filter(status=PaymentStatus.EXPIRED).count() == 1


def test_another_purpose_after_a_lost_answer_closes_the_page_that_was_made(stripe: StandIn) -> None:
    held = factories.reservation()
    stripe.faults.add("POST", "/v1/checkout/sessions", "drop_after", times=3)
    with pytest.raises(Unavailable):
        begin(held)
    begin(held, Purpose.FULL, now=NOW + 2 * MINUTE)
    assert sorted(page["status"] for page in stripe.all("checkout.session")) == ["expired", "open"]


def test_while_stripe_is_down_nothing_is_lost_and_trying_again_goes_on(stripe: StandIn) -> None:
    held = factories.reservation()
    stripe.down = True
    with pytest.raises(Unavailable):
        begin(held)
    assert Payment.objects.get().status == PaymentStatus.CREATED
    stripe.down = False
    payment = begin(held, now=NOW + MINUTE / 2)
    assert (payment.status, Payment.objects.count()) == (PaymentStatus.OPEN, 1)
    stripe.pay(payment.checkout_id)
    stripe.down = True
    with pytest.raises(Unavailable):
        catch_up(payment, now=NOW)
    assert status_of(payment) == PaymentStatus.OPEN


def test_what_stripe_will_not_do_ends_the_attempt(stripe: StandIn) -> None:
    held = factories.reservation()
    Customer.objects.create(person=held.trainee, processor_id="cus_nobody", created_at=NOW)
    with pytest.raises(Refused):
        begin(held)
    payment = Payment.objects.get()
    assert (payment.status, payment.failure) == (PaymentStatus.FAILED, "resource_missing")


def test_a_key_that_stripe_does_not_know_counts_as_unavailable(stripe: StandIn) -> None:
    stripe.api_keys = {"sk_test_other"}
    with pytest.raises(Unavailable):
        begin(factories.reservation())


@pytest.mark.parametrize("kind", ["500", "500_after", "html", "429"])
def test_whatever_goes_wrong_at_stripe_one_page_is_paid_once(stripe: StandIn, kind: Any) -> None:
    held = factories.reservation()
    stripe.faults.add("POST", "/v1/checkout/sessions", kind, times=3)
    with pytest.raises(Unavailable):
        begin(held)
    stripe.faults.clear()
    stripe.now = later = NOW + 2 * MINUTE
    payment = begin(held, now=later)
    stripe.pay(payment.checkout_id)
    catch_up(payment, now=later)
    assert state_of(held) == (State.RESERVED, 50_000)
    assert [page["status"] for page in stripe.all("checkout.session")].count("complete") == 1
    assert not [page for page in stripe.all("checkout.session") if page["status"] == "open"]


# -- who pays ----------------------------------------------------------------------------------------------------------
def test_a_person_is_one_customer(stripe: StandIn) -> None:
    anna = factories.trainee()
    for title in ("A", "B"):
        held = factories.reservation(trainee=anna, cohort=factories.cohort(title=title))
        begin(held)
        cancelling.cancel(held, now=NOW, by=anna)
    assert len(stripe.all("customer")) == Customer.objects.count() == 1


def test_two_requests_at_once_make_one_customer(stripe: StandIn) -> None:
    """Both have asked before either has written down the answer: the key is the same, and so is the customer."""
    anna = factories.trainee()
    first = customers.customer_id(anna)
    Customer.objects.all().delete()
    assert customers.customer_id(anna) == first
    assert len(stripe.all("customer")) == 1


# -- what comes back is checked ----------------------------------------------------------------------------------------
def test_money_of_another_mode_is_not_believed(stripe: StandIn, settings: Settings) -> None:
    payment = begin(factories.reservation())
    stripe.pay(payment.checkout_id)
    settings.STRIPE_LIVE = True
    with pytest.raises(WrongMoney):
        catch_up(payment, now=NOW)
    assert status_of(payment) == PaymentStatus.OPEN


def test_money_of_another_currency_is_not_believed(stripe: StandIn) -> None:
    payment = begin(factories.reservation())
    stripe.pay(payment.checkout_id)
    Payment.objects.update(currency="EUR")
    payment.refresh_from_db()
    with pytest.raises(WrongMoney):
        catch_up(payment, now=NOW)


def test_what_came_is_booked_and_not_what_was_asked_for(stripe: StandIn) -> None:
    held = factories.reservation()
    payment = begin(held)
    intent = stripe.pay(payment.checkout_id)["payment_intent"]
    with stripe.account.acting_on(intent) as there:
        there["amount_received"] = 40_000
    paid = catch_up(payment, now=NOW)
    assert (paid.amount_cents, Refund.objects.get().rule) == (40_000, "too-little")
    assert state_of(held)[0] == State.HELD


# -- never inside a transaction ----------------------------------------------------------------------------------------
def test_stripe_is_not_asked_while_locks_are_held(stripe: StandIn) -> None:
    payment = begin(factories.reservation())
    before = len(stripe.requests)
    with transaction.atomic(), pytest.raises(AssertionError, match="inside a database transaction"):
        catch_up(payment, now=NOW)
    assert len(stripe.requests) == before


# -- money that goes back ----------------------------------------------------------------------------------------------
def late_money(stripe: StandIn) -> tuple[Payment, datetime]:
    """A deposit that was paid when the seat was somebody else's already."""
    cohort = factories.cohort(capacity=1)
    payment = begin(factories.reservation(cohort=cohort))
    stripe.pay(payment.checkout_id)
    later = NOW + 2 * HOUR
    stripe.now = later
    factories.reservation(cohort=cohort, now=later)
    return payment, later


def test_a_refund_whose_answer_was_lost_is_sent_once(stripe: StandIn) -> None:
    payment, later = late_money(stripe)
    stripe.faults.add("POST", "/v1/refunds", "drop_after", times=3)
    catch_up(payment, now=later)
    assert Refund.objects.get().status == RefundStatus.REQUESTED
    assert send_back_due(later + 6 * MINUTE) == 1
    assert (len(stripe.all("refund")), Refund.objects.get().status) == (1, RefundStatus.SUCCEEDED)


def test_a_refund_whose_answer_was_lost_is_found_again_when_stripe_has_forgotten_the_key(stripe: StandIn) -> None:
    """Keys are good for a day. Half of a payment could otherwise be sent back twice after a long outage."""
    held = factories.reservation()
    payment = begin(held)
    stripe.pay(payment.checkout_id)
    catch_up(payment, now=NOW)
    with transaction.atomic():
        [refund] = owe_back(held, 20_000, rule="goodwill", why="Kindness.", by=None, now=NOW)
    stripe.faults.add("POST", "/v1/refunds", "drop_after", times=3)
    send_back(refund, now=NOW)
    stripe.now = later = NOW + timedelta(days=3)
    assert send_back_due(later) == 1
    assert (len(stripe.all("refund")), Refund.objects.get().status) == (1, RefundStatus.SUCCEEDED)


def test_a_refund_that_stripe_refuses_has_failed(stripe: StandIn) -> None:
    payment, later = late_money(stripe)
    intent = stripe.object(payment.checkout_id)["payment_intent"]
    stripe.dashboard_refund(intent)
    catch_up(payment, now=later)
    assert (Refund.objects.get().status, Refund.objects.get().failure) == (
        RefundStatus.FAILED,
        "charge_already_refunded",
    )


def test_what_somebody_sent_back_at_stripe_is_the_refund_that_was_owed_and_not_as_much_again(stripe: StandIn) -> None:
    payment, later = late_money(stripe)
    there = stripe.dashboard_refund(stripe.object(payment.checkout_id)["payment_intent"])
    catch_up(payment, now=later)
    for _ in range(2):
        outside.refund_found(payment, SentBack(RefundStatus.SUCCEEDED, there["id"]), 50_000, now=later)
    refund = Refund.objects.get()
    assert (refund.status, refund.rule, refund.processor_id) == (RefundStatus.SUCCEEDED, "late-no-seat", there["id"])
    assert_all_hold(later)


def test_a_page_can_be_read_when_its_intent_was_never_made(stripe: StandIn) -> None:
    payment = begin(factories.reservation())
    assert stripe.object(payment.checkout_id)["payment_intent"] is None
    assert checkout.look(payment) == Report(PaymentStatus.OPEN)
