"""The one function that settles a payment, whoever reports it, however often, however late."""

from dataclasses import dataclass
from datetime import datetime

from booking.payments import emails, gateways, ledger
from booking.payments.gateways.offline import Offline
from booking.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from booking.payments.returning import where_it_counts
from booking.reservations import lifecycle, reserving, waitlist
from booking.reservations.models import Reservation, State
from workshops.history.record import record
from workshops.people.models import User
from workshops.transactions import writes

LATE, PAID_TWICE = "late-no-seat", "paid-twice"
"""Why money goes back: it came when no seat was left, or more came than the seat costs."""


@dataclass(frozen=True)
class Settled:
    """What became of a payment: the seat is theirs, or all of it goes back. Never both, never neither.

    Where the seat is theirs, `refund` is what came beyond its price.
    """

    payment: Payment
    seat_is_theirs: bool
    refund: Refund | None


def settle(payment: Payment, *, now: datetime, by: User | None, reference: str) -> Settled:
    """Book a payment that has been received, and give the person the seat or the money.

    Settling a payment a second time changes nothing and answers the same. `reference` is what the bank or processor
    calls it; the gateway and the reference together are unique. The refund, where there is one, is sent back after the
    transaction.
    """
    return finish(settle_here(payment, now=now, by=by, reference=reference), now=now)


def finish(settled: Settled, *, now: datetime) -> Settled:
    """What follows once the transaction has been committed: send back what is owed back."""
    if settled.refund and settled.refund.status == RefundStatus.REQUESTED:
        send_back(settled.refund, now=now)
    return settled


@writes
def settle_here(payment: Payment, *, now: datetime, by: User | None, reference: str) -> Settled:
    """The part of `settle` that is one transaction, for a caller who has more to write in it."""
    # Cohort, seat and reservation are locked here, before the payment: the order that everyone keeps.
    reservation = lock_where_it_counts(payment.reservation, now)
    fresh = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    if fresh.status == PaymentStatus.SUCCEEDED:
        # What became of it was decided once: a seat that has come free since does not go to money on its way back.
        refund = fresh.refunds.filter(rule__in=(LATE, PAID_TWICE)).first()
        return Settled(fresh, refund is None or refund.rule != LATE, refund)
    kept, arriving = ledger.kept_cents(reservation), fresh.amount_cents
    fresh.status, fresh.settled_at, fresh.recorded_by, fresh.reference = PaymentStatus.SUCCEEDED, now, by, reference
    fresh.save(update_fields=["status", "settled_at", "recorded_by", "reference"])
    ledger.post_payment(fresh, reservation, at=now)
    about, trainee = ("reservation", reservation.public_id), reservation.trainee
    record("payment-received", about=about, person=trainee, by=by, now=now, gateway=fresh.gateway, cents=arriving)
    theirs = reserving.secure(reservation, paid_in_full=kept + arriving >= reservation.owed_cents, now=now, by=by)
    if theirs and kept + arriving < reservation.deposit_cents:
        # Begun before a move to a cohort where all of it is due at once: the seat is theirs, the rest is due now.
        lifecycle.smaller_deposit(reservation, kept + arriving, now)
    # Two payments that were begun at once, by two ways or in two windows, may both arrive.
    too_much = min(max(kept + arriving - reservation.owed_cents, 0), fresh.amount_cents)
    if theirs and not too_much:
        return Settled(fresh, True, None)
    rule, cents = (PAID_TWICE, too_much) if theirs else (LATE, fresh.amount_cents)
    refund = Refund.objects.create(
        payment=fresh, reservation=reservation, amount_cents=cents, rule=rule, requested_at=now
    )
    why = "More came than the seat costs." if theirs else "The payment came when no seat was left."
    record("refund-requested", about=about, person=trainee, now=now, why=why, cents=cents)
    emails.goes_back(refund, now=now)
    return Settled(fresh, theirs, refund)


def lock_where_it_counts(reservation: Reservation, now: datetime) -> Reservation:
    """Lock what a payment for `reservation` counts for now: its cohort, seat and itself. Moves are followed.

    Late money may bring its seat back, and that ends what has run out of this person's elsewhere: those cohorts too.
    """
    while True:
        target = where_it_counts(reservation)
        elsewhere = lifecycle.ran_out_elsewhere(target.trainee_id, {target.cohort_id}, now)
        waitlist.lock_cohorts({target.cohort_id, *elsewhere})
        locked = lifecycle.lock(target)
        if locked.state != State.TRANSFERRED:
            return locked
        # It moved on between the look and the lock; moves take the cohort's lock, so the next look tells where to.


def send_back_due(now: datetime) -> int:
    """Send back what was asked for and not begun, because a process ended in between; return how many have gone."""
    waiting = Refund.objects.filter(status=RefundStatus.REQUESTED, payment__gateway__in=gateways.offered())
    refunds = waiting.exclude(payment__gateway=Offline.name).select_related("payment", "reservation")
    return sum(send_back(refund, now=now).status == RefundStatus.SUCCEEDED for refund in refunds[:50])


def send_back(refund: Refund, *, now: datetime) -> Refund:
    """Ask the gateway to send a refund back; where a person must do it, it stays asked for."""
    if gateways.gateway(refund.payment.gateway).send_back(refund):
        return refunded(refund, now=now, by=None, reference="")
    return refund


@writes
def refunded(refund: Refund, *, now: datetime, by: User | None, reference: str) -> Refund:
    """Book a refund that has gone back. A second time changes nothing."""
    fresh = (
        Refund.objects.select_for_update(of=("self",))
        .select_related("payment", "reservation__trainee")
        .get(pk=refund.pk)
    )
    if fresh.status == RefundStatus.SUCCEEDED:
        return fresh
    fresh.status, fresh.settled_at, fresh.recorded_by, fresh.reference = RefundStatus.SUCCEEDED, now, by, reference
    fresh.save(update_fields=["status", "settled_at", "recorded_by", "reference"])
    ledger.post_refund(fresh, at=now)
    reservation = fresh.reservation
    about = ("reservation", reservation.public_id)
    record("refund-sent", about=about, person=reservation.trainee, by=by, now=now, cents=fresh.amount_cents)
    emails.has_gone_back(fresh, now=now)
    return fresh
