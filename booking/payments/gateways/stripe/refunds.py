"""Sending money back by Stripe, and asking what became of it."""

import stripe

from booking.payments.gateways.base import Refused, SentBack
from booking.payments.gateways.stripe.client import OUR_ATTEMPT, OUR_REFUND, OURS, asking, client
from booking.payments.models import Refund, RefundStatus

_STATUS = {
    "succeeded": RefundStatus.SUCCEEDED,
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}


def send(refund: Refund) -> SentBack:
    """Ask Stripe to send a refund back. Asked again under the same number, it answers the same.

    Stripe forgets that number after a day, so one that was asked for before is looked for first.

    Raises:
        Unavailable
    """
    try:
        if refund.asked_at is not None and (found := _sent_before(refund)):
            return read(found)
        with asking():
            made = client().v1.refunds.create(
                {
                    "payment_intent": refund.payment.reference,
                    "amount": refund.amount_cents,
                    "metadata": {
                        OUR_REFUND: refund.public_id,
                        OUR_ATTEMPT: str(refund.attempt),
                        OURS: refund.payment.public_id,
                    },
                },
                {"idempotency_key": f"refund-{refund.public_id}-{refund.attempt}"},
            )
    except Refused as refused:
        return SentBack(RefundStatus.FAILED, failure=refused.code)
    return read(made)


def _sent_before(refund: Refund) -> stripe.Refund | None:
    """This attempt of a refund among those of its payment, where its answer was lost."""
    with asking():
        found = client().v1.refunds.list({"payment_intent": refund.payment.reference, "limit": 100})
        for each in found.auto_paging_iter():
            told = each.metadata.to_dict() if each.metadata else {}
            if told.get(OUR_REFUND) == refund.public_id and told.get(OUR_ATTEMPT) == str(refund.attempt):
                return each
    return None


def look(refund: Refund) -> SentBack | None:
    """What has become of a refund that Stripe has; None when it has none of it.

    Raises:
        Unavailable, Refused
    """
    if not refund.processor_id:
        return None
    with asking():
        return read(client().v1.refunds.retrieve(refund.processor_id))


def read(found: stripe.Refund) -> SentBack:
    """What a refund of Stripe's says, in words of our own."""
    return SentBack(
        _STATUS.get(found.status or "", RefundStatus.PENDING), found.id, getattr(found, "failure_reason", None) or ""
    )
