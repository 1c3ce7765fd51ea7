"""Payouts: fetched afresh, booked once for the part that is ours, matched once to the bank statement."""

from datetime import timedelta

import pytest
from django.db.models import Sum
from pytest_django import Settings

from booking.payments import gateways, paying
from booking.payments.gateways.base import Unavailable
from booking.payments.models import Account, LedgerEntry, Payment, Posting, Purpose
from booking.payments.payouts.catching_up import catch_up
from booking.payments.payouts.matching import MatchedAlready, NotArrived, match
from booking.payments.payouts.models import Payout, PayoutStatus
from booking.payments.settling import catch_up as catch_up_with
from tests import factories
from tests.factories import NOW
from tests.stripe_stand_in import StandIn
from workshops.history.models import HistoryLine
from workshops.people.models import Role

pytestmark = pytest.mark.django_db


def paid(stripe: StandIn) -> Payment:
    held = factories.reservation()
    payment = paying.begin(held, Purpose.DEPOSIT, "stripe", by=held.trainee, now=NOW).payment
    stripe.pay(payment.checkout_id)
    return catch_up_with(payment, now=NOW)


def on(account: Account) -> int:
    return Posting.objects.filter(account=account).aggregate(total=Sum("amount_cents"))["total"] or 0


def test_the_part_that_is_ours_is_booked_once_when_it_has_arrived(stripe: StandIn) -> None:
    paid(stripe)
    stripe.other_sale(70_000)
    there = stripe.pay_out(paid=False, everything=True)
    payout = catch_up(there["id"], now=NOW)
    assert (payout.status, payout.amount_cents, payout.ours_cents) == (PayoutStatus.ON_ITS_WAY, there["amount"], 48_520)
    assert on(Account.BANK) == 0
    stripe.finish_payout(there["id"])
    for _ in range(3):
        payout = catch_up(there["id"], now=NOW)
    assert (payout.status, Payout.objects.count()) == (PayoutStatus.PAID, 1)
    assert (on(Account.BANK), on(Account.PROCESSOR)) == (48_520, 0)
    assert LedgerEntry.objects.filter(source=f"payout:{there['id']}").count() == 1


def test_refunds_and_disputes_of_ours_lower_the_part_that_is_ours(stripe: StandIn) -> None:
    first, second = paid(stripe), paid(stripe)
    stripe.dashboard_refund(first.reference, 10_000)
    stripe.dispute(second.reference)
    stripe.other_sale(90_000)
    there = stripe.pay_out(everything=True)
    assert catch_up(there["id"], now=NOW).ours_cents == 2 * 48_520 - 10_000 - 50_000 - 1_500


def test_a_payout_of_other_sales_alone_books_nothing(stripe: StandIn) -> None:
    stripe.other_sale(70_000)
    payout = catch_up(stripe.pay_out(everything=True)["id"], now=NOW)
    assert (payout.ours_cents, LedgerEntry.objects.count()) == (0, 0)


def test_a_payout_that_came_back_is_booked_back_once(stripe: StandIn) -> None:
    paid(stripe)
    there = stripe.pay_out(everything=True)
    catch_up(there["id"], now=NOW)
    stripe.finish_payout(there["id"], ok=False)
    for _ in range(2):
        payout = catch_up(there["id"], now=NOW)
    assert payout.status == PayoutStatus.FAILED
    assert (on(Account.BANK), on(Account.PROCESSOR)) == (0, 48_520)
    assert LedgerEntry.objects.filter(source__startswith="payout-failed:").count() == 1


def test_a_payout_that_failed_before_it_was_seen_books_nothing(stripe: StandIn) -> None:
    paid(stripe)
    there = stripe.pay_out(everything=True)
    stripe.finish_payout(there["id"], ok=False)
    assert catch_up(there["id"], now=NOW).status == PayoutStatus.FAILED
    assert on(Account.BANK) == 0


@pytest.mark.parametrize(("what", "value"), [("automatic", False), ("reconciliation_status", "in_progress")])
def test_what_stripe_cannot_say_item_by_item_is_not_guessed(stripe: StandIn, what: str, value: object) -> None:
    """Somebody pressed the button in the dashboard; or the list is being put together still."""
    paid(stripe)
    there = stripe.pay_out(everything=True)
    with stripe.account.acting_on(there["id"]) as one:
        one[what] = value
    assert catch_up(there["id"], now=NOW).ours_cents is None
    assert on(Account.BANK) == 0
    with stripe.account.acting_on(there["id"]) as one:
        one |= {"automatic": True, "reconciliation_status": "completed"}
    assert catch_up(there["id"], now=NOW).ours_cents == on(Account.BANK) == 48_520


def test_without_keys_or_an_answer_nothing_is_written(stripe: StandIn, settings: Settings) -> None:
    paid(stripe)
    there = stripe.pay_out(everything=True)
    stripe.down = True
    with pytest.raises(Unavailable):
        catch_up(there["id"], now=NOW)
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(gateways.NoSuchGateway):
        catch_up(there["id"], now=NOW)
    assert not Payout.objects.exists()


# -- matching ----------------------------------------------------------------------------------------------------------
def a_payout(status: PayoutStatus = PayoutStatus.PAID) -> Payout:
    return Payout.objects.create(
        processor_id="po_1",
        status=status,
        amount_cents=50_000,
        ours_cents=48_520,
        currency="USD",
        arrives_on=NOW.date() + timedelta(days=2),
        seen_at=NOW,
    )


def test_a_payout_is_matched_to_a_line_of_the_bank_statement_once() -> None:
    registrar = factories.person(Role.REGISTRAR)
    payout = match(a_payout(), "  STRIPE   0114 ", by=registrar, now=NOW)
    assert (payout.bank_reference, payout.matched_by, payout.matched_at) == ("STRIPE 0114", registrar, NOW)
    line = HistoryLine.objects.get(what="payout-matched")
    assert (line.about_kind, line.about_id, line.by, line.why) == ("payout", payout.public_id, registrar, "STRIPE 0114")
    with pytest.raises(MatchedAlready, match="STRIPE 0114"):
        match(payout, "STRIPE 0115", by=registrar, now=NOW)
    assert HistoryLine.objects.filter(what="payout-matched").count() == 1


@pytest.mark.parametrize("status", [PayoutStatus.ON_ITS_WAY, PayoutStatus.FAILED])
def test_what_has_not_arrived_is_on_no_bank_statement(status: PayoutStatus) -> None:
    with pytest.raises(NotArrived):
        match(a_payout(status), "STRIPE 0114", by=factories.person(Role.REGISTRAR), now=NOW)


def test_a_line_without_a_name_is_none() -> None:
    with pytest.raises(ValueError, match="has a name"):
        match(a_payout(), "  ", by=factories.person(Role.REGISTRAR), now=NOW)
