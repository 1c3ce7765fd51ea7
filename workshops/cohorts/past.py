"""Entering a cohort that was held before this system, for the record: closed from the start, with its seats."""

from datetime import date, datetime, time, timedelta

from workshops.clock import SCHOOL_ZONE, school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort, CohortStatus, Session, Venue
from workshops.history.record import record
from workshops.people.models import User
from workshops.programme.models import MODULE_IV, Module


def enter(
    *,
    code: str,
    title: str,
    venue: Venue,
    first: date,
    last: date,
    begins: time,
    ends: time,
    capacity: int,
    by: User,
    now: datetime,
) -> Cohort:
    """Enter a cohort whose last day is over, with a session for each day. Inside the caller's transaction.

    Raises:
        ValueError: for one that is not over: that one is planned like any other.
    """
    if last >= school_day(now):
        raise ValueError("Only a cohort that is over is entered for the record.")
    opens = datetime.combine(first - timedelta(days=1), time.min, SCHOOL_ZONE)
    cohort = Cohort.objects.create(
        code=code,
        title=title,
        module=Module.objects.get(code=MODULE_IV),
        venue=venue,
        status=CohortStatus.CLOSED,
        starts_on=first,
        ends_on=last,
        bookings_open_at=opens,
        bookings_close_at=opens + timedelta(days=1),
        revised_at=now,
    )
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    Session.objects.bulk_create(
        Session(
            cohort=cohort,
            day=number,
            starts_at=datetime.combine(day, begins, SCHOOL_ZONE),
            ends_at=datetime.combine(day, ends, SCHOOL_ZONE),
            revised_at=now,
        )
        for number, day in enumerate(days, start=1)
    )
    seats.make(cohort, capacity, now=now)
    record("brought-in", about=("cohort", cohort.public_id), by=by, now=now)
    return cohort
