"""Beginning a payment: what it may be for, how much, and through which gateway."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError

from booking.payments import emails, gateways, ledger
from booking.payments.gateways.offline import Offline
from booking.payments.models import UNDER_WAY, Payment, PaymentStatus, Purpose
from booking.payments.returning import received_cents, story_of
from booking.payments.settling import Settled, finish, lock_where_it_counts, settle, settle_here
from booking.reservations import lifecycle
from booking.reservations.models import OWING, Reservation, State
from workshops.people.models import User
from workshops.programme.models import school
from workshops.transactions import writes


class NothingToPay(Exception):
    """The reservation does not owe what the payment would be for. The message says why."""


class HoldRanOut(Exception):
    """The hold ran out before the payment began; the seat can be reserved again while there is one."""


@dataclass(frozen=True)
class Begun:
    """A payment that was begun, and where the person goes on to pay it (empty where there is no such page)."""

    payment: Payment
    checkout_url: str


class AlreadyRecorded(Exception):
    """A transfer with this reference has been recorded before."""


def owed_for(reservation: Reservation, purpose: Purpose, *, paid_cents: int) -> int:
    """How many cents are missing for `purpose`, whatever has become of the reservation; 0 when none are."""
    due = reservation.deposit_cents if purpose == Purpose.DEPOSIT else reservation.owed_cents
    return max(due - paid_cents, 0)


def amount_for(reservation: Reservation, purpose: Purpose, *, paid_cents: int, now: datetime) -> int:
    """How many cents a payment for `purpose` would take now.

    Raises:
        HoldRanOut: for a hold that ran out.
        NothingToPay: when that is not owed.
    """
    state = reservation.state_at(now)
    if state == State.EXPIRED:
        raise HoldRanOut
    if state not in OWING:
        raise NothingToPay("This reservation has ended; nothing is owed on it.")
    if purpose == Purpose.BALANCE and state == State.HELD:
        raise NothingToPay("The deposit comes first. You can also pay everything at once.")
    owed = owed_for(reservation, purpose, paid_cents=paid_cents)
    if not owed:
        raise NothingToPay("That has been paid already. Nothing is owed.")
    return owed


def begin(reservation: Reservation, purpose: Purpose, gateway_name: str, *, by: User, now: datetime) -> Begun:
    """Begin a payment. One that is under way for the same thing through the same gateway is continued instead.

    Choosing a bank transfer makes the hold last as long as the terms give it, once.

    Raises:
        gateways.NoSuchGateway, HoldRanOut, NothingToPay
    """
    gateway = gateways.gateway(gateway_name)
    payment = _open(reservation, purpose, gateway_name, now=now)
    checkout_url = gateway.begin(payment)
    if gateway.settles_at_once and payment.status in UNDER_WAY:
        payment = settle(payment, now=now, by=by, reference="").payment
    return Begun(payment, checkout_url)


@writes
def _open(reservation: Reservation, purpose: Purpose, gateway_name: str, *, now: datetime) -> Payment:
    if gateway_name == Offline.name:
        _wait_for_transfer(reservation, now)
    reservation = _locked(reservation)
    amount = amount_for(reservation, purpose, paid_cents=ledger.kept_cents(reservation), now=now)
    payment = _under_way(reservation, purpose, gateway_name, amount, now)
    if gateway_name == Offline.name:
        emails.how_to_transfer(payment, school().bank_details, now=now)
    return payment


def _wait_for_transfer(reservation: Reservation, now: datetime) -> None:
    """Prolong the hold of someone who pays by transfer for the first time: seat first, then reservation."""
    until = lifecycle.transfer_awaited_until(reservation.cohort, reservation.terms, now)
    if (
        reservation.state_at(now) == State.HELD
        and reservation.held_until is not None
        and until > reservation.held_until
        and not Payment.objects.filter(reservation__in=story_of(reservation), gateway=Offline.name).exists()
    ):
        try:
            lifecycle.hold_longer(reservation, until=until, now=now, why="Payment by bank transfer was chosen.")
        except lifecycle.Moved:
            raise HoldRanOut from None


def _locked(reservation: Reservation) -> Reservation:
    return (
        Reservation.objects.select_for_update(of=("self",))
        .select_related("trainee", "cohort__venue")
        .get(pk=reservation.pk)
    )


def _under_way(reservation: Reservation, purpose: Purpose, gateway_name: str, amount: int, now: datetime) -> Payment:
    """The attempt that is under way if it is the same one; otherwise it ends and a new one begins."""
    under_way = reservation.payments.filter(status__in=UNDER_WAY).first()
    if under_way and (under_way.purpose, under_way.gateway, under_way.amount_cents) == (purpose, gateway_name, amount):
        return under_way
    if under_way:
        Payment.objects.filter(pk=under_way.pk).update(status=PaymentStatus.EXPIRED, settled_at=now)
    return Payment.objects.create(
        reservation=reservation,
        purpose=purpose,
        gateway=gateway_name,
        amount_cents=amount,
        currency=reservation.currency,
        created_at=now,
    )


def record_transfer(reservation: Reservation, purpose: Purpose, *, reference: str, by: User, now: datetime) -> Settled:
    """Record a bank transfer or cheque that arrived, whatever has become of the reservation meanwhile.

    Late money brings the seat back when one is left, and is owed back otherwise: see `settling`.

    Raises:
        AlreadyRecorded: when this reference has been recorded before.
        NothingToPay: when nothing is missing for `purpose`.
    """
    try:
        settled = _record_transfer(reservation, purpose, reference=reference, by=by, now=now)
    except IntegrityError:
        if not Payment.objects.filter(gateway=Offline.name, reference=reference).exists():
            raise
        raise AlreadyRecorded from None
    return finish(settled, now=now)


@writes
def _record_transfer(reservation: Reservation, purpose: Purpose, *, reference: str, by: User, now: datetime) -> Settled:
    """The payment and what becomes of it, all at once: a reference that was recorded before leaves nothing behind."""
    fresh = lock_where_it_counts(reservation, now)
    # What went back when it was cancelled does not make a transfer that was on its way any larger.
    came_in = received_cents(fresh) if fresh.state == State.CANCELLED else 0
    amount = owed_for(fresh, purpose, paid_cents=max(ledger.kept_cents(fresh), came_in))
    if not amount:
        raise NothingToPay("That has been paid already. If the money came twice, send it back at the bank.")
    payment = _under_way(fresh, purpose, Offline.name, amount, now)
    return settle_here(payment, now=now, by=by, reference=reference)
