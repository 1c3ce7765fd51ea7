"""The API of reservations: taking a seat, looking at what one has, giving back a hold."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Annotated, cast

from django.conf import settings
from ninja import Query, Router
from pydantic import BaseModel, Field

from booking.payments.balances import due_next
from booking.payments.ledger import with_paid
from booking.payments.models import RefundStatus
from booking.reservations import admission, lifecycle
from booking.reservations.api_cohorts import the_cohort, visible_cohorts, waitlist_lengths
from booking.reservations.models import LIVE, Charge, Reservation, ReservationQuerySet, State
from workshops.history.models import HistoryLine
from workshops.people.models import Role, Scope, User
from workshops.prerequisites.api import RequirementAnswer
from workshops.web.operations import PersonsRequest, operation, roles, signed_in
from workshops.web.paging import Page, Paging, page
from workshops.web.problems import Problem
from workshops.web.shapes import Moment, Money, Sentence, Word, looks_like_an_id

router = Router(tags=["Reservations"])

StateName = Annotated[str, Field(json_schema_extra={"enum": list(State.values)})]
RefundStatusName = Annotated[str, Field(json_schema_extra={"enum": ["none", *RefundStatus.values]})]


@dataclass(frozen=True)
class DueAnswer:
    """What is owed next, and by when."""

    amount: Money
    due_at: Moment


@dataclass(frozen=True)
class ReservationAnswer:
    """A claim on a seat as of now: a hold that ran out has expired, whoever has noticed. `cohort` is its id."""

    id: str
    cohort: str
    state: StateName
    seat_number: int
    held_until: Moment | None
    provisional_until: date | None
    price: Money
    deposit: Money
    paid: Money
    remaining: Money
    due_next: DueAnswer | None
    url: str


@dataclass(frozen=True)
class HistoryAnswer:
    """Something that happened. `by` is "you", "the school" or "automatic"; registrars read the name."""

    at: Moment
    by: str
    what: str
    why: str


@dataclass(frozen=True)
class ReservationStory(ReservationAnswer):
    """A reservation with everything that has happened to it, the oldest first."""

    history: list[HistoryAnswer]


@dataclass(frozen=True)
class RefundAnswer:
    """What goes back because of it, and under which rule."""

    amount: Money
    status: RefundStatusName
    rule: str


@dataclass(frozen=True)
class CancelledReservation(ReservationStory):
    """A reservation that was cancelled."""

    refund: RefundAnswer


class ReservationAsked(BaseModel):
    """Which cohort, by its id. Sending this accepts the cohort's conduct text."""

    cohort: Word


class CancelAsked(BaseModel):
    """Why, if you want to say."""

    reason: Sentence = ""


@operation(
    router,
    "POST",
    "/reservations",
    {201: ReservationAnswer},
    access=roles(Role.TRAINEE, scopes=[Scope.BOOK]),
    problems=("not-found", "booking-closed", "already-reserved", "prerequisites-unmet", "cohort-full"),
)
def reserve(request: PersonsRequest, asked: ReservationAsked) -> ReservationAnswer:
    """Reserve a seat

    Takes a seat and holds it for its deposit until `held_until`. Posting accepts the cohort's conduct text, and that
    is recorded. When several reasons refuse, the first of: booking closed, already reserved, prerequisites unmet,
    cohort full.
    """
    cohort = the_cohort(visible_cohorts(request.person), asked.cohort)
    try:
        made = lifecycle.hold(cohort, request.person, now=request.now)
    except admission.BookingClosed:
        raise Problem("booking-closed") from None
    except admission.AlreadyReserved as refused:
        raise Problem("already-reserved", reservation=refused.reservation.public_id) from None
    except admission.PrerequisitesUnmet as refused:
        requirements = [asdict(RequirementAnswer.of(outcome)) for outcome in refused.standing.requirements]
        raise Problem("prerequisites-unmet", requirements=requirements) from None
    except admission.Full:
        raise Problem("cohort-full", waitlist_length=waitlist_lengths([cohort.pk])[cohort.pk]) from None
    return _shown(made, list(made.charges.all()), 0, request.now)


@operation(router, "GET", "/reservations", {200: Page[ReservationStory]}, access=signed_in(Scope.READ))
def reservations(request: PersonsRequest, asked: Query[Paging]) -> Page[ReservationStory]:
    """List reservations

    Your own, the newest first; a registrar sees everybody's.
    """
    rows = with_paid(visible_reservations(request.person)).select_related("cohort").prefetch_related("charges")
    found = page(rows, asked, by=("-created_at", "-public_id"))
    return found.showing(lambda items: _stories(items, request.person, request.now))


@operation(router, "GET", "/reservations/{reservation_id}", {200: ReservationStory}, access=signed_in(Scope.READ))
def reservation(request: PersonsRequest, reservation_id: str) -> ReservationStory:
    """One reservation"""
    return _story(visible_reservations(request.person), reservation_id, request)


@operation(
    router,
    "POST",
    "/reservations/{reservation_id}/cancel",
    {200: CancelledReservation},
    access=signed_in(Scope.BOOK),
    problems=("not-cancellable",),
)
def cancel(request: PersonsRequest, reservation_id: str, asked: CancelAsked | None = None) -> CancelledReservation:
    """Cancel a hold

    Gives back a seat that nothing has been paid for. The reason is optional.
    """
    rows = visible_reservations(request.person)
    found = the_reservation(rows, reservation_id)
    try:
        lifecycle.cancel_hold(found, now=request.now, by=request.person, why=asked.reason if asked else "")
    except lifecycle.Moved as moved:
        state = moved.reservation.state_at(request.now)
        raise Problem("not-cancellable", f"Only an unpaid hold can be cancelled here; this one is {state}.") from None
    story = _story(rows, reservation_id, request)
    nothing = RefundAnswer(Money(0, story.price.currency), status="none", rule="nothing-paid")
    return CancelledReservation(**story.__dict__, refund=nothing)


def visible_reservations(person: User) -> ReservationQuerySet:
    """The reservations that this person may know of: their own, or for a registrar all."""
    return Reservation.objects.all() if person.is_registrar else Reservation.objects.filter(trainee=person)


def the_reservation(rows: ReservationQuerySet, reservation_id: str) -> Reservation:
    """The reservation of `rows` with this public id, with its cohort and trainee.

    Raises:
        Problem: ``not-found``.
    """
    found = None
    if looks_like_an_id(reservation_id):
        whole = rows.select_related("cohort__venue", "cohort__module", "trainee")
        found = whole.filter(public_id=reservation_id).first()
    if found is None:
        raise Problem("not-found")
    return found


def _story(rows: ReservationQuerySet, reservation_id: str, request: PersonsRequest) -> ReservationStory:
    found = the_reservation(cast(ReservationQuerySet, with_paid(rows)), reservation_id)
    return _stories([found], request.person, request.now)[0]


def _stories(found: Sequence[Reservation], reader: User, now: datetime) -> list[ReservationStory]:
    """These reservations with their histories, in as many statements for one as for many."""
    lines: dict[str, list[HistoryLine]] = {one.public_id: [] for one in found}
    if lines:
        for line in HistoryLine.objects.filter(about_kind="reservation", about_id__in=lines).select_related("by"):
            lines[line.about_id].append(line)
    return [
        ReservationStory(
            **_shown(one, list(one.charges.all()), one.paid_cents, now).__dict__,  # type: ignore[attr-defined]
            history=[HistoryAnswer(line.at, _by(line, reader), line.what, line.why) for line in lines[one.public_id]],
        )
        for one in found
    ]


def _by(line: HistoryLine, reader: User) -> str:
    if line.by is None:
        return "automatic"
    if reader.is_registrar:
        return str(line.by)
    return "you" if line.by == reader else "the school"


def _shown(one: Reservation, charges: list[Charge], paid: int, now: datetime) -> ReservationAnswer:
    state = one.state_at(now)
    return ReservationAnswer(
        id=one.public_id,
        cohort=one.cohort.public_id,
        state=state,
        seat_number=one.seat_number,
        held_until=None if state == State.EXPIRED else one.held_until,
        provisional_until=None,
        price=Money(one.price_cents, one.currency),
        deposit=Money(one.deposit_cents, one.currency),
        paid=Money(paid, one.currency),
        remaining=Money(max(one.price_cents - paid, 0), one.currency),
        due_next=_due_next(one, charges, paid) if state in LIVE else None,
        url=f"{settings.SITE_URL}{one.get_absolute_url()}",
    )


def _due_next(one: Reservation, charges: list[Charge], paid: int) -> DueAnswer | None:
    due = due_next(charges, paid)
    if due is None:
        return None
    return DueAnswer(Money(due.amount_cents, one.currency), due.due_at)
