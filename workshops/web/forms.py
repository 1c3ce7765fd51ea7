"""Pages with a form: reading what was sent, and showing it again when it cannot be taken as it is."""

from collections.abc import Mapping

from django.forms import BaseForm
from django.http import HttpRequest, QueryDict
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

shows_or_takes = require_http_methods(["GET", "HEAD", "POST"])
"""For a view that shows a form and takes what is sent by it."""


def posted(request: HttpRequest) -> QueryDict | None:
    """What was sent, or None when the page was only asked for: what a form begins with."""
    return request.POST if request.method == "POST" else None


def whole_number(text: str) -> int:
    """A number that a page sent back: a revision, the key of a row. -1, which nothing has, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def form_page(
    request: HttpRequest, template: str, form: BaseForm, context: Mapping[str, object] | None = None
) -> TemplateResponse:
    """The page of a form. A form that comes back with what was typed is an answer of 422."""
    status = 422 if form.is_bound else 200
    return TemplateResponse(request, template, {"form": form, **(context or {})}, status=status)
