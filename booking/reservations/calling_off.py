"""The school cancels, moves or renames a cohort: whom that touches, what each is owed, and then all of it at once."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import zip_longest
from typing import Any

from booking.payments.ledger import owed_back, with_paid
from booking.reservations import cancelling, emails, emails_changes, lifecycle, owing, waiting, waitlist
from booking.reservations.models import LIVE, OWING, Reservation, State, WaitlistEntry
from workshops.clock import SCHOOL_ZONE, end_of_school_day, hours_in_words, moment_in_words, school_day, with_weekday
from workshops.cohorts import planning, seats
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.cohorts.plans import Plan
from workshops.history.models import HistoryLine
from workshops.history.record import history_of, record, record_all
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
    emails.teaching_cancelled(fresh, teachers_told(fresh, by, now), why=why, now=now)
    planning.cancel(fresh, by=by, now=now, why=why)
    return touched


@writes
def reschedule(
    cohort: Cohort, plan: Plan, *, by: User, now: datetime, reason: str, despite: Collection[str] = ()
) -> Cohort:
    """Move a cohort to other days or another venue, or rename it; tell everyone in it and those who teach it.

    For a while leaving a cohort that has moved costs the people in it nothing. Another title alone gives nobody that.

    A balance is never due earlier than was promised; it is due later where the cohort moves away. Holds, offers and
    promises that would outlast the cohort's new dates end with them. Locks the school's row, the cohort, its seats,
    every reservation.

    Raises:
        Refused: (of `planning`) with every objection that stands.
    """
    planning.lock_the_year()
    before = planning.plan_of(waitlist.lock_cohort(cohort.pk))
    planning.change_cohort(cohort, plan, by=by, now=now, reason=reason, despite=despite, people_are_told=True)
    # Read again, with the venue as it is: the plan may have been made when that had another address.
    changed = waitlist.lock_cohort(cohort.pk)
    was_called = before.title if plan.title != before.title else ""
    if plan.hours == before.hours and plan.venue == before.venue:
        if was_called:
            _rename(changed, was_called, by=by, now=now, why=reason)
        return changed
    seats.lock_all(changed.pk)
    words, after = what_moves(before, planning.plan_of(changed))
    record("cohort-moved", about=("cohort", changed.public_id), by=by, now=now, why=reason, before=words)
    step = _times_moved(changed)
    facts: dict[str, Any] = {"before": words, "after": after, "why": reason, "was_called": was_called}
    for fresh in in_it(changed, now):
        moved = lifecycle.line_about("days-moved", fresh, now=now, by=by, why=reason, before=words, after=after)
        record_all([moved, *_renamed(fresh, was_called, by=by, now=now, why=reason)])
        lifecycle.noticed(fresh, now)
        # Nobody decides about their own money: a registrar who has a seat here stays under the terms they had.
        if fresh.state in OWING and fresh.trainee_id != by.pk and (until := free_to_leave_until(fresh, now)):
            lifecycle.free_to_leave(fresh, until=until, now=now, by=by, why=reason)
        due_on = balance_due_after(fresh, changed.starts_on)
        if is_due_later := due_on != fresh.balance_due_on:
            owing.due_later(fresh, due_on, now)
        lifecycle.keep_before(fresh, changed, now)
        emails.rescheduled(fresh, **facts, is_due_later=is_due_later, step=step, now=now)
    for entry in in_line(changed):
        emails.line_moved(entry, **facts, step=step, now=now)
    emails.teaching_moved(changed, teachers_told(changed, by, now), **facts, step=step, now=now)
    return changed


def _rename(cohort: Cohort, was_called: str, *, by: User, now: datetime, why: str) -> None:
    """Tell everyone what a cohort is called from now on: their calendars have it under its title."""
    seats.lock_all(cohort.pk)
    record("cohort-renamed", about=("cohort", cohort.public_id), by=by, now=now, why=why, before=was_called)
    news = emails_changes.renamed(was_called, why=why, step=history_count("cohort-renamed", cohort))
    for fresh in in_it(cohort, now):
        lifecycle.noticed(fresh, now)
        record_all(_renamed(fresh, was_called, by=by, now=now, why=why))
        emails_changes.tell_trainee(fresh, news, now=now)
    emails_changes.tell_line(in_line(cohort), news, now=now)
    emails_changes.tell_teachers(cohort, teachers_told(cohort, by, now), news, now=now)


def _renamed(reservation: Reservation, was_called: str, *, by: User, now: datetime, why: str) -> list[HistoryLine]:
    if not was_called:
        return []
    is_called = reservation.cohort.title
    told = lifecycle.line_about(
        "title-changed", reservation, now=now, by=by, why=why, before=was_called, after=is_called
    )
    return [told]


def in_it(cohort: Cohort, now: datetime) -> Iterator[Reservation]:
    """Whoever has a seat or an offer here as of now: each reservation, with its seat, locked and read anew.

    The caller has locked the cohort and all its seats.
    """
    for each in cohort.reservations.filter(state__in=LIVE).order_by("pk"):
        fresh = lifecycle.lock(each)
        if fresh.state_at(now) != State.EXPIRED:
            yield fresh


def in_line(cohort: Cohort) -> list[WaitlistEntry]:
    """Whoever waits for a seat here, in turn, each with the cohort as it is."""
    entries = list(WaitlistEntry.objects.waiting().filter(cohort=cohort).in_turn().select_related("trainee"))
    for entry in entries:
        entry.cohort = cohort
    return entries


def teachers_told(cohort: Cohort, by: User, now: datetime) -> list[User]:
    """Who is to be told as a teacher: nobody of a draft or after the last hour, and not whoever does it."""
    if not tells_teachers(cohort, now):
        return []
    teachings = cohort.teachings.exclude(instructor=by).select_related("instructor").order_by("-is_lead", "pk")
    return [teaching.instructor for teaching in teachings]


def tells_teachers(cohort: Cohort, now: datetime) -> bool:
    """Whether those who teach it hear of a change: not of a draft, which may still become anything, nor once over."""
    return cohort.status != CohortStatus.DRAFT and cohort.sessions.filter(ends_at__gt=now).exists()


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
    return history_count("cohort-moved", cohort)


def history_count(what: str, cohort: Cohort) -> int:
    """A number that each change of this kind raises: the step under which its messages are sent once."""
    return history_of("cohort", cohort.public_id).filter(what=what).count()


def what_moves(before: Plan, after: Plan) -> tuple[str, str]:
    """What a move changes, before and after, in words: the whole where all days move, else each day that does. Pure."""
    days = list(zip_longest(before.hours, after.hours))
    differing = [(number, old, new) for number, (old, new) in enumerate(days, start=1) if old != new]
    whole = _when_and_where(before), _when_and_where(after)
    if len(differing) in (0, len(days)) and whole[0] != whole[1]:
        return whole
    places = (f", {before.venue}", f", {after.venue}") if before.venue != after.venue else ("", "")
    was = "; ".join(_day(number, old) for number, old, _ in differing)
    will_be = "; ".join(_day(number, new) for number, _, new in differing)
    return was + places[0], will_be + places[1]


def _day(number: int, hours: tuple[datetime, datetime] | None) -> str:
    if hours is None:
        return f"day {number}: none"
    return f"day {number}: {with_weekday(school_day(hours[0]))}, {hours_in_words(hours[0])} to {_until(hours[1])}"


def _until(ends: datetime) -> str:
    return f"{hours_in_words(ends)} {ends.astimezone(SCHOOL_ZONE).tzname()}"


def _when_and_where(plan: Plan) -> str:
    first, last = plan.numbered[0][1], plan.numbered[-1][1]
    return f"{moment_in_words(first.starts_at)}, to {moment_in_words(last.ends_at)}, {plan.venue}"
