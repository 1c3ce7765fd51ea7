"""The year and its cohorts, for everyone; and a trainee's step from a cohort to a held seat."""

from datetime import datetime

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.timezone import now as current_time
from django.views.decorators.http import require_safe

from booking.reservations import admission, lifecycle
from booking.reservations.forms import ReserveForm
from booking.reservations.models import State
from booking.reservations.pathway import mends
from booking.reservations.promises import promises
from workshops.clock import in_words, school_day
from workshops.cohorts.models import Cohort, CohortStatus, Session
from workshops.people.models import Role, User
from workshops.prerequisites.facts import rules_for, standing_of
from workshops.programme.models import MODULE_IV, conduct_text, price_on, school, school_terms
from workshops.web.access import SignedInRequest, anyone, roles
from workshops.web.forms import form_page, posted, shows_or_takes


@anyone
@require_safe
def year(request: HttpRequest) -> HttpResponse:
    """The coming cohorts with the places left in each, and what a seat costs."""
    now = current_time()
    today = school_day(now)
    cohorts = Cohort.objects.public().coming(today).with_seats_left(now).select_related("venue")
    page = {"cohorts": [_listed(cohort, now) for cohort in cohorts], "price": price_on(MODULE_IV, today)}
    return TemplateResponse(request, "reservations/year.html", page)


@anyone
@require_safe
def cohort(request: HttpRequest, code: str) -> HttpResponse:
    """One cohort: its days, its place, its price, and what getting there involves."""
    now = current_time()
    shown = _public_cohort(code, now)
    listed = _listed(shown, now)
    page = {"listed": listed, **listed, **_costs(shown, request.user, now), "rules": rules_for(shown.module.code)}
    if isinstance(request.user, User) and Role.TRAINEE in request.user.roles:
        page["standing"], _ = standing_of(request.user, shown.module.code, school_day(now), shown.pk)
        page["own"] = admission.seat_in_the_way(shown, request.user, now=now)
    return TemplateResponse(request, "reservations/cohort.html", page)


@roles(Role.TRAINEE)
@shows_or_takes
def reserve(request: SignedInRequest, code: str) -> HttpResponse:
    """Step one: what it means, what it costs, and what everyone in the room agrees to. Then the seat is held."""
    now = current_time()
    shown, conduct = _public_cohort(code, now), conduct_text()
    form = ReserveForm(posted(request), initial={"conduct_version": conduct.version})
    if form.is_valid():
        if form.cleaned_data["conduct_version"] != conduct.version:
            form = ReserveForm(initial={"conduct_version": conduct.version})
            messages.warning(request, "The text has changed since you opened this page. Please read it once more.")
        else:
            try:
                held = lifecycle.hold(shown, request.user, now=now)
            except admission.Refused as refused:
                return _refusal(request, shown, refused, now)
            return redirect("pay" if held.state == State.HELD else "reservation", held.public_id)
    found, _ = standing_of(request.user, shown.module.code, school_day(now), shown.pk)
    page = {
        **_listed(shown, now),
        **_costs(shown, request.user, now),
        "standing": found,
        "own": admission.seat_in_the_way(shown, request.user, now=now),
        "conduct": conduct,
        "requirements": mends(found, school()),
    }
    return form_page(request, "reservations/reserve.html", form, page)


def _refusal(request: SignedInRequest, shown: Cohort, refused: admission.Refused, now: datetime) -> HttpResponse:
    """Say why there is no seat, and what can be done about it."""
    page = {**_listed(_public_cohort(shown.code, now), now), "refused": type(refused).__name__}
    if isinstance(refused, admission.AlreadyReserved):
        page["own"] = refused.reservation
    if isinstance(refused, admission.PrerequisitesUnmet):
        page["requirements"] = mends(refused.standing, school())
    return TemplateResponse(request, "reservations/refused.html", page, status=409)


def _public_cohort(code: str, now: datetime) -> Cohort:
    cohorts = Cohort.objects.public().with_seats_left(now).select_related("venue", "module")
    return get_object_or_404(cohorts.prefetch_related(Prefetch("sessions", Session.objects.order_by("day"))), code=code)


def _listed(shown: Cohort, now: datetime) -> dict[str, object]:
    """What every page says of a cohort: its seats as a drawing, and whether it can be booked."""
    capacity, free = getattr(shown, "capacity", 0), getattr(shown, "free_seats", 0)
    bookable = shown.is_bookable(now)
    return {
        "cohort": shown,
        "is_bookable": bookable,
        "opens_later": shown.status == CohortStatus.PUBLISHED and now < shown.bookings_open_at,
        "capacity": capacity,
        "seats_left": free,
        "seats": ["free"] * free + ["taken"] * (capacity - free),
        "status": _status(shown, free, now, bookable=bookable),
    }


def _status(shown: Cohort, free: int, now: datetime, *, bookable: bool) -> tuple[str, str]:
    """The pill of a cohort: its colour and its words."""
    if shown.status == CohortStatus.CANCELLED:
        return "stop", "Cancelled"
    if bookable:
        return ("good", "Open") if free else ("wait", "Full")
    if shown.status == CohortStatus.PUBLISHED and now < shown.bookings_open_at:
        return "", f"Opens {in_words(school_day(shown.bookings_open_at))}"
    return "", "Bookings closed"


def _costs(shown: Cohort, user: object, now: datetime) -> dict[str, object]:
    """What a seat in this cohort would cost this reader today, and the dates that go with it."""
    today = school_day(now)
    terms = shown.terms(school_terms())
    entitled = isinstance(user, User) and user.entitlements.filter(module=shown.module).exists()
    cost = admission.quote(shown, terms, price_on(shown.module.code, today), entitled=entitled, today=today)
    return {
        "quote": cost,
        "terms": terms,
        "promises": promises(shown.starts_on, terms, today),
    }
