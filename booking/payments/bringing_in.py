"""Bringing in money received and plans agreed to before this system, against opening balances. Nobody is told."""

from collections.abc import Sequence
from datetime import datetime

from booking.payments import ledger
from booking.payments.gateways.base import Card
from booking.payments.models import Payment, PaymentStatus, Purpose
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.models import Plan
from booking.reservations import lifecycle
from booking.reservations.bringing_in import WHY
from booking.reservations.models import Reservation
from booking.reservations.owing import Part
from workshops.history.record import record
from workshops.people.models import User


def payment(
    reservation: Reservation,
    cents: int,
    *,
    gateway: str,
    reference: str,
    received_at: datetime,
    now: datetime,
    by: User,
) -> Payment:
    """Money that was received for a seat of theirs, and is in the bank already: a plan that it pays off ends with it.

    Inside a transaction; locks the reservation.
    """
    fresh = lifecycle.lock(reservation)
    kept = ledger.kept_cents(fresh)
    made = Payment.objects.create(
        reservation=fresh,
        purpose=Purpose.FULL if cents == fresh.owed_cents else Purpose.BALANCE if kept else Purpose.DEPOSIT,
        gateway=gateway,
        amount_cents=cents,
        currency=fresh.currency,
        status=PaymentStatus.SUCCEEDED,
        reference=reference,
        created_at=received_at,
        settled_at=received_at,
        recorded_by=by,
    )
    ledger.post_opening(made, fresh, at=now)
    about, person = ("reservation", fresh.public_id), fresh.trainee
    record("payment-received", about=about, person=person, by=by, now=now, why=WHY, gateway=gateway, cents=cents)
    if kept + cents >= fresh.owed_cents:
        lifecycle.paid_before(fresh, why=WHY, now=now, by=by)
    plans.money_came(fresh, now=now)
    return made


def plan(
    reservation: Reservation, parts: Sequence[Part], card: Card | None, *, agreed_at: datetime, now: datetime
) -> Plan:
    """Monthly parts that are still to come, charged to a card that is saved already. Locks the reservation.

    Raises:
        ValueError: when they do not add up to what remains.
    """
    return plans.brought_in(lifecycle.lock(reservation), parts, card, agreed_at=agreed_at, now=now)
