"""What happens around every request."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers

from workshops.people.closing import Closed, is_refusal
from workshops.people.models import Role, User
from workshops.transactions import Busy
from workshops.web.problems import Problem, is_api, problem_response

Handler = Callable[[HttpRequest], HttpResponse]


class BusyMiddleware:
    """Turns a write that would not go through into 503 with Retry-After: nothing was changed, come back shortly."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a `Busy` that a view let through."""
        if not isinstance(exception, Busy):
            return None
        if is_api(request):
            return problem_response(Problem("busy", retry_after=Busy.seconds))
        # Drawn without the request: its context would ask the database that is busy.
        response = HttpResponse(render_to_string("503.html"), status=503)
        response["Retry-After"] = str(Busy.seconds)
        return response


class ClosedMiddleware:
    """Tells in words that an account was erased or merged while somebody was about to write for it: 409."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a `Closed` that a view let through, or the database's own refusal."""
        if not (isinstance(exception, Closed) or is_refusal(exception)):
            return None
        if is_api(request):
            return problem_response(Problem("not-found", str(Closed())))
        return HttpResponse(render_to_string("409_closed.html"), status=409)


class DoorMiddleware(LoginRequiredMiddleware):
    """Lets only people with an account through, except where a view says that anyone may open it.

    Django's own asks who is there before it asks whether that matters. Feeds and health checks would then read a
    session for each request, vary by cookie, and fail with the database.
    """

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Let the request through, or send it to sign in."""
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """What was drawn for one reader, even on a page for everyone, is not for the next one at the same computer."""
        reader = getattr(request, "_cached_user", None)  # as far as anything has asked who reads
        if isinstance(reader, User) and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


class SecondFactorMiddleware:
    """Sends registrars and bookkeepers without a second factor to set one up, before anything else."""

    # Calendar clients are known by the address alone: asking who reads would make every feed vary by cookie.
    ALLOWED = ("/accounts/", "/calendar/", "/health/", "/static/", "/stripe/")
    NEEDS_IT = frozenset({Role.REGISTRAR, Role.BOOKKEEPER})

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let the request through, or redirect."""
        watched = settings.SECOND_FACTOR_REQUIRED and not request.path.startswith(self.ALLOWED)
        user = request.user if watched else None
        if isinstance(user, User) and self.NEEDS_IT & user.roles and not is_mfa_enabled(user):
            if is_api(request):
                return problem_response(Problem("not-allowed", "Set up a second factor for your account first."))
            messages.info(request, "Your role reads what must be kept safe. Please set up a second factor first.")
            return redirect("mfa_index")
        return self.get_response(request)
