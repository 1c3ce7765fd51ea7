"""Comparing the books with the processor's and mending what a missed word of theirs left, by everyone's functions."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, cast

from booking.payments import disputing, gateways, ledger, outside, sending, settling
from booking.payments.gateways.base import STRIPE, Unavailable
from booking.payments.gateways.books import Movement, TheirDispute, TheirPayment, TheirPayout, TheirRefund
from booking.payments.models import Payment, PaymentStatus, Refund
from booking.payments.payouts import catching_up
from booking.payments.reconciling import ours
from booking.payments.reconciling.comparing import Difference, differences
from booking.payments.returning import where_it_counts
from workshops.transactions import writes

if TYPE_CHECKING:
    from booking.payments.gateways.books import TheirBooks

log = logging.getLogger(__name__)

ROUNDS = 3
"""What is mended may bring more to light: money that came too late goes back."""


def can_compare() -> bool:
    """Whether there is anybody to compare with: without keys there is not."""
    return STRIPE in gateways.offered()


def compare(since: datetime, now: datetime) -> list[Difference]:
    """Where the books and Stripe's differ in what is ours, of what has happened since. Writes nothing.

    Not inside a transaction.

    Raises:
        gateways.NoSuchGateway: without keys.
        Unavailable, Refused: when Stripe cannot be asked.
    """
    theirs = _theirs(since)
    return differences(theirs, ours.read(), since=since, now=now)


def mend(since: datetime, now: datetime) -> tuple[list[Difference], list[Difference]]:
    """Compare, mend what can be, and compare again: what was mended, and what remains. Doing it twice changes nothing.

    Raises:
        gateways.NoSuchGateway
        Unavailable, Refused: when Stripe cannot be asked; what was mended until then stays.
    """
    mended: list[Difference] = []
    remain = compare(since, now)
    for _ in range(ROUNDS):
        did = [each for each in remain if each.can_be_mended and _mended(each, now)]
        if not did:
            break
        remain = compare(since, now)
        still = {each.words for each in remain}
        mended += [each for each in did if each.words not in still]
    return mended, remain


def _theirs(since: datetime) -> "TheirBooks":
    if not can_compare():
        raise gateways.NoSuchGateway(STRIPE)
    # Stripe's own code takes a while to read.
    from booking.payments.gateways.stripe import books

    ask = ours.to_ask(since)
    known = books.Known(
        intents=ask.intents,
        unsettled_pages=ask.pages,
        unsettled_intents=ask.received,
        unsettled_refunds=ask.refunds,
        unsettled_disputes=ask.disputes,
        unsettled_payouts=ask.payouts,
    )
    return books.read(since, known)


def _mended(difference: Difference, now: datetime) -> bool:
    """Mend one; what cannot be is logged and stays a difference, and the others are mended all the same.

    Raises:
        Unavailable
    """
    try:
        _MEND[difference.code](difference, now)
    except Unavailable:
        raise
    except Exception as error:  # whatever it is, the others are not to wait for it
        log.warning("Not mended (%s): %s", type(error).__name__, difference.words)
        return False
    return True


def _payment(difference: Difference, now: datetime) -> None:
    from booking.payments.gateways.stripe import events

    theirs = cast(TheirPayment, difference.about)
    payment = _payment_of(theirs.intent_id, theirs.ours)
    if payment.checkout_id in ("", theirs.page_id) or not theirs.page_id:
        # By its own page, or its own charge where it has none: our number may stand on money that is not its own.
        settling.catch_up(payment, now=now)
    else:
        settling.told(payment, events.by_page(payment, theirs.page_id), now=now)


def _attempt(difference: Difference, now: datetime) -> None:
    payment = settling.catch_up(_fresh(cast(Payment, difference.about)), now=now)
    if payment.status == PaymentStatus.CREATED:
        settling.give_up(payment, now=now)


@writes
def _fee(difference: Difference, now: datetime) -> None:
    moved = cast(Movement, difference.about)
    payment = Payment.objects.select_for_update(of=("self",)).get(gateway=STRIPE, reference=moved.intent_id)
    ledger.post_fee(moved.number, where_it_counts(payment.reservation), moved.fee_cents, at=now)


def _refund(difference: Difference, now: datetime) -> None:
    theirs = cast(TheirRefund, difference.about)
    refunds = Refund.objects.select_related("payment", "reservation__trainee")
    refund = (
        refunds.filter(processor_id=theirs.answer.processor_id).first()
        or refunds.filter(public_id=theirs.ours, attempt=int(theirs.attempt or 0), processor_id="").get()
    )
    sending.told(refund, theirs.answer, now=now, attempt=refund.attempt)


def _refund_made_there(difference: Difference, now: datetime) -> None:
    theirs = cast(TheirRefund, difference.about)
    outside.refund_found(_payment_of(theirs.intent_id), theirs.answer, theirs.cents, now=now)


def _send_refund(difference: Difference, now: datetime) -> None:
    refund = cast(Refund, difference.about)
    refunds = Refund.objects.select_related("payment", "reservation__trainee")
    sending.send_back(refunds.get(pk=refund.pk), now=now)


def _dispute(difference: Difference, now: datetime) -> None:
    theirs = cast(TheirDispute, difference.about)
    disputing.told(_payment_of(theirs.intent_id), theirs.report, now=now)


def _payout(difference: Difference, now: datetime) -> None:
    catching_up.catch_up(cast(TheirPayout, difference.about).processor_id, now=now)


def _payment_of(intent_id: str, ours: str = "") -> Payment:
    """Our payment by Stripe's number of it, or by the number of ours that stands there."""
    rows = Payment.objects.filter(gateway=STRIPE).select_related("reservation__trainee", "reservation__cohort__module")
    found = rows.filter(public_id=ours).first() if ours else None
    return found or rows.get(reference=intent_id)


def _fresh(payment: Payment) -> Payment:
    return Payment.objects.select_related("reservation__trainee", "reservation__cohort__module").get(pk=payment.pk)


_MEND: Mapping[str, Callable[[Difference, datetime], None]] = {
    "payment-missing": _payment,
    "attempt-behind": _payment,
    "attempt-unknown": _attempt,
    "fee-missing": _fee,
    "refund-behind": _refund,
    "refund-missing": _refund_made_there,
    "refund-not-sent": _send_refund,
    "dispute-missing": _dispute,
    "dispute-behind": _dispute,
    "payout-missing": _payout,
    "payout-behind": _payout,
}
