"""Decisions about many people at once, done only while they are still the people whom the page showed."""

import hashlib
import json
from collections.abc import Collection, Sequence
from datetime import datetime

from booking.reservations import calling_off, waiting, waitlist
from booking.reservations.calling_off import Touches
from booking.reservations.models import WaitlistEntry
from booking.reservations.waiting import LineChanged
from workshops.cohorts import planning, seats
from workshops.cohorts.models import Cohort
from workshops.cohorts.plans import Plan
from workshops.people.models import User
from workshops.programme.models import School
from workshops.transactions import writes


class Changed(Exception):
    """Someone came, left or paid since the page was shown, or another registrar was faster. Nothing has been done."""


def seen(cohort: Cohort, touched: Touches) -> str:
    """A short name of everything a registrar saw: the days and the venue, each person, and what they are owed."""
    plan = planning.plan_of(cohort)
    everything = [
        plan.days_in_words,
        plan.venue.pk,
        sorted([each.reservation.public_id, each.state.value, each.owed_cents] for each in touched.people),
        sorted(entry.public_id for entry in touched.waiting),
    ]
    return hashlib.sha256(json.dumps(everything).encode()).hexdigest()[:32]


@writes
def call_off(cohort: Cohort, shown: str, *, by: User, now: datetime, why: str) -> Touches:
    """Cancel the cohort as it was `shown`; see `calling_off.call_off` for what becomes of everyone.

    Locks the cohort and all its seats before it looks, so that nobody comes or goes in between.

    Raises:
        Changed: when it is not what was shown.
        Refused: (of `planning`) where there is nothing to cancel.
    """
    fresh = waitlist.lock_cohort(cohort.pk)
    seats.lock_all(cohort.pk)
    if seen(fresh, calling_off.touches(fresh, now)) != shown:
        raise Changed
    return calling_off.call_off(fresh, by=by, now=now, why=why)


@writes
def reschedule(
    cohort: Cohort, plan: Plan, shown: str, *, by: User, now: datetime, reason: str, despite: Collection[str]
) -> Touches:
    """Move the cohort as it was `shown`; see `calling_off.reschedule` for what becomes of everyone.

    Locks the school's row as every planner does, then the cohort and all its seats, before it looks.

    Raises:
        Changed: when it is not what was shown.
        Refused: (of `planning`) with every objection that stands.
    """
    School.objects.select_for_update().only("pk").get(pk=1)
    fresh = waitlist.lock_cohort(cohort.pk)
    seats.lock_all(cohort.pk)
    touched = calling_off.touches(fresh, now)
    if seen(fresh, touched) != shown:
        raise Changed
    calling_off.reschedule(fresh, plan, by=by, now=now, reason=reason, despite=despite)
    return touched


@writes
def reorder(cohort: Cohort, shown: Sequence[str], order: Sequence[str], *, by: User, now: datetime, why: str) -> None:
    """Bring those who wait from the order that was `shown` into this one, by their public ids. Locks the cohort.

    Raises:
        LineChanged: when they do not wait in the order that was shown (any more).
    """
    waitlist.lock_cohort(cohort.pk)
    in_turn = WaitlistEntry.objects.waiting().filter(cohort=cohort).in_turn()
    if list(in_turn.values_list("public_id", flat=True)) != list(shown):
        raise LineChanged
    waiting.reorder(cohort, order, now=now, by=by, why=why)
