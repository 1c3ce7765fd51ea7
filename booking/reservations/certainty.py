"""Telling people that their cohort is certain to run."""

from datetime import datetime

from django.db.models import Count, Q

from booking.reservations import emails
from booking.reservations.models import OWING, Reservation
from booking.reservations.rounds import one_by_one
from workshops.clock import school_day
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, CohortStatus, SeatStatus
from workshops.people.models import User
from workshops.programme.models import school_terms
from workshops.programme.terms import Terms
from workshops.transactions import writes


def notice_certain(now: datetime) -> int:
    """Mark the cohorts that have reached their minimum and tell everyone with a seat; return how many.

    Each cohort has a transaction of its own and is marked once, however many workers run, and however late they do.

    Raises:
        Exception: the last one met, after the others have been tried: one cohort must not keep the rest waiting.
    """
    why = "Enough people have paid."
    return one_by_one(
        _enough(now), lambda cohort: _make_certain(cohort, now=now, by=None, why=why), "Making a cohort certain"
    )


def _enough(now: datetime) -> list[Cohort]:
    """The cohorts to come that have a minimum, have reached it, and are not marked yet. Two statements at most."""
    undecided = Cohort.objects.filter(
        status__in=(CohortStatus.PUBLISHED, CohortStatus.CLOSED), certain_since=None, starts_on__gt=school_day(now)
    )
    taken = Count("seats", filter=Q(seats__status=SeatStatus.TAKEN))
    found = list(undecided.annotate(taken=taken).filter(taken__gt=0))
    schools = school_terms() if found else Terms()
    minimums = [(cohort, cohort.terms(schools).minimum_enrolment) for cohort in found]
    return [cohort for cohort, minimum in minimums if 0 < minimum <= cohort.taken]  # type: ignore[attr-defined]


def runs(cohort: Cohort, *, by: User, now: datetime, why: str) -> bool:
    """A registrar says that the cohort runs, whatever comes; see `planning.make_certain` for what it locks and raises.

    Everyone with a seat is told. False when it was certain before.
    """
    return _make_certain(cohort, now=now, by=by, why=why)


@writes
def _make_certain(cohort: Cohort, *, now: datetime, by: User | None, why: str) -> bool:
    if not planning.make_certain(cohort, now=now, by=by, why=why):
        return False
    seated = Reservation.objects.holding_a_seat(now).filter(cohort=cohort, state__in=OWING)
    emails.cohort_certain(seated.select_related("cohort__venue", "trainee"), now=now)
    return True
