"""The registrar's pages about venues."""

from datetime import datetime

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from booking.desk.planning import as_shown
from booking.desk.planning.forms import VenueChangeForm, VenueForm
from booking.reservations import changing
from booking.reservations.changing import ShowFirst
from workshops.clock import current_time, school_day
from workshops.cohorts.models import CohortStatus, Venue
from workshops.cohorts.venues import NameTaken, add_venue
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes

MEANWHILE = (
    "Someone came, left or paid at a cohort here meanwhile, or another registrar was here. Nothing has been done. "
    "This is how it stands now: look it over and decide again."
)
_NOTES = {
    "transit": "getting there",
    "step_free": "step-free access",
    "toilets": "toilets",
    "quiet_room": "quiet room",
    "staying": "staying nearby",
}


@roles(Role.REGISTRAR)
@require_safe
def venues(request: SignedInRequest) -> HttpResponse:
    """Every venue, and what people are not told about it yet."""
    coming = Q(cohorts__ends_on__gte=school_day(current_time())) & ~Q(cohorts__status=CohortStatus.CANCELLED)
    rows = [
        (venue, [title for name, title in _NOTES.items() if not getattr(venue, name).strip()])
        for venue in Venue.objects.annotate(coming=Count("cohorts", filter=coming))
    ]
    return TemplateResponse(request, "desk/planning/venues.html", {"rows": rows})


@roles(Role.REGISTRAR)
@shows_or_takes
def new(request: SignedInRequest) -> HttpResponse:
    """Put a venue on file."""
    form = VenueForm(posted(request))
    if form.is_valid():
        try:
            venue = add_venue(form.cleaned_data, by=request.user, now=current_time())
        except NameTaken:
            form.add_error("name", "Another venue has this name.")
        else:
            messages.success(request, f"{venue} is on file.")
            return redirect("desk:venues")
    return form_page(request, "desk/planning/venue_form.html", form)


@roles(Role.REGISTRAR)
@shows_or_takes
def edit(request: SignedInRequest, number: int) -> HttpResponse:
    """Change what is known about a venue. What calendars say of it is shown first with everyone whom it touches."""
    now, venue = current_time(), get_object_or_404(Venue, pk=number)
    form = VenueForm(posted(request), instance=Venue.objects.get(pk=venue.pk))
    if not form.is_valid() or "again" in request.POST:
        return form_page(request, "desk/planning/venue_form.html", form, {"venue": venue})
    try:
        if "shown" in request.POST:
            return _change(request, venue, form, now)
        changing.change_venue(venue, form.cleaned_data, by=request.user, now=now)
    except ShowFirst:
        return _change_page(request, venue, form, now)
    except NameTaken:
        form.add_error("name", "Another venue has this name.")
        return form_page(request, "desk/planning/venue_form.html", form, {"venue": venue})
    messages.success(request, f"{form.cleaned_data['name']} is saved.")
    return redirect("desk:venues")


def _change(request: SignedInRequest, venue: Venue, form: VenueForm, now: datetime) -> HttpResponse:
    decided = VenueChangeForm(request.POST)
    if not decided.is_valid():
        return _change_page(request, venue, form, now, decided, status=422)
    values, shown = form.cleaned_data, request.POST["shown"]
    try:
        reached = as_shown.change_venue(venue, values, shown, by=request.user, now=now, **decided.cleaned_data)
    except as_shown.Changed:
        decided.add_error(None, MEANWHILE)
        return _change_page(request, Venue.objects.get(pk=venue.pk), form, now, decided, status=409)
    count = changing.how_many(reached)
    told = f"{count} {'person is' if count == 1 else 'people are'} told." if count else "Nobody is told."
    messages.success(request, f"{values['name']} is saved. {told}")
    return redirect("desk:venues")


def _change_page(
    request: SignedInRequest,
    venue: Venue,
    form: VenueForm,
    now: datetime,
    decided: VenueChangeForm | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """Whom the change touches, cohort by cohort, and the button to do it. `venue` is as it is."""
    reached = changing.reached_at(venue, request.user, now)
    page = {
        "venue": venue,
        "form": decided or VenueChangeForm(),
        "is_noticed": changing.is_part_of_the_event(venue, form.cleaned_data),
        "rows": [
            (form.fields[name].label or name, getattr(venue, name), form.cleaned_data[name])
            for name in ("name", "address", "city")
        ],
        "notes": [title for name, title in _NOTES.items() if getattr(venue, name) != form.cleaned_data[name]],
        "reached": reached,
        "how_many": changing.how_many(reached),
        "shown": as_shown.seen_of_venue(venue, reached),
        "carried": [(name, request.POST.get(name, "")) for name in form.fields],
    }
    return TemplateResponse(request, "desk/planning/venue_change.html", page, status=status)
