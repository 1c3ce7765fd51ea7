"""The school changes where a venue is or who teaches: whom that touches, and then all of it at once.

Other days, another venue or title of a cohort are `calling_off.reschedule`. The rule is one for all of them: whatever a
calendar says of a cohort (title, days, hours, venue) changes only with telling everyone who has it in theirs, and
whoever decides has seen before whom it touches. What touches nobody is done at once. Nobody is told of a draft, of a
cohort that is cancelled, or after its last hour.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from booking.reservations import calling_off, emails_changes, lifecycle, waitlist
from booking.reservations.calling_off import Touches, free_to_leave_until, in_it, in_line, teachers_told, touches
from booking.reservations.models import OWING
from workshops.cohorts import planning, seats, venues
from workshops.cohorts.models import Cohort, CohortQuerySet, CohortStatus, Session, Venue
from workshops.cohorts.plans import Plan
from workshops.history.record import record, record_all
from workshops.people.models import User
from workshops.transactions import writes


class ShowFirst(Exception):
    """People would hear of it: whoever decides is to see first whom it touches. Nothing has changed."""


# -- a cohort's own details --------------------------------------------------------------------------------------------
@writes
def change_details(
    cohort: Cohort, plan: Plan, *, by: User, now: datetime, reason: str = "", despite: Collection[str] = ()
) -> Cohort:
    """Bring a cohort's details to `plan` where nobody has to hear of it. Locks the school's row, it and its seats.

    Raises:
        Refused: (of `planning`) with every objection that stands; one of them is called `people` where somebody has a
            seat, waits for one or teaches, and its title, days, hours or venue would change: see `reschedule`.
    """
    planning.lock_the_year()
    fresh = waitlist.lock_cohort(cohort.pk)
    also = [*(entry.trainee for entry in in_line(fresh)), *teachers_told(fresh, by, now)]
    before = planning.plan_of(fresh)
    # Once it is over, another title is a word on the record: nobody plans a day by it any more.
    is_for_the_record = not fresh.sessions.filter(ends_at__gt=now).exists()
    renames = (plan.hours, plan.venue) == (before.hours, before.venue)
    return planning.change_cohort(
        fresh,
        plan,
        by=by,
        now=now,
        reason=reason,
        despite=despite,
        also_touched=also,
        people_are_told=is_for_the_record and renames,
    )


# -- a venue -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Reached:
    """One cohort at a venue, and everyone there who hears of a change of it."""

    cohort: Cohort
    touched: Touches
    teachers: list[User]

    @property
    def everyone(self) -> set[int]:
        """The keys of their accounts."""
        seated = {each.reservation.trainee_id for each in self.touched.people}
        return seated | {entry.trainee_id for entry in self.touched.waiting} | {each.pk for each in self.teachers}


def is_part_of_the_event(venue: Venue, values: Mapping[str, str]) -> bool:
    """Whether these values change what calendars say of the place, and not only what to know about it."""
    return any(values.get(name, getattr(venue, name)) != getattr(venue, name) for name in venues.PART_OF_THE_EVENT)


def reached_at(venue: Venue, by: User, now: datetime) -> list[Reached]:
    """The cohorts that are still to take place there and have anyone to tell, the next first."""
    to_come = _to_come(venue, now).exclude(status=CohortStatus.DRAFT).select_related("venue", "module")
    found = [Reached(each, touches(each, now), teachers_told(each, by, now)) for each in to_come.order_by("starts_on")]
    return [each for each in found if each.everyone]


def how_many(reached: Iterable[Reached]) -> int:
    """How many people that is: whoever teaches two of the cohorts there is one person, and is told of each."""
    return len({person for each in reached for person in each.everyone})


def lock_venue(venue: Venue, now: datetime) -> Venue:
    """The venue as it is by now, with everything that its change touches: the school's row, cohorts, all their seats.

    Until the transaction ends, nobody comes or goes there, and no planner brings a cohort there or takes one away.
    """
    planning.lock_the_year()
    keys = sorted(set(_to_come(venue, now).values_list("pk", flat=True)))
    waitlist.lock_cohorts(keys)
    for key in keys:
        seats.lock_all(key)
    return Venue.objects.get(pk=venue.pk)


def _to_come(venue: Venue, now: datetime) -> CohortQuerySet:
    there = Cohort.objects.filter(venue=venue).exclude(status=CohortStatus.CANCELLED)
    return there.filter(pk__in=Session.objects.filter(ends_at__gt=now).values("cohort"))


@writes
def change_venue(
    venue: Venue,
    values: Mapping[str, str],
    *,
    by: User,
    now: datetime,
    why: str = "",
    is_elsewhere: bool = False,
    is_shown: bool = False,
) -> list[Reached]:
    """Change what is known about a venue, and tell everyone who has days there. Answers who that was.

    A new name, address or city is part of every event there: sessions, reservations with their invitations, messages
    and histories follow in this one transaction. Notes (getting there, toilets and so on) touch nobody.

    `is_elsewhere`: the place has moved. Then leaving costs the people in its cohorts nothing for a while, as when the
    school moves a cohort. `is_shown`: whoever decides has seen whom it touches. Locks the school's row, the cohorts to
    come there in the order of their keys, all their seats, the venue, every reservation.

    Raises:
        ShowFirst: where that has not been seen and somebody would hear of it.
        NameTaken: (of `venues`) when another venue has this name.
    """
    it = lock_venue(venue, now)
    reached = reached_at(it, by, now) if is_part_of_the_event(it, values) else []
    if reached and not is_shown:
        raise ShowFirst
    before = it.in_a_line
    venues.change_venue(it, values, by=by, now=now, why=why if reached else "")
    for each in reached:
        _tell(waitlist.lock_cohort(each.cohort.pk), before, by=by, now=now, why=why, is_elsewhere=is_elsewhere)
    return reached


def _tell(cohort: Cohort, before: str, *, by: User, now: datetime, why: str, is_elsewhere: bool) -> None:
    """Everything that follows from it in one cohort. Its sessions have been noticed with the venue."""
    after = cohort.venue.in_a_line
    about = ("cohort", cohort.public_id)
    record("cohort-venue-changed", about=about, by=by, now=now, why=why, before=before, after=after)
    step = calling_off.history_count("cohort-venue-changed", cohort)
    news = emails_changes.venue_changed(before, why=why, is_elsewhere=is_elsewhere, step=step)
    for fresh in in_it(cohort, now):
        lifecycle.noticed(fresh, now)
        changed = lifecycle.line_about("place-changed", fresh, now=now, by=by, why=why, before=before, after=after)
        record_all([changed])
        until = None
        # Nobody decides about their own money: a registrar who has a seat here stays under the terms they had.
        if is_elsewhere and fresh.state in OWING and fresh.trainee_id != by.pk:
            until = free_to_leave_until(fresh, now)
        if until:
            lifecycle.free_to_leave(fresh, until=until, now=now, by=by, why=why)
        emails_changes.tell_trainee(fresh, news, leave_until=until, now=now)
    emails_changes.tell_line(in_line(cohort), news, now=now)
    emails_changes.tell_teachers(cohort, teachers_told(cohort, by, now), news, now=now)


# -- who teaches -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Teachers:
    """What a choice of instructors changes: who comes, who goes, and of those who stay who leads from now on or did."""

    comes: list[User]
    goes: list[User]
    leads: list[User]
    led: list[User]
    told: list[User]
    """Those of them who hear of it: not whoever does it, and nobody of a draft or after the last hour."""

    @property
    def asks_why(self) -> bool:
        """Whether somebody hears of it who had it otherwise before, and is owed a reason."""
        return any(person in self.told for person in (*self.goes, *self.leads, *self.led))


def teachers_touched(
    cohort: Cohort, instructors: Sequence[User], lead: User | None, by: User, now: datetime
) -> Teachers:
    """Whom this choice touches. `instructors` and `lead` are as they would be."""
    before = planning.plan_of(cohort)
    comes = [person for person in dict.fromkeys(instructors) if person not in before.instructors]
    goes = [person for person in before.instructors if person not in instructors]
    stays = [person for person in before.instructors if person in instructors]
    leads = [person for person in stays if person == lead != before.lead]
    led = [person for person in stays if person == before.lead != lead]
    # A new lead who has just come hears of both at once.
    tells = calling_off.tells_teachers(cohort, now)
    told = [person for person in (*comes, *goes, *leads, *led) if person != by] if tells else []
    return Teachers(comes, goes, leads, led, told)


@writes
def set_instructors(
    cohort: Cohort,
    instructors: Sequence[User],
    lead: User | None,
    *,
    by: User,
    now: datetime,
    why: str = "",
    is_shown: bool = False,
) -> Teachers:
    """Say who teaches a cohort and who leads it, and tell those whom that touches. Answers whom it touched.

    A draft's instructors hear of it when it is published. Nobody else learns who teaches, so nobody else is told.
    `is_shown`: whoever decides has seen whom it touches. Locks the school's row and the cohort.

    Raises:
        ShowFirst: where that has not been seen and somebody would hear of it.
        Refused: (of `planning`) with every objection that stands.
    """
    planning.lock_the_year()
    fresh = waitlist.lock_cohort(cohort.pk)
    touched = teachers_touched(fresh, instructors, lead, by, now)
    planning.set_instructors(fresh, instructors, lead, by=by, now=now, why=why)
    if touched.told and not is_shown:
        raise ShowFirst  # said last, so that a choice which cannot be is refused before; all of it is taken back

    def heard(people: list[User]) -> list[User]:
        return [person for person in people if person in touched.told]

    emails_changes.teaching_added(fresh, heard(touched.comes), lead=lead, is_new=False, why=why, now=now)
    emails_changes.teaching_removed(fresh, heard(touched.goes), why=why, now=now)
    emails_changes.teaching_lead(fresh, heard([*touched.leads, *touched.led]), lead=lead, why=why, now=now)
    return touched


def told_at_publishing(draft: Cohort, by_id: int | None, now: datetime) -> list[User]:
    """Who teaches a draft and hears so when the account `by_id` publishes it. Nobody of other cohorts, or once over."""
    if draft.status != CohortStatus.DRAFT or not draft.sessions.filter(ends_at__gt=now).exists():
        return []
    return [each.instructor for each in draft.teachings.select_related("instructor") if each.instructor_id != by_id]


@writes
def publish(cohort: Cohort, *, by: User, now: datetime) -> Cohort:
    """Let everyone see a draft, and tell those who teach it which days that is.

    Raises:
        Refused: (of `planning`) when it is no draft, or for what is missing.
    """
    published = planning.publish(cohort, by=by, now=now)
    lead = planning.plan_of(published).lead
    emails_changes.teaching_added(published, teachers_told(published, by, now), lead=lead, is_new=True, now=now)
    return published
