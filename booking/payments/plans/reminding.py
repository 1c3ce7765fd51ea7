"""What the clock says to people with plans: a word before each charge, and reminders while a part cannot be charged.

Each rung is one message: its step counts the days from the plan's beginning to the part's day, so that every part has a
ladder of its own. Of rungs that were missed only the last is said.
"""

from datetime import date, datetime, time, timedelta

from booking.payments import ledger
from booking.payments.models import Payment, PaymentStatus, Purpose
from booking.payments.plans import emails
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.finding import with_something_due
from booking.payments.plans.models import Plan, Trouble
from booking.reservations import lifecycle
from booking.reservations.owing import Part
from booking.reservations.rounds import one_by_one
from workshops.clock import SCHOOL_ZONE, school_day
from workshops.messages.outbox import said
from workshops.transactions import writes

FROM = time(9, 0)
AHEAD = timedelta(days=3)
LATE_RUNGS = (timedelta(days=3), timedelta(days=6))
"""The failure itself is the first word; these come so long after the day on which the part was due."""
JUST_SAID = timedelta(days=2)
"""Nobody who has heard of a try in vain is reminded so soon after it."""

Rung = tuple[str, int]


def remind(now: datetime) -> int:
    """Say what is to be said to people with plans now; return how many messages were queued."""
    if now.astimezone(SCHOOL_ZONE).time() < FROM:
        return 0
    today = school_day(now)
    due: list[tuple[Plan, Rung]] = []
    for plan, kept in with_something_due(today + AHEAD):
        if rung := rung_of(plan, plans.left_of(plan.reservation, kept), today):
            due.append((plan, rung))
    return one_by_one(_unsaid(due), lambda each: _say(*each, now=now), "A reminder of a plan")


def rung_of(plan: Plan, left: list[Part], today: date) -> Rung | None:
    """Which message is due about the next part, and its step; None when none is. Pure."""
    if not left:
        return None
    step, to_go = max((left[0].due_on - school_day(plan.created_at)).days, 0) * 10, left[0].due_on - today
    if to_go > AHEAD:
        return None
    if plan.trouble == Trouble.NONE:
        return ("instalment-ahead", step) if to_go > timedelta(0) else None
    if plan.next_try_at is not None:
        return None  # the next try says how it went
    reached = [rung for rung, after in enumerate(LATE_RUNGS, start=1) if -to_go >= after]
    if reached:
        return "instalment-late", step + reached[-1]
    # Without a card nothing is tried, and so nothing else says that one is needed.
    return ("instalment-card-needed", step) if plan.trouble == Trouble.NO_CARD else None


def _unsaid(due: list[tuple[Plan, Rung]]) -> list[tuple[Plan, Rung]]:
    unsaid = []
    for kind in {rung[0] for _, rung in due}:
        of_kind = [each for each in due if each[1][0] == kind]
        known = said(kind, (f"plan:{plan.public_id}" for plan, _ in of_kind))
        unsaid += [(plan, rung) for plan, rung in of_kind if (f"plan:{plan.public_id}", rung[1]) not in known]
    return sorted(unsaid, key=lambda each: each[0].pk)


@writes
def _say(plan: Plan, rung: Rung, *, now: datetime) -> int:
    """Queue one rung, if it is still so under the lock. Locks the seat and the reservation."""
    reservation = lifecycle.lock(plan.reservation)
    fresh = plans.running(reservation)
    if fresh is None or fresh.pk != plan.pk:
        return 0
    fresh.reservation = reservation
    left = plans.left_of(reservation, ledger.kept_cents(reservation))
    if rung_of(fresh, left, school_day(now)) != rung:
        return 0
    kind, step = rung
    if kind == "instalment-ahead":
        emails.ahead(fresh, left[0], step=step, now=now)
    elif kind == "instalment-card-needed":
        if _has_just_heard(fresh, now):
            return 0
        emails.card_needed(fresh, left, step=step, now=now)
    elif not _has_just_heard(fresh, now):
        emails.still_late(fresh, left, step=step, now=now)
    else:
        return 0
    return 1


def _has_just_heard(plan: Plan, now: datetime) -> bool:
    """Whether a try in vain was told of lately."""
    tries = Payment.objects.filter(reservation=plan.reservation_id, purpose=Purpose.INSTALMENT, checkout_id="")
    return tries.filter(status=PaymentStatus.FAILED, settled_at__gt=now - JUST_SAID).exists()
