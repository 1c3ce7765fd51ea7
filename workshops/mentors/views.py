"""The mentor's page."""

from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles


@roles(Role.MENTOR)
@require_safe
def mentoring(request: SignedInRequest) -> HttpResponse:
    """Whom this mentor accompanies. Mentorships are not kept here yet, and the page says so."""
    return TemplateResponse(request, "mentors/mentoring.html")
