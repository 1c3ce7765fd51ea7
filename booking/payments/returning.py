"""What is owed back, and which payments it goes back on. Inside the commands that decide it; `sending` sends it."""

from datetime import datetime

from django.db.models import QuerySet, Sum

from booking.payments import ledger
from booking.payments.models import FROZEN, DisputeStatus, Payment, PaymentStatus, Refund, RefundStatus
from booking.reservations.models import Reservation
from workshops.history.record import record
from workshops.people.models import User


class NotThatMuch(Exception):
    """More would go back than has come in."""


def story_of(reservation: Reservation) -> list[int]:
    """The keys of a reservation and of those it moved here from: whose payments count for it."""
    keys, before = [reservation.pk], reservation.moved_from_id
    while before is not None:
        keys.append(before)
        before = Reservation.objects.values_list("moved_from_id", flat=True).get(pk=before)
    return keys


def where_it_counts(reservation: Reservation) -> Reservation:
    """The reservation that this one has moved on to, at the end of however many moves; itself when it has not."""
    while (
        after := Reservation.objects.filter(moved_from=reservation.pk).select_related("cohort", "trainee").first()
    ) is not None:
        reservation = after
    return reservation


def received_cents(reservation: Reservation) -> int:
    """What has come in for a reservation and for those it moved here from, whatever has gone back of it."""
    return _received(reservation).aggregate(total=Sum("amount_cents"))["total"] or 0


def _received(reservation: Reservation) -> QuerySet[Payment]:
    return Payment.objects.filter(reservation__in=story_of(reservation), status=PaymentStatus.SUCCEEDED)


def is_in_dispute(reservation: Reservation) -> bool:
    """Whether a bank is deciding about a payment that counts for this reservation: it goes back by that decision."""
    return _received(reservation).filter(disputes__status__in=FROZEN).exists()


def is_with_bank(reservation: Reservation) -> bool:
    """Whether money was given to a bank for this reservation and its answer is awaited: nobody is late meanwhile."""
    return reservation.payments.filter(status=PaymentStatus.PROCESSING).exists()


def ways_back(reservation: Reservation, cents: int) -> list[tuple[Payment, int]]:
    """On which payments `cents` would go back, and how much on each: less in all where they do not hold so much."""
    return _parts(_received(reservation), cents, despite_disputes=True)


def _parts(received: QuerySet[Payment], cents: int, *, despite_disputes: bool = False) -> list[tuple[Payment, int]]:
    """The newest payment first, as far as it has not gone back already; then the one before it."""
    parts, left = [], cents
    for payment in received.prefetch_related("refunds", "disputes").order_by("-settled_at", "-pk"):
        part = min(left, left_of(payment, despite_disputes=despite_disputes))
        if part > 0:
            parts.append((payment, part))
            left -= part
    return parts


def left_of(payment: Payment, *, despite_disputes: bool = False) -> int:
    """What of a payment may still go back: received, less refunded, less on its way back, less disputed.

    What a bank has taken back for good is gone; what it is deciding about counts as gone, unless `despite_disputes`.
    """
    gone = sum(refund.amount_cents for refund in payment.refunds.all())
    counted = {DisputeStatus.LOST} if despite_disputes else {*FROZEN, DisputeStatus.LOST}
    disputed = sum(each.amount_cents for each in payment.disputes.all() if each.status in counted)
    return max(payment.amount_cents - gone - disputed, 0)


def possible_cents(reservation: Reservation) -> int:
    """How much could go back for a reservation at this moment, whatever the policy says."""
    received = _received(reservation).prefetch_related("refunds", "disputes")
    return min(sum(left_of(payment) for payment in received), max(ledger.kept_cents(reservation), 0))


def went_another_way(payment: Payment, cents: int, *, now: datetime) -> None:
    """`cents` of a payment have gone back past the refunds of ours: what they leave no room for is owed no more.

    The caller has locked the payment, and books what has gone after this. Locks its refunds.
    """
    gone = sum(refund.amount_cents for refund in payment.refunds.all())
    lost = payment.disputes.filter(status=DisputeStatus.LOST).aggregate(total=Sum("amount_cents"))["total"] or 0
    waiting = payment.refunds.select_for_update(of=("self",)).filter(
        status__in=(RefundStatus.REQUESTED, RefundStatus.FAILED)
    )
    over = gone + lost + cents - payment.amount_cents
    for refund in waiting.select_related("reservation__trainee").order_by("-requested_at", "-pk"):
        less = min(over, refund.amount_cents)
        if less <= 0:
            return
        over -= less
        refund.amount_cents -= less
        if not refund.amount_cents:
            refund.status, refund.settled_at = RefundStatus.SUCCEEDED, now
        refund.save(update_fields=["amount_cents", "status", "settled_at"])
        ledger.owe_less(refund, less, at=now)
        about = ("reservation", refund.reservation.public_id)
        record("refund-not-owed", about=about, person=refund.reservation.trainee, now=now, cents=less)


def owe_back(
    reservation: Reservation,
    cents: int,
    *,
    rule: str,
    why: str,
    by: User | None,
    now: datetime,
    of: Payment | None = None,
    despite_disputes: bool = False,
) -> list[Refund]:
    """Ask for `cents` to go back the way they came: the newest payment first, in parts where one does not suffice.

    `of` names the one payment that it goes back on. What a bank is deciding about cannot be asked for, except
    `despite_disputes`, where the terms owe it: that waits for the decision, and is owed no more when the bank gives it
    back itself. The caller has locked the reservation. Locks its payments. Nothing
    is asked for when `cents` is 0.

    Raises:
        NotThatMuch: when the payments, less what has gone or goes back or is disputed already, do not hold so much.
    """
    if not cents:
        return []
    received = Payment.objects.filter(pk=of.pk) if of else _received(reservation)
    parts = _parts(received.select_for_update(of=("self",)), cents, despite_disputes=despite_disputes)
    possible = sum(part for _, part in parts)
    if possible < cents:
        raise NotThatMuch(f"{possible} of {cents} cents can go back for {reservation.public_id}.")
    refunds = Refund.objects.bulk_create(
        Refund(payment=payment, reservation=reservation, amount_cents=part, rule=rule, requested_at=now)
        for payment, part in parts
    )
    for refund in refunds:
        ledger.owe_refund(refund, at=now)
    about = ("reservation", reservation.public_id)
    record("refund-requested", about=about, person=reservation.trainee, by=by, now=now, why=why, cents=cents)
    return refunds
