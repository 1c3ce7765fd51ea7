"""Ten people use a code for three at the same moment, in threads with real commits."""

from collections.abc import Callable

import pytest
from django.db import connection

from booking.payments.discounts import using
from booking.payments.discounts.counting import how_many_count, uses_of
from booking.payments.discounts.models import Discount, Redemption
from booking.payments.discounts.rules import Why
from booking.reservations.models import Reservation
from tests import factories
from tests.concurrency.racing import cross, seated
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.services.databases import at_once

pytestmark = pytest.mark.usefixtures("fresh_database")


def trying(reservation: Reservation, code: str) -> Callable[[], object]:
    """One person's try: the reservation, or why not."""

    def attempt() -> object:
        try:
            return using.use(reservation, code, now=NOW, by=reservation.trainee)
        except using.Refused as refused:
            return refused.why

    return attempt


def counting(discount: Discount) -> int:
    return how_many_count(uses_of([discount.pk], NOW)[discount.pk])


def test_of_ten_at_once_three_get_what_is_for_three() -> None:
    discount = factories.discount(limit=3, percent=100)
    # Each in a cohort of their own: in one cohort they would wait for each other anyway.
    held = [each for _ in range(10) for each in seated(factories.cohort(), 1)]
    answers = at_once(*(trying(each, discount.code or "") for each in held))
    assert sum(isinstance(each, Reservation) for each in answers) == 3, answers
    assert answers.count(Why.USED_UP) == 7, answers
    assert (Redemption.objects.count(), counting(discount)) == (3, 3)
    assert_all_hold(NOW)


def test_of_two_codes_at_once_one_seat_takes_one() -> None:
    held = seated(factories.cohort(), 1)[0]
    codes = [factories.discount().code or "" for _ in range(2)]
    answers = at_once(*(trying(held, code) for code in codes))
    assert sum(isinstance(each, Reservation) for each in answers) == 1, answers
    assert answers.count(Why.HAS_ONE) == 1, answers
    held.refresh_from_db()
    assert held.price_cents == 209_900 - 50_000


@pytest.mark.postgres
def test_without_the_lock_on_the_discount_the_limit_would_be_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: SQLite lets one writer in at a time, so only PostgreSQL can show it."""
    assert connection.vendor == "postgresql"
    discount = factories.discount()
    one, other = seated(factories.cohort(), 1)[0], seated(factories.cohort(), 1)[0]
    monkeypatch.setattr(using, "_locked_rows", lambda wanted: wanted)
    cross(
        monkeypatch,
        trying(one, discount.code or ""),
        trying(other, discount.code or ""),
        after=(using, "uses_of"),
        patience=5,
    )
    assert counting(discount) == 2
