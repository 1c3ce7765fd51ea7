"""The messages that money causes by itself."""

from datetime import datetime

from booking.payments import gateways
from booking.payments.models import Payment, Refund
from booking.reservations.emails import context
from workshops import money
from workshops.messages.outbox import queue


def how_to_transfer(payment: Payment, bank_details: str, *, now: datetime) -> None:
    """Queue the bank details for someone who chose to pay by transfer."""
    reservation = payment.reservation
    queue(
        "payment-by-transfer",
        ("payment", payment.public_id),
        reservation.trainee,
        {
            **context(reservation),
            "amount": money.in_words(payment.amount_cents, payment.currency),
            "reference": transfer_reference(payment),
            "bank_details": " · ".join(line.strip() for line in bank_details.splitlines() if line.strip()),
        },
        now=now,
    )


def goes_back(refund: Refund, *, now: datetime) -> None:
    """Queue the explanation of money that goes back: no seat was left, or it was more than the seat costs."""
    payment = refund.payment
    queue(
        "payment-too-much" if refund.rule == "paid-twice" else "payment-goes-back",
        ("refund", refund.public_id),
        refund.reservation.trainee,
        {**context(refund.reservation), "amount": money.in_words(refund.amount_cents, payment.currency)},
        now=now,
    )


def has_gone_back(refund: Refund, *, now: datetime) -> None:
    """Queue the word that money has been sent back."""
    payment = refund.payment
    queue(
        "payment-sent-back",
        ("refund", refund.public_id),
        refund.reservation.trainee,
        {
            **context(refund.reservation),
            "amount": money.in_words(refund.amount_cents, payment.currency),
            "way": gateways.gateway(payment.gateway).title.lower(),
            "reference": refund.reference,
        },
        now=now,
    )


def transfer_reference(payment: Payment) -> str:
    """What the payer writes on the transfer, so that the school finds them."""
    return payment.reservation.public_id[:8].upper()
