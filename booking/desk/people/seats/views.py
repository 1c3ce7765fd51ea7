"""How a registrar gives someone a seat: reserving one, one that is kept back, or a place in line."""

from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from booking.desk.people.answering import Asked, check_open, find, page
from booking.desk.people.seats.forms import LineForm, PlaceForm, ReserveForm, SeatForm
from booking.desk.reservations.refusals import REFUSALS
from booking.desk.reservations.refusals import in_words as why_refused
from booking.reservations import admission, reserving, waiting, waitlist
from booking.reservations.models import Reservation
from workshops import money
from workshops.clock import current_time, school_day
from workshops.people.models import Role, User
from workshops.prerequisites.deciding import BadFact
from workshops.web.access import SignedInRequest, roles

Act = Callable[[User, Asked, datetime], HttpResponse]
_FULL = "Every seat of this cohort is taken or held, or owed to those in line. Add them to the line below."


@roles(Role.REGISTRAR)
@require_POST
def reserve(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Take a seat for a trainee who asked for it."""

    def act(someone: User, asked: Asked, now: datetime) -> HttpResponse:
        made = reserving.hold(asked["cohort"], someone, now=now, by=request.user, why=asked["why"])
        return _has_seat(request, made)

    return _seated(request, public_id, ReserveForm, act)


@roles(Role.REGISTRAR)
@require_POST
def place(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Give someone a seat that the school has kept back, past the line."""

    def act(someone: User, asked: Asked, now: datetime) -> HttpResponse:
        seat = asked["seat"]
        made = reserving.place(seat.cohort, someone, seat.number, now=now, by=request.user, why=asked["why"])
        return _has_seat(request, made)

    return _seated(request, public_id, PlaceForm, act)


@roles(Role.REGISTRAR)
@require_POST
def line(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Put someone at the end of the line of a full cohort."""

    def act(someone: User, asked: Asked, now: datetime) -> HttpResponse:
        cohort = asked["cohort"]
        entry, is_new = waiting.join(cohort, someone, now=now, by=request.user, why=asked["why"])
        where = waitlist.position(entry)
        there = f"at place {where}" if where else "with an offer that is open"
        messages.success(request, f"{someone} {'waits' if is_new else 'waited already'} for {cohort}, {there}.")
        return redirect("desk:person", someone.public_id)

    return _seated(request, public_id, LineForm, act)


def _seated(request: SignedInRequest, public_id: str, form_of: type[SeatForm], act: Act) -> HttpResponse:
    """Do what one of these forms asks. What is refused keeps what was typed: 422 for that, 409 for what has changed."""
    someone, now = find(public_id), current_time()
    form = form_of(request.POST, today=school_day(now))
    bound, full = {str(form.prefix): form}, None
    if not form.is_valid():
        return page(request, someone, {**bound}, status=422)
    try:
        check_open(someone, request.user)
        return act(someone, form.cleaned_data, now)
    except admission.Full as refused:
        full = form.cleaned_data.get("cohort")
        form.add_error("cohort" if full else None, _FULL if full else why_refused(refused, now=now))
    except (*REFUSALS, BadFact) as refused:
        form.add_error(None, why_refused(refused, now=now))
    return page(request, someone, {**bound}, status=409, full_cohort=full)


def _has_seat(request: SignedInRequest, made: Reservation) -> HttpResponse:
    deposit = money.in_words(made.deposit_cents, made.currency)
    waits = f" It waits for the deposit of {deposit}." if made.held_until else ""
    messages.success(request, f"Seat {made.seat_number} of {made.cohort} is theirs.{waits} A message is on its way.")
    return redirect("desk:reservation", made.public_id)
