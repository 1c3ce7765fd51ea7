"""Addresses that calendar clients fetch. Nobody is known there by a cookie, only by a secret in the address."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from booking.calendars import building, stamps, tokens
from booking.calendars.answers import calendar_answer, kept_quiet, nothing_here, too_often
from booking.calendars.feeds import as_bytes
from booking.calendars.models import FeedKind
from workshops.clock import current_time
from workshops.cohorts.models import Cohort
from workshops.web.access import anyone
from workshops.web.limits import Limiter

_FOR_EVERYONE = "public, max-age=900"
_FOR_ONE = "private, no-cache"
FETCHES_A_MINUTE = 60
"""Of one private calendar. Addresses are not counted: a calendar service fetches for a hundred people from one."""

_KINDS = {kind.value: kind for kind in FeedKind}
_limiter = Limiter()
P = ParamSpec("P")


def _for_programs(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """A calendar is the same for everyone who asks, whatever cookies came along, and a refusal is as quiet as it.

    The session's would be answered with one of its own where it is malformed, and a shared cache would keep that.
    Without cookies there is nothing to forge: a wrong method is answered here, not by the page about forged forms.
    """

    @csrf_exempt
    @wraps(view)
    def without(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request.COOKIES.clear()
        return kept_quiet(view(request, *args, **kwargs))

    return without


@anyone
@_for_programs
@require_safe
def cohorts(request: HttpRequest) -> HttpResponse:
    """The public calendar: every coming cohort, and when bookings open."""
    stamp = stamps.all_cohorts(current_time())

    def body() -> bytes:
        return as_bytes(building.all_cohorts(stamp))

    return calendar_answer(request, stamp.tag, body, filename="cohorts.ics", cache_control=_FOR_EVERYONE)


@anyone
@_for_programs
@require_safe
def cohort(request: HttpRequest, code: str) -> HttpResponse:
    """The public calendar of one cohort."""
    stamp = stamps.one_cohort(code)
    if stamp is None:
        return nothing_here()

    def body() -> bytes:
        return as_bytes(building.one_cohort(code))

    try:
        return calendar_answer(request, stamp.tag, body, filename=f"{code}.ics", cache_control=_FOR_EVERYONE)
    except Cohort.DoesNotExist:  # a draft was given up between the two
        return nothing_here()


@anyone
@_for_programs
@require_safe
def private(request: HttpRequest, kind: str, secret: str) -> HttpResponse:
    """One person's calendar. Whoever knows the secret in its address reads it, as long as the account may have it."""
    now = current_time()
    found = stamps.private(_KINDS[kind], secret, now) if kind in _KINDS else None
    if found is None:
        return nothing_here()
    stamp, last = found
    # Counted only for calendars that exist: guesses cannot fill the memory, and guessing 256 bits needs no limit.
    if seconds := _limiter.wait(str(last.token_id), FETCHES_A_MINUTE):
        return too_often(seconds)

    def body() -> bytes:
        return as_bytes(building.private(stamp))

    response = calendar_answer(request, stamp.tag, body, filename=f"{kind}.ics", cache_control=_FOR_ONE)
    user_agent = request.headers.get("User-Agent", "")
    tokens.fetched(last.token_id, user_agent, last_fetched_at=last.at, last_client=last.client, now=now)
    return response


@anyone
@_for_programs
@require_safe
def no_calendar(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - all are answered alike
    """Any other address here, such as a private one that was copied with a slip: it may have its secret in it."""
    return nothing_here()
