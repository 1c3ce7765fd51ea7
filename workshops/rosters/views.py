"""The instructor's pages: what they teach, and who is in the room."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from workshops.clock import current_time
from workshops.cohorts.models import Cohort
from workshops.people.models import Role
from workshops.rosters.roster import cohorts_taught_by, may_read, roster
from workshops.web.access import SignedInRequest, roles


@roles(Role.INSTRUCTOR)
@require_safe
def teaching(request: SignedInRequest) -> HttpResponse:
    """The cohorts this instructor teaches."""
    return TemplateResponse(request, "rosters/teaching.html", {"cohorts": cohorts_taught_by(request.user)})


@roles(Role.INSTRUCTOR, Role.REGISTRAR)
@require_safe
def roster_page(request: SignedInRequest, code: str) -> HttpResponse:
    """The roster of one cohort. Whose cohort it is not learns nothing, not even that it exists."""
    cohort = get_object_or_404(Cohort.objects.select_related("venue", "module"), code=code)
    if not may_read(request.user, cohort):
        raise Http404
    lines = roster(cohort, now=current_time())
    sessions = cohort.sessions.all()
    return TemplateResponse(request, "rosters/roster.html", {"cohort": cohort, "lines": lines, "sessions": sessions})
