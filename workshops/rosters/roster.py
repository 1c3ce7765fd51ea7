"""Who is expected in the room, read from the seats alone: nothing from upstairs is needed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from workshops.clock import school_day
from workshops.cohorts.models import Cohort, CohortStatus, Seat, SeatStatus, seat_is_free
from workshops.people.models import Role, User
from workshops.prerequisites.facts import standings_of

LineState = Literal["held", "provisional", "expected"]


@dataclass(frozen=True)
class RosterLine:
    """One person in one seat, with what the room may know of them. Never money."""

    seat_number: int
    person_id: int
    name: str
    pronouns: str
    phone: str
    state: LineState


def cohorts_taught_by(user: User) -> list[Cohort]:
    """The cohorts this instructor teaches, the next first, cancelled ones too; drafts are not among them."""
    taught = Cohort.objects.filter(teachings__instructor=user).select_related("venue", "module")
    return list(taught.exclude(status=CohortStatus.DRAFT).order_by("starts_on", "pk"))


def may_read(user: User, cohort: Cohort) -> bool:
    """Its own instructors and the registrar."""
    if Role.REGISTRAR in user.roles:
        return True
    return Role.INSTRUCTOR in user.roles and cohort.teachings.filter(instructor=user).exists()


def roster(cohort: Cohort, *, now: datetime) -> list[RosterLine]:
    """The people in the cohort's seats as of `now`, by seat. A hold that ran out is nobody's. Three statements.

    A seat that is taken by someone who does not meet the prerequisites is provisional.
    """
    occupied = (
        Seat.objects.filter(cohort=cohort, occupant__isnull=False)
        .exclude(seat_is_free(now))
        .select_related("occupant")
        .order_by("number")
    )
    seats = [(seat, seat.occupant) for seat in occupied if seat.occupant]
    standings = standings_of([person for _, person in seats], cohort.module.code, school_day(now), cohort.pk)
    return [
        RosterLine(
            seat_number=seat.number,
            person_id=person.pk,
            name=str(person),
            pronouns=person.pronouns,
            phone=person.phone,
            state=_state(seat, eligible=standings[person.pk].eligible),
        )
        for seat, person in seats
    ]


def _state(seat: Seat, *, eligible: bool) -> LineState:
    if seat.status == SeatStatus.HELD:
        return "held"
    return "expected" if eligible else "provisional"
