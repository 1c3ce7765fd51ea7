"""What is owed on seats, and which of it is overdue. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from booking.payments.balances import Due, due_next
from booking.payments.ledger import with_kept
from booking.reservations.models import Charge, Reservation, State


@dataclass(frozen=True)
class Missing:
    """What of one charge has not been paid."""

    charge: Charge
    cents: int
    is_overdue: bool


@dataclass(frozen=True)
class Owed:
    """What one reservation still owes, and what of it comes next."""

    reservation: Reservation
    state: State
    paid_cents: int
    """What pays for it: without what is on its way back."""
    remaining_cents: int
    next: Due
    missing: tuple[Missing, ...]

    @property
    def is_overdue(self) -> bool:
        """Whether a date has passed by which some of it was due."""
        return any(each.is_overdue for each in self.missing)

    @property
    def overdue_cents(self) -> int:
        """How much of it was due by now."""
        return sum(each.cents for each in self.missing if each.is_overdue)


@dataclass(frozen=True)
class Total:
    """Sums in one currency."""

    currency: str
    remaining_cents: int
    overdue_cents: int
    overdue_count: int


def owed(now: datetime) -> list[Owed]:
    """Everything that is owed on seats as of `now`, the most urgent first. Two statements."""
    live = with_kept(Reservation.objects.holding_a_seat(now)).exclude(state=State.OFFERED)
    unpaid = live.filter(kept_cents__lt=F("price_cents") + F("fee_cents"))
    lines = []
    for reservation in unpaid.select_related("trainee", "cohort").prefetch_related("charges"):
        kept: int = reservation.kept_cents
        charges = sorted(reservation.charges.all(), key=lambda each: (each.due_at, each.pk))
        upcoming = due_next(charges, kept)
        if upcoming is None:
            continue
        lines.append(
            Owed(
                reservation=reservation,
                state=reservation.state_at(now),
                paid_cents=kept,
                remaining_cents=reservation.owed_cents - kept,
                next=upcoming,
                missing=tuple(_missing(charges, kept, now)),
            )
        )
    return sorted(lines, key=lambda line: (line.next.due_at, line.reservation.pk))


def _missing(charges: Iterable[Charge], kept_cents: int, now: datetime) -> Iterable[Missing]:
    """What the charges still ask for, in the order in which payments cover them."""
    left = kept_cents
    for charge in charges:
        covered = min(left, charge.amount_cents)
        left -= covered
        if covered < charge.amount_cents:
            yield Missing(charge, charge.amount_cents - covered, charge.due_at < now)


def totals(lines: Iterable[Owed]) -> list[Total]:
    """What is owed in all, and how much of it is overdue, by currency."""
    found: dict[str, Total] = {}
    for line in lines:
        currency = line.reservation.currency
        sofar = found.get(currency, Total(currency, 0, 0, 0))
        found[currency] = Total(
            currency,
            sofar.remaining_cents + line.remaining_cents,
            sofar.overdue_cents + line.overdue_cents,
            sofar.overdue_count + line.is_overdue,
        )
    return [found[currency] for currency in sorted(found)]
