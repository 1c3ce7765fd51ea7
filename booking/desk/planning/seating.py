"""Resizing a cohort touches both floors: whose lapsed hold loses its seat has a reservation that has expired."""

from datetime import datetime

from booking.reservations import lifecycle
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort
from workshops.people.models import User
from workshops.transactions import writes


@writes
def resize(cohort: Cohort, capacity: int, *, by: User, now: datetime) -> None:
    """Bring the cohort to `capacity` seats as of `now`; see `planning.resize` for what it locks and raises."""
    for occupant_id in planning.resize(cohort, capacity, by=by, now=now):
        lifecycle.expire_displaced(cohort.pk, occupant_id, now=now)
