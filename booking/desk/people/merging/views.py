"""The registrar finds that one person has two accounts."""

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.timezone import now as current_time

from booking.desk.people.merging.carrying_out import merge as carry_out
from booking.desk.people.merging.forms import MergeForm, OtherAccountForm
from booking.desk.people.merging.reading import account_of
from booking.desk.people.merging.what import compare
from booking.desk.planning.as_shown import Changed
from workshops.people.models import Role, User
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
    other, now, status = get_object_or_404(User, public_id=other_id), current_time(), 200
    found = compare(account_of(survivor, now), account_of(other, now), request.user.pk)
    form = MergeForm(posted(request), found)
    if form.is_valid():
        try:
            carry_out(
                survivor,
                other,
                request.POST.get("shown", ""),
                form.decided(),
                by=request.user,
                now=now,
                why=form.cleaned_data["why"],
            )
        except Changed:
            survivor.refresh_from_db()
            other.refresh_from_db()
            if other.merged_into_id == survivor.pk:  # the same button twice
                messages.info(request, "The two accounts are merged already. Nothing has changed.")
                return redirect("desk:person", survivor.public_id)
            found, status = compare(account_of(survivor, now), account_of(other, now), request.user.pk), 409
            form = MergeForm(request.POST, found)
            form.add_error(None, CHANGED)
        else:
            messages.success(request, f"{found.other.email} is an address of this account now, and all it had is here.")
            return redirect("desk:person", survivor.public_id)
    elif form.is_bound:
        status = 422
    page = {"person": survivor, "other": other, "found": found, "form": form}
    return TemplateResponse(request, "desk/people/merge.html", page, status=status)


def _choose(request: SignedInRequest, survivor: User) -> HttpResponse:
    form, found = OtherAccountForm(request.GET or None), User.objects.none()
    if form.is_valid() and (text := " ".join(form.cleaned_data["q"].split())):
        further = EmailAddress.objects.filter(email__icontains=text).values("user")
        fits = Q(email__icontains=text) | Q(name__icontains=text) | Q(pk__in=further)
        there = User.objects.filter(merged_into=None, erased_at=None).exclude(pk=survivor.pk)
        found = there.filter(fits).order_by("email")
    page = {"person": survivor, "form": form, "candidates": found[:MOST_FOUND], "has_asked": form.is_bound}
    return TemplateResponse(request, "desk/people/merge_choose.html", page)
