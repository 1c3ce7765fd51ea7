"""The registrar's page about erasing somebody."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from booking.rights import asking
from booking.rights.accounts import accounts_of
from booking.rights.erasing import InTheWay, NotThisOne, erase, refuses
from booking.rights.forms import DeclineForm, EraseForm
from booking.rights.in_the_way import in_the_way
from booking.rights.page import erasure_of
from workshops.clock import current_time
from workshops.people.models import ErasureRequest, Role, User
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import posted, shows_or_takes


@roles(Role.REGISTRAR)
@shows_or_takes
def person_erase(request: SignedInRequest, public_id: str) -> HttpResponse:
    """See what would go, what would stay and what stands in the way; and carry it out."""
    person, now = _person(public_id), current_time()
    asked = asking.open_request(person)
    form = EraseForm(person, has_asked=asked is not None, data=posted(request))
    if not form.is_valid():
        return _page(request, person, asked, form, status=422 if form.is_bound else 200)
    try:
        erase(person, by=request.user, now=now)
    except (InTheWay, NotThisOne) as refused:
        form.add_error(None, f"Nothing has been done. {refused}")
        return _page(request, person, asked, form, status=409)
    messages.success(request, "They are erased. A last message tells them so, and their files go within minutes.")
    return redirect("desk:people")


@roles(Role.REGISTRAR)
@require_POST
def person_erase_decline(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Say why it is not done."""
    person = _person(public_id)
    asked, form = asking.open_request(person), DeclineForm(request.POST)
    if asked is not None and not form.is_valid():
        return _page(request, person, asked, EraseForm(person, has_asked=True), form, status=422)
    if person.pk == request.user.pk or asked is None:
        messages.warning(request, "There is nothing here for you to answer any more.")
    elif asking.decline(asked, form.cleaned_data["reason"], by=request.user, now=current_time()):
        messages.success(request, f"Your reason is on its way to {person}.")
    return redirect("desk:person-erase", public_id)


def _person(public_id: str) -> User:
    return get_object_or_404(User, public_id=public_id)


def _page(
    request: SignedInRequest,
    person: User,
    asked: ErasureRequest | None,
    form: EraseForm,
    decline: DeclineForm | None = None,
    *,
    status: int,
) -> HttpResponse:
    accounts = accounts_of(person)
    page = {
        "person": person,
        "asked": asked,
        "refusal": refuses(person, request.user),
        "obstacles": in_the_way(accounts, now=current_time()),
        "erasure": erasure_of(accounts),
        "form": form,
        "decline": decline or DeclineForm(),
    }
    return TemplateResponse(request, "rights/erase.html", page, status=status)
