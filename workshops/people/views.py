"""A person's own pages."""

from datetime import timedelta

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from workshops.clock import current_time
from workshops.people import profiles, reminders
from workshops.people.closing import Closed
from workshops.people.forms import OwnProfileForm, TokenForm
from workshops.people.keys import issue, revoke
from workshops.people.models import ApiToken, User
from workshops.web.access import SignedInRequest, anyone, signed_in
from workshops.web.forms import form_page, posted, shows_or_takes
from workshops.web.tokens import scopes_of


@signed_in
@shows_or_takes
def profile(request: SignedInRequest) -> HttpResponse:
    """Read and change what is kept about oneself."""
    person = User.objects.get(pk=request.user.pk)  # a copy: what is typed wrong must not show in the page's head
    form = OwnProfileForm(posted(request), instance=person)
    if form.is_valid():
        profiles.save(form, by=request.user, now=current_time())
        messages.success(request, "Your profile is saved.")
        return redirect("profile")
    return form_page(request, "people/profile.html", form)


@signed_in
@shows_or_takes
def tokens(request: SignedInRequest) -> HttpResponse:
    """The keys of one's own programs: make one, which is shown this once, and see when each was last used."""
    form = TokenForm(scopes_of(request.user), posted(request))
    key = ""
    if form.is_valid():
        asked = form.cleaned_data
        lasts = timedelta(days=asked["days"])
        _, key = issue(
            request.user, name=asked["name"], scopes=asked["scopes"], lasts=lasts, by=request.user, now=current_time()
        )
        form = TokenForm(scopes_of(request.user))
    page = {"key": key, "tokens": _own_tokens(request), "now": current_time()}
    return form_page(request, "people/tokens.html", form, page)


@signed_in
@require_POST
def revoke_token(request: SignedInRequest, number: int) -> HttpResponse:
    """End one of one's own tokens."""
    token = get_object_or_404(_own_tokens(request), pk=number)
    if revoke(token, by=request.user, now=current_time()):
        messages.success(request, f"{token.name} is revoked. A program that uses it is refused from now on.")
    return redirect("tokens")


@anyone
@csrf_exempt  # a mail program's own button sends no cookie (RFC 8058); the token in the address is what counts
@shows_or_takes
def stop_reminders(request: HttpRequest, token: str) -> HttpResponse:
    """Where each reminder of a workshop leads: one button, and no more of them come; then one to have them again."""
    try:
        person = reminders.who(token)
        if request.method == "POST":
            wanted = request.POST.get("again") == "yes"
            reminders.choose(person, wanted=wanted, by=person, now=current_time())
        else:
            wanted = person.wants_reminders
    except (reminders.Forged, Closed):
        raise Http404 from None
    page = {"wanted": wanted, "done": request.method == "POST"}
    answer = TemplateResponse(request, "people/reminders.html", page)
    # Who has one of these addresses can act for its reader, so no search engine is to learn it.
    answer["X-Robots-Tag"] = "noindex"
    answer["Cache-Control"] = "no-store"
    return answer


def _own_tokens(request: SignedInRequest) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=request.user).select_related("user").order_by("-created_at", "-pk")
