"""The pages on which people subscribe: to the public calendar, and to their own."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from booking.calendars import page, tokens
from booking.calendars.models import FeedKind
from workshops.clock import current_time
from workshops.people.models import User
from workshops.web.access import SignedInRequest, anyone, signed_in
from workshops.web.forms import shows_or_takes


@anyone
@require_safe
def calendars(request: HttpRequest) -> HttpResponse:
    """The public calendar, and the reader's own."""
    own = page.own_calendars(request.user, current_time()) if isinstance(request.user, User) else []
    return TemplateResponse(request, "calendars/subscribe.html", {"public": page.public_calendar(), "own": own})


@signed_in
@shows_or_takes
def make(request: SignedInRequest, kind: str) -> HttpResponse:
    """Make a secret address for one of one's calendars. The answer shows it, this once, and is kept by nobody.

    The address of this page holds no secret and the site tells other hosts no referrer, so that links from here take
    none along. A stricter policy would have browsers send this page's own forms without their origin.
    """
    wanted = _kind(kind)
    if request.method != "POST":
        return redirect("calendars")
    now = current_time()
    if page.is_stale(request.user, wanted, request.POST.get("seen")):
        # Loading the answer again sends its form again: that must not end the address that was just copied.
        messages.info(
            request,
            "This address has been made already, and is as it was. It cannot be shown again: if you did not copy it, "
            "make a new one.",
        )
        return redirect("calendars")
    try:
        token, address = tokens.make(request.user, wanted, now=now)
    except tokens.NoSuchRole:
        raise Http404 from None
    shown = {"ways": page.ways_to(wanted, address), "calendar": page.Own(wanted, token, may_make=True, now=now)}
    return TemplateResponse(request, "calendars/subscribe_made.html", shown)


@signed_in
@shows_or_takes
def due_dates(request: SignedInRequest, kind: str) -> HttpResponse:
    """Have due dates stand in one of one's calendars, or leave them out."""
    wanted = _kind(kind)
    if request.method == "POST":
        shown = request.POST.get("shown") == "yes"
        if not tokens.set_due_dates(request.user, wanted, shown=shown):
            raise Http404
        words = "stand in your calendar" if shown else "are left out of your calendar"
        messages.success(request, f"Due dates {words} from its next fetch on.")
    return redirect("calendars")


@signed_in
@shows_or_takes
def end(request: SignedInRequest, kind: str) -> HttpResponse:
    """End the address of one of one's calendars."""
    wanted = _kind(kind)
    if request.method == "POST":
        if tokens.revoke(request.user, wanted, by=request.user, now=current_time()):
            messages.success(
                request,
                "That address has ended: nobody is told anything there any more. You can make a new one any time.",
            )
        else:
            messages.info(request, "That address had ended before.")
    return redirect("calendars")


def _kind(kind: str) -> FeedKind:
    """The kind of calendar with this name.

    Raises:
        Http404: when there is none.
    """
    if kind not in FeedKind.values:
        raise Http404
    return FeedKind(kind)
