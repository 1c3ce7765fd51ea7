"""The API's root: the rooms' calls under one address, one way out for every error, and the description of it all."""

import logging
from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from booking.calendars.api import router as calendars
from booking.payments.api import router as payments
from booking.reservations.api import router as reservations
from booking.reservations.api_cohorts import router as cohorts
from booking.reservations.api_line import router as line
from booking.reservations.api_roster import router as rosters
from booking.site.api_docs import ApiDocs
from workshops.people.api import router as people
from workshops.people.closing import Closed
from workshops.prerequisites.api import router as completions
from workshops.transactions import Busy
from workshops.web.invalid import invalid_input
from workshops.web.openapi import SECURITY_SCHEMES, problem_schemas
from workshops.web.problems import Problem, problem_response

log = logging.getLogger(__name__)

DESCRIPTION = """\
Send the header Authorization: Bearer and your token. Errors are problems as in RFC 9457. Every POST may carry an
Idempotency-Key: sent again with it, the request gets its first answer again. Lists take limit and cursor and answer
items and next. Ids are opaque. Times are RFC 3339 with an offset, dates YYYY-MM-DD, money whole cents.
"""


class Api(NinjaAPI):
    """The API, with our own doors around it."""

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        """Its addresses, each behind the same door."""
        patterns, application, namespace = super().urls
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = self._door(pattern.callback)
        return patterns, application, namespace

    def _door(self, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        """What every address does: answer errors as problems, never be kept by a cache, ask nobody to sign in.

        Pages redirect to signing in; programs are told 401 by the operation, which also sees to CSRF.
        """

        @wraps(view)
        def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                response = view(request, *args, **kwargs)
            except Exception as error:
                response = self.on_exception(request, error)
            if response.status_code == 405:
                allowed = response.headers["Allow"]
                response = problem_response(Problem("method-not-allowed", f"This address takes {allowed} only."))
                response["Allow"] = allowed
            if response.status_code == 204:
                del response["Content-Type"]
            add_never_cache_headers(response)
            return response

        door.csrf_exempt = True  # type: ignore[attr-defined]
        door.declared_access = "as each operation declares"  # type: ignore[attr-defined]
        return login_not_required(door)

    @cached_property
    def description_of_all(self) -> dict[str, Any]:
        """The OpenAPI description. It changes with the code only."""
        schema: dict[str, Any] = super().get_openapi_schema()
        schema["components"]["schemas"] |= problem_schemas()
        schema["components"]["securitySchemes"] = SECURITY_SCHEMES
        return schema

    def get_openapi_schema(self, **_given: Any) -> Any:
        """What `openapi.json` answers."""
        return self.description_of_all


api = Api(
    title="CINTIMA booking",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs=ApiDocs(),
    docs_decorator=require_safe,
)
for router in (cohorts, reservations, line, payments, rosters, completions, people, calendars):
    api.add_router("", router)

# Everything that may go wrong, and the problem it is to whoever asked. The nearest class of an error decides.
_PROBLEMS: tuple[tuple[type[Exception], Callable[[Any], Problem]], ...] = (
    (Problem, lambda problem: problem),
    (ValidationError, lambda error: invalid_input(error.errors)),
    # The only one that the framework raises by itself is about a body it could not read.
    (HttpError, lambda error: Problem("malformed-json" if error.status_code == 400 else "bad-request")),
    (AuthenticationError, lambda _: Problem("unauthenticated")),
    (Http404, lambda _: Problem("not-found")),
    (PermissionDenied, lambda _: Problem("not-allowed")),
    (Closed, lambda closed: Problem("not-found", str(closed))),
    (Busy, lambda _: Problem("busy", retry_after=Busy.seconds)),
    (BadRequest, lambda _: Problem("bad-request")),
    (SuspiciousOperation, lambda _: Problem("bad-request")),
    (MultiPartParserError, lambda _: Problem("bad-request")),
    (UnreadablePostError, lambda _: Problem("bad-request")),
)


def _answering(problem_for: Callable[[Any], Problem]) -> Callable[..., Any]:
    return lambda _request, error: problem_response(problem_for(error))


for raised, problem_for in _PROBLEMS:
    api.add_exception_handler(raised, _answering(problem_for))


@api.exception_handler(Exception)
def our_fault(request: HttpRequest, error: Exception) -> HttpResponseBase:
    """Whatever else happens is noted with all we know, and told without any of it."""
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem_response(Problem("server-error"))
