"""The words of every e-mail, for the registrar: read, changed, tried on real facts, and brought back."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from booking.desk.wording.forms import WordingForm
from booking.desk.wording.page import listed, page_of
from workshops.clock import current_time
from workshops.messages import wording as words
from workshops.messages.catalogue import BY_CODE, Kind
from workshops.messages.models import Wording
from workshops.messages.wording import ChangedMeanwhile, Faulty
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import posted, shows_or_takes


@roles(Role.REGISTRAR)
@require_safe
def wordings(request: SignedInRequest) -> HttpResponse:
    """Every e-mail that the product sends, and which of them have the school's own words."""
    return TemplateResponse(request, "desk/wording/wordings.html", {"groups": listed()})


@roles(Role.REGISTRAR)
@shows_or_takes
def wording(request: SignedInRequest, kind: str) -> HttpResponse:
    """Read the words of one e-mail, see how they read, and change them."""
    asked, own = _kind(kind), _own(kind)
    in_force = own.source if own else words.shipped_source(kind)
    form = WordingForm(posted(request), source=in_force, instead_of=words.revision(own))
    if not form.is_valid():
        return _page(request, asked, own, form, in_force, status=422 if form.is_bound else 200)
    typed = form.cleaned_data["source"]
    if "show" in request.POST:
        form.has_faults(words.faults_in(kind, words.tidy(typed)))
        return _page(request, asked, own, form, typed, status=422 if form.errors else 200, tried=True)
    try:
        changed = words.rewrite(
            kind, typed, instead_of=form.cleaned_data["instead_of"], by=request.user, now=current_time()
        )
    except Faulty as faulty:
        form.has_faults(faulty.faults)
        return _page(request, asked, own, form, typed, status=422)
    except ChangedMeanwhile:
        return _meanwhile(request, asked, form, typed)
    if changed:
        messages.success(request, "Saved. E-mails that go out from now on have these words.")
    else:
        messages.info(request, "These are the words already. Nothing has changed.")
    return redirect("desk:wording", kind)


@roles(Role.REGISTRAR)
@require_POST
def bring_back(request: SignedInRequest, kind: str) -> HttpResponse:
    """Let an e-mail have the shipped words again."""
    asked = _kind(kind)
    try:
        words.bring_back(kind, instead_of=request.POST.get("instead_of", ""), by=request.user, now=current_time())
    except ChangedMeanwhile:
        own = _own(kind)
        shipped = words.shipped_source(kind)
        form = WordingForm(None, source=own.source if own else shipped, instead_of=words.revision(own))
        return _page(request, asked, own, form, own.source if own else shipped, status=409)
    messages.success(request, "E-mails that go out from now on have the shipped words.")
    return redirect("desk:wording", kind)


def _meanwhile(request: SignedInRequest, asked: Kind, form: WordingForm, typed: str) -> HttpResponse:
    own = _own(asked.code)
    form.now_instead_of(words.revision(own))
    return _page(request, asked, own, form, typed, status=409)


def _page(
    request: SignedInRequest,
    asked: Kind,
    own: Wording | None,
    form: WordingForm,
    source: str,
    *,
    status: int,
    tried: bool = False,
) -> HttpResponse:
    context = {
        "form": form,
        "page": page_of(asked, own, source, request.user),
        "revision": words.revision(own),
        "tried": tried,
        "meanwhile": status == 409,
    }
    return TemplateResponse(request, "desk/wording/wording.html", context, status=status)


def _kind(code: str) -> Kind:
    if code not in BY_CODE:
        raise Http404
    return BY_CODE[code]


def _own(kind: str) -> Wording | None:
    return Wording.objects.filter(kind=kind).select_related("revised_by").first()
