"""What the programme publishes by itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from workshops.programme.models import ConductText
from workshops.web.access import anyone


@anyone
@require_safe
def conduct(request: HttpRequest, version: int) -> HttpResponse:
    """One version of the conduct text, as people accepted it."""
    text = get_object_or_404(ConductText, version=version)
    newest = not ConductText.objects.filter(version__gt=version).exists()
    return TemplateResponse(request, "programme/conduct.html", {"text": text, "is_newest": newest})
