"""What a trainee reads about payments of theirs: one under way, what a bank decides about, and coming back from a page.

Pure words and rows; `payments.settling` has asked the processor before.
"""

from dataclasses import dataclass
from datetime import datetime

from django.http import Http404

from booking.payments.gateways.base import STRIPE
from booking.payments.models import (
    FROZEN,
    UNDER_WAY,
    Dispute,
    DisputeStatus,
    Payment,
    PaymentStatus,
)
from booking.payments.returning import story_of
from booking.payments.settling import BY_ITSELF
from booking.reservations.models import Reservation
from workshops import money
from workshops.clock import in_words, school_day
from workshops.people.models import User


def own_payment(trainee: User, public_id: str) -> Payment:
    """The reader's own payment; anyone else's does not exist for them.

    Raises:
        Http404: when there is none.
    """
    known = ("reservation__trainee", "reservation__cohort__venue", "reservation__cohort__module")
    try:
        return Payment.objects.select_related(*known).get(public_id=public_id, reservation__trainee=trainee)
    except Payment.DoesNotExist:
        raise Http404 from None


@dataclass(frozen=True)
class UnderWay:
    """A payment by the card processor that may still come: the page to go on with, unless a bank has it already."""

    payment: Payment
    is_with_bank: bool
    page: str
    """Where it is paid; empty once that page has closed, or while there is none."""


def under_way(reservation: Reservation, now: datetime) -> UnderWay | None:
    """The card payment that is under way on a reservation, as far as we know without asking."""
    payment = Payment.objects.filter(reservation=reservation, gateway=STRIPE, status__in=UNDER_WAY).first()
    if payment is None:
        return None
    is_open = payment.status == PaymentStatus.OPEN and (payment.expires_at is None or payment.expires_at > now)
    if payment.status == PaymentStatus.OPEN and not is_open:
        return None  # its page has closed; the worker will hear of it
    return UnderWay(payment, payment.status == PaymentStatus.PROCESSING, payment.checkout_url if is_open else "")


def disputes_in_words(reservation: Reservation) -> list[str]:
    """Each payment that a bank was asked about, a sentence or two each, with no judgement of whoever asked."""
    found = Dispute.objects.filter(payment__reservation__in=story_of(reservation)).select_related("payment")
    return [_dispute_in_words(each) for each in found.order_by("opened_at", "pk")]


def bank_decides(reservation: Reservation) -> bool:
    """Whether a bank has yet to decide about money of this reservation: nothing of that payment can go back before."""
    found = Dispute.objects.filter(payment__reservation__in=story_of(reservation), status__in=FROZEN)
    return found.exists()


def _dispute_in_words(dispute: Dispute) -> str:
    amount = money.in_words(dispute.amount_cents, dispute.payment.currency)
    paid = in_words(school_day(dispute.payment.settled_at or dispute.payment.created_at))
    of_it = f"the payment of {paid}, {amount}"
    if dispute.status in FROZEN:
        return (
            f"Your bank was asked about {of_it}, and has not decided yet. Until then nothing of it can be sent back, "
            "and no monthly part is charged. If you did not ask it, write to the school: that is sorted out quickly."
        )
    if dispute.status == DisputeStatus.LOST:
        return f"Your bank has given you back {amount} of {of_it.removesuffix(f', {amount}')}."
    return f"Your bank was asked about {of_it}, and left it as it was."


@dataclass(frozen=True)
class Outcome:
    """What has become of a payment, for somebody who comes back from the processor's page.

    `kind`: received, comes-back (no seat was left, or it was too little), with-bank, open, failed, closed; or asking,
    where the processor did not answer; or wrong, where a person has to look.
    """

    kind: str
    comes_back_cents: int = 0


def outcome_of(payment: Payment, now: datetime) -> Outcome:
    """By what is on record. Money that goes back in part is received all the same, and `comes_back_cents` says it."""
    status = PaymentStatus(payment.status)
    if status == PaymentStatus.SUCCEEDED:
        refund = payment.refunds.filter(rule__in=BY_ITSELF).first()
        back = refund.amount_cents if refund else 0
        return Outcome("comes-back" if back and back == payment.amount_cents else "received", back)
    if status == PaymentStatus.PROCESSING:
        return Outcome("with-bank")
    if status == PaymentStatus.FAILED:
        return Outcome("failed")
    if status == PaymentStatus.EXPIRED or (payment.expires_at and payment.expires_at <= now):
        return Outcome("closed")
    return Outcome("open")
