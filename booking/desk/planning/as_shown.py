"""Decisions about many people at once, done only while they are still the people whom the page showed."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from booking.reservations import calling_off, changing, waiting, waitlist
from booking.reservations.calling_off import Touches
from booking.reservations.changing import Reached, Teachers
from booking.reservations.models import WaitlistEntry
from booking.reservations.waiting import LineChanged
from workshops.cohorts import planning, seats
from workshops.cohorts.models import Cohort, Venue
from workshops.cohorts.plans import Plan
from workshops.people.models import User
from workshops.transactions import writes


class Changed(Exception):
    """Someone came, left or paid since the page was shown, or another registrar was faster. Nothing has been done."""


def seen(cohort: Cohort, touched: Touches) -> str:
    """A short name of everything a registrar saw: title, days and venue, each person, what they are owed, who teaches.

    The venue as it was shown, with its address: who moves a cohort tells people where it was before.
    """
    plan = planning.plan_of(cohort)
    return _named(
        [
            plan.title,
            plan.days_in_words,
            plan.venue.pk,
            plan.venue.in_a_line,
            *_people(touched),
            sorted(person.public_id for person in plan.instructors),
        ]
    )


def _people(touched: Touches) -> list[object]:
    return [
        sorted([each.reservation.public_id, each.state.value, each.owed_cents] for each in touched.people),
        sorted(entry.public_id for entry in touched.waiting),
    ]


def _named(everything: object) -> str:
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
    planning.lock_the_year()
    fresh = waitlist.lock_cohort(cohort.pk)
    seats.lock_all(cohort.pk)
    touched = calling_off.touches(fresh, now)
    if seen(fresh, touched) != shown:
        raise Changed
    calling_off.reschedule(fresh, plan, by=by, now=now, reason=reason, despite=despite)
    return touched


def seen_of_venue(venue: Venue, reached: Sequence[Reached]) -> str:
    """The same for a change of a venue: all that is known about the place, and each cohort there with its people."""
    return _named(
        [
            [str(value) for value in (venue.pk, *_facts(venue).values())],
            [
                [
                    each.cohort.public_id,
                    planning.plan_of(each.cohort).days_in_words,
                    *_people(each.touched),
                    sorted(person.public_id for person in each.teachers),
                ]
                for each in reached
            ],
        ]
    )


def _facts(venue: Venue) -> dict[str, str]:
    return {field.name: getattr(venue, field.name) for field in venue._meta.concrete_fields if not field.primary_key}


@writes
def change_venue(
    venue: Venue, values: Mapping[str, str], shown: str, *, by: User, now: datetime, why: str, is_elsewhere: bool
) -> list[Reached]:
    """Change the venue as it was `shown`; see `changing.change_venue` for what becomes of everyone.

    Locks what that locks before it looks, so that nobody comes or goes in between.

    Raises:
        Changed: when it is not what was shown.
        NameTaken: (of `venues`) when another venue has this name.
    """
    it = changing.lock_venue(venue, now)
    if seen_of_venue(it, changing.reached_at(it, by, now)) != shown:
        raise Changed
    return changing.change_venue(it, values, by=by, now=now, why=why, is_elsewhere=is_elsewhere, is_shown=True)


def seen_of_teachers(cohort: Cohort) -> str:
    """The same for another choice of instructors: who teaches it, who leads, and where and on which days that is."""
    plan = planning.plan_of(cohort)
    lead = plan.lead.public_id if plan.lead else ""
    teaches = sorted(person.public_id for person in plan.instructors)
    return _named([cohort.status, plan.title, plan.days_in_words, plan.venue.in_a_line, teaches, lead])


@writes
def set_instructors(
    cohort: Cohort, instructors: Sequence[User], lead: User | None, shown: str, *, by: User, now: datetime, why: str
) -> Teachers:
    """Have these people teach the cohort as it was `shown`; see `changing.set_instructors`.

    Locks the school's row and the cohort before it looks.

    Raises:
        Changed: when it is not what was shown.
        Refused: (of `planning`) with every objection that stands.
    """
    planning.lock_the_year()
    fresh = waitlist.lock_cohort(cohort.pk)
    if seen_of_teachers(fresh) != shown:
        raise Changed
    return changing.set_instructors(fresh, instructors, lead, by=by, now=now, why=why, is_shown=True)


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
