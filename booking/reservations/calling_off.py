"""The school cancels or moves a cohort: whom that touches, what each is owed, and then all of it at once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from booking.payments.ledger import owed_back, with_paid
from booking.reservations import cancelling, emails, lifecycle, owing, waiting, waitlist
from booking.reservations.models import LIVE, OWING, Reservation, State, WaitlistEntry
from workshops.clock import end_of_school_day, moment_in_words, school_day
from workshops.cohorts import planning, seats
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.cohorts.plans import Plan
from workshops.history.record import history_of, record
from workshops.people.models import User
from workshops.programme.models import school_terms
from workshops.transactions import writes


@dataclass(frozen=True)
class Touched:
    """One person whom it touches: their reservation as of now, and what they are owed, in cents."""

    reservation: Reservation
    state: State
    owed_cents: int


@dataclass(frozen=True)
class Touches:
    """Everyone whom it touches: who has a seat or an offer, and who waits in line."""

    people: list[Touched]
    waiting: list[WaitlistEntry]
    choose_until: datetime
    """Until when those who have paid may choose between their money and another cohort, or leave a moved one."""

    @property
    def owed_cents(self) -> int:
        """What is owed in all if everyone wants their money back."""
        return sum(each.owed_cents for each in self.people)


def touches(cohort: Cohort, now: datetime) -> Touches:
    """Whom cancelling or moving this cohort would touch. Four statements."""
    live = with_paid(cohort.reservations.filter(state__in=LIVE)).select_related("trainee").order_by("seat_number", "pk")
    going_back = owed_back([each.pk for each in live])
    return Touches(
        people=[
            Touched(each, state, max(each.paid_cents - going_back.get(each.pk, 0), 0))
            for each in live
            if (state := each.state_at(now)) != State.EXPIRED
        ],
        waiting=list(WaitlistEntry.objects.waiting().filter(cohort=cohort).in_turn().select_related("trainee")),
        choose_until=_choose_until(cohort, now),
    )


def _choose_until(cohort: Cohort, now: datetime) -> datetime:
    return _in_days(cohort.terms(school_terms()).choice_days, now)


def _in_days(days: int, now: datetime) -> datetime:
    return end_of_school_day(school_day(now) + timedelta(days=days))


@writes
def call_off(cohort: Cohort, *, by: User, now: datetime, why: str) -> Touches:
    """Cancel a cohort: everyone with a seat, an offer or a place in line is told, and so is whoever teaches it.

    What was paid waits until `choose_until` for the person to choose between all of it back and another cohort; then it
    goes back by itself. Locks the cohort, all its seats, every reservation: whoever is taking a seat at this moment has
    it before this goes on and is told like the others, or finds the seats shut.

    Raises:
        Refused: (of `planning`) without a reason, for a draft, and for one that is cancelled or over.
    """
    fresh = waitlist.lock_cohort(cohort.pk)
    seats.lock_all(cohort.pk)
    touched = touches(fresh, now)
    for each in fresh.reservations.filter(state__in=LIVE).order_by("pk"):
        # What was promised when they reserved, or what holds here now: whichever is longer.
        until = max(touched.choose_until, _in_days(each.terms.choice_days, now))
        cancelling.called_off(each, choose_until=until, why=why, now=now, by=by)
    waiting.close(fresh, why=f"It does not take place: {why}", now=now, by=by)
    emails.teaching_cancelled(fresh, _teachers(fresh, by, now), why=why, now=now)
    planning.cancel(fresh, by=by, now=now, why=why)
    return touched


@writes
def reschedule(
    cohort: Cohort, plan: Plan, *, by: User, now: datetime, reason: str, despite: Collection[str] = ()
) -> Cohort:
    """Move a cohort to other days or another venue and tell everyone in it and those who teach it.

    For a while leaving costs the people in it nothing.

    A balance is never due earlier than was promised; it is due later where the cohort moves away. Holds, offers and
    promises that would outlast the cohort's new dates end with them. Locks the school's row, the cohort, its seats,
    every reservation.

    Raises:
        Refused: (of `planning`) with every objection that stands.
    """
    before = planning.plan_of(cohort)
    changed = planning.change_cohort(cohort, plan, by=by, now=now, reason=reason, despite=despite, people_are_told=True)
    if plan.hours == before.hours and plan.venue == before.venue:
        return changed
    seats.lock_all(changed.pk)
    words = _when_and_where(before)
    record("cohort-moved", about=("cohort", changed.public_id), by=by, now=now, why=reason, before=words)
    after, step = _when_and_where(planning.plan_of(changed)), _times_moved(changed)
    told = partial(emails.rescheduled, before=words, after=after, why=reason, step=step, now=now)
    for each in changed.reservations.filter(state__in=LIVE).order_by("pk"):
        fresh = lifecycle.lock(each)
        if fresh.state_at(now) == State.EXPIRED:
            continue
        # Nobody decides about their own money: a registrar who has a seat here stays under the terms they had.
        if fresh.state in OWING and fresh.trainee_id != by.pk and (until := free_to_leave_until(fresh, now)):
            lifecycle.free_to_leave(fresh, until=until, now=now, by=by, why=reason)
        if (due_on := balance_due_after(fresh, changed.starts_on)) != fresh.balance_due_on:
            owing.due_later(fresh, due_on)
        lifecycle.keep_before(fresh, changed, now)
        told(fresh)
    for entry in WaitlistEntry.objects.waiting().filter(cohort=changed).in_turn().select_related("trainee"):
        entry.cohort = changed
        emails.line_moved(entry, before=words, after=after, why=reason, step=step, now=now)
    teachers = _teachers(changed, by, now)
    emails.teaching_moved(changed, teachers, before=words, after=after, why=reason, step=step, now=now)
    return changed


def _teachers(cohort: Cohort, by: User, now: datetime) -> list[User]:
    """Who is to be told as a teacher: nobody of a draft or after the last hour, and not whoever does it."""
    if cohort.status == CohortStatus.DRAFT or not cohort.sessions.filter(ends_at__gt=now).exists():
        return []
    teachings = cohort.teachings.exclude(instructor=by).select_related("instructor").order_by("-is_lead", "pk")
    return [teaching.instructor for teaching in teachings]


def free_to_leave_until(reservation: Reservation, now: datetime) -> datetime | None:
    """Until when someone may leave a cohort that the school moves now: some days, never past its first day.

    What an earlier move promised is kept. None when no time is left. `reservation.cohort` is as it will be.
    """
    promised = reservation.may_leave_until or now
    latest = end_of_school_day(reservation.cohort.starts_on - timedelta(days=1))
    frozen = _in_days(reservation.terms.choice_days, now)
    until = min(max(_choose_until(reservation.cohort, now), frozen, promised), latest)
    return until if until > now else None


def balance_due_after(reservation: Reservation, starts_on: date) -> date:
    """When a balance is due once the cohort begins on that day: later where it follows, never earlier than said."""
    due_on = starts_on - timedelta(days=reservation.terms.balance_due_days)
    return max(due_on, reservation.balance_due_on)


def _times_moved(cohort: Cohort) -> int:
    """A number that each move raises: the step under which its messages are sent once."""
    return history_of("cohort", cohort.public_id).filter(what="cohort-moved").count()


def _when_and_where(plan: Plan) -> str:
    first, last = plan.numbered[0][1], plan.numbered[-1][1]
    return f"{moment_in_words(first.starts_at)}, to {moment_in_words(last.ends_at)}, {plan.venue}"
