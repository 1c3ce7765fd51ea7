"""One person's page as an answer, and what all of the registrar's forms on it have in common."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from booking.desk.people.accounts import LastRegistrar
from booking.desk.people.page import person_page
from workshops.clock import current_time
from workshops.cohorts.models import Cohort
from workshops.people.closing import Closed
from workshops.people.models import Role, User
from workshops.prerequisites.deciding import BadFact, not_their_own
from workshops.prerequisites.files.audits import OpenAlready
from workshops.prerequisites.recording import Contradiction
from workshops.web.access import SignedInRequest

Asked = dict[str, Any]
NOTHING = "That was on record already. Nothing has changed."


def find(public_id: str) -> User:
    """The person, or "not found": for an account that was merged, the one that took over."""
    someone = get_object_or_404(User.objects.select_related("merged_into"), public_id=public_id)
    return someone.merged_into or someone


def page(
    request: SignedInRequest,
    someone: User,
    bound: dict[str, forms.BaseForm] | None = None,
    *,
    status: int = 200,
    full_cohort: Cohort | None = None,
    seat_in: Cohort | None = None,
) -> HttpResponse:
    """The person's page; forms in `bound` came back with what was typed."""
    now = current_time()
    shown = person_page(someone, request.user, now=now, bound=bound, full_cohort=full_cohort, seat_in=seat_in)
    return TemplateResponse(
        request, "desk/people/person.html", {"page": shown, "bound": bound or {}, "all_roles": Role}, status=status
    )


def check_there(someone: User) -> None:
    """Make sure that there is still somebody to write about.

    Raises:
        BadFact: somebody who was erased.
    """
    if someone.erased_at:
        raise BadFact("This person was erased. Nothing is recorded about them any more.")


def check_open(someone: User, by: User) -> None:
    """Make sure that a registrar may decide about this person, and that there is still somebody to decide about.

    Raises:
        BadFact: their own record, or somebody who was erased.
    """
    not_their_own(someone, by)
    check_there(someone)


def carried_out(
    request: SignedInRequest,
    someone: User,
    name: str,
    form: forms.BaseForm,
    act: Callable[[Asked], str],
    *,
    decides: bool = True,
) -> HttpResponse:
    """Do what one form of the page asks, say so, and show the page; what is refused keeps what was typed.

    A form that `decides` about a record is refused to the person whose record it is.
    """
    if form.is_valid():
        try:
            check_there(someone)
            if decides:
                not_their_own(someone, request.user)
            said = act(form.cleaned_data)
        except (BadFact, Closed, OpenAlready) as refused:
            form.add_error(None, str(refused))
        except Contradiction as other:
            form.add_error("why", f"{other} To correct it, say why.")
        except LastRegistrar:
            form.add_error(None, "Nobody would be left to run the desk. Give someone else the role first.")
        else:
            messages.success(request, said)
            return redirect("desk:person", someone.public_id)
    return page(request, someone, {name: form}, status=422)
