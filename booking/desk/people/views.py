"""The registrar's pages about people: the list, somebody new, one person, and what has happened to them."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from booking.desk.people.accounts import open_account
from booking.desk.people.answering import find, page
from booking.desk.people.forms import NewPersonForm, PeopleFilter
from booking.desk.people.listing import listed, page_of_people
from booking.desk.people.remembered import ABOUT, lines_about, remembered
from booking.desk.people.seats.roads import cohort_to_fill
from workshops.clock import current_time, school_day
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes

A_PAGE_OF_HISTORY = 50


@roles(Role.REGISTRAR)
@require_safe
def people(request: SignedInRequest) -> HttpResponse:
    """Everyone with an account: search, filter, and where each trainee stands."""
    form, today = PeopleFilter(request.GET), school_day(current_time())
    wanted = dict(form.cleaned_data) if form.is_valid() else {}
    seat_in = cohort_to_fill(wanted.pop("cohort", ""), current_time())
    shown = page_of_people(wanted, request.GET.get("page"), today)
    context = {
        "form": form,
        "page": shown,
        "people": listed(list(shown), today),
        "is_filtered": any(wanted.values()),
        "seat_in": seat_in,
    }
    return TemplateResponse(request, "desk/people/people.html", context, status=200 if form.is_valid() else 422)


@roles(Role.REGISTRAR)
@shows_or_takes
def person_new(request: SignedInRequest) -> HttpResponse:
    """Open an account for someone. They sign in with a code by e-mail."""
    form = NewPersonForm(posted(request))
    if form.is_valid():
        asked = form.cleaned_data
        given = [Role(role) for role in asked["roles"]]
        try:
            person = open_account(
                name=asked["name"], email=asked["email"], roles=given, by=request.user, now=current_time()
            )
        except IntegrityError:  # the same form twice, or they signed up at this moment
            form.add_error("email", "Someone has an account with this address by now. Search for it in the list.")
        else:
            messages.success(request, f"{person} has an account and can sign in with a code sent to {person.email}.")
            return redirect("desk:person", person.public_id)
    return form_page(request, "desk/people/new.html", form)


@roles(Role.REGISTRAR)
@require_safe
def person(request: SignedInRequest, public_id: str) -> HttpResponse:
    """One person's whole standing; with a cohort in the address, the form that gives them a seat there is open."""
    seat_in, someone = cohort_to_fill(request.GET.get("cohort", ""), current_time()), find(public_id)
    if someone.public_id != public_id:
        return redirect("desk:person", someone.public_id)
    return page(request, someone, seat_in=seat_in)


@roles(Role.REGISTRAR)
@require_safe
def history(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Everything that has happened to one person, a page at a time; all of it, or about one kind of thing."""
    someone, about = find(public_id), request.GET.get("about", "")
    shown = Paginator(lines_about(someone, about), A_PAGE_OF_HISTORY).get_page(request.GET.get("page"))
    context = {
        "person": someone,
        "page": shown,
        "lines": remembered(shown, request.user),
        "about": about if about in ABOUT else "",
        "kinds": {code: title for code, (title, _) in ABOUT.items()},
    }
    return TemplateResponse(request, "desk/people/history.html", context)
