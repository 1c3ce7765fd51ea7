"""The registrar's pages about venues."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from booking.desk.planning.forms import VenueForm
from workshops.clock import current_time, school_day
from workshops.cohorts.models import CohortStatus, Venue
from workshops.cohorts.venues import NameTaken, add_venue, change_venue
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes

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
    """Change what is known about a venue."""
    venue = get_object_or_404(Venue, pk=number)
    form = VenueForm(posted(request), instance=Venue.objects.get(pk=venue.pk))
    if form.is_valid():
        try:
            change_venue(venue, form.cleaned_data, by=request.user, now=current_time())
        except NameTaken:
            form.add_error("name", "Another venue has this name.")
        else:
            messages.success(request, f"{form.cleaned_data['name']} is saved.")
            return redirect("desk:venues")
    return form_page(request, "desk/planning/venue_form.html", form, {"venue": venue})
