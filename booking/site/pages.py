"""Pages that belong to no room: errors, problems explained, what robots may read."""

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.views.decorators.csrf import requires_csrf_token
from django.views.decorators.http import require_safe

from workshops.web.access import anyone
from workshops.web.problems import CATALOGUE, Problem, is_api, problem_response


@anyone
@require_safe
def problem(request: HttpRequest, slug: str) -> HttpResponse:
    """What a problem of the API means, for the person who reads its `type`."""
    if slug not in CATALOGUE:
        raise Http404
    status, title, meaning = CATALOGUE[slug]
    return TemplateResponse(
        request, "site/problem.html", {"slug": slug, "status": status, "title": title, "meaning": meaning}
    )


@anyone
@require_safe
def robots(_request: HttpRequest) -> HttpResponse:
    """Robots may read what is public. Feeds are not mentioned, so that calendar services may fetch them."""
    lines = ["User-agent: *", "Disallow: /desk/", "Disallow: /admin/", "Disallow: /accounts/", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@anyone
@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Where browsers look that do not read the page's own link."""
    return HttpResponsePermanentRedirect(static("favicon.svg"))


@anyone
@require_safe
def admin_door(request: HttpRequest) -> HttpResponse:
    """Where Django's admin sends whom it does not let in: to everyone's sign-in, or to a plain no."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", ""), "account_login")


def _answer(request: HttpRequest, slug: str, template: str, status: int) -> HttpResponse:
    if is_api(request):
        return problem_response(Problem(slug))
    return render(request, template, status=status)


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """A request that could not be read."""
    if is_api(request):
        return problem_response(Problem("bad-request"))
    return HttpResponse(render_to_string("400.html"), status=400)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """A page for another role."""
    return _answer(request, "not-allowed", "403.html", 403)


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Nothing here, or nothing that this person may see: the same words for both."""
    return _answer(request, "not-found", "404.html", 404)


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """Something failed that should not have. The page is drawn without the database."""
    if is_api(request):
        return problem_response(Problem("server-error"))
    return HttpResponse(render_to_string("500.html"), status=500)
