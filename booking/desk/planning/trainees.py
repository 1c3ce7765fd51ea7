"""The trainees of a cohort and where each stands: whoever has a seat, waits in line, aims for it, or all there are.

Read in a constant number of statements, and as plain values: there may be thousands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet

from booking.reservations.models import Reservation, State, WaitlistEntry
from booking.reservations.places import ordinal
from workshops.clock import in_words, school_day
from workshops.cohorts.models import Cohort
from workshops.people.models import Role, RoleGrant, User
from workshops.prerequisites.check import Outcome, Rule, Standing, check
from workshops.prerequisites.facts import facts_of
from workshops.prerequisites.records.models import OnSetRecord, RecordState

ANYTHING, NOTHING = "anything", "nothing"
"""What may be asked for beside the code of a requirement: those who miss something, and those who miss nothing."""


@dataclass(frozen=True, slots=True)
class Here:
    """What someone has to do with the cohort."""

    order: tuple[int, int]
    """Seats by their number, then the line in turn, then those who aim for it, then everyone else."""
    words: str
    provisional_until: date | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One requirement of one person."""

    title: str
    words: str
    look: str
    """The kind of pill."""


@dataclass(frozen=True, slots=True)
class Trainee:
    """One line of the list."""

    public_id: str
    name: str
    email: str
    here: Here
    standing: Standing
    cells: tuple[Cell, ...]


ELSEWHERE = Here((3, 0), "Not in it")


def trainees_of(cohort: Cohort, rules: Sequence[Rule], *, everyone: bool, missing: str, now: datetime) -> list[Trainee]:
    """Who is to be shown, with the standing of each for this cohort. Five statements, however many people.

    `everyone` shows all trainees there are. `missing` keeps those who miss the requirement with this code, or see
    `ANYTHING` and `NOTHING`; empty keeps all.
    """
    today = school_day(now)
    here = _here(cohort, now)
    people = list(_people(cohort, now, everyone=everyone).values_list("pk", "public_id", "name", "email"))
    facts = facts_of([key for key, *_ in people], today, cohort.pk)
    found = []
    for key, public_id, name, email in people:
        standing = check(rules, facts[key], today)
        if _is_asked_for(standing, missing):
            cells = tuple(_cell(outcome, cohort) for outcome in standing.requirements)
            found.append(Trainee(public_id, name or email, email, here.get(key, ELSEWHERE), standing, cells))
    return sorted(found, key=lambda each: (each.here.order, each.name.casefold(), each.public_id))


def _people(cohort: Cohort, now: datetime, *, everyone: bool) -> QuerySet[User]:
    asked = (
        Q(pk__in=Reservation.objects.holding_a_seat(now).filter(cohort=cohort).values("trainee"))
        | Q(pk__in=WaitlistEntry.objects.waiting().filter(cohort=cohort).values("trainee"))
        | Q(pk__in=_aiming(cohort).values("user"))
    )
    if everyone:
        trainees = RoleGrant.objects.filter(role=Role.TRAINEE).values("user")
        asked |= Q(pk__in=trainees, erased_at=None, merged_into=None)
    return User.objects.filter(asked)


def _aiming(cohort: Cohort) -> QuerySet[OnSetRecord]:
    """What was sent with this cohort in mind and not taken back; a draft is its writer's alone."""
    return OnSetRecord.objects.read_by_school().filter(aims_for=cohort).exclude(state=RecordState.WITHDRAWN)


def _here(cohort: Cohort, now: datetime) -> dict[int, Here]:
    """What everyone has to do with the cohort, by the keys of the people; a seat before the line before an aim."""
    here = {key: Here((2, 0), "Aims for it") for key in _aiming(cohort).values_list("user", flat=True)}
    line = WaitlistEntry.objects.waiting().filter(cohort=cohort).in_turn().values_list("trainee", flat=True)
    for place, key in enumerate(line, start=1):
        here[key] = Here((1, place), f"{ordinal(place)} in line")
    seated = Reservation.objects.holding_a_seat(now).filter(cohort=cohort)
    for key, state, seat, until in seated.values_list("trainee", "state", "seat_number", "provisional_until"):
        here[key] = Here((0, seat), f"Seat {seat} {State(state).label.lower()}", until)
    return here


def _is_asked_for(standing: Standing, missing: str) -> bool:
    if not missing:
        return True
    if missing in (ANYTHING, NOTHING):
        return standing.eligible == (missing == NOTHING)
    return any(outcome.code == missing for outcome in standing.missing)


def _cell(outcome: Outcome, cohort: Cohort) -> Cell:
    """A requirement in a few words. What is met today and will not be when the cohort begins says until when."""
    counts = f"{outcome.counted} of {outcome.needed}" if outcome.counts_days else ""
    if outcome.met:
        words = "Waived" if outcome.waived else "Met"
        if outcome.changes_on and outcome.changes_on <= cohort.starts_on:
            return Cell(outcome.title, f"{words}, not from {in_words(outcome.changes_on)}", "wait")
        days = f", {outcome.counted} day{'' if outcome.counted == 1 else 's'}" if counts else ""
        return Cell(outcome.title, words + days, "good")
    if outcome.in_review:
        return Cell(outcome.title, f"{counts}, {outcome.in_review} in review", "wait")
    return Cell(outcome.title, counts or "Missing", "warn")
