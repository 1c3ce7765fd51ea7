"""Refunds that somebody makes in Stripe's dashboard: booked as what they are, once, and the seat is not touched."""

from datetime import timedelta

import pytest

from booking.payments import ledger
from booking.payments.inbox import processing
from booking.payments.inbox.models import EventState, InboxEvent
from booking.payments.models import Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.reservations import cancelling
from booking.reservations.models import Reservation, State
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.payments.telling import everything, it_is, nothing_at_once, paid, post
from tests.stripe_stand_in import StandIn
from workshops.history.models import HistoryLine
from workshops.messages.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    it_is(NOW, monkeypatch)


def booked(stripe: StandIn) -> tuple[Payment, str]:
    """Somebody who has paid all of it, and of whom we know."""
    payment, intent = paid(stripe)
    stripe.deliver_to(post)
    return payment, intent


def seat() -> tuple[str, int]:
    reservation = Reservation.objects.get()
    return reservation.state, ledger.kept_cents(reservation)


def test_a_refund_of_the_dashboard_leaves_the_seat_and_some_of_its_price_is_owed_again(stripe: StandIn) -> None:
    _, intent = booked(stripe)
    assert seat() == (State.CONFIRMED, 209_900)
    gone = stripe.dashboard_refund(intent, 30_000)
    stripe.deliver_twice(post, times=3)
    refund = Refund.objects.get()
    assert (refund.status, refund.amount_cents, refund.rule) == (RefundStatus.SUCCEEDED, 30_000, "outside")
    assert refund.processor_id == gone["id"]
    assert seat() == (State.RESERVED, 179_900)
    assert HistoryLine.objects.filter(what="refund-outside").count() == 1
    assert Message.objects.filter(kind="owed-again").count() == 1
    assert_all_hold(NOW)


def test_two_of_them_are_both_booked_by_the_word_about_the_charge_alone(stripe: StandIn) -> None:
    _, intent = booked(stripe)
    for cents in (30_000, 20_000):
        stripe.dashboard_refund(intent, cents)
    stripe.pending[:] = [each for each in stripe.pending if each["type"] == "charge.refunded"][-1:]
    stripe.deliver_to(post)
    assert sorted(Refund.objects.values_list("amount_cents", flat=True)) == [20_000, 30_000]
    assert seat() == (State.RESERVED, 159_900)
    assert_all_hold(NOW)


def test_one_that_is_told_before_the_payment_settles_the_payment_first(stripe: StandIn) -> None:
    payment, intent = paid(stripe)
    stripe.dashboard_refund(intent, 30_000)
    stripe.pending[:] = [each for each in stripe.pending if each["type"] == "refund.created"]
    stripe.deliver_to(post)
    payment.refresh_from_db()
    assert (payment.status, payment.reference) == (PaymentStatus.SUCCEEDED, intent)
    assert seat() == (State.RESERVED, 179_900)
    assert_all_hold(NOW)


@pytest.mark.parametrize("ok", [True, False])
def test_one_that_is_under_way_is_waited_for(stripe: StandIn, ok: bool) -> None:
    _, intent = booked(stripe)
    stripe.refunds = "pending"
    gone = stripe.dashboard_refund(intent, 30_000)
    stripe.deliver_to(post)
    assert not Refund.objects.exists()
    waits = InboxEvent.objects.filter(state=EventState.WAITING)
    assert set(waits.values_list("trouble", flat=True)) == {"A refund made in Stripe's dashboard is under way."}
    stripe.finish_refund(gone["id"], ok=ok)  # and nobody tells us
    stripe.pending.clear()
    processing.process_due(NOW + processing.STILL_PENDING)
    assert not waits.exists()
    assert seat() == ((State.RESERVED, 179_900) if ok else (State.CONFIRMED, 209_900))
    assert_all_hold(NOW)


def test_one_that_is_under_way_for_weeks_is_shown_to_a_person(stripe: StandIn) -> None:
    _, intent = booked(stripe)
    stripe.refunds = "pending"
    stripe.dashboard_refund(intent, 30_000)
    stripe.deliver_to(post)
    processing.process_due(NOW + timedelta(days=46))
    assert processing.stuck(NOW + timedelta(days=46)).filter(state=EventState.STUCK).count() == 2
    assert_all_hold(NOW)


def test_one_that_comes_back_is_owed_to_its_owner(stripe: StandIn) -> None:
    _, intent = booked(stripe)
    gone = stripe.dashboard_refund(intent, 30_000)
    stripe.deliver_to(post)
    stripe.finish_refund(gone["id"], ok=False)
    stripe.deliver_twice(post)
    assert Refund.objects.get().status == RefundStatus.FAILED
    assert ledger.paid_cents(Reservation.objects.get()) == 209_900
    assert_all_hold(NOW)


def test_a_refund_of_ours_beside_one_of_the_dashboard_are_told_apart(stripe: StandIn) -> None:
    payment, intent = booked(stripe)
    stripe.dashboard_refund(intent, 30_000)
    stripe.deliver_to(post)
    back = cancelling.cancel(Reservation.objects.get(), now=NOW, by=payment.reservation.trainee).refunds
    stripe.deliver_shuffled(post, seed=5)
    assert {each.rule for each in Refund.objects.all()} == {"outside", back[0].rule}
    assert set(Refund.objects.values_list("status", flat=True)) == {RefundStatus.SUCCEEDED}
    before = everything()
    InboxEvent.objects.update(state=EventState.WAITING, done_at=None)
    processing.process_due(NOW, limit=100)
    assert everything() == before
    assert_all_hold(NOW)


def test_what_goes_back_of_a_deposit_that_nobody_told_us_of_yet_is_booked_with_it(
    stripe: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that Stripe has to tell is there at once, and the worker meets it in the order in which it came."""
    nothing_at_once(monkeypatch)
    _, intent = paid(stripe, Purpose.FULL)
    stripe.dashboard_refund(intent, 10_000)
    stripe.deliver_reversed(post)
    assert processing.process_due(NOW, limit=100) > 3
    assert seat() == (State.RESERVED, 199_900)
    assert_all_hold(NOW)
