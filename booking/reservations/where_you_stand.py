"""What the page "Where you stand" shows: the pathway, what is missing and what mends it, and the years on set."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from booking.payments import ledger
from booking.payments.discounts import package
from booking.reservations.models import Reservation, State
from booking.reservations.pathway import asked_about, mends, pathway
from booking.reservations.places import places_of
from booking.reservations.promises import if_promise_fails
from workshops.clock import school_day
from workshops.cohorts.models import Cohort
from workshops.mentors.mentorships import running_of
from workshops.people.models import User
from workshops.prerequisites.check import Rule, check, days_rule
from workshops.prerequisites.facts import facts_of, rules_for
from workshops.prerequisites.models import Waiver
from workshops.prerequisites.records.waiting_time import how_long_it_takes
from workshops.prerequisites.timeline import timeline_of
from workshops.programme.in_force import programme_now
from workshops.programme.models import MODULE_IV, school


def about(trainee: User, now: datetime) -> dict[str, Any]:
    """Everything that the page shows, as of `now`.

    For the cohort in which they have a seat, where they have one: an exception may be for that cohort alone.
    """
    today, seat = school_day(now), _seat(trainee, now)
    rules = rules_for(MODULE_IV)
    facts = facts_of([trainee.pk], today, seat.cohort_id if seat else None)[trainee.pk]
    standing = check(rules, facts, today)
    requirements = mends(standing, school(), trainee)
    note = f"{seat.get_state_display()}: {seat.cohort.title}" if seat else ""
    lacks_days = any(outcome.counts_days for outcome in standing.missing)
    page: dict[str, Any] = {
        "standing": standing,
        "requirements": requirements,
        "first_mend": next((mend for _, mend in requirements if mend), None),
        "pathway": pathway(standing, seat=note, finished_on=facts.completions.get(MODULE_IV)),
        "timeline": timeline_of(rule, facts, today) if (rule := days_rule(rules)) else None,
        "exceptions": _for_one_cohort(trainee, seat, rules, today),
        "question": asked_about(trainee),
        "how_long": how_long_it_takes() if lacks_days else "",
        "seat": seat,
        "seat_is_over": seat is not None and seat.cohort.ends_on < today,
        "places": places_of(trainee, now),
        "mentorship": running_of(trainee),
        "paid_elsewhere": MODULE_IV in facts.entitled,
    }
    if package.is_for(facts.completions, facts.entitled, has_seat=seat is not None):
        page["package"] = package.remains(programme_now(), today)
    if seat and seat.provisional_until and not page["seat_is_over"]:
        page["if_promise_fails"] = if_promise_fails(seat, ledger.kept_cents(seat))
    return page


def _seat(trainee: User, now: datetime) -> Reservation | None:
    """The seat they have, or the last one they had until its days were over; an offer is none yet."""
    own = Reservation.objects.holding_a_seat(now).filter(trainee=trainee).exclude(state=State.OFFERED)
    return own.select_related("cohort").order_by("-cohort__starts_on", "pk").first()


def _for_one_cohort(
    trainee: User, seat: Reservation | None, rules: Sequence[Rule], today: date
) -> list[tuple[Cohort, str]]:
    """Exceptions that hold in one coming cohort only, other than the one that this page is about: it counts them."""
    waivers = Waiver.objects.in_force(today).filter(user=trainee, cohort__starts_on__gt=today)
    others = waivers.exclude(cohort=seat.cohort_id) if seat else waivers
    titles = {rule.code: rule.title for rule in rules}
    return [
        (waiver.cohort, titles.get(waiver.requirement, waiver.requirement))
        for waiver in others.select_related("cohort").order_by("cohort__starts_on", "pk")
        if waiver.cohort
    ]
