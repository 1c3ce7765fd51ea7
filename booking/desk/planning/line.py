"""The registrar's page about the line of a cohort: who waits, in which order, and what they may be offered."""

from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from booking.desk.planning import as_shown
from booking.desk.planning.line_forms import JoinForm, OrderForm, TakeOutForm
from booking.desk.planning.places import WholeLine, whole_line, why_seats_stay_free
from booking.reservations import admission, waiting, waitlist
from booking.reservations.models import WaitlistEntry
from workshops.clock import current_time
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.people.models import Role, User
from workshops.prerequisites.deciding import BadFact, not_their_own
from workshops.web.access import SignedInRequest, roles


@roles(Role.REGISTRAR)
@require_safe
def line(request: SignedInRequest, code: str) -> HttpResponse:
    """Everyone in turn, the open offers, and who was in line before."""
    now = current_time()
    planned = _cohort(code, now)
    return _page(request, planned, whole_line(planned, now), now)


@roles(Role.REGISTRAR)
@require_POST
def order(request: SignedInRequest, code: str) -> HttpResponse:
    """Bring those who wait into another order, for a reason."""
    now = current_time()
    planned = _cohort(code, now)
    known = whole_line(planned, now)
    if request.POST.get("shown") != ",".join(known.in_turn):
        return _line_changed(request, planned, now)
    form = OrderForm(known.waiting, request.POST)
    if not form.is_valid():
        return _page(request, planned, known, now, {"order": form}, status=422)
    try:
        for place in known.waiting:
            not_their_own(place.entry.trainee, request.user)
        as_shown.reorder(planned, known.in_turn, form.order, by=request.user, now=now, why=form.cleaned_data["why"])
    except BadFact as refused:
        form.add_error(None, f"You wait in this line. {refused}")
        return _page(request, planned, known, now, {"order": form}, status=422)
    except waiting.LineChanged:
        return _line_changed(request, planned, now)
    said = "The line has the new order." if form.order != known.in_turn else "That is their order already."
    messages.success(request, said)
    return _to(planned)


def _line_changed(request: SignedInRequest, planned: Cohort, now: datetime) -> HttpResponse:
    fresh = whole_line(planned, now)
    form = OrderForm.again(fresh.waiting, request.POST)
    form.add_error(
        None,
        "The line has changed since you saw it, so nothing was done. This is the line now; what you typed is still "
        "there. Look it over and save it again.",
    )
    return _page(request, planned, fresh, now, {"order": form}, status=409)


@roles(Role.REGISTRAR)
@require_POST
def join(request: SignedInRequest, code: str) -> HttpResponse:
    """Put someone at the end of the line, for a reason."""
    now = current_time()
    planned, form = _cohort(code, now), JoinForm(request.POST)
    if not form.is_valid():
        return _page(request, planned, whole_line(planned, now), now, {"join": form}, status=422)
    asked = form.cleaned_data
    try:
        not_their_own(form.person, request.user)
        _, is_new = waiting.join(
            planned, form.person, now=now, notice_days=asked["notice_days"], by=request.user, why=asked["why"]
        )
    except (BadFact, admission.Refused, waiting.SeatsAvailable) as refused:
        form.add_error(None, _why_not(refused))
        return _page(request, planned, whole_line(planned, now), now, {"join": form}, status=409)
    said = "is in line now and is told." if is_new else "was in line already. Nothing has changed."
    messages.success(request, f"{form.person} {said}")
    return _to(planned)


def _why_not(refused: Exception) -> str:
    if isinstance(refused, waiting.SeatsAvailable):
        return "A seat is free for anyone. Take it for them on their own page instead of letting them wait."
    if isinstance(refused, admission.AlreadyReserved):
        return f"They have seat {refused.reservation.seat_number} in this cohort, so there is nothing to wait for."
    if isinstance(refused, admission.BookingClosed):
        return "This cohort takes no reservations now, so nobody can join its line. Open its bookings first."
    return str(refused)


@roles(Role.REGISTRAR)
@require_POST
def take_out(request: SignedInRequest, code: str) -> HttpResponse:
    """Take someone out of the line, for a reason. An open offer goes on to the next."""
    now = current_time()
    planned, form, status = _cohort(code, now), TakeOutForm(request.POST), 422
    if form.is_valid():
        entries = WaitlistEntry.objects.select_related("trainee").filter(cohort=planned)
        entry = get_object_or_404(entries, public_id=form.cleaned_data["entry"])
        try:
            not_their_own(entry.trainee, request.user)
            _not_in_line(planned, request.user)
            waiting.leave(entry, now=now, by=request.user, why=form.cleaned_data["why"])
        except BadFact as refused:
            form.add_error(None, str(refused))
        except waiting.NotWaiting:
            form.add_error("entry", f"{entry.trainee} is not in line any more. Nothing was changed.")
            status = 409
        else:
            messages.success(request, f"{entry.trainee} is out of the line.")
            return _to(planned)
    return _page(request, planned, whole_line(planned, now), now, {"out": form}, status=status)


def _not_in_line(planned: Cohort, registrar: User) -> None:
    """Whoever waits in a line takes nobody out of it who may stand before them."""
    if waitlist.place_of(planned.pk, registrar.pk) is not None:
        raise BadFact("You wait in this line yourself. Ask another registrar.")


def _page(
    request: SignedInRequest,
    planned: Cohort,
    known: WholeLine,
    now: datetime,
    returned: dict[str, forms.Form] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """The page; a form that came back stands in its place, with what was typed."""
    shown: dict[str, forms.Form] = {
        "order": OrderForm(known.waiting),
        "join": JoinForm(),
        "out": TakeOutForm(),
        **(returned or {}),
    }
    out = shown["out"]
    assert isinstance(out, TakeOutForm)
    out.offer([place.entry for place in known.waiting], known.offers)
    is_open = planned.status in {CohortStatus.PUBLISHED, CohortStatus.CLOSED}
    page = {
        "cohort": planned,
        "line": known,
        "forms": shown,
        "bound": {name: form for name, form in (returned or {}).items() if name != "order"},
        "why_free": why_seats_stay_free(planned, known, now),
        "is_open": is_open,
        "may_reorder": is_open and len(known.waiting) > 1,
        "may_be_joined": planned.is_bookable(now),
    }
    return TemplateResponse(request, "desk/planning/line.html", page, status=status)


def _cohort(code: str, now: datetime) -> Cohort:
    cohorts = Cohort.objects.with_seats_left(now).select_related("venue", "module")
    return get_object_or_404(cohorts, code=code)


def _to(planned: Cohort) -> HttpResponseRedirect:
    return redirect("desk:cohort-line", code=planned.code)
