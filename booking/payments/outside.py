"""Money that left past this product's own commands: refunds made at the processor, reversed records, lost disputes.

It is booked as what it is. The seat is not touched: some of its price is owed again, the person is told, and what
becomes of the seat is decided by the policy for what is overdue, or by a registrar.
"""

from datetime import datetime

from booking.payments import emails, ledger, sending
from booking.payments.gateways.base import SentBack
from booking.payments.gateways.offline import Offline
from booking.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from booking.payments.papers import issuing
from booking.payments.plans import lifecycle as plans
from booking.payments.returning import NotThatMuch, left_of, went_another_way
from booking.payments.settling import lock_where_it_counts
from booking.reservations import lifecycle, owing
from booking.reservations.models import Reservation, State
from workshops.clock import school_day
from workshops.history.record import record
from workshops.people.models import User
from workshops.transactions import writes

OUTSIDE, RECORDED_WRONGLY = "outside", "recorded-wrongly"


class NotByHand(Exception):
    """Only what a person recorded can be reversed; what the processor received goes back as a refund."""


@writes
def refund_found(payment: Payment, found: SentBack, cents: int, *, now: datetime) -> Refund | None:
    """Book a refund that somebody made at the processor, once, by its number there; None while nothing has gone.

    Whatever the limits here say, the money has gone. What was asked for here over the same amount and had not gone is
    taken for it, also where a person was to send it. Locks the cohort, the seat, the reservation, the payment, the
    refund.
    """
    reservation = lock_where_it_counts(payment.reservation, now)
    Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    known = Refund.objects.filter(processor_id=found.processor_id).first()
    if known or found.status != RefundStatus.SUCCEEDED:
        return known
    waiting = payment.refunds.filter(status__in=(RefundStatus.REQUESTED, RefundStatus.FAILED), amount_cents=cents)
    # Locked: a person may be recording at this moment that they have sent it, and then this is as much again.
    owed = waiting.select_for_update(of=("self",)).order_by("by_hand", "requested_at", "pk").first()
    if owed:
        # Somebody sent there what had been asked for here and had not gone: it is that, and not as much again.
        return sending.sent_there(owed, found, now=now)
    went_another_way(payment, cents, now=now)
    refund = _gone(payment, reservation, cents, rule=OUTSIDE, now=now, by=None, processor_id=found.processor_id)
    _record("refund-outside", reservation, cents, now=now, by=None, why="At the card processor.")
    some_is_gone(reservation, why="The school sent money back outside this system.", now=now)
    return refund


@writes
def reverse(payment: Payment, *, why: str, by: User, now: datetime) -> Refund:
    """Undo the record of a transfer or cheque that did not come, or was not theirs. The record stays, and so does this.

    What a person was to send back of it, and has not sent, is owed no more. Its reference can be recorded anew, for
    whoever it came from. Locks the cohort, the seat, the reservation, the payment, its refunds.

    Raises:
        NotByHand: for what no person recorded, or what was never received.
        NotThatMuch: when some of it has gone back already: reverse nothing twice.
    """
    reservation = lock_where_it_counts(payment.reservation, now)
    rows = Payment.objects.select_for_update(of=("self",)).prefetch_related("refunds", "disputes")
    fresh = rows.get(pk=payment.pk)
    if fresh.gateway != Offline.name or fresh.status != PaymentStatus.SUCCEEDED:
        raise NotByHand
    cents, parts = fresh.amount_cents, _withdrawn(fresh, reservation, now)
    if left_of(rows.get(pk=payment.pk)) < cents:
        raise NotThatMuch("Some of this payment has gone back already, or was reversed before.")
    for where, part in parts.items():
        refund = _gone(fresh, where, part, rule=RECORDED_WRONGLY, now=now, by=by)
    fresh.reference = f"{fresh.reference[:60]} (reversed {refund.public_id[:8]})"
    fresh.save(update_fields=["reference"])
    _record("payment-reversed", reservation, cents, now=now, by=by, why=why)
    some_is_gone(reservation, why="A payment had been recorded by mistake.", now=now, by=by)
    return refund


def _withdrawn(payment: Payment, reservation: Reservation, now: datetime) -> dict[Reservation, int]:
    """Have nothing of a payment owed back any more that has not gone; return how much of it stands where, in cents.

    What was asked back before a move stands where it was asked back; all the rest counts for `reservation`.
    """
    elsewhere = Refund.objects.filter(payment=payment).exclude(reservation=reservation)
    before = list(elsewhere.select_related("reservation__trainee").order_by("pk"))
    went_another_way(payment, payment.amount_cents, now=now)
    after = dict(elsewhere.values_list("pk", "amount_cents"))
    stands: dict[Reservation, int] = {}
    for each in before:
        stands[each.reservation] = stands.get(each.reservation, 0) + each.amount_cents - after[each.pk]
    here = payment.amount_cents - sum(stands.values())
    return {where: cents for where, cents in {**stands, reservation: here}.items() if cents}


def some_is_gone(reservation: Reservation, *, why: str, now: datetime, by: User | None = None) -> None:
    """What follows for a seat when money that had paid for it is gone: it is owed again, and a plan ends.

    The caller has locked the reservation and booked the loss.
    """
    if reservation.state not in (State.RESERVED, State.CONFIRMED):
        return
    kept = max(ledger.kept_cents(reservation), 0)
    missing = reservation.remaining_cents(kept)
    if missing:
        plans.close(reservation, why=why, now=now)
        if kept < reservation.deposit_cents:
            # What is left of it is the deposit now: the rest is due with the balance, as the person is told.
            owing.smaller_deposit(reservation, kept, now)
        if reservation.balance_due_on < school_day(now):
            owing.due_later(reservation, school_day(now), now)  # nobody is late with what they have paid once
        lifecycle.owes_again(reservation, why=why, now=now, by=by)
        emails.owed_again(reservation, missing, why=why, now=now)


def _gone(
    payment: Payment,
    reservation: Reservation,
    cents: int,
    *,
    rule: str,
    now: datetime,
    by: User | None,
    processor_id: str = "",
) -> Refund:
    refund = Refund.objects.create(
        payment=payment,
        reservation=reservation,
        amount_cents=cents,
        status=RefundStatus.SUCCEEDED,
        rule=rule,
        processor_id=processor_id,
        requested_at=now,
        settled_at=now,
        recorded_by=by,
    )
    ledger.owe_refund(refund, at=now, is_owed_again=True)
    ledger.post_refund(refund, at=now)
    issuing.credit_note(refund, now=now)
    return refund


def _record(what: str, reservation: Reservation, cents: int, *, now: datetime, by: User | None, why: str) -> None:
    about = ("reservation", reservation.public_id)
    record(what, about=about, person=reservation.trainee, by=by, now=now, why=why, cents=cents)
