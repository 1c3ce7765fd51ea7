"""What happens around every request."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

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
        response = render(request, "503.html", status=503)
        response["Retry-After"] = str(Busy.seconds)
        return response


class SecondFactorMiddleware:
    """Sends registrars and bookkeepers without a second factor to set one up, before anything else."""

    ALLOWED = ("/accounts/", "/health/", "/static/")
    NEEDS_IT = frozenset({Role.REGISTRAR, Role.BOOKKEEPER})

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let the request through, or redirect."""
        user = request.user if settings.SECOND_FACTOR_REQUIRED else None
        if (
            isinstance(user, User)
            and not request.path.startswith(self.ALLOWED)
            and self.NEEDS_IT & user.roles
            and not is_mfa_enabled(user)
        ):
            if is_api(request):
                return problem_response(Problem("not-allowed", "Set up a second factor for your account first."))
            messages.info(request, "Your role reads what must be kept safe. Please set up a second factor first.")
            return redirect("mfa_index")
        return self.get_response(request)
