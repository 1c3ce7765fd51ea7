"""Disputes: money that a bank takes back, frozen until it has decided, and booked once whatever the order of words."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum

from booking.payments import disputing, ledger
from booking.payments.gateways.base import DisputeReport, Fee
from booking.payments.inbox import processing
from booking.payments.inbox.models import EventState, InboxEvent
from booking.payments.models import (
    Account,
    Dispute,
    DisputeStatus,
    LedgerEntry,
    Payment,
    Posting,
    Purpose,
    Refund,
    RefundStatus,
)
from booking.payments.returning import NotThatMuch, owe_back
from booking.payments.sending import send_back, send_back_due
from booking.reservations import cancelling
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.payments.telling import everything, it_is, paid, post
from tests.services.databases import on_postgres
from tests.stripe_stand_in import StandIn
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.messages.outbox import words_of
from workshops.people.models import Role

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    it_is(NOW, monkeypatch)


def booked(stripe: StandIn, purpose: Purpose = Purpose.FULL) -> tuple[Payment, str]:
    payment, intent = paid(stripe, purpose)
    stripe.deliver_to(post)
    payment.refresh_from_db()
    return payment, intent


def on(account: Account) -> int:
    return Posting.objects.filter(account=account).aggregate(total=Sum("amount_cents"))["total"] or 0


def seat() -> tuple[str, int]:
    reservation = Reservation.objects.get()
    return reservation.state, ledger.kept_cents(reservation)


def report(status: str, **changes: Any) -> DisputeReport:
    made = DisputeReport(
        "du_1", DisputeStatus(status), 100_000, "fraudulent", NOW, NOW + 9 * DAY, (Fee("txn_d", 1_500),)
    )
    return replace(made, **changes)


# -- what Stripe tells -------------------------------------------------------------------------------------------------
def test_a_dispute_holds_the_money_and_freezes_what_could_go_back(stripe: StandIn) -> None:
    registrar = factories.person(Role.REGISTRAR)
    payment, intent = booked(stripe)
    fees = on(Account.FEES)
    stripe.dispute(intent, 100_000)
    stripe.deliver_twice(post, times=3)
    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.amount_cents, dispute.reservation) == ("open", 100_000, payment.reservation)
    assert dispute.answer_by == NOW + 9 * DAY
    assert (on(Account.DISPUTED), on(Account.FEES) - fees) == (100_000, 1_500)
    assert seat() == (State.CONFIRMED, 209_900)
    with pytest.raises(NotThatMuch), transaction.atomic():
        owe_back(payment.reservation, 150_000, rule="goodwill", why="A reason.", by=None, now=NOW)
    (told,) = Message.objects.filter(kind="dispute-opened")
    assert told.to == registrar
    words = words_of(told)
    assert "$1,000" in words.subject
    assert payment.reservation.trainee.name not in words.text
    assert HistoryLine.objects.filter(what="dispute-opened").count() == 1
    assert_all_hold(NOW)


def test_a_dispute_that_is_won_leaves_everything_as_it_was_but_the_fee(stripe: StandIn) -> None:
    factories.person(Role.REGISTRAR)
    _, intent = booked(stripe)
    dispute = stripe.dispute(intent)
    stripe.deliver_to(post)
    stripe.close_dispute(dispute["id"], won=True)
    stripe.deliver_twice(post, times=3)
    assert (Dispute.objects.get().status, on(Account.DISPUTED)) == ("won", 0)
    assert seat() == (State.CONFIRMED, 209_900)
    assert "stays with the school" in words_of(Message.objects.get(kind="dispute-decided")).subject
    assert_all_hold(NOW)


def test_a_dispute_that_is_lost_leaves_the_seat_and_its_price_is_owed_again(stripe: StandIn) -> None:
    factories.person(Role.REGISTRAR)
    payment, intent = booked(stripe)
    dispute = stripe.dispute(intent, 100_000)
    stripe.deliver_to(post)
    stripe.close_dispute(dispute["id"], won=False)
    stripe.deliver_twice(post, times=3)
    assert (Dispute.objects.get().status, on(Account.DISPUTED)) == ("lost", 0)
    assert seat() == (State.RESERVED, 109_900)
    assert Message.objects.filter(kind="owed-again", to=payment.reservation.trainee).count() == 1
    assert "went back by the bank" in words_of(Message.objects.get(kind="dispute-decided")).subject
    assert_all_hold(NOW)


def test_one_who_disputes_and_is_a_registrar_is_not_told_as_one(stripe: StandIn) -> None:
    payment, intent = booked(stripe)
    other = factories.person(Role.REGISTRAR)
    payment.reservation.trainee.role_grants.create(role=Role.REGISTRAR, granted_at=NOW)
    stripe.dispute(intent)
    stripe.deliver_to(post)
    assert [each.to for each in Message.objects.filter(kind="dispute-opened")] == [other]


def test_refunds_wait_while_the_bank_decides_and_go_when_it_is_over(stripe: StandIn) -> None:
    payment, intent = booked(stripe)
    with transaction.atomic():
        (refund,) = owe_back(payment.reservation, 20_000, rule="goodwill", why="A reason.", by=None, now=NOW)
    dispute = stripe.dispute(intent, 100_000)
    stripe.deliver_to(post)
    assert send_back(refund, now=NOW).status == RefundStatus.REQUESTED
    assert send_back_due(NOW + DAY) == 0
    stripe.close_dispute(dispute["id"], won=True)
    stripe.deliver_to(post)
    assert send_back_due(NOW + DAY) == 1
    assert Refund.objects.get().status == RefundStatus.SUCCEEDED


def test_registrars_hear_of_a_refund_that_waited_when_the_bank_gives_the_money_back(stripe: StandIn) -> None:
    factories.person(Role.REGISTRAR)
    payment, intent = booked(stripe)
    with transaction.atomic():
        owe_back(payment.reservation, 20_000, rule="goodwill", why="A reason.", by=None, now=NOW)
    dispute = stripe.dispute(intent, 100_000)
    stripe.close_dispute(dispute["id"], won=False)
    stripe.deliver_to(post)
    assert "Another $200" in words_of(Message.objects.get(kind="dispute-decided")).text


def test_what_the_terms_owe_back_waits_for_the_bank_and_goes_when_the_school_wins(stripe: StandIn) -> None:
    factories.person(Role.REGISTRAR)
    payment, intent = booked(stripe)
    dispute = stripe.dispute(intent)
    stripe.deliver_to(post)
    cancelling.cancel(Reservation.objects.get(), now=NOW, by=payment.reservation.trainee)
    assert Refund.objects.get().status == RefundStatus.REQUESTED
    assert "once your bank has decided" in words_of(Message.objects.get(kind="reservation-cancelled")).text
    assert send_back_due(NOW) == 0
    stripe.close_dispute(dispute["id"], won=True)
    stripe.deliver_to(post)
    assert "It is sent now." in words_of(Message.objects.get(kind="dispute-decided")).text
    assert send_back_due(NOW) == 1
    assert Refund.objects.get().status == RefundStatus.SUCCEEDED
    assert_all_hold(NOW)


def test_what_the_bank_took_back_is_not_sent_back_as_well(stripe: StandIn) -> None:
    payment, intent = booked(stripe)
    dispute = stripe.dispute(intent)
    stripe.deliver_to(post)
    cancelling.cancel(Reservation.objects.get(), now=NOW, by=payment.reservation.trainee)
    stripe.close_dispute(dispute["id"], won=False)
    stripe.deliver_to(post)
    assert send_back_due(NOW) == 0
    refund = Refund.objects.get()
    assert (refund.status, refund.amount_cents) == (RefundStatus.SUCCEEDED, 0)
    assert on(Account.REFUNDS_UNDERWAY) == on(Account.TUITION_HELD) == 0
    assert_all_hold(NOW)


# -- in what order it may be told --------------------------------------------------------------------------------------
@pytest.mark.parametrize("order", [("inquiry", "open", "lost"), ("lost", "open", "inquiry"), ("open", "lost", "lost")])
def test_a_lost_dispute_is_booked_once_in_any_order(stripe: StandIn, order: tuple[str, ...]) -> None:
    payment, _ = booked(stripe)
    for status in order:
        disputing.told(payment, report(status), now=NOW)
    assert (Dispute.objects.get().status, on(Account.DISPUTED)) == ("lost", 0)
    assert seat() == (State.RESERVED, 109_900)
    assert LedgerEntry.objects.filter(source="fee:txn_d").count() == 1
    assert LedgerEntry.objects.filter(source__startswith="dispute").count() == 2
    assert_all_hold(NOW)


@pytest.mark.parametrize("order", [("inquiry", "closed"), ("closed", "inquiry"), ("closed",)])
def test_an_inquiry_that_ends_moves_no_money(stripe: StandIn, order: tuple[str, ...]) -> None:
    payment, _ = booked(stripe)
    for status in order:
        disputing.told(payment, report(status, fees=()), now=NOW)
    assert (Dispute.objects.get().status, on(Account.DISPUTED)) == ("closed", 0)
    assert not LedgerEntry.objects.filter(source__startswith="dispute").exists()
    assert_all_hold(NOW)


def test_an_inquiry_freezes_refunds_and_tells_registrars_and_again_when_it_becomes_a_dispute(stripe: StandIn) -> None:
    factories.person(Role.REGISTRAR)
    payment, _ = booked(stripe)
    for status in ("inquiry", "inquiry", "open", "open"):
        disputing.told(payment, report(status), now=NOW)
    subjects = [words_of(each).subject for each in Message.objects.filter(kind="dispute-opened").order_by("step")]
    assert [each.partition(" for ")[0] for each in subjects] == ["A bank asks about $1,000", "$1,000 is disputed"]
    assert on(Account.DISPUTED) == 100_000
    assert_all_hold(NOW)


def test_a_fee_that_is_given_back_is_booked_the_other_way_round(stripe: StandIn) -> None:
    payment, _ = booked(stripe)
    before = on(Account.FEES)
    disputing.told(payment, report("open"), now=NOW)
    disputing.told(payment, report("won", fees=(Fee("txn_d", 1_500), Fee("txn_e", -1_500))), now=NOW)
    assert on(Account.FEES) == before
    assert_all_hold(NOW)


def test_a_later_date_to_answer_is_kept(stripe: StandIn) -> None:
    payment, _ = booked(stripe)
    disputing.told(payment, report("open"), now=NOW)
    disputing.told(payment, report("open", answer_by=NOW + 12 * DAY), now=NOW)
    assert Dispute.objects.get().answer_by == NOW + 12 * DAY


def test_a_bank_that_decides_again_and_differently_is_for_a_person(stripe: StandIn) -> None:
    _, intent = booked(stripe)
    dispute = stripe.dispute(intent, 100_000)
    stripe.close_dispute(dispute["id"], won=False)
    stripe.deliver_to(post)
    stripe.account.objects[dispute["id"]]["status"] = "won"
    stripe.account.emit("charge.dispute.closed", stripe.account.objects[dispute["id"]])
    stripe.deliver_to(post)
    assert "second time" in InboxEvent.objects.get(state=EventState.STUCK).trouble
    assert seat() == (State.RESERVED, 109_900)
    assert_all_hold(NOW)


def test_a_dispute_of_a_payment_that_is_not_booked_settles_it_first(stripe: StandIn) -> None:
    payment, intent = paid(stripe)
    with pytest.raises(disputing.NotReceived):
        disputing.told(payment, report("open"), now=NOW)
    stripe.dispute(intent, 100_000)
    stripe.pending[:] = [each for each in stripe.pending if each["type"] == "charge.dispute.created"]
    stripe.deliver_to(post)
    assert (Dispute.objects.get().status, seat()) == ("open", (State.CONFIRMED, 209_900))
    assert_all_hold(NOW)


TOLD = ("checkout.session.completed", "payment_intent.succeeded", "charge.refunded", "charge.dispute.created",
        "charge.dispute.closed")  # fmt: skip


@pytest.mark.parametrize(("won", "every"), [(True, 7), (False, 1)])
def test_all_orders_of_what_happened_come_to_the_same(stripe: StandIn, won: bool, every: int) -> None:
    """Everything has happened before the first word of it arrives; then each order, on the same beginning.

    What is lost moves more: those are all of the orders, of the others every seventh. What an order comes to does not
    depend on the database, so PostgreSQL is asked about every seventh of both.
    """
    every = 7 if on_postgres() else every
    _, intent = paid(stripe)
    stripe.dashboard_refund(intent, 10_000)
    dispute = stripe.dispute(intent, 100_000)
    stripe.close_dispute(dispute["id"], won=won)
    events = {each["type"]: each for each in stripe.pending}
    stripe.pending.clear()
    ends = set()
    for order in itertools.islice(itertools.permutations(TOLD), 0, None, every):
        ends.add(repr(taken_back(stripe, [events[kind] for kind in order])))
    assert len(ends) == 1
    assert ("'won'" if won else "'lost'") in ends.pop()


class _TakenBack(Exception):
    pass


def taken_back(stripe: StandIn, told: list[dict[str, Any]]) -> dict[str, object]:
    """What came of these words in this order, looked at and then undone."""
    try:
        # As a test's own transaction does, it lets Stripe be asked meanwhile.
        block = transaction.atomic()
        block._from_testcase = True  # type: ignore[attr-defined]
        with block:
            assert {post(*stripe.signed(each)) for each in told} == {200}
            assert not InboxEvent.objects.filter(state__in=("waiting", "stuck")).exists()
            assert_all_hold(NOW)
            found = everything()
            raise _TakenBack
    except _TakenBack:
        return found


def test_after_each_word_the_books_add_up_also_when_all_of_them_come_again(stripe: StandIn) -> None:
    _, intent = paid(stripe)
    completed = stripe.pending[:]
    refund = stripe.dashboard_refund(intent, 10_000)
    dispute = stripe.dispute(intent, 100_000)
    stripe.close_dispute(dispute["id"], won=False)
    assert refund["status"] == "succeeded"
    told = stripe.pending[:]
    assert len(told) > len(completed)
    for each in told:
        assert post(*stripe.signed(each)) == 200
        assert_all_hold(NOW)
    before = everything()
    InboxEvent.objects.update(state=EventState.WAITING, done_at=None)
    assert processing.process_due(NOW, limit=100)
    assert everything() == before
