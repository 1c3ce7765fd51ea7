"""What a calendar says is due is what the pages say: two readings of one rule, one in SQL for all charges at once."""

import random
from datetime import date, timedelta

import pytest

from booking.calendars import stamps, tokens
from booking.calendars.models import FeedKind
from booking.payments import ledger, paying
from booking.payments.balances import due_next
from booking.payments.models import Purpose
from booking.reservations import owing
from booking.reservations.models import Charge, ChargeKind, Reservation
from booking.reservations.owing import Part
from tests import factories
from tests.factories import NOW
from workshops.clock import school_day
from workshops.people.models import Role

pytestmark = pytest.mark.django_db


def open_days(reservation: Reservation) -> list[date]:
    """By the rule of the pages: the day of what is due next, and once that is paid, of the next, to the end."""
    paid, charges = ledger.kept_cents(reservation), list(Charge.objects.filter(reservation=reservation))
    found = []
    while due := due_next(charges, paid):
        found.append(school_day(due.due_at))
        paid += due.amount_cents
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_calendar_has_the_charges_that_the_pages_have_open(seed: int) -> None:
    chance, registrar = random.Random(seed), factories.person(Role.REGISTRAR)  # noqa: S311
    reservation = factories.reservation()
    paying.record_transfer(reservation, Purpose.DEPOSIT, reference=f"D{seed}", by=registrar, now=NOW)
    reservation.refresh_from_db()
    kept = ledger.kept_cents(reservation)
    remaining, count = reservation.owed_cents - kept, chance.randrange(1, 6)
    if count > 1:
        cents = [remaining // count] * (count - 1)
        days = sorted(chance.sample(range(5, 100), count))
        split = [*cents, remaining - sum(cents)]
        parts = [Part(each, school_day(NOW) + timedelta(days=day)) for each, day in zip(split, days, strict=True)]
        owing.in_parts(reservation, parts, kept, NOW)
        made = list(reservation.charges.exclude(kind=ChargeKind.DEPOSIT))
        days_due = [each.due_at for each in made]
        chance.shuffle(days_due)  # the order of the rows is not the order of their days
        for each, due_at in zip(made, days_due, strict=True):
            Charge.objects.filter(pk=each.pk).update(due_at=due_at)
    secret = tokens.make(reservation.trainee, FeedKind.TRAINEE, now=NOW)[1].rpartition("/")[2].removesuffix(".ics")
    for number in range(4):
        reservation.refresh_from_db()
        found = stamps.private(FeedKind.TRAINEE, secret, NOW)
        assert found is not None
        assert sorted(due.due_on for due in found[0].dues) == open_days(reservation)
        left = reservation.remaining_cents(ledger.kept_cents(reservation))
        if not left:
            break
        some = min(left, chance.randrange(1_000, 90_000))
        paying.record_transfer(
            reservation, Purpose.BALANCE, reference=f"P{seed}-{number}", by=registrar, now=NOW, amount_cents=some
        )
