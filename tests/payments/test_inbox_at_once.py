"""What Stripe tells, while somebody else finds out the same, or is killed over it: real commits, on both databases."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection

from booking.payments import ledger, sending, settling
from booking.payments.gateways.stripe import events
from booking.payments.inbox import processing
from booking.payments.inbox.models import EventState, InboxEvent
from booking.payments.models import LedgerEntry, Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.payments.telling import begin, everything, it_is, only_stored, paid, post
from tests.services.databases import at_once
from tests.stripe_stand_in import StandIn
from workshops.messages.models import Message

AFTER = NOW + processing.LEASE


@pytest.fixture(autouse=True)
def _at_now(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever blocks another for ever is found out by PostgreSQL, which ends it and counts it."""
    it_is(NOW, monkeypatch)
    yield
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            assert cursor.fetchone() == (0,)


def rounds() -> int:
    return 100 if connection.vendor == "postgresql" else 30  # SQLite lets one writer in at a time


def succeeded(answers: list[Any]) -> None:
    for each in answers:
        if isinstance(each, Exception):
            raise AssertionError from each


def tells(stripe: StandIn, event: dict[str, Any]) -> Callable[[], int]:
    return lambda: post(*stripe.signed(event))


def comes_back(payment: Payment) -> str:
    """What the page says to whoever comes back to it."""
    return settling.catch_up(payment, now=NOW).status


def until_nothing_waits(moment: Any = AFTER) -> None:
    while processing.process_due(moment, limit=100):
        pass
    assert not InboxEvent.objects.filter(state__in=(EventState.WAITING, EventState.STUCK)).exists()


def test_the_page_and_the_webhook_at_once_book_a_payment_once(stripe: StandIn) -> None:
    for number in range(1, rounds() + 1):
        payment, _ = paid(stripe, Purpose.DEPOSIT)
        told, stripe.pending[:] = stripe.pending[:], []
        calls = [tells(stripe, each) for each in told]
        answers = at_once(partial(comes_back, payment), *calls)
        succeeded(answers)
        assert (answers[0], set(answers[1:])) == (PaymentStatus.SUCCEEDED, {200})
        until_nothing_waits()
        assert LedgerEntry.objects.filter(source__startswith="payment:").count() == number
        assert LedgerEntry.objects.filter(source__startswith="fee:").count() == number
        assert Message.objects.filter(kind="reservation-reserved").count() == number
    assert set(Reservation.objects.values_list("state", flat=True)) == {State.RESERVED}
    assert_all_hold(NOW)


def test_one_event_that_comes_eight_times_at_once_is_stored_once(stripe: StandIn) -> None:
    payment, _ = paid(stripe, Purpose.DEPOSIT)
    told = next(each for each in stripe.pending if each["type"] == "checkout.session.completed")
    answers = at_once(*[tells(stripe, told)] * 8)
    assert answers == [200] * 8
    assert InboxEvent.objects.count() == 1
    until_nothing_waits()
    assert ledger.paid_cents(payment.reservation) == 50_000


def test_four_workers_and_everything_that_can_be_told_come_to_what_one_would(
    stripe: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Payment, refund of the dashboard and lost dispute, of several people, taken up by whoever gets there first."""
    for _ in range(3):
        _, intent = paid(stripe)
        stripe.dashboard_refund(intent, 10_000)
        dispute = stripe.dispute(intent, 100_000)
        stripe.close_dispute(dispute["id"], won=False)
    stripe.deliver_shuffled(only_stored, seed=7)
    succeeded(at_once(*[lambda: processing.process_due(NOW, limit=100)] * 4))
    until_nothing_waits()
    assert_all_hold(NOW)
    assert everything()["disputes"] == [("lost", 100_000)] * 3
    assert everything()["refunds"] == [("succeeded", 10_000, "outside")] * 3
    assert [ledger.kept_cents(each) for each in Reservation.objects.all()] == [99_900] * 3


class _Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("does_it_first", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (events, "by_page"),
        (processing, "_book"),
        (processing, "told_here"),
        (settling, "settle_here"),
        (ledger, "post_payment"),
        (ledger, "post_fee"),
        (processing, "_mark"),
        (processing, "finish"),
        (sending, "told"),
    ],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_a_process_that_is_killed_at_any_step_is_followed_by_one_that_finishes(
    stripe: StandIn, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, does_it_first: bool
) -> None:
    """Late money, which is booked and goes back: all the steps there are between Stripe's yes and the last commit."""
    payment = begin(factories.reservation(cohort=factories.cohort(capacity=1)))
    stripe.pay(payment.checkout_id)
    later = NOW.replace(hour=20)
    factories.reservation(cohort=payment.reservation.cohort, now=later)
    stripe.now = later
    it_is(later, monkeypatch)
    stripe.pending[:] = [each for each in stripe.pending if each["type"] == "checkout.session.completed"]
    original = getattr(module, name)

    def dies(*args: Any, **named: Any) -> Any:
        if does_it_first:
            original(*args, **named)
        raise _Killed

    with monkeypatch.context() as broken:
        broken.setattr(module, name, dies)
        with pytest.raises(_Killed):
            stripe.deliver_to(post)
    afterwards = later + processing.LEASE
    processing.process_due(afterwards)
    sending.send_back_due(afterwards)
    assert InboxEvent.objects.get().state == EventState.DONE
    assert Payment.objects.get(pk=payment.pk).status == PaymentStatus.SUCCEEDED
    assert Refund.objects.get().status == RefundStatus.SUCCEEDED
    assert len(stripe.all("refund")) == 1
    assert ledger.paid_cents(payment.reservation) == 0
    assert_all_hold(afterwards)
