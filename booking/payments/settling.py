"""The one function that settles a payment, whoever reports it, however often, however late.

The page that the payer comes back to, the processor's own word and reconciliation all ask the gateway what has become
of a payment (`catch_up`), and what it answers is booked here.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from booking.payments import emails, gateways, ledger
from booking.payments.gateways.base import Card, Report, Unavailable, WrongMoney
from booking.payments.models import UNDER_WAY, Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.payments.papers import issuing
from booking.payments.plans import lifecycle as plans
from booking.payments.returning import owe_back, where_it_counts
from booking.payments.sending import send_back
from booking.reservations import lifecycle, owing, reserving, waitlist
from booking.reservations.models import Reservation, State
from workshops.history.record import record
from workshops.people.models import User
from workshops.transactions import writes

log = logging.getLogger(__name__)

LATE, PAID_TWICE, TOO_MUCH, TOO_LITTLE = "late-no-seat", "paid-twice", "too-much", "too-little"
"""Why money goes back by itself: no seat was left when it came, or it was not what the seat costs."""
BY_ITSELF = (LATE, PAID_TWICE, TOO_MUCH, TOO_LITTLE)

FORWARD: dict[str, frozenset[str]] = {
    PaymentStatus.CREATED: frozenset({"open", "processing", "succeeded", "failed", "expired"}),
    PaymentStatus.OPEN: frozenset({"processing", "succeeded", "failed", "expired"}),
    PaymentStatus.PROCESSING: frozenset({"succeeded", "failed"}),
    # Money that comes after all is money: it brings the seat, or goes back.
    PaymentStatus.FAILED: frozenset({"succeeded"}),
    PaymentStatus.EXPIRED: frozenset({"processing", "succeeded"}),
    PaymentStatus.SUCCEEDED: frozenset(),
}
"""How an attempt moves on."""


@dataclass(frozen=True)
class Settled:
    """What became of a payment: the seat is theirs, or all of it goes back. Never both, never neither.

    Where the seat is theirs, `refund` is what came beyond its price.
    """

    payment: Payment
    seat_is_theirs: bool
    refund: Refund | None


# -- asking the processor ----------------------------------------------------------------------------------------------
def catch_up(payment: Payment, *, now: datetime) -> Payment:
    """Ask the gateway what has become of a payment and book it. Not inside a transaction.

    Raises:
        Unavailable: when the processor does not answer: nothing has changed.
        WrongMoney: when what came is of another currency or mode: a person must look.
    """
    report = gateways.gateway(payment.gateway).look(payment)
    Payment.objects.filter(pk=payment.pk).update(asked_at=now)
    return told(payment, report, now=now) if report else payment


def give_up(payment: Payment, *, now: datetime) -> Payment:
    """Close the page that a payment would be paid on, and book what has become of it. Not inside a transaction.

    Raises:
        Unavailable, WrongMoney
    """
    report = gateways.gateway(payment.gateway).give_up(payment)
    return told(payment, report or Report(PaymentStatus.EXPIRED), now=now)


def close_pages(reservation: Reservation, *, now: datetime) -> None:
    """Close the page to pay on of a reservation that has ended, as far as the processor answers. Not in a transaction.

    Where it does not, the page closes by itself, and money that comes until then goes back.
    """
    for payment in reservation.payments.filter(status__in=UNDER_WAY).exclude(checkout_id=""):
        try:
            give_up(payment, now=now)
        except (Unavailable, WrongMoney, gateways.NoSuchGateway):
            log.warning("The page of payment %s stays open until it closes by itself.", payment.public_id)


def told(payment: Payment, report: Report, *, now: datetime) -> Payment:
    """Book what a gateway says of a payment, and send back what is owed back."""
    fresh, settled = told_here(payment, report, now=now)
    if settled:
        finish(settled, now=now)
    return fresh


@writes
def told_here(payment: Payment, report: Report, *, now: datetime) -> tuple[Payment, Settled | None]:
    """The part of `told` that is one transaction, for a caller who has more to write in it. Only forward, and once."""
    if report.status == PaymentStatus.SUCCEEDED:
        settled = settle_here(
            payment, now=now, by=None, reference=report.reference, received_cents=report.cents, card=report.card
        )
        if report.fee:
            ledger.post_fee(report.fee.number, where_it_counts(payment.reservation), report.fee.cents, at=now)
        return settled.payment, settled
    # Attempts at one reservation begin under its lock: whether another is under way does not change until we are done.
    Reservation.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=payment.reservation_id)
    fresh = Payment.objects.select_for_update(of=("self",)).select_related("reservation__trainee").get(pk=payment.pk)
    if report.status not in FORWARD[PaymentStatus(fresh.status)]:
        return fresh, None
    under_way = fresh.reservation.payments.filter(status__in=UNDER_WAY).exclude(pk=fresh.pk)
    if report.status in UNDER_WAY and fresh.status not in UNDER_WAY and under_way.exists():
        return fresh, None  # another attempt has begun since; this one counts once its money is here
    fresh.status, fresh.failure = report.status, report.failure[:60]
    if report.status in (PaymentStatus.FAILED, PaymentStatus.EXPIRED):
        fresh.settled_at = now
    fresh.save()
    about = ("reservation", fresh.reservation.public_id)
    if report.status == PaymentStatus.FAILED:
        record("payment-failed", about=about, person=fresh.reservation.trainee, now=now, cents=fresh.amount_cents)
        if fresh.purpose != Purpose.INSTALMENT:
            emails.payment_failed(fresh, now=now)
    elif report.status == PaymentStatus.PROCESSING:
        record("payment-processing", about=about, person=fresh.reservation.trainee, now=now, cents=fresh.amount_cents)
    return fresh, None


# -- settling ----------------------------------------------------------------------------------------------------------
def settle(
    payment: Payment, *, now: datetime, by: User | None, reference: str, received_cents: int | None = None
) -> Settled:
    """Book a payment that has been received, and give the person the seat or the money.

    Settling a payment a second time changes nothing and answers the same. `reference` is what the bank or processor
    calls it; the gateway and the reference together are unique. `received_cents` is what came, where that is not what
    was asked for. The refund, where there is one, is sent back after the transaction.
    """
    return finish(settle_here(payment, now=now, by=by, reference=reference, received_cents=received_cents), now=now)


def finish(settled: Settled, *, now: datetime) -> Settled:
    """What follows once the transaction has been committed: send back what is owed back."""
    if settled.refund and settled.refund.status == RefundStatus.REQUESTED:
        send_back(settled.refund, now=now)
    return settled


@writes
def settle_here(
    payment: Payment,
    *,
    now: datetime,
    by: User | None,
    reference: str,
    received_cents: int | None = None,
    card: Card | None = None,
    short_is_enough: bool = False,
) -> Settled:
    """The part of `settle` that is one transaction, for a caller who has more to write in it.

    `card` was saved with it for a plan. Less than the deposit keeps no seat, unless a registrar takes it as the
    deposit (`short_is_enough`). Locks the cohort, the seat, the reservation, the payment, in that order.
    """
    # Cohort, seat and reservation are locked here, before the payment: the order that everyone keeps.
    reservation = lock_where_it_counts(payment.reservation, now)
    fresh = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    if fresh.status == PaymentStatus.SUCCEEDED:
        # What became of it was decided once: a seat that has come free since does not go to money on its way back.
        refund = fresh.refunds.filter(rule__in=BY_ITSELF).first()
        return Settled(fresh, refund is None or refund.rule not in (LATE, TOO_LITTLE), refund)
    kept, asked = ledger.kept_cents(reservation), fresh.amount_cents
    arriving = asked if received_cents is None else received_cents
    fresh.status, fresh.settled_at, fresh.recorded_by, fresh.reference = PaymentStatus.SUCCEEDED, now, by, reference
    fresh.amount_cents, fresh.failure = arriving, ""
    fresh.save(update_fields=["status", "settled_at", "recorded_by", "reference", "amount_cents", "failure"])
    ledger.post_payment(fresh, reservation, at=now)
    about, trainee = ("reservation", reservation.public_id), reservation.trainee
    record("payment-received", about=about, person=trainee, by=by, now=now, gateway=fresh.gateway, cents=arriving)
    # A deposit that is smaller here, after a move to a cohort where all is due at once, was asked for like that.
    too_little = arriving < asked and kept + arriving < reservation.deposit_cents and not short_is_enough
    theirs = not too_little and _secure(reservation, kept, arriving, in_parts=fresh.keeps_card, now=now, by=by)
    if theirs and fresh.keeps_card:
        plans.card_saved(reservation, card, now=now)
    if theirs:
        plans.money_came(reservation, now=now)
    issuing.receipt(fresh, reservation, kept_cents=kept + arriving, seat_is_theirs=theirs, now=now)
    # Two payments that were begun at once, by two ways or in two windows, may both arrive.
    too_much = min(max(kept + arriving - reservation.owed_cents, 0), arriving)
    if theirs and too_much < arriving and not _is_told_by_state(reservation, kept + arriving):
        emails.received(fresh, reservation, kept_cents=kept + arriving, now=now)
    if theirs and not too_much:
        return Settled(fresh, True, None)
    if theirs:
        rule, cents = (TOO_MUCH if arriving > asked else PAID_TWICE), too_much
        why = "More came than the seat costs."
    else:
        rule, cents = (TOO_LITTLE if too_little else LATE), arriving
        why = "Less came than was asked for." if too_little else "The payment came when no seat was left."
    refund = owe_back(reservation, cents, rule=rule, why=why, by=None, now=now, of=fresh)[0]
    emails.goes_back(refund, now=now)
    return Settled(fresh, theirs, refund)


def _secure(
    reservation: Reservation, kept: int, arriving: int, *, in_parts: bool, now: datetime, by: User | None
) -> bool:
    """Make the seat theirs, where it may be; its message names what came and what is left.

    Less than the deposit becomes the deposit: a registrar takes it as that, or it was begun before a move to a cohort
    where all of it is due at once, and then the rest is due now. That is so before the message is written, and undone
    where no seat is left.
    """
    asked, came = reservation.deposit_cents, kept + arriving
    if came < asked:
        _set_deposit(reservation, came)
    told = emails.of_money(reservation, arriving, kept_cents=came)
    if in_parts and _goes_on_in_parts(reservation, came):
        told["in_parts"] = "yes"
    theirs = reserving.secure(reservation, paid_in_full=came >= reservation.owed_cents, now=now, by=by, told=told)
    if came < asked and theirs:
        owing.smaller_deposit(reservation, came, now)
    elif came < asked:
        _set_deposit(reservation, asked)
    return theirs


def _set_deposit(reservation: Reservation, cents: int) -> None:
    reservation.deposit_cents = cents
    reservation.save(update_fields=["deposit_cents"])


def _goes_on_in_parts(reservation: Reservation, kept_cents: int) -> bool:
    """Whether the plan that waits for its card begins with this payment: `plans.lifecycle.card_saved` decides alike."""
    plan = plans.plan_of(reservation)
    if plan is None or kept_cents < reservation.deposit_cents:
        return False
    parts = plans.agreed_parts(plan)
    fits = sum(part.cents for part in parts) == reservation.owed_cents - kept_cents
    return fits and parts[-1].due_on <= reservation.balance_due_on


def _is_told_by_state(before: Reservation, kept_cents: int) -> bool:
    """Whether the money brought the seat to another state, whose message tells of it. `before` is as it was locked."""
    if before.state not in (State.RESERVED, State.CONFIRMED):
        return True
    return before.state == State.RESERVED and kept_cents >= before.owed_cents


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
