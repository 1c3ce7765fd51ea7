"""Which uses of a discount count against its limit. Counted by what stands now; nothing is kept beside it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from booking.payments.discounts.models import Redemption
from booking.payments.ledger import with_paid
from booking.payments.returning import where_it_counts
from booking.reservations.models import OWING, Reservation, State


@dataclass(frozen=True)
class Use:
    """One use: what was taken off, the reservation that has it now, and whether it counts."""

    redemption: Redemption
    reservation: Reservation
    counts: bool


def uses_of(discounts: Iterable[int], now: datetime) -> dict[int, list[Use]]:
    """The uses of these discounts by their keys, the newest first. Two statements, and two for each that has moved.

    One counts while its reservation is held, reserved or confirmed as of `now`, and whatever became of that one while
    the school has money for it. So a hold that ran out, or a seat that was given back unpaid, frees it by itself. Late
    money brings such a seat back at the price it was promised: the limit may then be exceeded by that one, rather than
    that anybody is charged more than they were shown.
    """
    found: dict[int, list[Use]] = {key: [] for key in discounts}
    rows = list(Redemption.objects.filter(discount__in=found))
    reservations = with_paid(Reservation.objects.filter(redemption__in=rows).select_related("trainee", "cohort"))
    by_key = {each.pk: each for each in reservations} if rows else {}
    for row in rows:
        its: Reservation = by_key[row.reservation_id]
        if its.state == State.TRANSFERRED:
            its = _with_money(where_it_counts(its))
        counts = its.state_at(now) in OWING or its.paid_cents > 0  # type: ignore[attr-defined]
        found[row.discount_id].append(Use(row, its, counts))
    return found


def _with_money(reservation: Reservation) -> Reservation:
    return with_paid(Reservation.objects.select_related("trainee", "cohort")).get(pk=reservation.pk)


def how_many_count(uses: Iterable[Use]) -> int:
    """How many of these count."""
    return sum(use.counts for use in uses)
