"""A trainee's pages about their days on set."""

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from workshops.clock import SCHOOL_ZONE, current_time, hours_in_words, school_day
from workshops.conversations.views import conversation, conversation_page
from workshops.people.models import Role
from workshops.prerequisites.files.page import files_context
from workshops.prerequisites.records import page, writing
from workshops.prerequisites.records.conversations import subject_of
from workshops.prerequisites.records.forms import RecordForm
from workshops.prerequisites.records.lifecycle import ChangedMeanwhile, NotPossible
from workshops.prerequisites.records.models import OnSetRecord, RecordState
from workshops.programme.in_force import programme_now
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import shows_or_takes, whole_number


@roles(Role.TRAINEE)
@require_safe
def records(request: SignedInRequest) -> HttpResponse:
    """All of one's records: a question to answer first, then drafts."""
    return _listed(request)


@roles(Role.TRAINEE)
@require_POST
def begin(request: SignedInRequest) -> HttpResponse:
    """Begin a draft."""
    try:
        draft = writing.begin(request.user, now=current_time())
    except NotPossible as refused:
        messages.error(request, str(refused))
        return _listed(request, status=409)
    return redirect(draft)


@roles(Role.TRAINEE)
@require_safe
def record(request: SignedInRequest, public_id: str) -> HttpResponse:
    """One of them: a form while it may be changed, afterwards what was said and what became of it."""
    return _shown(request, page.own_record(request.user, public_id), now=current_time())


@roles(Role.TRAINEE)
@require_POST
def save(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Save what was typed so far. htmx gets the few words that say so, a browser goes back to the page."""
    now = current_time()
    own = page.own_record(request.user, public_id)
    form = page.form_of(own, now=now, data=request.POST)
    try:
        saved = _saved(request, own, form, now)
    except (ChangedMeanwhile, NotPossible) as refused:
        return _refused(request, own, form, refused, now=now)
    if request.htmx:
        return _status(request, saved, form, now=now)
    if form.errors:
        return _shown(request, saved, form, now=now, status=422)
    if form.reading.faults:
        messages.warning(request, f"Saved at {_clock(request, now)}. Not every date could be read: see below.")
    else:
        messages.success(request, f"Saved at {_clock(request, now)}.")
    return redirect(saved)


@roles(Role.TRAINEE)
@require_POST
def send(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Save what was typed and send it to the school; what is missing is said at its field, and the rest is kept."""
    now = current_time()
    own = page.own_record(request.user, public_id)
    form = page.form_of(own, now=now, data=request.POST)
    try:
        saved = _saved(request, own, form, now)
        if form.errors:
            return _shown(request, saved, form, now=now, status=422)
        writing.send(saved, revision=saved.revision, by=request.user, now=now)
    except writing.Incomplete as incomplete:
        form.name_lacks(incomplete.lacks)
        missing = next((lack.words for lack in incomplete.lacks if lack.field == "files"), "")
        return _shown(request, saved, form, now=now, status=422, file_missing=missing)
    except (ChangedMeanwhile, NotPossible) as refused:
        return _refused(request, own, form, refused, now=now)
    messages.success(request, "Sent to the school. You get an e-mail as soon as it is decided.")
    return redirect(own)


@roles(Role.TRAINEE)
@require_POST
def change(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Open a record again that is with the school or was not accepted, to change it."""
    now = current_time()
    own = page.own_record(request.user, public_id)
    try:
        writing.take_back_to_change(
            own, revision=whole_number(request.POST.get("revision", "")), by=request.user, now=now
        )
    except (ChangedMeanwhile, NotPossible) as refused:
        return _refused(request, own, None, refused, now=now)
    messages.success(request, "You can change it now. Send it again when it is ready.")
    return redirect(own)


@roles(Role.TRAINEE)
@shows_or_takes
def withdraw(request: SignedInRequest, public_id: str) -> HttpResponse:
    """What withdrawing a record means, or deleting a draft, and the button that does it."""
    now = current_time()
    own = page.own_record(request.user, public_id)
    if request.method != "POST":
        shown = {"page": page.record_page(own, None, now=now), **files_context(own)}
        return TemplateResponse(request, "prerequisites/record_withdraw.html", shown)
    is_unseen = own.is_unseen
    try:
        writing.withdraw(own, by=request.user, now=now)
    except (ChangedMeanwhile, NotPossible) as refused:
        return _refused(request, own, None, refused, now=now)
    messages.success(request, "The draft is deleted." if is_unseen else "Withdrawn. Its days do not count any more.")
    return redirect("records") if is_unseen else redirect(own)


@roles(Role.TRAINEE)
@shows_or_takes
def record_conversation(request: SignedInRequest, public_id: str) -> HttpResponse:
    """The conversation about a record, from the day the school could read it; writing there answers a question."""
    own = page.own_record(request.user, public_id)
    if own.is_unseen:
        raise Http404
    back = reverse("record", args=[own.public_id])
    say = partial(writing.answer, own)
    answer = conversation_page(request, subject_of(own), back=back, is_desk=False, say=say)
    if own.is_undecided and request.method == "POST" and answer.status_code < 400:
        _say_what_became_of_the_question(request, own)
        if request.htmx:
            # The page around the conversation still asks for an answer, or names a revision that is past.
            answer["HX-Refresh"] = "true"
    return answer


def _say_what_became_of_the_question(request: SignedInRequest, own: OnSetRecord) -> None:
    """An answer brings the record back to the school, unless the record itself lacks something by now."""
    own.refresh_from_db()
    if own.state == RecordState.QUESTION:
        lacks = " ".join(lack.words for lack in writing.lacks_now(own, school_day(current_time())))
        messages.warning(
            request, f"The school has your answer, and the record still waits for you. {lacks} Then send it again."
        )


def _listed(request: SignedInRequest, *, status: int = 200) -> HttpResponse:
    shown = {"listed": page.listed(request.user), "proof_kept_days": programme_now().terms.proof_kept_days}
    return TemplateResponse(request, "prerequisites/records.html", shown, status=status)


def _saved(request: SignedInRequest, own: OnSetRecord, form: RecordForm, now: datetime) -> OnSetRecord:
    """Keep what can be kept. Whoever saves over what another tab saved names the revision of that as `over`."""
    values, days = form.kept()
    revision = whole_number(request.POST.get("over") or request.POST.get("revision", ""))
    return writing.save(own, values, days, revision=revision, now=now)


def _shown(
    request: SignedInRequest,
    own: OnSetRecord,
    form: RecordForm | None = None,
    *,
    now: datetime,
    status: int = 200,
    refused: ChangedMeanwhile | NotPossible | None = None,
    file_missing: str = "",
) -> HttpResponse:
    """The page of a record, with what was typed where it could not be taken."""
    if form is None and own.is_editable:
        form = page.form_of(own, now=now)
    shown = {
        "page": page.record_page(own, form, now=now),
        **files_context(own),
        "form": form,
        "file_missing": file_missing,
        "revision": request.POST.get("revision", "") if refused and form and form.is_bound else own.revision,
        "refused": refused,
        "may_save_over": isinstance(refused, ChangedMeanwhile) and own.is_editable,
        "conversation": None,
    }
    if not own.is_unseen:
        talk = shown["conversation"] = conversation(request, subject_of(own), is_desk=False, now=now)
        if own.state == RecordState.QUESTION:
            shown["asked"] = next((line for line in reversed(talk.thread.lines) if not line.is_own_side), None)
    return TemplateResponse(request, "prerequisites/record.html", shown, status=status)


def _refused(
    request: SignedInRequest,
    own: OnSetRecord,
    form: RecordForm | None,
    refused: ChangedMeanwhile | NotPossible,
    *,
    now: datetime,
) -> HttpResponse:
    """The record is not any more what they had before them: 409, with what they typed and with what it is by now."""
    found = page.own_record(request.user, own.public_id)
    if request.htmx:
        may_save_over = isinstance(refused, ChangedMeanwhile) and found.is_editable
        shown = {"record": found, "refused": refused, "may_save_over": may_save_over}
        return TemplateResponse(request, "prerequisites/_refused.html", shown, status=409)
    return _shown(request, found, form, now=now, status=409, refused=refused)


def _status(request: SignedInRequest, saved: OnSetRecord, form: RecordForm, *, now: datetime) -> HttpResponse:
    """What htmx puts into the page after a save: when it was saved, the revision, and what was read of the dates."""
    shown = {
        "saved_at": _clock(request, now),
        "form": form,
        "revision": saved.revision,
        "read": page.what_was_read(saved, form.reading, now=now),
    }
    return TemplateResponse(request, "prerequisites/_saved.html", shown, status=422 if form.errors else 200)


def _clock(request: SignedInRequest, now: datetime) -> str:
    zone = request.user.time_zone
    return hours_in_words(now, ZoneInfo(zone) if zone else SCHOOL_ZONE)
