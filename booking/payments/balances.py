"""What is still owed, worked out from charges and the sum that was paid. Pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from booking.reservations.models import Charge


@dataclass(frozen=True)
class Due:
    """The next thing owed: so many cents, by a moment."""

    amount_cents: int
    due_at: datetime


def due_next(charges: Iterable[Charge], paid_cents: int) -> Due | None:
    """The first charge that is not covered yet, with what is missing of it. Payments cover charges as they fall due."""
    for charge in sorted(charges, key=lambda each: (each.due_at, each.pk)):
        if paid_cents < charge.amount_cents:
            return Due(charge.amount_cents - max(paid_cents, 0), charge.due_at)
        paid_cents -= charge.amount_cents
    return None
