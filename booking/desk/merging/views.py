"""The registrar finds that one person has two accounts."""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from booking.desk.merging.carrying_out import Changed, MergedAlready
from booking.desk.merging.carrying_out import merge as carry_out
from booking.desk.merging.forms import MergeForm, OtherAccountForm
from booking.desk.merging.reading import account_of
from booking.desk.merging.standing import Foreseen, foresee
from booking.desk.merging.what import compare
from workshops.clock import current_time, school_day
from workshops.people.models import Role, User
from workshops.prerequisites.facts import facts_of, rules_for
from workshops.programme.models import MODULE_IV
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import posted, shows_or_takes

MOST_FOUND = 10
CHANGED = (
    "Something about these accounts has changed since this page was shown, so nothing has been done. "
    "This is how it stands now: look it over and decide again."
)


@roles(Role.REGISTRAR)
@shows_or_takes
def merge(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Choose the other account, see both side by side, and merge them."""
    survivor, other_id = get_object_or_404(User, public_id=public_id), (posted(request) or request.GET).get("other", "")
    if survivor.merged_into is not None:
        return redirect("desk:person", survivor.merged_into.public_id)
    if not other_id:
        return _choose(request, survivor)
    return _compare(request, survivor, get_object_or_404(User, public_id=other_id), now=current_time())


def _compare(request: SignedInRequest, survivor: User, other: User, *, now: datetime) -> HttpResponse:
    """Both side by side; and merging them, once that is asked for as they are."""
    found = compare(account_of(survivor, now), account_of(other, now), request.user.pk)
    form = MergeForm(posted(request), found)
    status = 422 if form.is_bound else 200
    if form.is_valid():
        shown, why = request.POST.get("shown", ""), form.cleaned_data["why"]
        try:
            carry_out(survivor, other, shown, form.decided(), by=request.user, now=now, why=why)
        except MergedAlready:
            messages.info(request, "The two accounts are merged already. Nothing has changed.")
            return redirect("desk:person", survivor.public_id)
        except Changed as changed:
            found, status = changed.found, 409
            form = MergeForm(request.POST, found)
            form.add_error(None, CHANGED)
        else:
            messages.success(request, found.done)
            return redirect("desk:person", survivor.public_id)
    after = _foreseen(survivor, other, now)
    page = {"person": survivor, "other": other, "found": found, "form": form, "after": after}
    return TemplateResponse(request, "desk/merging/merge.html", page, status=status)


def _foreseen(survivor: User, other: User, now: datetime) -> Foreseen:
    today = school_day(now)
    facts = facts_of([survivor.pk, other.pk], today)
    return foresee(rules_for(MODULE_IV), facts[survivor.pk], facts[other.pk], today)


def _choose(request: SignedInRequest, survivor: User) -> HttpResponse:
    form, found = OtherAccountForm(request.GET or None), User.objects.none()
    if form.is_valid() and (text := " ".join(form.cleaned_data["q"].split())):
        further = EmailAddress.objects.filter(email__icontains=text).values("user")
        fits = Q(email__icontains=text) | Q(name__icontains=text) | Q(pk__in=further)
        there = User.objects.filter(merged_into=None, erased_at=None).exclude(pk=survivor.pk)
        found = there.filter(fits).order_by("email")
    page = {"person": survivor, "form": form, "candidates": found[:MOST_FOUND], "has_asked": form.is_bound}
    return TemplateResponse(request, "desk/merging/choose.html", page)
