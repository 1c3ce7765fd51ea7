"""The registrar moves people between cohorts: to a seat that is free, into the line, or each to the other's seat."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from booking.desk.reservations import previews
from booking.desk.reservations.answering import Asked, decided, find
from booking.desk.reservations.forms import DestinationForm, MoveForm, PartnerForm, SwapForm, WaitForm
from booking.desk.reservations.refusals import SomeoneLacks
from booking.reservations import admission, moving, waiting, waitlist
from booking.reservations.models import OWING, Reservation
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import shows_or_takes


@roles(Role.REGISTRAR)
@shows_or_takes
def move(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Choose another cohort, see what moving there changes, and move someone on the school's terms."""
    found = find(public_id)

    def go(to: previews.Destination, asked: Asked) -> tuple[str, Reservation]:
        new = moving.move(found, to.cohort, now=current_time(), by=request.user, why=asked["why"])
        return f"{new.trainee} has seat {new.seat_number} of {new.cohort} now, and is told.", new

    return _to_another_cohort(request, found, MoveForm, go)


@roles(Role.REGISTRAR)
@require_POST
def wait(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Put someone in the line of a cohort that is full; they keep the seat they have."""
    found = find(public_id)

    def join(to: previews.Destination, asked: Asked) -> tuple[str, Reservation]:
        entry, is_new = waiting.join(to.cohort, found.trainee, now=current_time(), by=request.user, why=asked["why"])
        place = waitlist.position(entry)
        there = f"at place {place}" if place else "with an offer that is open"
        if not is_new:
            return f"{found.trainee} waits for {to.cohort} already, {there}.", found
        keeps = f" and keeps seat {found.seat_number} here" if found.state_at(current_time()) in OWING else ""
        return f"{found.trainee} waits for {to.cohort}, {there},{keeps} meanwhile.", found

    return _to_another_cohort(request, found, WaitForm, join)


def _to_another_cohort(
    request: SignedInRequest,
    found: Reservation,
    kind: type[MoveForm] | type[WaitForm],
    act: Callable[[previews.Destination, Asked], tuple[str, Reservation]],
) -> HttpResponse:
    """What moving and waiting share: one chooses a cohort first, and the page shows what that comes to."""
    data = request.POST if request.method == "POST" else request.GET
    there = _destination(found, data.get("to"))
    if request.method != "POST":
        return _move_page(request, found, there)
    if there.chosen is None:
        return _move_page(request, found, there, status=422)
    chosen, form = there.chosen, kind(request.POST)

    def again(status: int) -> HttpResponse:
        fresh = find(found.public_id)
        return _move_page(request, fresh, _destination(fresh, chosen.cohort.code), form, status=status)

    return decided(request, form, lambda asked: act(chosen, asked), again, about=(found,))


@dataclass(frozen=True)
class _There:
    """Where someone might move to, and what was chosen."""

    form: DestinationForm
    all: list[previews.Destination]
    chosen: previews.Destination | None


def _destination(found: Reservation, code: str | None) -> _There:
    possible = previews.destinations(found, current_time())
    form = DestinationForm(None if code is None else {"to": code}, destinations=possible)
    wanted = form.cleaned_data["to"] if form.is_valid() else None
    return _There(form, possible, next((each for each in possible if each.cohort.code == wanted), None))


def _move_page(
    request: SignedInRequest,
    found: Reservation,
    there: _There,
    returned: MoveForm | WaitForm | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """The page; a form that came back stands in its place, and what was typed goes along to the other."""
    now, typed = current_time(), {"why": returned.data.get("why", "")} if returned else {}
    page = {
        "reservation": found,
        "state": found.state_at(now),
        "is_own": found.trainee_id == request.user.pk,
        "may_move": moving.may_move(found, now),
        "destinations": there.all,
        "choose": there.form,
        "move": previews.move(found, there.chosen, now) if there.chosen else None,
        "form": returned if isinstance(returned, MoveForm) else MoveForm(initial=typed),
        "wait": returned if isinstance(returned, WaitForm) else WaitForm(initial=typed),
        "refused": returned,
    }
    if there.form.is_bound and there.chosen is None:
        status = 422
    return TemplateResponse(request, "desk/reservations/move.html", page, status=status)


# -- two people at once ------------------------------------------------------------------------------------------------
@roles(Role.REGISTRAR)
@shows_or_takes
def swap(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Choose someone in another cohort, see what changes for both, and let the two change places."""
    found = find(public_id)
    data = request.POST if request.method == "POST" else request.GET
    possible = previews.partners(found, request.user, current_time())
    choose = PartnerForm({"other": data["other"]} if "other" in data else None, partners=possible)
    chosen = choose.cleaned_data["other"] if choose.is_valid() else None
    other = next((each.reservation for each in possible if each.reservation.public_id == chosen), None)
    if request.method != "POST" or other is None:
        status = 422 if request.method == "POST" or (choose.is_bound and other is None) else 200
        return _swap_page(request, found, other, choose, possible, SwapForm(), status=status)
    form, partner = SwapForm(request.POST), other

    def change_places(asked: Asked) -> tuple[str, Reservation]:
        try:
            mine, theirs = moving.swap(found, partner, now=current_time(), by=request.user, why=asked["why"])
        except admission.PrerequisitesUnmet as refused:
            raise SomeoneLacks(_who_lacks_what(found, partner)) from refused
        one, other = (f"{each.trainee} has seat {each.seat_number} of {each.cohort}" for each in (mine, theirs))
        return f"{one} now, and {other}. Both are told.", mine

    def again(status: int) -> HttpResponse:
        return _swap_page(request, find(public_id), partner, choose, possible, form, status=status)

    return decided(request, form, change_places, again, about=(found, partner))


def _who_lacks_what(one: Reservation, other: Reservation) -> str:
    lacking = [half for half in previews.swap(one, other, current_time()) if half.lacks]
    words = " ".join(f"{half.reservation.trainee} lacks for {half.cohort}: {half.lacks}." for half in lacking)
    return f"{words} Record it, or make an exception, and try again."


def _swap_page(
    request: SignedInRequest,
    found: Reservation,
    other: Reservation | None,
    choose: PartnerForm,
    possible: list[previews.Partner],
    form: SwapForm,
    *,
    status: int = 200,
) -> HttpResponse:
    now = current_time()
    page = {
        "reservation": found,
        "state": found.state_at(now),
        "is_own": found.trainee_id == request.user.pk,
        "may_swap": found.state_at(now) in OWING,
        "choose": choose,
        "partners": possible,
        "halves": previews.swap(found, other, now) if other else [],
        "other": other,
        "form": form,
    }
    return TemplateResponse(request, "desk/reservations/swap.html", page, status=status)
