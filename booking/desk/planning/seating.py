"""What a registrar does with seats touches both floors: whose lapsed hold loses its seat has a reservation too."""

from datetime import datetime

from booking.reservations import lifecycle, offers
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort
from workshops.people.models import User
from workshops.transactions import writes


@writes
def resize(cohort: Cohort, capacity: int, *, by: User, now: datetime) -> None:
    """Bring the cohort to `capacity` seats as of `now`; see `planning.resize` for what it locks and raises.

    A seat more is offered to those who wait in line, in the same transaction.
    """
    for occupant_id in planning.resize(cohort, capacity, by=by, now=now):
        lifecycle.expire_displaced(cohort.pk, occupant_id, now=now)
    offers.offer_free_seats(cohort.pk, now=now)


@writes
def keep_back(cohort: Cohort, number: int, *, by: User, now: datetime, why: str) -> None:
    """Keep one seat for nobody, as of `now`; see `planning.keep_seat_back` for what it locks and raises."""
    displaced_id = planning.keep_seat_back(cohort, number, by=by, now=now, why=why)
    if displaced_id is not None:
        lifecycle.expire_displaced(cohort.pk, displaced_id, now=now)


@writes
def give_out(cohort: Cohort, number: int, *, by: User, now: datetime, why: str) -> None:
    """Let people have a seat that was kept back, those in line first; see `planning.give_seat_out`."""
    planning.give_seat_out(cohort, number, by=by, now=now, why=why)
    offers.offer_free_seats(cohort.pk, now=now)


@writes
def reopen(cohort: Cohort, *, by: User, now: datetime) -> None:
    """Take reservations again; a seat that is free goes to those who wait in line. See `planning.reopen`."""
    planning.reopen(cohort, by=by, now=now)
    offers.offer_free_seats(cohort.pk, now=now)
