"""What is owed on a reservation and when: the only writer of charges. Each caller has locked the reservation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import F, QuerySet

from booking.reservations.models import Charge, ChargeKind, Reservation
from workshops.clock import end_of_school_day, school_day
from workshops.rows import insert


@dataclass(frozen=True)
class Part:
    """One monthly part: so many cents, by the end of a day in Los Angeles."""

    cents: int
    due_on: date


def charge(reservation: Reservation, now: datetime) -> None:
    """Say what is owed and when: the deposit while the seat is held, the balance and a fee by their date."""
    deposit, balance = reservation.deposit_cents, reservation.balance_cents
    due = end_of_school_day(reservation.balance_due_on)
    first = reservation.held_until or now
    charges = [
        Charge(reservation=reservation, kind=kind, amount_cents=cents, due_at=at, revised_at=now)
        for kind, cents, at in (
            (ChargeKind.DEPOSIT, deposit, first),
            (ChargeKind.BALANCE, balance, due),
            (ChargeKind.FEE, reservation.fee_cents, due),
        )
        if cents
    ]
    insert(charges)


def _recharge(reservation: Reservation, now: datetime) -> None:
    reservation.charges.all().delete()
    charge(reservation, now)


def smaller_deposit(reservation: Reservation, cents: int, now: datetime) -> None:
    """Take what has come as the deposit; the rest is the balance. The caller has locked the reservation."""
    fresh = Reservation.objects.get(pk=reservation.pk)
    fresh.deposit_cents = cents
    fresh.save(update_fields=["deposit_cents"])
    _recharge(fresh, now)


def cost_less(reservation: Reservation, price_cents: int, now: datetime) -> None:
    """Let it cost less, and never more: a discount, or a part of the price that the school lets someone off.

    A plan's parts become one balance again; whoever calls this for a seat with a plan splits it anew.

    Raises:
        ValueError: when it would cost more.
    """
    if price_cents > reservation.price_cents:
        raise ValueError("A reservation never comes to cost more than was agreed.")
    reservation.price_cents = price_cents
    reservation.deposit_cents = min(reservation.deposit_cents, price_cents)
    reservation.save(update_fields=["price_cents", "deposit_cents"])
    _recharge(reservation, now)


def cost_as_before(reservation: Reservation, price_cents: int, now: datetime) -> None:
    """Let it cost again what it did before a discount that its owner gives up while the seat is held.

    The deposit is again what the terms ask of that price; everything, where all was due when the hold began.
    """
    all_at_once = school_day(reservation.created_at) >= reservation.balance_due_on
    reservation.price_cents = price_cents
    reservation.deposit_cents = price_cents if all_at_once else min(reservation.terms.deposit_cents, price_cents)
    reservation.save(update_fields=["price_cents", "deposit_cents"])
    _recharge(reservation, now)


def in_parts(reservation: Reservation, parts: Sequence[Part], kept_cents: int, now: datetime) -> None:
    """Owe what remains after `kept_cents` in these parts instead of by one date.

    Raises:
        ValueError: when the parts are not what remains, to the cent.
    """
    if sum(part.cents for part in parts) != reservation.owed_cents - kept_cents:
        raise ValueError(f"The parts of {reservation.public_id} are not what remains.")
    deposit = min(reservation.deposit_cents, kept_cents)
    if deposit < reservation.deposit_cents:
        raise ValueError("The deposit comes first.")
    # What is paid stands before the parts, also where a plan that came along has a part which was due before that.
    first = min(now, end_of_school_day(parts[0].due_on))
    reservation.charges.exclude(kind=ChargeKind.DEPOSIT).delete()
    reservation.charges.filter(due_at__gt=first).update(due_at=first)
    paid_beyond = kept_cents - deposit
    charges = [
        Charge(
            reservation=reservation,
            kind=ChargeKind.INSTALMENT,
            number=number,
            amount_cents=part.cents,
            due_at=end_of_school_day(part.due_on),
            revised_at=now,
        )
        for number, part in enumerate(parts, start=1)
    ]
    if paid_beyond:
        charges.insert(
            0,
            Charge(
                reservation=reservation,
                kind=ChargeKind.BALANCE,
                amount_cents=paid_beyond,
                due_at=first,
                revised_at=now,
            ),
        )
    insert(charges)


def in_one(reservation: Reservation, now: datetime) -> None:
    """Owe what remains by the balance date again, after a plan has ended."""
    if not reservation.charges.filter(kind=ChargeKind.INSTALMENT).exists():
        return
    reservation.charges.exclude(kind=ChargeKind.DEPOSIT).delete()
    due = end_of_school_day(reservation.balance_due_on)
    owed = ((ChargeKind.BALANCE, reservation.balance_cents), (ChargeKind.FEE, reservation.fee_cents))
    insert(
        [
            Charge(reservation=reservation, kind=kind, amount_cents=cents, due_at=due, revised_at=now)
            for kind, cents in owed
            if cents
        ]
    )


def without_fee(reservation: Reservation, now: datetime) -> None:
    """Owe no fee any more. The caller has locked the reservation, and writes the history.

    A plan's parts have the fee in them: they become one balance again, and whoever calls this splits that anew.
    """
    fee, reservation.fee_cents = reservation.fee_cents, 0
    reservation.not_refundable_cents = max(reservation.not_refundable_cents - fee, 0)
    reservation.save(update_fields=["fee_cents", "not_refundable_cents"])
    in_one(reservation, now)
    reservation.charges.filter(kind=ChargeKind.FEE).delete()


def due_later(reservation: Reservation, day: date, now: datetime) -> None:
    """Bring the balance, and a fee that is due with it, to another day; a plan's parts end by it.

    Beside parts, what is charged as the balance is what was paid before they began: it stays in front of them.
    """
    reservation.balance_due_on = day
    reservation.save(update_fields=["balance_due_on"])
    due = end_of_school_day(day)
    parts = reservation.charges.filter(kind=ChargeKind.INSTALMENT)
    if parts.exists():
        _bring(parts.filter(due_at__gt=due), due, now)
    else:
        _bring(reservation.charges.filter(kind__in=(ChargeKind.BALANCE, ChargeKind.FEE)), due, now)


def _bring(charges: QuerySet[Charge], due: datetime, now: datetime) -> None:
    """Another day for these charges, which the calendars of those who owe them must notice."""
    charges.exclude(due_at=due).update(due_at=due, sequence=F("sequence") + 1, revised_at=now)


def deposit_due(reservation: Reservation, at: datetime) -> None:
    """Bring the deposit of a hold to another moment: it is due when the hold runs out."""
    reservation.charges.filter(kind=ChargeKind.DEPOSIT).update(due_at=at)
