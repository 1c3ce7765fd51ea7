"""What is owed back, and which payments it goes back on. Inside the commands that decide it; `settling` sends it."""

from datetime import datetime

from django.db.models import QuerySet, Sum

from booking.payments.models import Payment, PaymentStatus, Refund
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


def ways_back(reservation: Reservation, cents: int) -> list[tuple[Payment, int]]:
    """On which payments `cents` would go back, and how much on each: less in all where they do not hold so much."""
    return _parts(_received(reservation), cents)


def _parts(received: QuerySet[Payment], cents: int) -> list[tuple[Payment, int]]:
    """The newest payment first, as far as it has not gone back already; then the one before it."""
    parts, left = [], cents
    for payment in received.prefetch_related("refunds").order_by("-settled_at", "-pk"):
        gone = sum(refund.amount_cents for refund in payment.refunds.all())
        part = min(left, payment.amount_cents - gone)
        if part > 0:
            parts.append((payment, part))
            left -= part
    return parts


def owe_back(
    reservation: Reservation, cents: int, *, rule: str, why: str, by: User | None, now: datetime
) -> list[Refund]:
    """Ask for `cents` to go back the way they came: the newest payment first, in parts where one does not suffice.

    The caller has locked the reservation. Locks its payments. Nothing is asked for when `cents` is 0.

    Raises:
        NotThatMuch: when the payments, less what has gone or goes back already, do not hold so much.
    """
    if not cents:
        return []
    parts = _parts(_received(reservation).select_for_update(), cents)
    possible = sum(part for _, part in parts)
    if possible < cents:
        raise NotThatMuch(f"{possible} of {cents} cents can go back for {reservation.public_id}.")
    refunds = Refund.objects.bulk_create(
        Refund(payment=payment, reservation=reservation, amount_cents=part, rule=rule, requested_at=now)
        for payment, part in parts
    )
    about = ("reservation", reservation.public_id)
    record("refund-requested", about=about, person=reservation.trainee, by=by, now=now, why=why, cents=cents)
    return refunds
