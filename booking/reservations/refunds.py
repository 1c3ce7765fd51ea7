"""What comes back when a reservation ends: the policy it was made under, as pure functions of a day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from booking.reservations.models import Reservation
from workshops.clock import end_of_school_day, school_day

Rule = Literal[
    "nothing-paid",
    "everything-back",
    "deposit-kept",
    "nothing-back",
    "school-cancelled",
    "school-moved",
    "goodwill",
]


@dataclass(frozen=True)
class ComesBack:
    """So many cents come back of what was paid, under one rule; the rest stays with the school."""

    cents: int
    kept_cents: int
    rule: Rule


def comes_back(reservation: Reservation, paid_cents: int, now: datetime) -> ComesBack:
    """What a trainee gets back who cancels now, by the terms frozen when they reserved.

    Everything until one day, all but the deposit until another, nothing after that; everything while the school's own
    move of the cohort lets them leave. What had stopped being refundable before a move to this cohort stays so.
    """
    return _comes_back(reservation, paid_cents, school_day(now), leaving_is_free=may_leave(reservation, now))


def comes_back_on(reservation: Reservation, paid_cents: int, day: date) -> ComesBack:
    """What would come back of `paid_cents` if this reservation were cancelled when that day, of the school, begins."""
    return _comes_back(
        reservation, paid_cents, day, leaving_is_free=may_leave(reservation, end_of_school_day(day - timedelta(days=1)))
    )


def if_not_kept(reservation: Reservation, paid_cents: int) -> ComesBack | None:
    """What would come back if the prerequisites of a provisional seat did not come; None for a seat that is sure.

    The seat is released on the day after the promised one.
    """
    if reservation.provisional_until is None:
        return None
    return comes_back_on(reservation, paid_cents, reservation.provisional_until + timedelta(days=1))


def _comes_back(reservation: Reservation, paid_cents: int, day: date, *, leaving_is_free: bool) -> ComesBack:
    if paid_cents <= 0:
        return ComesBack(0, 0, "nothing-paid")
    if leaving_is_free:
        return ComesBack(paid_cents, 0, "school-moved")
    cents = _by_the_day(reservation, paid_cents, day)
    cents = max(min(cents, paid_cents - reservation.not_refundable_cents), 0)
    kept = paid_cents - cents
    return ComesBack(cents, kept, "nothing-back" if not cents else "deposit-kept" if kept else "everything-back")


def _by_the_day(reservation: Reservation, paid_cents: int, today: date) -> int:
    terms, starts_on = reservation.terms, reservation.cohort.starts_on
    if today <= starts_on - timedelta(days=terms.deposit_refundable_days):
        return paid_cents
    if today <= starts_on - timedelta(days=terms.rest_refundable_days):
        return max(paid_cents - reservation.deposit_cents, 0)
    return 0


def everything(paid_cents: int, rule: Literal["school-cancelled", "goodwill"]) -> ComesBack:
    """All of it comes back, whatever the day: the school's doing, or its goodwill."""
    return ComesBack(max(paid_cents, 0), 0, rule if paid_cents > 0 else "nothing-paid")


def may_leave(reservation: Reservation, now: datetime) -> bool:
    """Whether the school has moved the cohort lately, so that leaving or moving costs nothing."""
    return reservation.may_leave_until is not None and now < reservation.may_leave_until
