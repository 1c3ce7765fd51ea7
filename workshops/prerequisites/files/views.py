"""Files of proof on the web: added and removed by the trainee, opened by them and by registrars."""

from collections.abc import Sequence

from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET, require_POST

from workshops.clock import current_time
from workshops.people.models import Role
from workshops.prerequisites.files import keeping
from workshops.prerequisites.files.confinement import Failed
from workshops.prerequisites.files.naming import download_name
from workshops.prerequisites.files.opening import Gone, may_open, opened, page_of
from workshops.prerequisites.files.page import files_context
from workshops.prerequisites.files.uploading import takes_files
from workshops.prerequisites.records.models import OnSetRecord, ProofFile
from workshops.web.access import SignedInRequest, roles, signed_in

MEDIA_TYPES = {"pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png"}
ALONE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What a file from a stranger may do in a browser: nothing."""
NO_PAGE = "This page cannot be shown here. Download the file to see it."


@takes_files
@roles(Role.TRAINEE)
@require_POST
def add(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Add files to a record of one's own. Good ones are kept, whatever is wrong with others."""
    record = get_object_or_404(OnSetRecord.objects.theirs(request.user), public_id=public_id)
    seen = _has_seen(request, record)
    errors = []
    for sent in request.FILES.getlist("file"):
        try:
            keeping.add(record, sent, by=request.user, now=current_time())
        except keeping.NotKept as refused:
            errors.append(str(refused))
    if not request.FILES:
        errors.append("Choose at least one file first.")
    return _answer(request, record, errors, seen=seen)


@roles(Role.TRAINEE)
@require_POST
def remove(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Take a file away from a record of one's own."""
    file = get_object_or_404(may_open(request.user), record__user=request.user, public_id=public_id)
    seen = _has_seen(request, file.record)
    try:
        keeping.remove(file, by=request.user, now=current_time())
    except keeping.NotKept as refused:
        return _answer(request, file.record, [str(refused)], seen=seen, status=409)
    return _answer(request, file.record, [], seen=seen)


def _has_seen(request: SignedInRequest, record: OnSetRecord) -> bool:
    """Whether the form beside the files, of which htmx sends the revision, is about the record as it is."""
    return request.POST.get("revision") == str(record.revision)


def _answer(
    request: SignedInRequest, record: OnSetRecord, errors: Sequence[str], *, seen: bool, status: int = 422
) -> HttpResponse:
    """The list of files alone for htmx; otherwise back to the record, or a page that says what went wrong."""
    if not errors and not request.htmx:
        return redirect(f"{record.get_absolute_url()}#files")
    record.refresh_from_db()
    template = "prerequisites/_files.html" if request.htmx else "prerequisites/files.html"
    context = {**files_context(record, errors), "is_answer": bool(request.htmx) and seen}
    return TemplateResponse(request, template, context, status=status if errors else 200)


@signed_in
@require_GET
def download(request: SignedInRequest, public_id: str) -> HttpResponseBase:
    """A file of proof, for who sent it and for registrars."""
    file = get_object_or_404(may_open(request.user), public_id=public_id)
    try:
        stream = opened(file, "download", by=request.user, now=current_time())
    except Gone:
        return _gone(request, file)
    return FileResponse(
        stream,
        as_attachment=True,
        filename=download_name(file.name, file.media),
        content_type=MEDIA_TYPES[file.media],
        headers=ALONE,
    )


@signed_in
@require_GET
def page(request: SignedInRequest, public_id: str, number: int) -> HttpResponse:
    """One page of a file of proof as an image, for who sent it and for registrars."""
    file = get_object_or_404(may_open(request.user), public_id=public_id)
    if not 1 <= number <= file.pages:
        raise Http404
    try:
        drawn = page_of(file, number, by=request.user, now=current_time())
    except Gone:
        return _gone(request, file)
    except Failed:
        return HttpResponse(NO_PAGE, status=422, content_type="text/plain; charset=utf-8", headers=ALONE)
    return HttpResponse(drawn, content_type="image/jpeg", headers=ALONE)


def _gone(request: SignedInRequest, file: ProofFile) -> HttpResponse:
    is_own = file.record.user_id == request.user.pk
    context = {**files_context(file.record), "file": file, "is_own": is_own}
    return TemplateResponse(request, "prerequisites/file_gone.html", context, status=410)
