"""The API of a cohort's roster. Who is in the room is a fact of the ground floor; their reservations' ids are ours."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ninja import Query, Router

from booking.reservations.api_cohorts import the_cohort
from booking.reservations.models import Reservation
from workshops.cohorts.models import Cohort
from workshops.people.models import Role, Scope
from workshops.rosters import roster as rosters
from workshops.rosters.roster import RosterLine
from workshops.web.operations import PersonsRequest, operation, roles
from workshops.web.paging import Page, Paging, page_of
from workshops.web.problems import Problem

router = Router(tags=["Rosters"])


@dataclass(frozen=True)
class AttendanceAnswer:
    """Whether someone was there on one day."""

    day: int
    present: bool
    note: str


@dataclass(frozen=True)
class RosterLineAnswer:
    """One person in the room. Never money. The last two are shown only around the days of the cohort."""

    seat_number: int
    reservation: str
    name: str
    pronouns: str
    phone: str
    state: Literal["held", "provisional", "expected", "attended", "absent"]
    attendance: list[AttendanceAnswer]
    mentor: str | None
    access_needs: str | None
    emergency_contact: str | None


@operation(
    router,
    "GET",
    "/cohorts/{cohort_id}/roster",
    {200: Page[RosterLineAnswer]},
    access=roles(Role.INSTRUCTOR, Role.REGISTRAR, scopes=[Scope.TEACH, Scope.REGISTRAR]),
)
def roster(request: PersonsRequest, cohort_id: str, asked: Query[Paging]) -> Page[RosterLineAnswer]:
    """The people of a cohort

    By seat, for its instructors and for registrars. `held` is a seat that waits for its deposit, `provisional` one of
    someone who does not meet the prerequisites yet.
    """
    cohort = the_cohort(Cohort.objects.select_related("module"), cohort_id)
    if not rosters.may_read(request.person, cohort):
        raise Problem("not-found")
    lines = _with_reservations(rosters.roster(cohort, now=request.now), cohort, request.now)
    return page_of(lines, asked, key=lambda line: line.seat_number, of=f"roster:{cohort.public_id}")


def _with_reservations(lines: list[RosterLine], cohort: Cohort, now: datetime) -> list[RosterLineAnswer]:
    ids = dict(Reservation.objects.holding_a_seat(now).filter(cohort=cohort).values_list("trainee_id", "public_id"))
    return [
        RosterLineAnswer(
            seat_number=line.seat_number,
            reservation=ids[line.person_id],
            name=line.name,
            pronouns=line.pronouns,
            phone=line.phone,
            state=line.state,
            attendance=[],
            mentor=None,
            access_needs=None,
            emergency_contact=None,
        )
        for line in lines
        if line.person_id in ids  # someone may step back between the two statements
    ]
