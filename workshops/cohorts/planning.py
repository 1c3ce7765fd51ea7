"""Planning the year: the only writer of cohorts, their sessions and who teaches them.

What speaks against a plan is said by `plans`; the commands here ask it under a lock on the school's row, so that two
registrars who plan at the same time cannot both get the last place of a year, or one venue.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import F

from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.cohorts.certainty import Certain, Certainty, certainty
from workshops.cohorts.checklist import obstacles
from workshops.cohorts.models import Cohort, CohortStatus, Seat, SeatStatus, Session, Teaching, Venue, seat_is_free
from workshops.cohorts.plans import Day, Neighbour, Objection, Plan, about_capacity, changes, objections
from workshops.history.record import line, record, record_all
from workshops.people.models import Role, User
from workshops.programme.models import MODULE_IV, Module, School, school_terms
from workshops.programme.terms import Terms
from workshops.transactions import writes


class Refused(Exception):
    """The plan cannot go ahead like this. `objections` say why; nothing has changed."""

    def __init__(self, objections: Sequence[Objection]) -> None:
        super().__init__(" ".join(objection.message for objection in objections))
        self.objections = list(objections)

    @property
    def overridable(self) -> bool:
        """Whether a reason would be enough to go ahead."""
        return all(objection.overridable for objection in self.objections)


# -- reading -----------------------------------------------------------------------------------------------------------
def neighbours(besides: Cohort | None = None) -> list[Neighbour]:
    """Every cohort except `besides`, in three statements however many there are."""
    cohorts = Cohort.objects.prefetch_related("sessions", "teachings")
    return [
        Neighbour(
            title=cohort.title,
            code=cohort.code,
            starts_on=cohort.starts_on,
            venue_id=cohort.venue_id,
            instructor_ids=frozenset(teaching.instructor_id for teaching in cohort.teachings.all()),
            hours=tuple((session.starts_at, session.ends_at) for session in cohort.sessions.all()),
            is_cancelled=cohort.status == CohortStatus.CANCELLED,
        )
        for cohort in cohorts
        if besides is None or cohort.pk != besides.pk
    ]


def plan_of(cohort: Cohort) -> Plan:
    """The plan that would make `cohort` as it is."""
    teachings = list(cohort.teachings.select_related("instructor").order_by("-is_lead", "pk"))
    return Plan(
        title=cohort.title,
        code=cohort.code,
        venue=cohort.venue,
        days=tuple(
            Day(session.starts_at, session.ends_at, tuple(session.topics))
            for session in cohort.sessions.order_by("day")
        ),
        capacity=cohort.seats.count(),
        bookings_open_at=cohort.bookings_open_at,
        bookings_close_at=cohort.bookings_close_at,
        instructors=tuple(teaching.instructor for teaching in teachings),
        lead=next((teaching.instructor for teaching in teachings if teaching.is_lead), None),
    )


def certainty_of(cohort: Cohort, *, now: datetime, terms: Terms | None = None) -> Certainty:
    """Whether the cohort runs, as of `now`, in two statements at most: seats are counted only where that decides.

    `terms` are those that hold for it now, where the caller has read them.
    """
    terms = terms or cohort.terms(school_terms())
    counts = terms.minimum_enrolment > 0 and cohort.certain_since is None
    taken = cohort.seats.filter(status=SeatStatus.TAKEN).count() if counts else 0
    return certainty(cohort.starts_on, terms, taken=taken, since=cohort.certain_since, today=school_day(now))


# -- commands ----------------------------------------------------------------------------------------------------------
@writes
def plan_cohort(plan: Plan, *, by: User, now: datetime, reason: str = "", despite: Collection[str] = ()) -> Cohort:
    """Make a draft cohort with its sessions, seats and instructors.

    `despite` names the objections that whoever asks has read and overrides for `reason`; any other one refuses.
    Locks the school's row.

    Raises:
        Refused: with every objection that stands.
    """
    lock_the_year()
    module = Module.objects.get(code=MODULE_IV)
    overridden = _insist(objections(plan, neighbours(), now, days=module.days), reason, despite)
    _refuse_strangers(plan.instructors)
    dates = sorted(plan.dates)
    cohort = Cohort.objects.create(
        code=plan.code,
        title=plan.title,
        module=module,
        venue=plan.venue,
        starts_on=dates[0],
        ends_on=dates[-1],
        bookings_open_at=plan.bookings_open_at,
        bookings_close_at=plan.bookings_close_at,
        revised_at=now,
    )
    Session.objects.bulk_create(
        Session(
            cohort=cohort,
            day=number,
            starts_at=day.starts_at,
            ends_at=day.ends_at,
            topics=list(day.topics),
            revised_at=now,
        )
        for number, day in plan.numbered
    )
    Teaching.objects.bulk_create(
        Teaching(cohort=cohort, instructor=instructor, is_lead=instructor == plan.lead)
        for instructor in plan.instructors
    )
    seats.make(cohort, plan.capacity, now=now)
    _record(
        cohort,
        "cohort-planned",
        by=by,
        now=now,
        why=reason if overridden else "",
        days=plan.days_in_words,
        venue=str(plan.venue),
        seats=plan.capacity,
        despite=", ".join(overridden),
    )
    about = ("cohort", cohort.public_id)
    record_all([line("instructor-added", about=about, person=person, by=by, now=now) for person in plan.instructors])
    return cohort


def is_noticed(before: Plan, after: Plan) -> bool:
    """Whether a calendar that has these days must notice the change: another title, days, hours or venue."""
    return (after.title, after.hours, after.venue) != (before.title, before.hours, before.venue)


@writes
def change_cohort(
    cohort: Cohort,
    plan: Plan,
    *,
    by: User,
    now: datetime,
    reason: str = "",
    despite: Collection[str] = (),
    also_touched: Collection[User] = (),
    people_are_told: bool = False,
) -> Cohort:
    """Bring title, code, venue, days, topics and the time for bookings to `plan`; its seats and instructors are left.

    `also_touched`: who would have to hear of other days, besides those with a seat.
    `people_are_told`: whoever calls this tells everyone whom title, days or venue touch, and what they may do.

    What held against the cohort before, and was decided then, is not asked again. A session keeps its UID by its day;
    its sequence is raised exactly when its time, its venue or its title changes. Locks the school's row, the cohort
    and its seats.

    Raises:
        Refused: with every objection that stands, or because it would touch people who have not been told.
    """
    lock_the_year()
    cohort = _standing(cohort)
    before = plan_of(cohort)
    plan = replace(plan, capacity=before.capacity, instructors=before.instructors, lead=before.lead)
    new = _new_objections(cohort, before, plan, now)
    concerns_people = not people_are_told and is_noticed(before, plan)
    if concerns_people and (people := list(dict.fromkeys([*_people_in(cohort, now), *also_touched]))):
        new.append(
            Objection(
                "people",
                f"{_names(people)} {'has' if len(people) == 1 else 'have'} these days. Title, days, hours and venue "
                "change only with telling them; topics, bookings and the notes about the venue change freely.",
            )
        )
    if plan.code != before.code and cohort.status != CohortStatus.DRAFT:
        new.append(
            Objection("code-stays", f"Links to {before.code} are out there by now. The code stays once published.")
        )
    overridden = _insist(new, reason, despite)
    changed = changes(before, plan)
    if not changed:
        return cohort
    dates = sorted(plan.dates)
    cohort.title, cohort.code, cohort.venue = plan.title, plan.code, plan.venue
    cohort.starts_on, cohort.ends_on = dates[0], dates[-1]
    cohort.bookings_open_at, cohort.bookings_close_at = plan.bookings_open_at, plan.bookings_close_at
    noticed = [(each.title, each.bookings_open_at, each.bookings_close_at) for each in (before, plan)]
    if noticed[0] != noticed[1]:
        cohort.sequence, cohort.revised_at = cohort.sequence + 1, now
    cohort.save()
    _bring_sessions(cohort, plan, everywhere=plan.title != before.title or plan.venue != before.venue, now=now)
    _record(
        cohort,
        "cohort-changed",
        by=by,
        now=now,
        why=reason if overridden else "",
        **changed,
        **({"despite": ", ".join(overridden)} if overridden else {}),
    )
    return cohort


def _bring_sessions(cohort: Cohort, plan: Plan, *, everywhere: bool, now: datetime) -> None:
    """Keep each day's row and UID; add or remove rows only where the number of days changes."""
    existing = {session.day: session for session in cohort.sessions.all()}
    for number, day in plan.numbered:
        session = existing.pop(number, None)
        if session is None:
            Session.objects.create(
                cohort=cohort,
                day=number,
                starts_at=day.starts_at,
                ends_at=day.ends_at,
                topics=list(day.topics),
                revised_at=now,
            )
            continue
        if everywhere or (session.starts_at, session.ends_at) != (day.starts_at, day.ends_at):
            session.sequence, session.revised_at = session.sequence + 1, now
        session.starts_at, session.ends_at, session.topics = day.starts_at, day.ends_at, list(day.topics)
        session.save()
    if existing:
        cohort.sessions.filter(day__in=existing).delete()


@writes
def set_instructors(
    cohort: Cohort, instructors: Sequence[User], lead: User | None, *, by: User, now: datetime, why: str = ""
) -> bool:
    """Say who teaches the cohort and who leads. False when that was so already. Locks the school's row and the cohort.

    Whoever calls this tells those whom it touches: see `reservations.changing`.

    Raises:
        Refused: when someone is no instructor, would be in two places at once, or nobody is left to teach a cohort
            that people may book.
    """
    lock_the_year()
    cohort = _standing(cohort)
    before = plan_of(cohort)
    plan = replace(before, instructors=tuple(dict.fromkeys(instructors)), lead=lead)
    new = _new_objections(cohort, before, plan, now)
    if not plan.instructors and cohort.status == CohortStatus.PUBLISHED:
        new.append(Objection("instructor", "A published cohort needs at least one instructor."))
    _insist(new, "", ())
    _refuse_strangers([person for person in plan.instructors if person not in before.instructors])
    if set(plan.instructors) == set(before.instructors) and plan.lead == before.lead:
        return False
    cohort.teachings.exclude(instructor__in=plan.instructors).delete()
    cohort.teachings.update(is_lead=False)
    Teaching.objects.bulk_create(
        Teaching(cohort=cohort, instructor=person) for person in plan.instructors if person not in before.instructors
    )
    if lead is not None:
        cohort.teachings.filter(instructor=lead).update(is_lead=True)
    about = ("cohort", cohort.public_id)
    told = partial(line, about=about, by=by, now=now, why=why.strip())
    record_all(
        [told("instructor-added", person=person) for person in plan.instructors if person not in before.instructors]
        + [told("instructor-removed", person=person) for person in before.instructors if person not in plan.instructors]
        + ([told("lead-changed", person=lead)] if lead != before.lead else [])
    )
    return True


@writes
def hand_over(person: User, to: User) -> None:
    """Give the teachings of one account to another account of the same person; where both teach, one is left.

    Locks the teachings of both.
    """
    theirs = list(Teaching.objects.select_for_update(no_key=True).filter(instructor__in=(person, to)).order_by("pk"))
    taught = {each.cohort_id: each for each in theirs if each.instructor_id == to.pk}
    for each in theirs:
        if each.instructor_id == to.pk:
            continue
        if known := taught.get(each.cohort_id):
            each.delete()
            known.is_lead = known.is_lead or each.is_lead
            known.save(update_fields=["is_lead"])
        else:
            each.instructor = to
            each.save(update_fields=["instructor"])


@writes
def resize(cohort: Cohort, capacity: int, *, by: User, now: datetime) -> list[int]:
    """Bring the cohort to `capacity` seats. Returns the ids of the people whose lapsed holds went with their seats.

    Locks the cohort, then its free seats.

    Raises:
        Refused: outside 1 to 60, or when fewer seats than needed are free: with the names of who is in them.
    """
    cohort = _standing(cohort)
    _insist(list(about_capacity(capacity)), "", ())
    before = cohort.seats.count()
    if capacity == before:
        return []
    try:
        displaced = seats.make(cohort, capacity, now=now)
    except seats.SeatsInUse as in_use:
        raise Refused([_too_small(capacity, before, in_use)]) from None
    _record(cohort, "cohort-resized", by=by, now=now, seats=f"{before} → {capacity}")
    return displaced


def _too_small(capacity: int, before: int, in_use: seats.SeatsInUse) -> Objection:
    least = before - in_use.free
    blocked = least - len(in_use.occupants)
    who = [f"{_names(in_use.occupants)} {'has a seat' if len(in_use.occupants) == 1 else 'have seats'}"]
    if blocked:
        who.append(f"{blocked} {'is' if blocked == 1 else 'are'} kept back")
    return Objection(
        "seats-in-use",
        f"It cannot have {capacity} {'seat' if capacity == 1 else 'seats'}: "
        f"{' and '.join(who[0 if in_use.occupants else 1 :])}. {least} is the fewest for now.",
    )


@writes
def keep_seat_back(cohort: Cohort, number: int, *, by: User, now: datetime, why: str) -> int | None:
    """Keep one seat for nobody. Returns the id of the person whose lapsed hold on it ended with that, if there is one.

    Locks the cohort, then the seat.

    Raises:
        Refused: when someone has the seat, when it is kept back already, or when there is none of this number.
    """
    cohort = _with_seat(cohort, number)
    try:
        kept = seats.keep_back(cohort.pk, number, now=now)
    except seats.SeatInUse as in_use:
        raise Refused(
            [Objection("seat-in-use", f"{in_use.occupant} has seat {number}. Only a free seat can be kept back.")]
        ) from None
    if kept is None:
        raise Refused([Objection("seat-kept", f"Seat {number} is kept back already.")])
    _record(cohort, "seat-kept-back", by=by, now=now, why=why, seat=number)
    return kept.displaced_id


@writes
def give_seat_out(cohort: Cohort, number: int, *, by: User, now: datetime, why: str) -> None:
    """Let people have a seat that was kept back. Locks the cohort, then the seat.

    Raises:
        Refused: when the seat is not kept back (any more), or when there is none of this number.
    """
    cohort = _with_seat(cohort, number)
    if not seats.give_out(cohort.pk, number):
        raise Refused([Objection("seat-not-kept", f"Seat {number} is not kept back, so there is nothing to give out.")])
    _record(cohort, "seat-given-out", by=by, now=now, why=why, seat=number)


def _with_seat(cohort: Cohort, number: int) -> Cohort:
    """The cohort, locked, so that its seats neither come nor go until the command is done."""
    cohort = _standing(cohort)
    if number not in set(cohort.seats.values_list("number", flat=True)):
        raise Refused([Objection("no-such-seat", f"{cohort} has no seat {number} (any more).")])
    return cohort


@writes
def set_cohort_terms(cohort: Cohort, values: dict[str, int | bool | str], *, by: User, now: datetime) -> bool:
    """Let these terms differ here from the school's; every other one follows it. False when that was so already.

    Reservations keep the terms they were made under.
    """
    cohort = _locked(cohort)
    if cohort.terms_changed == values:
        return False
    titles = {term.code: term.title for term in Terms.catalogue()}
    before, cohort.terms_changed = cohort.terms_changed, values
    cohort.save(update_fields=["terms_changed"])
    changed = [titles.get(code, code) for code in {**before, **values} if before.get(code) != values.get(code)]
    facts: dict[str, Any] = {f"now_{code}": value for code, value in values.items()}
    _record(cohort, "cohort-terms-changed", by=by, now=now, terms=", ".join(changed), **facts)
    return True


@writes
def publish(cohort: Cohort, *, by: User, now: datetime) -> Cohort:
    """Let everyone see a draft, and book it while bookings are open.

    Raises:
        Refused: when it is no draft, or for what is missing (see `checklist.obstacles`).
    """
    return _open(cohort, CohortStatus.DRAFT, "cohort-published", by=by, now=now)


@writes
def reopen(cohort: Cohort, *, by: User, now: datetime) -> Cohort:
    """Take reservations again in a closed cohort.

    Raises:
        Refused: when it is not closed, or for what is missing (see `checklist.obstacles`).
    """
    return _open(cohort, CohortStatus.CLOSED, "cohort-reopened", by=by, now=now)


def _open(cohort: Cohort, start: CohortStatus, what: str, *, by: User, now: datetime) -> Cohort:
    cohort = _locked(cohort)
    _insist(_wrong_status(cohort, start) or obstacles(cohort, now), "", ())
    return _set_status(cohort, CohortStatus.PUBLISHED, what, by=by, now=now)


@writes
def close(cohort: Cohort, *, by: User, now: datetime, why: str = "") -> Cohort:
    """Take no more reservations; who has a seat keeps it. A draft of the past is filed for the record this way.

    Raises:
        Refused: when it is not published.
    """
    cohort = _locked(cohort)
    if not (cohort.status == CohortStatus.DRAFT and cohort.starts_on <= school_day(now)):
        _insist(_wrong_status(cohort, CohortStatus.PUBLISHED), "", ())
    return _set_status(cohort, CohortStatus.CLOSED, "cohort-closed", by=by, now=now, why=why)


@writes
def cancel(cohort: Cohort, *, by: User, now: datetime, why: str) -> Cohort:
    """Decide that a cohort does not take place. Its seats are shut: nobody gets one, whoever is asking at this moment.

    Whoever calls this has locked all seats and freed those that people had (see `seats.lock_all`); what becomes of the
    people is not the ground floor's matter. Every session's sequence is raised, so that calendars notice. Locks the
    cohort.

    Raises:
        Refused: without a reason, for a draft, and for one that is cancelled already or has ended.
    """
    cohort = _locked(cohort)
    _insist(_not_to_be_cancelled(cohort, why, now), "", ())
    seats.shut(cohort.pk)
    cohort.sequence, cohort.revised_at = cohort.sequence + 1, now
    cohort.save(update_fields=["sequence", "revised_at"])
    cohort.sessions.update(sequence=F("sequence") + 1, revised_at=now)
    return _set_status(cohort, CohortStatus.CANCELLED, "cohort-cancelled", by=by, now=now, why=why)


def _not_to_be_cancelled(cohort: Cohort, why: str, now: datetime) -> list[Objection]:
    if cohort.status not in (CohortStatus.PUBLISHED, CohortStatus.CLOSED):
        status = cohort.get_status_display().lower()
        return [Objection("status", f"The cohort is {status}: there is nothing to cancel.")]
    if cohort.ends_on < school_day(now):
        return [Objection("over", "The cohort has taken place.")]
    if not why.strip():
        return [Objection("reason", "Say why: everyone who has a seat reads it.")]
    return []


@writes
def make_certain(cohort: Cohort, *, now: datetime, by: User | None = None, why: str = "") -> bool:
    """Write down that the cohort is certain to run. That happens once and is never taken back: people book travel.

    A registrar may say so whatever comes, for a reason. Without one (`by` is None) the minimum must be reached, which
    is asked again here. False when it was certain already, has no minimum, or the minimum is not reached after all.
    Locks the cohort.

    Raises:
        Refused: when a registrar gives no reason, or the cohort is a draft, cancelled, or has begun.
    """
    cohort = _locked(cohort)
    found = certainty_of(cohort, now=now)
    if by is None:
        may = found.state == Certain.CERTAIN and _may_become_certain(cohort) and found.is_to_come
    else:
        _insist(_not_to_be_decided(cohort, found, why), "", ())
        may = found.state != Certain.ALWAYS
    if not may or not Cohort.objects.filter(pk=cohort.pk, certain_since=None).update(certain_since=now):
        return False
    _record(cohort, "cohort-certain", by=by, now=now, why=why, taken=found.taken, minimum=found.minimum)
    return True


def _may_become_certain(cohort: Cohort) -> bool:
    return cohort.status in {CohortStatus.PUBLISHED, CohortStatus.CLOSED}


def _not_to_be_decided(cohort: Cohort, found: Certainty, why: str) -> list[Objection]:
    if not _may_become_certain(cohort):
        return [Objection("status", f"The cohort is {cohort.get_status_display().lower()}: nothing is to be decided.")]
    if not found.is_to_come:
        return [Objection("begun", "The cohort has begun: nothing is to be decided any more.")]
    if not why.strip():
        return [Objection("reason", "Say why it runs all the same.")]
    return []


def _wrong_status(cohort: Cohort, wanted: CohortStatus) -> list[Objection]:
    if cohort.status == wanted:
        return []
    return [Objection("status", f"The cohort is {cohort.get_status_display().lower()}, not {wanted.label.lower()}.")]


def _set_status(cohort: Cohort, status: CohortStatus, what: str, *, by: User, now: datetime, why: str = "") -> Cohort:
    cohort.status = status
    cohort.save(update_fields=["status"])
    _record(cohort, what, by=by, now=now, why=why)
    return cohort


def notice_venue(venue: Venue, *, now: datetime) -> None:
    """Raise the sequence of every session at `venue`, past ones too: its name or address is part of the event.

    A calendar of one cohort tells it whole, however long ago it was, and no entry says something else under the number
    it had. Called inside the transaction that changes the venue.
    """
    Session.objects.filter(cohort__venue=venue).update(sequence=F("sequence") + 1, revised_at=now)


# -- what the commands share -------------------------------------------------------------------------------------------
def lock_the_year() -> None:
    """One planner at a time. Nothing else locks the school's row, and it comes before every other lock but accounts."""
    School.objects.select_for_update().only("pk").get(pk=1)


def _locked(cohort: Cohort) -> Cohort:
    # Inserting a reservation locks its cohort's key (FOR KEY SHARE). This lock leaves the key alone, so a plain claim,
    # its seat locked by then, neither waits for a planner nor deadlocks with one who goes on to that seat.
    # Its venue is read afterwards: who waited for a lock gets the row as it is now, but joined to what it had before.
    list(Cohort.objects.select_for_update(no_key=True).filter(pk=cohort.pk).values_list("pk"))
    return Cohort.objects.select_related("venue", "module").get(pk=cohort.pk)


def _standing(cohort: Cohort) -> Cohort:
    cohort = _locked(cohort)
    if cohort.status == CohortStatus.CANCELLED:
        raise Refused([Objection("status", f"{cohort} is cancelled and stays as it was. Plan a new cohort instead.")])
    return cohort


def _new_objections(cohort: Cohort, before: Plan, after: Plan, now: datetime) -> list[Objection]:
    """What speaks against the change. What held before it, and was decided then, is not asked again."""
    others, days = neighbours(besides=cohort), cohort.module.days
    old = objections(before, others, now, days=days)
    return [objection for objection in objections(after, others, now, days=days) if objection not in old]


def _insist(found: list[Objection], reason: str, despite: Collection[str]) -> list[str]:
    """Refuse unless each objection is overridden; return the codes of those that are."""
    overriding = set(despite) if reason.strip() else set()
    if any(not objection.overridable or objection.code not in overriding for objection in found):
        raise Refused(found)
    return [objection.code for objection in found]


def _refuse_strangers(people: Iterable[User]) -> None:
    """Only people who may read a roster can be given one."""
    wanted = list(people)
    able = set(User.objects.with_role(Role.INSTRUCTOR).filter(pk__in=[person.pk for person in wanted]))
    if strangers := [
        Objection("not-instructor", f"{person} is not an instructor (any more). Give them the role first.")
        for person in wanted
        if person not in able
    ]:
        raise Refused(strangers)


def _people_in(cohort: Cohort, now: datetime) -> list[User]:
    """Who has a seat as of `now`. Locks the seats, so that nobody takes one before the change is done."""
    list(Seat.objects.select_for_update().filter(cohort=cohort).values_list("pk"))
    occupied = Seat.objects.filter(cohort=cohort, occupant__isnull=False).exclude(seat_is_free(now))
    return list(User.objects.filter(seats__in=occupied).order_by("name", "email"))


def _names(people: Sequence[User]) -> str:
    names = [str(person) for person in people]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "Nobody"


def _record(cohort: Cohort, what: str, *, by: User | None, now: datetime, why: str = "", **facts: Any) -> None:
    record(what, about=("cohort", cohort.public_id), by=by, now=now, why=why.strip(), **facts)
