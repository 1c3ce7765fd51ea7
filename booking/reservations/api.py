"""The API of reservations: taking a seat, looking at what one has, moving it, giving it back."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Annotated, cast, get_args

from django.conf import settings
from ninja import Query, Router
from pydantic import BaseModel, Field

from booking.payments.balances import due_next
from booking.payments.discounts import guessing, using
from booking.payments.ledger import paid_cents, with_paid
from booking.payments.models import RefundStatus
from booking.reservations import admission, cancelling, lifecycle, moving, reserving
from booking.reservations.api_cohorts import the_cohort, visible_cohorts
from booking.reservations.models import LIVE, Charge, Reservation, ReservationQuerySet, State, WaitlistEntry
from booking.reservations.refunds import Rule
from workshops.clock import moment_in_words
from workshops.cohorts.models import Cohort
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
RuleName = Annotated[str, Field(json_schema_extra={"enum": list(get_args(Rule))})]

SEAT_REFUSED = ("booking-closed", "already-reserved", "prerequisites-unmet", "cohort-full")
MOVE_REFUSED = (*SEAT_REFUSED, "not-movable", "moving-over")


@dataclass(frozen=True)
class DueAnswer:
    """What is owed next, and by when."""

    amount: Money
    due_at: Moment


@dataclass(frozen=True)
class ReservationAnswer:
    """A claim on a seat as of now: a hold that ran out has expired, whoever has noticed. `cohort` is its id.

    `remaining` is the price and the fee for a late move, less what is paid. `provisional_until` is the day by which
    what the module asks for must be there.
    """

    id: str
    cohort: str
    state: StateName
    seat_number: int
    held_until: Moment | None
    provisional_until: date | None
    price: Money
    deposit: Money
    fee: Money
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
    """A reservation with everything that has happened to it, the oldest first.

    `moved_to` is the id of the reservation that it goes on as in another cohort.
    """

    moved_to: str | None
    history: list[HistoryAnswer]


@dataclass(frozen=True)
class RefundAnswer:
    """What goes back because of it, and under which rule. `status` is that of the part which is furthest behind."""

    amount: Money
    status: RefundStatusName
    rule: RuleName


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


class DiscountAsked(BaseModel):
    """The code. Capitals and spaces make no difference."""

    code: Word


class TransferAsked(BaseModel):
    """Which cohort to move to, by its id, and why, if you want to say."""

    cohort: Word
    reason: Sentence = ""


@operation(
    router,
    "POST",
    "/reservations",
    {201: ReservationAnswer},
    access=roles(Role.TRAINEE, scopes=[Scope.BOOK]),
    problems=("not-found", *SEAT_REFUSED),
)
def reserve(request: PersonsRequest, asked: ReservationAsked) -> ReservationAnswer:
    """Reserve a seat

    Takes a seat and holds it for its deposit until `held_until`. Posting accepts the cohort's conduct text, and that
    is recorded. Whoever has an offer in this cohort accepts it by this. When several reasons refuse, the first of:
    booking closed, already reserved, prerequisites unmet, cohort full.
    """
    cohort = the_cohort(visible_cohorts(request.person), asked.cohort)
    try:
        made = reserving.hold(cohort, request.person, now=request.now)
    except admission.Refused as refused:
        raise seat_refused(refused, cohort) from None
    return _shown(made, list(made.charges.all()), 0, request.now)


@operation(router, "GET", "/reservations", {200: Page[ReservationStory]}, access=signed_in(Scope.READ))
def reservations(request: PersonsRequest, asked: Query[Paging]) -> Page[ReservationStory]:
    """List reservations

    Your own, the newest first; a registrar sees everybody's.
    """
    rows = with_paid(visible_reservations(request.person)).select_related("cohort", "moved_to")
    rows = rows.prefetch_related("charges")
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
    """Cancel

    For its owner and for registrars. The seat goes to the line at once; `refund` is what comes back by the terms that
    the reservation was made under, the way it was paid. The reason is optional.
    """
    rows = visible_reservations(request.person)
    found = the_reservation(rows, reservation_id)
    try:
        done = cancelling.cancel(found, now=request.now, by=request.person, why=asked.reason if asked else "")
    except lifecycle.HasBegun:
        raise Problem(
            "not-cancellable", "The cohort has begun. Write to the school: it decides from here on."
        ) from None
    except lifecycle.Moved as moved:
        raise Problem("not-cancellable", _what_instead_of_cancelling(moved.reservation, request.now)) from None
    back = Money(done.comes_back.cents, found.currency)
    refund = RefundAnswer(back, status=done.refund_status or "none", rule=done.comes_back.rule)
    return CancelledReservation(**_story(rows, reservation_id, request).__dict__, refund=refund)


@operation(
    router,
    "POST",
    "/reservations/{reservation_id}/transfer",
    {201: ReservationAnswer},
    access=signed_in(Scope.BOOK),
    problems=MOVE_REFUSED,
)
def transfer(request: PersonsRequest, reservation_id: str, asked: TransferAsked) -> ReservationAnswer:
    """Move to another cohort

    For its owner on the terms it was made under, a fee for moving late included; for a registrar who moves somebody
    else on the school's. What was paid comes along, and so do the price, the terms and the conduct text agreed to; the
    answer is the reservation that it goes on as. On any error the old one is untouched: with `cohort-full`, join the
    line there and keep the seat meanwhile. An open offer there is accepted by this.
    """
    found = the_reservation(visible_reservations(request.person), reservation_id)
    cohort = the_cohort(visible_cohorts(request.person), asked.cohort)
    if found.cohort_id == cohort.pk and moving.may_move(found, request.now):
        raise Problem("already-reserved", "This is the cohort that the seat is in.", reservation=found.public_id)
    try:
        made = moving.move(found, cohort, now=request.now, by=request.person, why=asked.reason)
    except moving.SameCohort:
        raise move_refused(lifecycle.Moved(found), cohort, request.now) from None
    except (admission.Refused, lifecycle.Moved, moving.TooLate) as refused:
        raise move_refused(refused, cohort, request.now) from None
    return shown(made, request.now)


@operation(
    router,
    "POST",
    "/reservations/{reservation_id}/discount",
    {200: ReservationAnswer},
    access=roles(Role.TRAINEE, scopes=[Scope.BOOK]),
    problems=("discount-refused",),
)
def discount(request: PersonsRequest, reservation_id: str, asked: DiscountAsked) -> ReservationAnswer:
    """Use a code

    Takes what the code is worth off the price of a seat that you hold and have paid nothing on; a seat that then costs
    nothing is yours at once. A page to pay on that was opened for it is closed: begin the payment again. At most ten
    codes an hour may be tried.
    """
    found = the_reservation(Reservation.objects.filter(trainee=request.person), reservation_id)
    try:
        guessing.count(request.person)
        used = using.use(found, asked.code, now=request.now, by=request.person)
    except guessing.TooManyCodes as slower:
        raise Problem("slow-down", str(slower), retry_after=slower.seconds) from None
    except using.Refused as refused:
        raise Problem("discount-refused", str(refused)) from None
    return shown(used, request.now)


def seat_refused(refused: admission.Refused, cohort: Cohort) -> Problem:
    """The problem that it is to be refused a seat in this cohort. One statement at most."""
    if isinstance(refused, admission.BookingClosed):
        return Problem("booking-closed")
    if isinstance(refused, admission.AlreadyReserved):
        return Problem("already-reserved", reservation=refused.reservation.public_id)
    if isinstance(refused, admission.PrerequisitesUnmet):
        requirements = [asdict(RequirementAnswer.of(outcome)) for outcome in refused.standing.requirements]
        return Problem("prerequisites-unmet", requirements=requirements)
    return Problem("cohort-full", waitlist_length=WaitlistEntry.objects.waiting().filter(cohort=cohort).count())


def move_refused(
    refused: admission.Refused | lifecycle.Moved | moving.TooLate, cohort: Cohort, now: datetime
) -> Problem:
    """The problem that it is to be refused a move to this cohort."""
    if isinstance(refused, lifecycle.HasBegun):
        return Problem("not-movable", "The cohort has begun, so the seat stays where it is. Write to the school.")
    if isinstance(refused, lifecycle.Moved):
        return Problem("not-movable", _what_instead_of_moving(refused.reservation, now))
    if isinstance(refused, moving.TooLate):
        return Problem("moving-over", last_day=refused.last_day)
    return seat_refused(refused, cohort)


def _what_instead_of_cancelling(one: Reservation, now: datetime) -> str:
    if one.state == State.CANCELLED and one.choose_until is not None:
        return (
            f"The school has cancelled this cohort. Until {moment_in_words(one.choose_until)} you can choose between "
            f"your money and another cohort: take the money on the reservation's page, or transfer it."
        )
    return {
        State.OFFERED: "It is an offer still: decline it in the line, and the seat goes to the next.",
        State.EXPIRED: "Its time ran out, so it holds no seat: there is nothing left to cancel.",
        State.CANCELLED: "It has been cancelled before: there is nothing left to do.",
        State.TRANSFERRED: "It has moved to another cohort: cancel the reservation it goes on as (`moved_to`).",
    }.get(one.state_at(now), "It has changed at this very moment: look at it again.")


def _what_instead_of_moving(one: Reservation, now: datetime) -> str:
    return {
        State.OFFERED: "It is an offer still: accept it first, or decline it in the line.",
        State.EXPIRED: "Its time ran out, so there is no seat to move: reserve one in the other cohort.",
        State.CANCELLED: "It has been cancelled, so there is no seat to move: reserve one in the other cohort.",
        State.TRANSFERRED: "It has moved before: transfer the reservation it goes on as (`moved_to`).",
    }.get(one.state_at(now), "It has changed at this very moment: look at it again.")


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
        whole = rows.select_related("cohort__venue", "cohort__module", "trainee", "moved_to")
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
            moved_to=one.moved_to.public_id if hasattr(one, "moved_to") else None,
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


def shown(one: Reservation, now: datetime) -> ReservationAnswer:
    """A reservation as the API shows it. Two statements."""
    return _shown(one, list(one.charges.all()), paid_cents(one), now)


def _shown(one: Reservation, charges: list[Charge], paid: int, now: datetime) -> ReservationAnswer:
    state = one.state_at(now)
    return ReservationAnswer(
        id=one.public_id,
        cohort=one.cohort.public_id,
        state=state,
        seat_number=one.seat_number,
        held_until=None if state == State.EXPIRED else one.held_until,
        provisional_until=one.provisional_until if state in LIVE else None,
        price=Money(one.price_cents, one.currency),
        deposit=Money(one.deposit_cents, one.currency),
        fee=Money(one.fee_cents, one.currency),
        paid=Money(paid, one.currency),
        remaining=Money(one.remaining_cents(paid), one.currency),
        due_next=_due_next(one, charges, paid) if state in LIVE else None,
        url=f"{settings.SITE_URL}{one.get_absolute_url()}",
    )


def _due_next(one: Reservation, charges: list[Charge], paid: int) -> DueAnswer | None:
    due = due_next(charges, paid)
    if due is None:
        return None
    return DueAnswer(Money(due.amount_cents, one.currency), due.due_at)
