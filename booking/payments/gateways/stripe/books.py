"""What Stripe's own books say of our payments, read page by page. Sales that are not ours are left out.

A payment is ours by the number that we had put into its metadata, or because we know its intent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import stripe

from booking.payments.gateways.base import Refused, Report
from booking.payments.gateways.books import Movement, TheirBooks, TheirDispute, TheirPayment, TheirPayout, TheirRefund
from booking.payments.gateways.stripe import disputes, refunds
from booking.payments.gateways.stripe.client import OUR_ATTEMPT, OUR_REFUND, OURS, asking, client
from booking.payments.gateways.stripe.disputes import intent_of
from booking.payments.models import PaymentStatus
from booking.payments.payouts.models import PayoutStatus

A_PAGE = {"limit": 100}
PAGE_LASTS = timedelta(days=1)
"""What is paid in a stretch of time was begun so much before it at most."""
SLOW = timedelta(days=30)
"""Refunds and disputes go on for weeks after they began. There are few of them."""
EVENTS = (
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "payout.created",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
    "payout.reconciliation_completed",
)
_PAYOUT = {"paid": PayoutStatus.PAID, "failed": PayoutStatus.FAILED, "canceled": PayoutStatus.FAILED}


@dataclass(frozen=True)
class Known:
    """What we have of our own, by Stripe's numbers: every intent, and what is to be asked about whenever it began."""

    intents: frozenset[str] = frozenset()
    unsettled_pages: frozenset[str] = frozenset()
    unsettled_intents: frozenset[str] = frozenset()
    unsettled_refunds: frozenset[str] = frozenset()
    unsettled_disputes: frozenset[str] = frozenset()
    unsettled_payouts: frozenset[str] = frozenset()


@dataclass
class _Heard:
    """What the events since a moment are about, by kind of object."""

    intents: set[str] = field(default_factory=set)
    refunds: set[str] = field(default_factory=set)
    disputes: set[str] = field(default_factory=set)
    payouts: set[str] = field(default_factory=set)


def read(since: datetime, known: Known) -> TheirBooks:
    """Everything of ours since a moment, and all movements of our money since ever.

    Raises:
        Unavailable, Refused
    """
    with asking():
        heard = _heard(since, known)
        payments = _payments(since, known, heard)
        ours = known.intents | {each.intent_id for each in payments if each.intent_id}
        return TheirBooks(
            payments=tuple(payments),
            refunds=tuple(_refunds(since, known, heard, ours)),
            disputes=tuple(_disputes(since, known, heard, ours)),
            movements=tuple(_movements(ours)),
            payouts=tuple(_payouts(since, known, heard, ours)),
        )


def payout(payout_id: str, known_intents: frozenset[str]) -> TheirPayout:
    """One payout, and what of it is for seats.

    Raises:
        Unavailable, Refused
    """
    with asking():
        return _payout(client().v1.payouts.retrieve(payout_id), known_intents)


def _after(moment: datetime) -> dict[str, Any]:
    return {**A_PAGE, "created": {"gte": int(moment.timestamp())}}


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _number(of: Any, key: str = OURS) -> str:
    """Our number in an object's metadata; "" where there is none."""
    metadata = getattr(of, "metadata", None)
    return str(metadata.to_dict().get(key, "")) if metadata else ""


def _heard(since: datetime, known: Known) -> _Heard:
    """What Stripe says has happened since: it reaches back to what was begun before, and thirty days at most."""
    heard = _Heard()
    asked: Any = {**_after(since), "types": list(EVENTS)}
    for event in client().v1.events.list(asked).auto_paging_iter():
        about: Any = event.data.object
        if about.object == "payment_intent" and (_number(about) or about.id in known.intents):
            heard.intents.add(about.id)
        elif about.object == "refund":
            heard.refunds.add(about.id)
        elif about.object == "dispute":
            heard.disputes.add(about.id)
        elif about.object == "payout":
            heard.payouts.add(about.id)
    return heard


def _there(numbers: Iterable[str], retrieve: Any, *more: Any) -> Iterator[Any]:
    """These objects, one by one; those that Stripe does not have are left out."""
    for number in sorted(numbers):
        try:
            with asking():
                found = retrieve(number, *more)
        except Refused:
            continue
        yield found


# -- payments ----------------------------------------------------------------------------------------------------------
def _payments(since: datetime, known: Known, heard: _Heard) -> list[TheirPayment]:
    """By their pages; and those without a page, or whose page was not listed, by the intent itself."""
    sessions, intents = client().v1.checkout.sessions, client().v1.payment_intents
    listed: Any = _after(since - PAGE_LASTS)
    expanded: Any = {**listed, "expand": ["data.payment_intent"]}
    pages = {each.id: each for each in sessions.list(expanded).auto_paging_iter()}
    missing = known.unsettled_pages - pages.keys()
    pages |= {each.id: each for each in _there(missing, sessions.retrieve, {"expand": ["payment_intent"]})}
    found = [_by_page(each) for each in pages.values() if each.mode == "payment" and _number(each)]
    seen = {each.intent_id for each in found}
    charged = {each.id: each for each in intents.list(listed).auto_paging_iter() if each.id not in seen}
    unlisted = (heard.intents | known.unsettled_intents) - seen - charged.keys()
    charged |= {each.id: each for each in _there(unlisted, intents.retrieve)}
    ours = (each for each in charged.values() if _number(each) or each.id in known.intents)
    return found + [_by_intent(each) for each in ours]


def _by_page(session: stripe.checkout.Session) -> TheirPayment:
    intent = session.payment_intent
    if isinstance(intent, stripe.PaymentIntent) and session.status == "complete":
        return _by_intent(intent, session.id)
    status = PaymentStatus.EXPIRED if session.status == "expired" else PaymentStatus.OPEN
    currency = (session.currency or "").upper()
    return TheirPayment(_number(session), intent_of(intent), Report(status), currency, _at(session.created), session.id)


def _by_intent(intent: stripe.PaymentIntent, page_id: str = "") -> TheirPayment:
    if intent.status == "succeeded":
        report = Report(PaymentStatus.SUCCEEDED, intent.amount_received, intent.id)
    elif intent.status == "processing":
        report = Report(PaymentStatus.PROCESSING, reference=intent.id)
    else:
        report = Report(PaymentStatus.FAILED, reference=intent.id)
    return TheirPayment(_number(intent), intent.id, report, intent.currency.upper(), _at(intent.created), page_id)


# -- money that went back ----------------------------------------------------------------------------------------------
def _refunds(since: datetime, known: Known, heard: _Heard, ours: frozenset[str]) -> Iterator[TheirRefund]:
    asked: Any = _after(since - SLOW)
    found = {each.id: each for each in client().v1.refunds.list(asked).auto_paging_iter()}
    missing = (heard.refunds | known.unsettled_refunds) - found.keys()
    found |= {each.id: each for each in _there(missing, client().v1.refunds.retrieve)}
    for each in sorted(found.values(), key=lambda one: one.created):
        if intent_of(each.payment_intent) in ours:
            yield TheirRefund(
                intent_id=intent_of(each.payment_intent),
                cents=each.amount,
                answer=refunds.read(each),
                at=_at(each.created),
                ours=_number(each, OUR_REFUND),
                attempt=_number(each, OUR_ATTEMPT),
            )


def _disputes(since: datetime, known: Known, heard: _Heard, ours: frozenset[str]) -> Iterator[TheirDispute]:
    asked: Any = _after(since - SLOW)
    found = {each.id: each for each in client().v1.disputes.list(asked).auto_paging_iter()}
    missing = (heard.disputes | known.unsettled_disputes) - found.keys()
    found |= {each.id: each for each in _there(missing, client().v1.disputes.retrieve)}
    for each in sorted(found.values(), key=lambda one: one.created):
        if intent_of(each.payment_intent) in ours:
            yield TheirDispute(intent_of(each.payment_intent), disputes.read(each))


# -- what moved --------------------------------------------------------------------------------------------------------
def _movements(ours: frozenset[str], **of: str) -> Iterator[Movement]:
    asked: Any = {**A_PAGE, **of, "expand": ["data.source"]}
    for each in client().v1.balance_transactions.list(asked).auto_paging_iter():
        source = each.source
        intent = intent_of(getattr(source, "payment_intent", None))
        if intent and (intent in ours or _number(source)):
            yield Movement(each.id, intent, each.amount, each.fee, _at(each.created))


def _payouts(since: datetime, known: Known, heard: _Heard, ours: frozenset[str]) -> Iterator[TheirPayout]:
    asked: Any = _after(since)
    found = {each.id: each for each in client().v1.payouts.list(asked).auto_paging_iter()}
    missing = (heard.payouts | known.unsettled_payouts) - found.keys()
    found |= {each.id: each for each in _there(missing, client().v1.payouts.retrieve)}
    for each in sorted(found.values(), key=lambda one: one.created):
        yield _payout(each, ours)


def _payout(found: stripe.Payout, ours: frozenset[str]) -> TheirPayout:
    """What Stripe paid out by itself, it can say item by item, once it has put the list together."""
    itemised = found.automatic and found.reconciliation_status == "completed"
    part = sum(each.net_cents for each in _movements(ours, payout=found.id)) if itemised else None
    return TheirPayout(
        processor_id=found.id,
        status=_PAYOUT.get(found.status, PayoutStatus.ON_ITS_WAY),
        cents=found.amount,
        ours_cents=part,
        currency=found.currency.upper(),
        arrives_on=_day(found.arrival_date),
    )


def _day(seconds: int) -> date:
    """A day as Stripe writes it: its midnight in universal time."""
    return _at(seconds).date()
