"""A minimum enrolment that a cohort cannot reach, or not in time, is refused before it stands in its terms."""

from datetime import datetime

from workshops.clock import school_day, with_weekday
from workshops.cohorts.certainty import Certain, decided_by
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.cohorts.planning import certainty_of
from workshops.programme.terms import Terms


def minimum_out_of_reach(cohort: Cohort, new: Terms, before: Terms, now: datetime) -> list[tuple[str, str]]:
    """What speaks against the minimum in the `new` terms: the field it is about, and a sentence that says what to do.

    Terms that say the same about it as `before` stand as they are: they are not what is being decided.
    """
    decides = (new.minimum_enrolment, new.decide_by_days)
    if not new.minimum_enrolment or decides == (before.minimum_enrolment, before.decide_by_days):
        return []
    seats = cohort.seats.count()
    if seats and new.minimum_enrolment > seats:
        these = f"only {seats} {'seat' if seats == 1 else 'seats'}"
        words = f"The cohort has {these}, so it could never run. Choose {seats} or fewer, or add seats first."
        return [("minimum_enrolment", words)]
    return _too_late(cohort, new, before, now)


def _too_late(cohort: Cohort, new: Terms, before: Terms, now: datetime) -> list[tuple[str, str]]:
    """The day by which the school decides must not have passed already, unless nothing is left to decide."""
    if cohort.status == CohortStatus.CANCELLED or certainty_of(cohort, now=now, terms=new).state != Certain.OVERDUE:
        return []
    field = "decide_by_days" if new.decide_by_days != before.decide_by_days else "minimum_enrolment"
    was, left = with_weekday(decided_by(cohort.starts_on, new)), (cohort.starts_on - school_day(now)).days
    do = "say here" if field == "decide_by_days" else "say below, beside the day by which it is decided,"
    words = f"It would have been decided by {was}: that day has passed. Choose no minimum, or {do} {left} days or fewer"
    return [(field, f"{words} ({left} is today).")]
