"""A person's own pages about their data, and the page that tells everyone what is kept."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from booking.rights import asking
from booking.rights.download import TooOften, build, note_download
from booking.rights.forms import AskForm
from booking.rights.page import everything_kept
from workshops.clock import current_time, moment_for, school_day
from workshops.people.models import ErasureRequest
from workshops.web.access import SignedInRequest, anyone, signed_in


@anyone
@require_safe
def what_is_kept(request: HttpRequest) -> HttpResponse:
    """What is kept about people, for how long, and what stays when somebody is erased."""
    return TemplateResponse(request, "rights/what_is_kept.html", {"groups": everything_kept()})


@signed_in
@require_safe
def your_data(request: SignedInRequest) -> HttpResponse:
    """Download one's data, and ask to be erased."""
    return _page(request, AskForm())


@signed_in
@require_POST
@reauthentication_required  # type: ignore[untyped-decorator]
def download(request: SignedInRequest) -> HttpResponseBase:
    """Everything that is kept about oneself, as a zip."""
    person, now = request.user, current_time()
    try:
        note_download(person, now=now)
    except TooOften as often:
        again = moment_for(often.again_at, person.time_zone)
        messages.warning(request, f"{often} It is ready for you again from {again}.")
        return _page(request, AskForm(), status=429)
    return FileResponse(
        build(person, now=now),
        as_attachment=True,
        filename=f"cintima-data-{school_day(now)}.zip",
        content_type="application/zip",
        headers={"X-Content-Type-Options": "nosniff"},
    )


@signed_in
@require_POST
@reauthentication_required  # type: ignore[untyped-decorator]
def ask(request: SignedInRequest) -> HttpResponse:
    """Ask the school to erase what is kept about oneself."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    asking.ask(request.user, form.cleaned_data["words"], now=current_time())
    messages.success(request, "The school has it. Nothing is erased yet, and you can take it back until it is.")
    return redirect("your-data")


@signed_in
@require_POST
def take_back(request: SignedInRequest) -> HttpResponse:
    """Stay after all."""
    if asking.take_back(request.user, now=current_time()):
        messages.success(request, "You have taken it back. Everything stays as it is.")
    return redirect("your-data")


def _page(request: SignedInRequest, form: AskForm, *, status: int = 200) -> HttpResponse:
    declined = ErasureRequest.objects.filter(user=request.user).exclude(answer="").first()
    page = {"form": form, "asked": asking.open_request(request.user), "declined": declined}
    return TemplateResponse(request, "rights/your_data.html", page, status=status)
