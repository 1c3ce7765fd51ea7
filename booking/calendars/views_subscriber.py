"""Pages for somebody without an account who wants to hear of new dates, or no longer does."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from booking.calendars import subscribers
from workshops.clock import current_time
from workshops.text import plain
from workshops.web.access import anyone
from workshops.web.forms import form_page, posted, shows_or_takes


class NewDatesForm(forms.Form):
    """An address to write to, and nothing else."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": "Which address shall we write to?"},
    )

    def clean_email(self) -> str:
        """Refuse what the standard allows between quotes and no mail program should be handed."""
        email: str = self.cleaned_data["email"]
        if plain(email) != email or email.startswith('"'):
            raise ValidationError("Enter a valid email address.")
        return email


@anyone
@shows_or_takes
def new_dates(request: HttpRequest) -> HttpResponse:
    """Ask to be told of new dates. The answer is the same whatever the school knows about the address."""
    form = NewDatesForm(posted(request))
    if not form.is_valid():
        return form_page(request, "calendars/new_dates.html", form)
    try:
        subscribers.ask(form.cleaned_data["email"], now=current_time())
    except subscribers.TooMany:
        return _too_many(request, form)
    return redirect("new-dates-asked")


def _too_many(request: HttpRequest, form: forms.Form) -> HttpResponse:
    form.add_error(
        None,
        "More addresses were left here within the last hour than we write to, so nothing was sent to yours. "
        "Please try again in an hour, or write to the school.",
    )
    answer = form_page(request, "calendars/new_dates.html", form)
    answer.status_code = 429
    answer["Retry-After"] = str(int(subscribers.COUNTED_OVER.total_seconds()))
    return answer


@anyone
@require_safe
def asked(request: HttpRequest) -> HttpResponse:
    """What happens next."""
    return _page(request, "calendars/new_dates_asked.html")


@anyone
@shows_or_takes
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link in the first e-mail leads: one button, and whoever presses it is told of new dates."""
    now = current_time()
    try:
        found = subscribers.who_may_confirm(token, now=now)
    except subscribers.Forged:
        raise Http404 from None
    if found is None:
        return _page(request, "calendars/new_dates_too_late.html", status=410)
    if request.method == "POST":
        subscribers.confirm(found, now=now)
    return _page(request, "calendars/new_dates_confirm.html", {"done": request.method == "POST" or found.confirmed_at})


@anyone
@csrf_exempt  # a mail program's own button sends no cookie (RFC 8058); the token in the address is what counts
@shows_or_takes
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Where each e-mail about new dates leads: one button, and the address is forgotten."""
    try:
        public_id = subscribers.who_may_stop(token)
    except subscribers.Forged:
        raise Http404 from None
    if request.method == "POST":
        subscribers.stop(public_id)
    return _page(request, "calendars/new_dates_stop.html", {"done": request.method == "POST"})


def _page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    told = {"days": subscribers.LINK_LASTS.days, **(context or {})}
    answer = TemplateResponse(request, template, told, status=status)
    # Who has one of these addresses can act for its reader: a search engine is not to learn it. Nor is another site,
    # which the policy for all pages sees to; a stricter one would take from the form what it proves its origin with.
    answer["X-Robots-Tag"] = "noindex"
    answer["Cache-Control"] = "no-store"
    return answer
