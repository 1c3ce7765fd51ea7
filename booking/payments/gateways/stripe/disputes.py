"""Disputes at Stripe: a payer asks their bank for the money back."""

from collections.abc import Mapping
from datetime import UTC, datetime

import stripe
from django.utils.text import slugify

from booking.payments.gateways.base import DisputeReport, Fee
from booking.payments.gateways.stripe.client import asking, client
from booking.payments.models import DisputeStatus

_STATUS: Mapping[str, DisputeStatus] = {
    # Stripe calls an inquiry, which has taken no money yet, a warning.
    "warning_needs_response": DisputeStatus.INQUIRY,
    "warning_under_review": DisputeStatus.INQUIRY,
    "warning_closed": DisputeStatus.CLOSED,
    "prevented": DisputeStatus.CLOSED,
    "needs_response": DisputeStatus.OPEN,
    "under_review": DisputeStatus.OPEN,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}


def look(dispute_id: str) -> DisputeReport:
    """What has become of a dispute, asked at this moment.

    Raises:
        Unavailable, Refused
    """
    with asking():
        return read(client().v1.disputes.retrieve(dispute_id))


def read(found: stripe.Dispute) -> DisputeReport:
    """What a dispute of Stripe's says, in words of our own. What Stripe may call it one day counts as open."""
    due = found.evidence_details.due_by
    return DisputeReport(
        processor_id=found.id,
        status=_STATUS.get(found.status, DisputeStatus.OPEN),
        cents=found.amount,
        reason=slugify(found.reason)[:60],
        opened_at=datetime.fromtimestamp(found.created, UTC),
        answer_by=datetime.fromtimestamp(due, UTC) if due else None,
        fees=tuple(Fee(moved.id, moved.fee) for moved in found.balance_transactions if moved.fee),
    )


def intent_of(given: str | stripe.PaymentIntent | None) -> str:
    """The number of a payment intent, whether it came whole or as its number."""
    return given if isinstance(given, str) else given.id if given else ""
