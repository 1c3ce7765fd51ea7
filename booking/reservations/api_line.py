"""The API of the line: joining it, one's place, leaving it, and the answer to an offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from django.conf import settings
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from booking.reservations import admission, lifecycle, moving, offers, waiting
from booking.reservations.api import MOVE_REFUSED, ReservationAnswer, move_refused, seat_refused, shown
from booking.reservations.api_cohorts import the_cohort, visible_cohorts
from booking.reservations.models import EntryState, Reservation, WaitlistEntry, WaitlistQuerySet
from booking.reservations.places import Place, places
from workshops.people.models import Role, Scope, User
from workshops.web.operations import PersonsRequest, operation, roles, signed_in
from workshops.web.paging import Page, Paging, page
from workshops.web.problems import Problem
from workshops.web.shapes import Moment, Word, looks_like_an_id

router = Router(tags=["The line"])

EntryStateName = Annotated[str, Field(json_schema_extra={"enum": list(EntryState.values)})]


@dataclass(frozen=True)
class OfferAnswer:
    """A seat that is held for you until then. `reservation` is the id of the reservation that accepting makes yours."""

    expires_at: Moment
    reservation: str


@dataclass(frozen=True)
class EntryAnswer:
    """A place in the line of a cohort as of now: an offer that ran out has lapsed, whoever has noticed.

    `cohort` is its id; `position` is 1 for the first and null for whoever does not wait (any more). `offer` is there
    while the state is `offered`.
    """

    id: str
    cohort: str
    position: int | None
    state: EntryStateName
    offer: OfferAnswer | None
    notice_days: int
    joined_at: Moment
    url: str


class JoinAsked(BaseModel):
    """Which cohort, by its id, and how many days before it begins you must know at the latest."""

    cohort: Word
    notice_days: int | None = Field(
        None, ge=0, le=365, strict=True, description="You are passed over when the cohort begins sooner; 0 if left out."
    )


@operation(
    router,
    "POST",
    "/waitlist",
    {200: EntryAnswer, 201: EntryAnswer},
    access=roles(Role.TRAINEE, scopes=[Scope.BOOK]),
    problems=("not-found", "booking-closed", "already-reserved", "seats-available"),
)
def join(request: PersonsRequest, asked: JoinAsked) -> Status[EntryAnswer]:
    """Join the line

    At its end: 201. Whoever is in it already keeps their place: 200 with it, and with the `notice_days` asked for.
    Nobody needs to be eligible yet, and a seat in another cohort is kept meanwhile. With `seats-available`, reserve.
    """
    cohort = the_cohort(visible_cohorts(request.person), asked.cohort)
    days = asked.notice_days
    try:
        entry, is_new = waiting.join(cohort, request.person, now=request.now, notice_days=days or 0)
        if not is_new and days is not None and entry.state == EntryState.WAITING:
            waiting.set_notice(entry, days, now=request.now, by=request.person)
    except admission.Refused as refused:
        raise seat_refused(refused, cohort) from None
    except waiting.SeatsAvailable:
        raise Problem("seats-available") from None
    except waiting.NotWaiting:
        pass  # an offer came meanwhile: the answer tells of it
    return Status(201 if is_new else 200, _read(request, entry.public_id))


@operation(
    router,
    "GET",
    "/waitlist",
    {200: Page[EntryAnswer]},
    access=roles(Role.TRAINEE, Role.REGISTRAR, scopes=[Scope.READ]),
)
def places_in_line(request: PersonsRequest, asked: Query[Paging]) -> Page[EntryAnswer]:
    """List your places in lines

    Your own only, whoever you are, the last joined first; those that have ended are among them.
    """
    found = page(_own(request.person), asked, by=("-joined_at", "-public_id"))
    return found.showing(lambda entries: _shown(entries, request.now))


@operation(
    router,
    "DELETE",
    "/waitlist/{entry_id}",
    {204: None},
    access=roles(Role.TRAINEE, scopes=[Scope.BOOK]),
    problems=("offer-gone",),
)
def leave(request: PersonsRequest, entry_id: str) -> None:
    """Leave the line

    An open offer is declined by this. Leaving again changes nothing. With `offer-gone` there was nothing to leave: the
    place has become a seat (then cancel the reservation) or has ended by itself.
    """
    entry = _the_entry(request.person, entry_id)
    try:
        waiting.leave(entry, now=request.now, by=request.person)
    except waiting.NotWaiting:
        raise _gone(request, entry_id) from None


@operation(
    router,
    "POST",
    "/waitlist/{entry_id}/accept",
    {200: ReservationAnswer},
    access=signed_in(Scope.BOOK),
    problems=("offer-gone", *(slug for slug in MOVE_REFUSED if slug != "cohort-full")),
)
def accept(request: PersonsRequest, entry_id: str) -> ReservationAnswer:
    """Accept the offer

    The seat becomes a hold that waits for its deposit, at least as long as the offer would have; `reserved` or
    `confirmed` where no deposit is owed. Posting accepts the cohort's conduct text, and that is recorded. Whoever has a
    seat in another cohort, and may have one only, moves here by this, on the terms of moving: a fee where one is owed,
    and the same refusals.
    """
    entry = _the_entry(request.person, entry_id)
    try:
        made = moving.accept(_offer_of(entry, request), now=request.now, by=request.person)
    except (offers.OfferGone, admission.Full):
        raise _gone(request, entry_id) from None
    except (admission.Refused, lifecycle.Moved, moving.TooLate) as refused:
        raise move_refused(refused, entry.cohort, request.now) from None
    return shown(made, request.now)


@operation(
    router,
    "POST",
    "/waitlist/{entry_id}/decline",
    {200: EntryAnswer},
    access=signed_in(Scope.BOOK),
    problems=("offer-gone",),
)
def decline(request: PersonsRequest, entry_id: str) -> EntryAnswer:
    """Decline the offer

    The seat goes to the next in line at once, and your place ends. You may join again, at the end.
    """
    entry = _the_entry(request.person, entry_id)
    try:
        offers.decline(_offer_of(entry, request), now=request.now, by=request.person)
    except offers.OfferGone:
        raise _gone(request, entry_id) from None
    return _read(request, entry_id)


def _own(person: User) -> WaitlistQuerySet:
    return WaitlistEntry.objects.filter(trainee=person).select_related("cohort", "offer")


def _the_entry(person: User, entry_id: str) -> WaitlistEntry:
    """Their place in line with this public id, with its cohort and offer.

    Raises:
        Problem: ``not-found``.
    """
    found = _own(person).filter(public_id=entry_id).first() if looks_like_an_id(entry_id) else None
    if found is None:
        raise Problem("not-found")
    return found


def _offer_of(entry: WaitlistEntry, request: PersonsRequest) -> Reservation:
    """The offer that this place has now.

    Raises:
        Problem: ``offer-gone``.
    """
    (place,) = places([entry], request.now)
    if place.offer is None:
        raise _gone(request, entry.public_id)
    return place.offer


def _gone(request: PersonsRequest, entry_id: str) -> Problem:
    """What to say where there is no offer (any more): what has become of the place, and what to do."""
    (place,) = places([_the_entry(request.person, entry_id)], request.now)
    instead = {
        EntryState.WAITING: "No seat is on offer yet: you keep your place in the line.",
        EntryState.SEATED: "You have a seat in this cohort already: look at your reservations.",
        EntryState.LAPSED: "The offer ran out, or the line was closed. You may join the line again, at its end.",
        EntryState.WITHDRAWN: "You have declined, or left the line. You may join it again, at its end.",
    }.get(place.state, "It has changed at this very moment: look at it again.")
    return Problem("offer-gone", instead, state=str(place.state))


def _read(request: PersonsRequest, entry_id: str) -> EntryAnswer:
    return _shown([_the_entry(request.person, entry_id)], request.now)[0]


def _shown(entries: Sequence[WaitlistEntry], now: datetime) -> list[EntryAnswer]:
    """These places as the API shows them, in one statement for all."""
    return [
        EntryAnswer(
            id=place.entry.public_id,
            cohort=place.entry.cohort.public_id,
            position=place.position,
            state=place.state,
            offer=_open_offer(place),
            notice_days=place.entry.notice_days,
            joined_at=place.entry.joined_at,
            url=f"{settings.SITE_URL}{place.entry.get_absolute_url()}",
        )
        for place in places(entries, now)
    ]


def _open_offer(place: Place) -> OfferAnswer | None:
    if place.offer is None or place.offer.held_until is None:
        return None
    return OfferAnswer(place.offer.held_until, place.offer.public_id)
