"""Our side of the comparison, read at one moment: attempts, refunds, disputes, payouts, and what the ledger says."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q, Sum

from booking.payments.gateways.base import STRIPE
from booking.payments.models import (
    FROZEN,
    UNDER_WAY,
    Account,
    Dispute,
    LedgerEntry,
    Payment,
    PaymentStatus,
    Posting,
    Refund,
    RefundStatus,
)
from booking.payments.payouts.models import Payout, PayoutStatus

BEGUN = timedelta(minutes=2)
"""An attempt that was begun a moment ago may not be known there yet."""


@dataclass(frozen=True)
class OurBooks:
    """What we have that was paid through the processor. Cents; `fees` by the number of the movement they were kept of.

    `processor_cents` is what stands on the processor's account before any payouts. `opened` says, by the
    processor's number, when a payment was brought in from before these books: what moved until then is not in them.
    """

    payments: dict[str, Payment] = field(default_factory=dict)
    refunds: list[Refund] = field(default_factory=list)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    payouts: dict[str, Payout] = field(default_factory=dict)
    fees: dict[str, int] = field(default_factory=dict)
    paid_out: dict[str, int] = field(default_factory=dict)
    opened: dict[str, datetime] = field(default_factory=dict)
    processor_cents: int = 0


def read() -> OurBooks:
    """All of it. Takes no locks: what moves meanwhile is seen the next time."""
    payments = Payment.objects.filter(gateway=STRIPE).select_related("reservation__trainee", "reservation__cohort")
    refunds = Refund.objects.filter(payment__gateway=STRIPE, by_hand=False)
    on_processor = Posting.objects.filter(account=Account.PROCESSOR)
    paid_out = Q(entry__source__startswith="payout:") | Q(entry__source__startswith="payout-failed:")
    opening = dict(LedgerEntry.objects.filter(source__startswith="opening:").values_list("source", "at"))
    return OurBooks(
        payments={each.public_id: each for each in payments},
        opened={
            each.reference: opening[f"opening:{each.public_id}"]
            for each in payments
            if f"opening:{each.public_id}" in opening
        },
        refunds=list(refunds.select_related("payment", "reservation__trainee")),
        disputes={each.processor_id: each for each in Dispute.objects.select_related("payment")},
        payouts={each.processor_id: each for each in Payout.objects.all()},
        fees={
            source.removeprefix("fee:"): cents
            for source, cents in LedgerEntry.objects.filter(
                source__startswith="fee:", postings__account=Account.FEES
            ).values_list("source", "postings__amount_cents")
        },
        paid_out={
            source.removeprefix("payout:"): -cents
            for source, cents in on_processor.filter(entry__source__startswith="payout:").values_list(
                "entry__source", "amount_cents"
            )
        },
        processor_cents=on_processor.exclude(paid_out).aggregate(total=Sum("amount_cents"))["total"] or 0,
    )


@dataclass(frozen=True)
class ToAsk:
    """The processor's numbers of what we know and of what is not settled here, to be asked about whenever it began."""

    intents: frozenset[str]
    pages: frozenset[str]
    received: frozenset[str]
    refunds: frozenset[str]
    disputes: frozenset[str]
    payouts: frozenset[str]


def to_ask(since: datetime) -> ToAsk:
    """What must be asked about one by one where the processor's lists do not reach back to it."""
    ours = Payment.objects.filter(gateway=STRIPE)
    under_way = ours.filter(status__in=UNDER_WAY)
    received = ours.filter(status=PaymentStatus.SUCCEEDED, settled_at__gte=since)
    waiting = Refund.objects.filter(payment__gateway=STRIPE, status=RefundStatus.PENDING)
    undecided = Dispute.objects.filter(status__in=FROZEN)
    on_the_way = Payout.objects.filter(status=PayoutStatus.ON_ITS_WAY)
    return ToAsk(
        intents=_numbers(ours.values_list("reference", flat=True)),
        pages=_numbers(under_way.values_list("checkout_id", flat=True)),
        received=_numbers(received.values_list("reference", flat=True)),
        refunds=_numbers(waiting.values_list("processor_id", flat=True)),
        disputes=_numbers(undecided.values_list("processor_id", flat=True)),
        payouts=_numbers(on_the_way.values_list("processor_id", flat=True)),
    )


def _numbers(rows: Iterable[str]) -> frozenset[str]:
    return frozenset(each for each in rows if each)
