"""Which events are of interest here, and what each is about."""

PAYMENT = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.canceled",
        # What it cost is known only a moment after the money has come.
        "charge.succeeded",
        "charge.updated",
    }
)
REFUND = frozenset({"charge.refunded", "refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
DISPUTE = frozenset(
    {
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    }
)
PAYOUT = "payout."
"""All that begins like this is about money on its way to the bank."""


def of_interest(kind: str) -> bool:
    """Whether anything follows from an event of this kind."""
    return kind in PAYMENT | REFUND | DISPUTE or kind.startswith(PAYOUT)
