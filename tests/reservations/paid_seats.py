"""Seats that were reserved and paid some time ago: what tests of leaving them begin with."""

from datetime import datetime, timedelta

from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import reserving
from booking.reservations.models import Reservation
from tests import factories
from workshops.clock import school_day
from workshops.cohorts.models import Cohort
from workshops.people.models import Role, User
from workshops.programme.models import PolicyTerm

LONG_AGO = timedelta(days=100)
PRICE, DEPOSIT, BALANCE = 209_900, 50_000, 159_900


def set_term(code: str, value: object) -> None:
    """A term of the school's."""
    PolicyTerm.objects.create(code=code, value=value, confirmed_at=factories.NOW)


def cohort_in(days: int, moment: datetime, **fields: object) -> Cohort:
    """A cohort that begins in so many days and could be booked long ago already."""
    starts_on = school_day(moment) + timedelta(days=days)
    return factories.cohort(now=moment - 2 * LONG_AGO, starts_on=starts_on, **fields)  # type: ignore[arg-type]


def reserve(cohort: Cohort, trainee: User, moment: datetime, *, ways: tuple[str, ...] = ("sandbox",)) -> Reservation:
    """A seat reserved long ago, its deposit paid the first way and its balance the second, a day later."""
    then = moment - LONG_AGO
    made = reserving.hold(cohort, trainee, now=then)
    for day, (way, purpose) in enumerate(zip(ways, (Purpose.DEPOSIT, Purpose.BALANCE), strict=False)):
        pay(made, purpose, way, then + timedelta(days=day))
    made.refresh_from_db()
    return made


def pay(made: Reservation, purpose: Purpose, way: str, at: datetime) -> None:
    """Money that comes by play money, or by a transfer that a registrar records."""
    fresh = Reservation.objects.select_related("cohort", "trainee").get(pk=made.pk)
    if way == "sandbox":
        paying.begin(fresh, purpose, "sandbox", by=fresh.trainee, now=at)
    else:
        registrar = factories.person(Role.REGISTRAR)
        paying.record_transfer(fresh, purpose, reference=f"{way}-{made.pk}", by=registrar, now=at)


def address(made: Reservation, page: str = "") -> str:
    """The page about a reservation, or one beneath it."""
    return f"/reservations/{made.public_id}/{page}"
