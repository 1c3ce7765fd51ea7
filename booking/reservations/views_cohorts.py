"""The year and its cohorts, for everyone; and a trainee's step from a cohort to a held seat."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from booking.reservations import admission, reserving
from booking.reservations.forms import ReserveForm
from booking.reservations.listing import agreed_at, costs, listed, listed_one, public_cohort, public_cohorts
from booking.reservations.models import State
from booking.reservations.pathway import mends
from booking.reservations.places import place_here
from workshops.clock import current_time, school_day
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.people.models import Role, User
from workshops.prerequisites.facts import rules_for, standing_of
from workshops.programme.models import MODULE_IV, conduct_text, price_on, school
from workshops.web.access import SignedInRequest, anyone, roles
from workshops.web.forms import form_page, posted, shows_or_takes


@anyone
@require_safe
def year(request: HttpRequest) -> HttpResponse:
    """The coming cohorts with the places left in each, how many wait, and what a seat costs."""
    now = current_time()
    today = school_day(now)
    cohorts = list(public_cohorts(now).coming(today))
    page = {
        "cohorts": listed([each for each in cohorts if each.status != CohortStatus.CANCELLED], now),
        "cancelled": [each for each in cohorts if each.status == CohortStatus.CANCELLED],
        "price": price_on(MODULE_IV, today),
    }
    return TemplateResponse(request, "reservations/year.html", page)


@anyone
@require_safe
def cohort(request: HttpRequest, code: str) -> HttpResponse:
    """One cohort: its days, its place, its price, its line, and what getting there involves."""
    now = current_time()
    shown = public_cohort(code, now)
    told = listed_one(shown, now)
    page = {"listed": told, **told, **costs(shown, request.user, now), "rules": rules_for(shown.module.code)}
    if isinstance(request.user, User) and Role.TRAINEE in request.user.roles:
        page["standing"], _ = standing_of(request.user, shown.module.code, school_day(now), shown.pk)
        page["own"] = admission.seat_in_the_way(shown, request.user, now=now)
        page["place"] = place_here(shown, request.user, now)
    return TemplateResponse(request, "reservations/cohort.html", page)


@roles(Role.TRAINEE)
@shows_or_takes
def reserve(request: SignedInRequest, code: str) -> HttpResponse:
    """Step one: what it means, what it costs, and what everyone in the room agrees to. Then the seat is held."""
    now = current_time()
    shown, conduct = public_cohort(code, now), conduct_text()
    place = place_here(shown, request.user, now)
    if place and place.offer:  # its page names the terms, and the text, that this offer was made under
        return redirect(place.entry)
    agreed = agreed_at(request.user, conduct)
    initial = {"conduct_version": conduct.version, "accept_conduct": agreed is not None}
    form = ReserveForm(posted(request), initial=initial)
    if form.is_valid():
        if form.cleaned_data["conduct_version"] != conduct.version:
            form = ReserveForm(initial=initial)
            messages.warning(request, "The text has changed since you opened this page. Please read it once more.")
        else:
            try:
                held = reserving.hold(shown, request.user, now=now)
            except admission.Refused as refused:
                return _refusal(request, shown, refused, now)
            return redirect("pay" if held.state == State.HELD else "reservation", held.public_id)
    found, _ = standing_of(request.user, shown.module.code, school_day(now), shown.pk)
    page = {
        **listed_one(shown, now),
        **costs(shown, request.user, now),
        "standing": found,
        "own": admission.seat_in_the_way(shown, request.user, now=now),
        "place": place,
        "conduct": conduct,
        "agreed_at": agreed,
        "requirements": mends(found, school(), request.user),
    }
    return form_page(request, "reservations/reserve.html", form, page)


def _refusal(request: SignedInRequest, shown: Cohort, refused: admission.Refused, now: datetime) -> HttpResponse:
    """Say why there is no seat, and what can be done about it."""
    page = {
        **listed_one(public_cohort(shown.code, now), now),
        "refused": type(refused).__name__,
        "place": place_here(shown, request.user, now),
    }
    if isinstance(refused, admission.AlreadyReserved):
        page["own"] = refused.reservation
    if isinstance(refused, admission.PrerequisitesUnmet):
        page["requirements"] = requirements = mends(refused.standing, school(), request.user)
        page["first_mend"] = next((mend for _, mend in requirements if mend), None)
    return TemplateResponse(request, "reservations/refused.html", page, status=409)
