"""Addresses that calendar clients fetch. They carry no cookies and know nobody."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from booking.calendars import public
from booking.calendars.answers import calendar_answer
from booking.calendars.feeds import as_bytes
from workshops.clock import current_time
from workshops.cohorts.models import Cohort
from workshops.web.access import anyone

_FOR_EVERYONE = "public, max-age=900"


@anyone
@require_safe
def cohorts(request: HttpRequest) -> HttpResponse:
    """The public calendar: every coming cohort, and when bookings open."""
    body = as_bytes(public.all_cohorts(now=current_time()))
    return calendar_answer(request, body, filename="cohorts.ics", cache_control=_FOR_EVERYONE)


@anyone
@require_safe
def cohort(request: HttpRequest, code: str) -> HttpResponse:
    """The public calendar of one cohort."""
    try:
        feed = public.one_cohort(code)
    except Cohort.DoesNotExist:
        raise Http404 from None
    return calendar_answer(request, as_bytes(feed), filename=f"{code}.ics", cache_control=_FOR_EVERYONE)
