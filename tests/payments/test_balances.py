"""What is owed next."""

from datetime import UTC, datetime

import pytest

from booking.payments.balances import Due, due_next
from booking.reservations.models import Charge, ChargeKind

SOON, LATER = datetime(2027, 1, 11, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)
DEPOSIT = Charge(pk=1, kind=ChargeKind.DEPOSIT, amount_cents=50_000, due_at=SOON)
BALANCE = Charge(pk=2, kind=ChargeKind.BALANCE, amount_cents=159_900, due_at=LATER)


@pytest.mark.parametrize(
    ("paid", "expected"),
    [
        (0, Due(50_000, SOON)),
        (1, Due(49_999, SOON)),
        (49_999, Due(1, SOON)),
        (50_000, Due(159_900, LATER)),
        (209_899, Due(1, LATER)),
        (209_900, None),
        (300_000, None),
        (-100, Due(50_000, SOON)),
    ],
)
def test_payments_cover_what_falls_due_first(paid: int, expected: Due | None) -> None:
    assert due_next([BALANCE, DEPOSIT], paid) == expected


def test_who_owes_nothing_has_nothing_due() -> None:
    assert due_next([], 0) is None
