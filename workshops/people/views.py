"""A person's own pages."""

from datetime import timedelta

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods, require_POST

from workshops.history.record import record
from workshops.people.forms import ProfileForm, TokenForm
from workshops.people.keys import issue, revoke
from workshops.people.models import ApiToken, User
from workshops.transactions import writes
from workshops.web.access import SignedInRequest, signed_in
from workshops.web.tokens import scopes_of


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def profile(request: SignedInRequest) -> HttpResponse:
    """Read and change what is kept about oneself."""
    person = User.objects.get(pk=request.user.pk)  # a copy: what is typed wrong must not show in the page's head
    form = ProfileForm(request.POST if request.method == "POST" else None, instance=person)
    if request.method == "POST" and form.is_valid():
        _save(form, request)
        messages.success(request, "Your profile is saved.")
        return redirect("profile")
    return TemplateResponse(request, "people/profile.html", {"form": form}, status=422 if form.errors else 200)


@writes
def _save(form: ProfileForm, request: SignedInRequest) -> None:
    if form.has_changed():
        form.save()
        fields = ", ".join(sorted(form.changed_data))
        user = request.user
        record("profile-changed", about=("person", user.public_id), person=user, by=user, now=now(), fields=fields)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def tokens(request: SignedInRequest) -> HttpResponse:
    """The keys of one's own programs: make one, which is shown this once, and see when each was last used."""
    form = TokenForm(scopes_of(request.user), request.POST if request.method == "POST" else None)
    key = ""
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        lasts = timedelta(days=asked["days"])
        _, key = issue(
            request.user, name=asked["name"], scopes=asked["scopes"], lasts=lasts, by=request.user, now=now()
        )
        form = TokenForm(scopes_of(request.user))
    page = {"form": form, "key": key, "tokens": _own_tokens(request), "now": now()}
    return TemplateResponse(request, "people/tokens.html", page, status=422 if form.errors else 200)


@require_POST
@signed_in
def revoke_token(request: SignedInRequest, number: int) -> HttpResponse:
    """End one of one's own tokens."""
    token = get_object_or_404(_own_tokens(request), pk=number)
    if revoke(token, by=request.user, now=now()):
        messages.success(request, f"{token.name} is revoked. A program that uses it is refused from now on.")
    return redirect("tokens")


def _own_tokens(request: SignedInRequest) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=request.user).select_related("user").order_by("-created_at", "-pk")
