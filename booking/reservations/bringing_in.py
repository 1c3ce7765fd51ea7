"""Bringing in seats and places in line that the school gave before this system. Nobody is written to.

Each goes the way that everyone goes: a seat is claimed, and prerequisites are asked for a cohort to come.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from booking.reservations import lifecycle, waitlist
from booking.reservations.admission import Admission, AlreadyReserved, Quote, admit
from booking.reservations.models import Reservation, State, WaitlistEntry
from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort
from workshops.history.record import record
from workshops.people.models import User
from workshops.programme.models import conduct_text, school, school_terms

WHY = "Brought in from the school's records."


def seat(
    cohort: Cohort,
    trainee: User,
    *,
    number: int | None,
    price_cents: int,
    deposit_cents: int,
    is_paid: bool,
    reserved_at: datetime,
    now: datetime,
    by: User,
) -> Reservation:
    """The seat somebody has, or had in a cohort that is over, at the price that was agreed. Inside a transaction.

    `number` is the seat they were told; any free one otherwise. Locks the seat.

    Raises:
        BookingClosed, AlreadyReserved, PrerequisitesUnmet: for a cohort to come, in that order.
        CohortFull: when that seat, or none at all, is free.
    """
    admission = _admission(cohort, trainee, price_cents, deposit_cents, now)
    claimed = seats.claim(cohort.pk, trainee.pk, until=None, now=now, number=number)
    if claimed.displaced_id is not None:
        lifecycle.expire_displaced(cohort.pk, claimed.displaced_id, now=now)
    state = State.CONFIRMED if is_paid else State.RESERVED
    made = lifecycle.begin(admission, claimed.number, state, None, reserved_at)
    waitlist.seated(cohort.pk, trainee.pk, now)
    record("brought-in", about=("reservation", made.public_id), person=trainee, by=by, now=now, why=WHY)
    return made


def _admission(cohort: Cohort, trainee: User, price_cents: int, deposit_cents: int, now: datetime) -> Admission:
    """What they were admitted under: as anyone for a cohort to come, and as it was for one that has begun."""
    terms = cohort.terms(school_terms())
    due_on = cohort.starts_on - timedelta(days=terms.balance_due_days)
    cost = Quote(price_cents, deposit_cents, school().currency, due_on, paid_elsewhere=False)
    if cohort.starts_on <= school_day(now):
        of_then = replace(terms, one_active_seat=False)
        return Admission(cohort, trainee, of_then, cost, conduct_text().pk, lapsed=(), over=())
    admission = admit(cohort, trainee, now=now, by_the_school=True)
    if admission.lapsed or admission.offer:
        raise AlreadyReserved(admission.offer or admission.lapsed[0])
    lifecycle.are_over(admission.over)
    return replace(admission, quote=cost)


def place(cohort: Cohort, trainee: User, *, joined_at: datetime, now: datetime, by: User) -> WaitlistEntry:
    """The place somebody has in the line of a cohort to come, behind those who wait already. Locks the cohort."""
    entry = waitlist.joined(waitlist.lock_cohort(cohort.pk), trainee, notice_days=0, now=joined_at)
    record("brought-in", about=("waitlist", entry.public_id), person=trainee, by=by, now=now, why=WHY)
    return entry
