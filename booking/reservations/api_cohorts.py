"""The API of cohorts: what anyone may see of them, and whether the person who asks may take a seat."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from django.conf import settings
from django.urls import reverse
from ninja import Query, Router
from pydantic import Field

from booking.reservations import waitlist
from booking.reservations.admission import promise_until, quote
from workshops.clock import SCHOOL_ZONE, school_day
from workshops.cohorts.certainty import Certain, certainty
from workshops.cohorts.models import Cohort, CohortQuerySet, CohortStatus
from workshops.people.models import Role, Scope, User
from workshops.prerequisites.api import RequirementAnswer
from workshops.prerequisites.facts import standing_of
from workshops.programme.models import Price, conduct_text, school_terms
from workshops.programme.terms import Terms
from workshops.web.operations import ANYONE, ApiRequest, PersonsRequest, operation, roles
from workshops.web.paging import Page, Paging, page
from workshops.web.problems import Problem
from workshops.web.shapes import Money, looks_like_an_id

router = Router(tags=["Cohorts"])

CertainName = Annotated[str, Field(json_schema_extra={"enum": [state.value for state in Certain]})]
StatusName = Annotated[str, Field(json_schema_extra={"enum": list(CohortStatus.values)})]


@dataclass(frozen=True)
class VenueAnswer:
    """Where it happens."""

    name: str
    address: str
    city: str


@dataclass(frozen=True)
class SessionAnswer:
    """One day; `day` is 1 for the first."""

    day: int
    starts_at: datetime
    ends_at: datetime
    topics: list[str]


@dataclass(frozen=True)
class ConductAnswer:
    """The text in force that everyone in the room agrees to; reserving accepts it."""

    version: int
    url: str


@dataclass(frozen=True)
class CertainAnswer:
    """Whether it is certain to run, and by when that is decided where it depends on how many come."""

    state: CertainName
    decided_by: date | None


@dataclass(frozen=True)
class CohortAnswer:
    """One edition of Module IV, its seats and its price as of now."""

    id: str
    code: str
    title: str
    status: StatusName
    bookable: bool
    starts_on: date
    ends_on: date
    timezone: str
    venue: VenueAnswer
    sessions: list[SessionAnswer]
    capacity: int
    seats_left: int
    waitlist_length: int
    price: Money
    deposit: Money
    balance_due_on: date
    bookings_open_at: datetime
    bookings_close_at: datetime
    conduct: ConductAnswer
    certain: CertainAnswer | None
    url: str


@dataclass(frozen=True)
class EligibilityAnswer:
    """Whether you may take a seat, and what is there or missing."""

    eligible: bool
    provisional_until: date | None
    as_of: date
    rules_version: str
    requirements: list[RequirementAnswer]


class CohortsAsked(Paging):
    """Which cohorts."""

    year: int | None = Field(None, ge=1, le=9999, description="Only those that begin in this year.")


@operation(router, "GET", "/cohorts", {200: Page[CohortAnswer]}, access=ANYONE)
def cohorts(request: ApiRequest, asked: Query[CohortsAsked]) -> Page[CohortAnswer]:
    """List cohorts

    By their first day, those that are over included. Registrars see drafts as well.
    """
    rows = visible_cohorts(request.person).with_seats_left(request.now).select_related("venue", "module")
    if asked.year is not None:
        rows = rows.filter(starts_on__year=asked.year)
    found = page(rows.prefetch_related("sessions"), asked, by=("starts_on", "public_id"))
    return found.showing(lambda items: _shown(items, request.now))


@operation(router, "GET", "/cohorts/{cohort_id}", {200: CohortAnswer}, access=ANYONE)
def cohort(request: ApiRequest, cohort_id: str) -> CohortAnswer:
    """One cohort"""
    rows = visible_cohorts(request.person).with_seats_left(request.now).select_related("venue", "module")
    return _shown([the_cohort(rows, cohort_id)], request.now)[0]


@operation(
    router,
    "GET",
    "/cohorts/{cohort_id}/eligibility",
    {200: EligibilityAnswer},
    access=roles(Role.TRAINEE, scopes=[Scope.READ]),
)
def eligibility(request: PersonsRequest, cohort_id: str) -> EligibilityAnswer:
    """Whether you may take a seat

    Every requirement on the way to this cohort, met or not, with the date on which that changes where time matters.
    Where `provisional_until` is a date, you may hold a seat until then although something is missing still.
    `rules_version` names the rules that were asked; it changes when the programme does.
    """
    found = the_cohort(visible_cohorts(request.person).select_related("module"), cohort_id)
    today = school_day(request.now)
    standing, _ = standing_of(request.person, found.module.code, today, found.pk)
    return EligibilityAnswer(
        eligible=standing.eligible,
        provisional_until=None if standing.eligible else promise_until(found, found.terms(school_terms()), today),
        as_of=standing.as_of,
        rules_version=standing.rules,
        requirements=[RequirementAnswer.of(outcome) for outcome in standing.requirements],
    )


def visible_cohorts(person: User | None) -> CohortQuerySet:
    """The cohorts that this person may know of."""
    if person is not None and person.is_registrar:
        return Cohort.objects.all()
    return Cohort.objects.public()


def the_cohort(rows: CohortQuerySet, cohort_id: str) -> Cohort:
    """The cohort of `rows` with this public id.

    Raises:
        Problem: ``not-found``.
    """
    found = rows.filter(public_id=cohort_id).first() if looks_like_an_id(cohort_id) else None
    if found is None:
        raise Problem("not-found")
    return found


def _shown(found: list[Cohort], now: datetime) -> list[CohortAnswer]:
    """These cohorts as the API shows them, in as many statements for one as for many."""
    if not found:
        return []
    today = school_day(now)
    terms, prices = school_terms(), _prices(today)
    conduct = conduct_text()
    lines = waitlist.lines(found, now)
    answers = []
    for one in found:
        cost = quote(one, one.terms(terms), prices.get(one.module.code), entitled=False, today=today)
        answers.append(
            CohortAnswer(
                id=one.public_id,
                code=one.code,
                title=one.title,
                status=one.status,
                bookable=one.is_bookable(now),
                starts_on=one.starts_on,
                ends_on=one.ends_on,
                timezone=settings.TIME_ZONE,
                venue=VenueAnswer(one.venue.name, one.venue.address, one.venue.city),
                sessions=[
                    SessionAnswer(
                        day.day, day.starts_at.astimezone(SCHOOL_ZONE), day.ends_at.astimezone(SCHOOL_ZONE), day.topics
                    )
                    for day in one.sessions.all()
                ],
                capacity=one.capacity,  # type: ignore[attr-defined]
                seats_left=waitlist.seats_left(one, lines[one.pk]),
                waitlist_length=lines[one.pk].length,
                price=Money(cost.price_cents, cost.currency),
                deposit=Money(cost.deposit_cents, cost.currency),
                balance_due_on=cost.balance_due_on,
                bookings_open_at=one.bookings_open_at.astimezone(SCHOOL_ZONE),
                bookings_close_at=one.bookings_close_at.astimezone(SCHOOL_ZONE),
                conduct=ConductAnswer(conduct.version, _absolute(reverse("conduct", args=[conduct.version]))),
                certain=_certain(one, one.terms(terms), today),
                url=_absolute(one.get_absolute_url()),
            )
        )
    return answers


def _certain(one: Cohort, terms: Terms, today: date) -> CertainAnswer | None:
    if one.status == CohortStatus.CANCELLED:
        return None
    taken: int = one.taken_seats  # type: ignore[attr-defined]
    found = certainty(one.starts_on, terms, taken=taken, since=one.certain_since, today=today)
    return CertainAnswer(found.state, found.decided_by)


def _prices(today: date) -> dict[str, Price]:
    """What each item of the price list costs today."""
    newest_last = reversed(Price.objects.all().on(today))
    return {price.item: price for price in newest_last}


def _absolute(path: str) -> str:
    return f"{settings.SITE_URL}{path}"
