"""Any history of payments, once it is reconciled: the books are Stripe's, and money and seats tell one story."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from booking.payments import paying
from booking.payments.attempts import look_again_due
from booking.payments.gateways.base import Refused, Unavailable
from booking.payments.gateways.stripe import client
from booking.payments.models import Dispute, Payment, Purpose, Refund
from booking.payments.reconciling import mending
from booking.payments.sending import send_back_due
from booking.payments.settling import catch_up
from booking.reservations import admission, cancelling, lifecycle, reserving
from booking.reservations.models import LIVE, Reservation
from booking.site.due import expire_holds
from tests import factories
from tests.factories import NOW
from tests.invariants import broken
from tests.payments.test_reconciling import assert_books_agree, is_ours, rows
from tests.stripe_stand_in import KEY, NothingToPayOut, StandIn
from workshops.people.models import User

pytestmark = pytest.mark.django_db
REFUSALS = (
    *(admission.Refused, cancelling.Changed, lifecycle.Moved, paying.HoldRanOut),
    *(paying.NothingToPay, paying.OnItsWay, paying.TooLittleTime, Unavailable, Refused, NothingToPayOut),
)
"""What the product may answer instead of doing what it is asked; anything else is a fault."""
ACTS = (
    *("begin", "begin", "begin", "begin", "begin", "pay", "pay", "decline", "expire", "cancel", "refund_there"),
    *(
        "refund_part_there",
        "dispute",
        "decide",
        "bank_answers",
        "refund_ends",
        "refunds_wait",
        "word_comes",
        "word_comes",
    ),
    *("word_comes", "worker", "reconcile", "time_passes", "time_passes", "outage", "payout", "other_sale"),
)
MINUTES = (1, 1, 12, 12, 35, 61, 60 * 7, 60 * 25)
WAYS = (("4242424242424242", "card"), ("4242424242424242", "card"), ("", "us_bank_account"), ("", "klarna"))


class World:
    """A room with two seats, three people who want one, and Stripe."""

    def __init__(self, stripe: StandIn) -> None:
        self.stripe, self.now = stripe, NOW
        self.cohort = factories.cohort(capacity=2)
        self.people: list[User] = [factories.trainee() for _ in range(3)]

    def do(self, act: str, pick: Random) -> None:
        """One thing that happens."""
        with suppress(*REFUSALS):
            getattr(self, act)(pick)

    def begin(self, pick: Random) -> None:
        """Somebody takes a seat, or goes on with theirs, and wants to pay."""
        person = pick.choice(self.people)
        theirs = Reservation.objects.filter(trainee=person, state__in=LIVE).first()
        if theirs is None or theirs.state_at(self.now) == "expired":
            theirs = reserving.hold(self.cohort, person, now=self.now)
        paying.begin(theirs, pick.choice(list(Purpose)[:3]), "stripe", by=person, now=self.now)

    def pay(self, pick: Random) -> None:
        """Somebody pays on a page that is open."""
        if pages := self.pages():
            page = pick.choice(pages)
            card, method = pick.choice(WAYS)
            if method in self.stripe.account.methods and method not in str(page.get("excluded_payment_method_types")):
                self.stripe.pay(page["id"], card=card or "4242424242424242", method=method)

    def decline(self, pick: Random) -> None:
        """A card is declined."""
        if pages := self.pages():
            self.stripe.fail(pick.choice(pages)["id"])

    def expire(self, pick: Random) -> None:
        """A page closes."""
        if pages := self.pages():
            self.stripe.expire(pick.choice(pages)["id"])

    def pages(self) -> list[dict[str, Any]]:
        """The pages that are open."""
        return [each for each in self.stripe.all("checkout.session") if each["status"] == "open"]

    def cancel(self, pick: Random) -> None:
        """Somebody gives their seat back."""
        theirs = Reservation.objects.filter(trainee=pick.choice(self.people), state__in=LIVE).first()
        if theirs is not None:
            cancelling.cancel(theirs, now=self.now, by=theirs.trainee)

    def received(self) -> list[dict[str, Any]]:
        """Payments of ours of which something is left there."""
        return [
            each
            for each in self.stripe.all("payment_intent")
            if each["amount_received"] and is_ours(each["metadata"]) and not self.is_disputed(each["id"])
        ]

    def is_disputed(self, intent: object) -> bool:
        """Whether a bank has taken it back, or had."""
        return any(each["payment_intent"] == intent for each in self.stripe.all("dispute"))

    def refund_there(self, pick: Random) -> None:
        """Somebody sends all of a payment back in the dashboard."""
        left = [each for each in self.received() if not self.sent_back(each["id"])]
        if left:
            self.stripe.dashboard_refund(str(pick.choice(left)["id"]))

    def refund_part_there(self, pick: Random) -> None:
        """Somebody sends a part back in the dashboard, and Stripe's word of it comes."""
        known = set(Payment.objects.filter(status="succeeded").values_list("reference", flat=True))
        left = [each for each in self.received() if not self.sent_back(each["id"]) and each["id"] in known]
        if left and not self.stripe.down:
            self.stripe.dashboard_refund(str(pick.choice(left)["id"]), pick.choice((1, 9_900, 30_000)))
            self.reconcile(pick)

    def sent_back(self, intent: object) -> bool:
        """Whether any of it has gone back."""
        return any(each["payment_intent"] == intent for each in self.stripe.all("refund"))

    def dispute(self, pick: Random) -> None:
        """A payer asks their bank, and Stripe's word of it comes."""
        left = [each for each in self.received() if not self.sent_back(each["id"])]
        if left and not self.stripe.down:
            self.stripe.dispute(str(pick.choice(left)["id"]))
            self.reconcile(pick)

    def decide(self, pick: Random) -> None:
        """The bank decides."""
        waiting = [each for each in self.stripe.all("dispute") if each["status"] == "needs_response"]
        if waiting:
            self.stripe.close_dispute(pick.choice(waiting)["id"], won=pick.random() < 0.5)

    def bank_answers(self, pick: Random) -> None:
        """A bank debit arrives, or comes back."""
        waiting = [each for each in self.stripe.all("payment_intent") if each["status"] == "processing"]
        if waiting:
            self.stripe.settle_bank_debit(pick.choice(waiting)["id"], ok=pick.random() < 0.7)

    def refunds_wait(self, pick: Random) -> None:
        """From now on refunds go through at once, or wait."""
        self.stripe.refunds = pick.choice(("succeed", "pending"))

    def refund_ends(self, pick: Random) -> None:
        """A refund that waits arrives, or one comes back."""
        waiting = [each for each in self.stripe.all("refund") if each["status"] == "pending"]
        if waiting:
            self.stripe.finish_refund(pick.choice(waiting)["id"], ok=pick.random() < 0.7)

    def word_comes(self, pick: Random) -> None:
        """Stripe's word of one payment comes, however late."""
        payments = list(Payment.objects.exclude(checkout_id="").order_by("pk"))
        if payments:
            catch_up(pick.choice(payments), now=self.now)

    def worker(self, _pick: Random) -> None:
        """The worker looks."""
        expire_holds(self.now)
        look_again_due(self.now)
        send_back_due(self.now)

    def reconcile(self, _pick: Random) -> None:
        """The books are compared and mended."""
        mending.mend(NOW - timedelta(days=1), self.now)

    def time_passes(self, pick: Random) -> None:
        """The clock goes on, there as here."""
        self.now += timedelta(minutes=pick.choice(MINUTES))
        self.stripe.now = self.now
        self.stripe.down = False

    def outage(self, _pick: Random) -> None:
        """Stripe is not to be reached for a while."""
        self.stripe.down = True

    def payout(self, _pick: Random) -> None:
        """Stripe pays out."""
        self.stripe.pay_out(everything=True)

    def other_sale(self, _pick: Random) -> None:
        """The school sells something else."""
        self.stripe.other_sale(45_600)


@contextmanager
def a_world(given: Settings) -> Iterator[World]:
    """A world of its own, undone afterwards."""
    with StandIn(now=NOW, deliver="never") as stripe:
        given.STRIPE_SECRET_KEY, given.STRIPE_API_BASE, given.STRIPE_LIVE = KEY, stripe.url, False
        example = transaction.atomic()
        # As the one that the test itself runs in: nothing is locked for anybody else.
        example._from_testcase = True  # type: ignore[attr-defined]
        with example:
            yield World(stripe)
            transaction.set_rollback(True)
        assert not stripe.broken
        assert not stripe.unknown
        client._client.cache_clear()


def excused() -> tuple[str, ...]:
    """Seats whose money was taken back from outside: they owe it again, and what becomes of them is a person's say."""
    gone = set(Refund.objects.filter(rule="outside").values_list("reservation", flat=True))
    gone |= set(Dispute.objects.filter(status="lost").values_list("reservation", flat=True))
    return tuple(f"reservation {each} is reserved with" for each in gone) or ("-",)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(acts=st.lists(st.tuples(st.sampled_from(ACTS), st.randoms(use_true_random=False)), min_size=8, max_size=30))
def test_whatever_happened_the_books_are_stripes_and_no_seat_is_without_its_money(
    given_settings: Settings, acts: list[tuple[str, Random]]
) -> None:
    with a_world(given_settings) as world:
        for _, pick in acts[:3]:
            world.do("begin", pick)
            world.do("pay", pick)
        for act, pick in acts:
            world.do(act, pick)
            if act == "begin" and pick.random() < 0.7:
                world.do("pay", pick)
        world.stripe.down = False
        world.now += timedelta(hours=2)  # what was asked for in vain a moment ago may be asked for again
        world.stripe.now = world.now
        world.do("worker", acts[0][1])

        _, remain = mending.mend(NOW - timedelta(days=1), world.now)

        assert [each.words for each in remain] == []
        assert_books_agree(world.stripe, world.now)
        assert [each for each in broken(world.now) if not each.startswith(excused())] == []
        before = rows()
        assert mending.mend(NOW - timedelta(days=1), world.now) == ([], [])
        assert rows() == before


@pytest.fixture
def given_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The product's settings, and a library that does not wait between its tries."""
    import stripe as sdk

    monkeypatch.setattr(sdk.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(sdk.HTTPClient, "MAX_DELAY", 0.001)
    return settings
