"""The registrar's page about a cohort's seats: how many there are, and which are kept back."""

from collections.abc import Callable
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from booking.desk.planning import overview, seating
from booking.desk.planning.forms import OneSeatForm, SeatsForm, add_objections
from workshops.clock import current_time
from workshops.cohorts.models import Cohort, SeatStatus
from workshops.cohorts.planning import Refused
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import shows_or_takes


@roles(Role.REGISTRAR)
@shows_or_takes
def seats(request: SignedInRequest, code: str) -> HttpResponse:
    """Show every seat, and change how many there are."""
    now, planned = current_time(), _cohort(code)
    if request.method != "POST":
        return _page(request, planned, now)
    form = SeatsForm(request.POST)
    if form.is_valid():
        capacity = form.cleaned_data["capacity"]
        try:
            seating.resize(planned, capacity, by=request.user, now=now)
        except Refused as refused:
            add_objections(form, refused)
        else:
            messages.success(request, f"{planned} has {capacity} {'seat' if capacity == 1 else 'seats'}.")
            return redirect("desk:cohort", planned.code)
    return _page(request, planned, now, {"how_many": form}, status=422)


@roles(Role.REGISTRAR)
@require_POST
def keep_back(request: SignedInRequest, code: str) -> HttpResponse:
    """Keep one seat for nobody."""
    return _decide(request, code, "keep", seating.keep_back, "is kept back. Nobody gets it until you give it out.")


@roles(Role.REGISTRAR)
@require_POST
def give_out(request: SignedInRequest, code: str) -> HttpResponse:
    """Give out a seat that was kept back."""
    return _decide(request, code, "give", seating.give_out, "is given out again.")


def _decide(request: SignedInRequest, code: str, name: str, command: Callable[..., None], done: str) -> HttpResponse:
    now, planned = current_time(), _cohort(code)
    form, status = OneSeatForm(request.POST, prefix=name), 422
    if form.is_valid():
        number, why = form.cleaned_data["seat"], form.cleaned_data["why"]
        try:
            command(planned, number, by=request.user, now=now, why=why)
        except Refused as refused:
            add_objections(form, refused)
            status = 409
        else:
            messages.success(request, f"Seat {number} {done}")
            return redirect("desk:cohort-seats", planned.code)
    return _page(request, planned, now, {name: form}, status=status)


def _page(
    request: SignedInRequest,
    planned: Cohort,
    now: datetime,
    returned: dict[str, forms.Form] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """The page; a form that came back stands in its place, with what was typed."""
    offered = overview.with_an_offer(planned, now)
    views = overview.seats_as_of(planned.seats.select_related("occupant"), now, offered=offered)
    shown: dict[str, forms.Form] = {
        "how_many": SeatsForm(initial={"capacity": len(views)}),
        "keep": OneSeatForm(prefix="keep"),
        "give": OneSeatForm(prefix="give"),
        **(returned or {}),
    }
    for name, wanted in (("keep", SeatStatus.FREE), ("give", SeatStatus.BLOCKED)):
        form = shown[name]
        assert isinstance(form, OneSeatForm)
        form.offer([view.number for view in views if view.status == wanted])
    page = {
        "cohort": planned,
        "seats": views,
        "count": overview.count_of(views),
        "may_give_seats": overview.may_give_seats(planned, now),
        "forms": shown,
        "bound": {name: form for name, form in (returned or {}).items() if name != "how_many"},
    }
    return TemplateResponse(request, "desk/planning/cohort_seats.html", page, status=status)


def _cohort(code: str) -> Cohort:
    return get_object_or_404(Cohort.objects.select_related("venue", "module"), code=code)
