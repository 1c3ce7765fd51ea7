"""Refunds that somebody makes in Stripe's dashboard: booked as what they are, once, and the seat is not touched."""

from datetime import timedelta

import pytest

from booking.payments import ledger, refunding, sending
from booking.payments.inbox import processing
from booking.payments.inbox.models import EventState, InboxEvent
from booking.payments.models import Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.payments.reconciling import mending
from booking.reservations import cancelling
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.payments.telling import everything, it_is, only_stored, paid, post
from tests.stripe_stand_in import StandIn
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role

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


def sent_by_hand(stripe: StandIn, payment: Payment) -> Refund:
    """A refund came back to Stripe, and a registrar has said that they send it by bank transfer."""
    back = cancelling.cancel(Reservation.objects.get(), now=NOW, by=payment.reservation.trainee).refunds[0]
    stripe.finish_refund(back.processor_id, ok=False)
    stripe.deliver_to(post)
    return sending.by_hand_instead(back, now=NOW, by=factories.person(Role.REGISTRAR), why="The card is closed.")


def test_one_of_the_dashboard_is_what_a_person_was_to_send_by_the_bank(stripe: StandIn) -> None:
    payment, intent = booked(stripe)
    refund = sent_by_hand(stripe, payment)
    gone = stripe.dashboard_refund(intent)
    stripe.deliver_to(post)
    refund.refresh_from_db()
    assert (refund.status, refund.by_hand, refund.processor_id) == (RefundStatus.SUCCEEDED, False, gone["id"])
    assert Refund.objects.count() == 1
    assert ledger.paid_cents(Reservation.objects.get()) == 0
    assert mending.compare(NOW - timedelta(days=1), NOW + timedelta(hours=1)) == []
    assert_all_hold(NOW)


def test_once_a_person_has_sent_it_one_of_the_dashboard_is_as_much_again(stripe: StandIn) -> None:
    payment, intent = booked(stripe)
    refund = sent_by_hand(stripe, payment)
    sending.refunded(refund, now=NOW, by=factories.person(Role.REGISTRAR), reference="B-1")
    stripe.dashboard_refund(intent)
    stripe.deliver_to(post)
    assert sorted(Refund.objects.values_list("rule", "by_hand")) == sorted([(refund.rule, True), ("outside", False)])
    assert ledger.paid_cents(Reservation.objects.get()) == -209_900


def test_a_smaller_one_of_the_dashboard_leaves_the_rest_to_be_sent_by_hand(stripe: StandIn) -> None:
    payment, intent = booked(stripe)
    refund = sent_by_hand(stripe, payment)
    stripe.dashboard_refund(intent, 30_000)
    stripe.deliver_to(post)
    refund.refresh_from_db()
    assert (refund.status, refund.by_hand, refund.amount_cents) == (RefundStatus.REQUESTED, True, 179_900)
    assert mending.compare(NOW - timedelta(days=1), NOW + timedelta(hours=1)) == []
    assert_all_hold(NOW)


def test_a_smaller_one_of_the_dashboard_lessens_what_waits_to_be_sent(stripe: StandIn) -> None:
    payment, intent = booked(stripe)
    stripe.down = True
    cancelling.cancel(Reservation.objects.get(), now=NOW, by=payment.reservation.trainee)
    stripe.down = False
    stripe.dashboard_refund(intent, 30_000)
    stripe.deliver_to(post)
    assert sending.send_back_due(NOW + sending.ASK_AGAIN) == 1
    assert sorted(Refund.objects.values_list("amount_cents", "status")) == [
        (30_000, "succeeded"),
        (179_900, "succeeded"),
    ]
    stripe.deliver_to(post)
    assert ledger.paid_cents(Reservation.objects.get()) == 0
    assert mending.compare(NOW - timedelta(days=1), NOW + timedelta(hours=1)) == []
    assert_all_hold(NOW)


def test_one_of_the_dashboard_over_all_of_it_ends_every_refund_that_waits(stripe: StandIn) -> None:
    payment, intent = booked(stripe)
    seat_of = Reservation.objects.get()
    stripe.down = True
    registrar, why = factories.person(Role.REGISTRAR), "A storm."
    refunding.refund(
        seat_of, 30_000, why=why, lowers_price=True, by=registrar, now=NOW, expected_possible_cents=209_900
    )
    cancelling.cancel(Reservation.objects.get(), now=NOW, by=payment.reservation.trainee)
    stripe.down = False
    stripe.dashboard_refund(intent)
    stripe.deliver_to(post)
    assert sorted(Refund.objects.values_list("amount_cents", "rule"))[2:] == [(209_900, "outside")]
    assert sending.send_back_due(NOW + sending.ASK_AGAIN) == 0
    assert ledger.paid_cents(Reservation.objects.get()) == 0
    assert mending.compare(NOW - timedelta(days=1), NOW + timedelta(hours=2)) == []
    assert_all_hold(NOW)


def test_what_goes_back_of_a_deposit_that_nobody_told_us_of_yet_is_booked_with_it(
    stripe: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that Stripe has to tell is there at once, and the worker meets it in the order in which it came."""
    _, intent = paid(stripe, Purpose.FULL)
    stripe.dashboard_refund(intent, 10_000)
    stripe.deliver_reversed(only_stored)
    assert processing.process_due(NOW, limit=100) > 3
    assert seat() == (State.RESERVED, 199_900)
    assert_all_hold(NOW)
