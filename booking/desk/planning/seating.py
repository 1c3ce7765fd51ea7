"""Resizing a cohort touches both floors: holds that ran out give up their seats before any is taken away."""

from datetime import datetime

from booking.reservations import lifecycle
from booking.reservations.models import Reservation
from workshops.cohorts.models import Cohort
from workshops.cohorts.planning import resize
from workshops.people.models import User
from workshops.transactions import writes


@writes
def resize_as_of_now(cohort: Cohort, capacity: int, *, by: User, now: datetime) -> bool:
    """Bring the cohort to `capacity` seats as of `now`; see `planning.resize` for what it promises and raises.

    A seat whose hold ran out is free, whether or not a worker has noticed: here it is noticed.
    """
    Cohort.objects.select_for_update().only("pk").get(pk=cohort.pk)
    for reservation in (
        Reservation.objects.run_out(now).filter(cohort=cohort).select_related("cohort__venue", "trainee")
    ):
        lifecycle.expire(reservation, now=now)
    return resize(cohort, capacity, by=by, now=now)
