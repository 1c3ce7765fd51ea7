"""The pages of mentors and trainees about each other, and the meetings that either of the two plans."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from workshops.clock import current_time
from workshops.mentors import meetings, page
from workshops.mentors.forms import MeetingForm
from workshops.mentors.meetings import ChangedMeanwhile, NotPossible
from workshops.mentors.models import Meeting, Mentorship
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes, whole_number


@roles(Role.MENTOR)
@require_safe
def mentoring(request: SignedInRequest) -> HttpResponse:
    """Whom this mentor accompanies, and when they meet next."""
    accompanied = page.whom(request.user, current_time())
    return TemplateResponse(request, "mentors/mentoring.html", {"accompanied": accompanied})


@roles(Role.TRAINEE)
@require_safe
def mine(request: SignedInRequest) -> HttpResponse:
    """Who accompanies this trainee, and when they meet next."""
    return TemplateResponse(request, "mentors/mine.html", {"each": page.who(request.user, current_time())})


@roles(Role.MENTOR, Role.TRAINEE)
@shows_or_takes
def plan(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Plan a meeting with the other of the two."""
    mentorship = page.own_mentorship(request.user, public_id)
    form = MeetingForm(posted(request), request.user.time_zone)
    person, overview = page.other(mentorship, request.user), _overview(request, mentorship)
    if form.is_valid():
        try:
            made = meetings.plan(mentorship, form.agreed(), by=request.user, now=current_time())
        except NotPossible as refused:
            form.refuse(refused)
        else:
            when = page.met(made, request.user, current_time()).when
            messages.success(request, f"Planned for {when}. {person} hears of it by e-mail.")
            return redirect(overview)
    return form_page(request, "mentors/plan.html", form, {"person": person, "overview": overview})


@roles(Role.MENTOR, Role.TRAINEE)
@require_safe
def meeting(request: SignedInRequest, public_id: str) -> HttpResponse:
    """One meeting: when, where, and what may be done with it."""
    return _shown(request, page.own_meeting(request.user, public_id))


@roles(Role.MENTOR, Role.TRAINEE)
@shows_or_takes
def change(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Change when or where a meeting is."""
    own = page.own_meeting(request.user, public_id)
    form = MeetingForm(posted(request), request.user.time_zone, own)
    if form.is_valid():
        try:
            is_other = meetings.change(own, form.agreed(), seen=_seen(request), by=request.user, now=current_time())
        except ChangedMeanwhile as changed:
            return _changed_meanwhile(request, changed.found, form)
        except NotPossible as refused:
            form.refuse(refused)
        else:
            _say(request, own, "The meeting is changed." if is_other else "")
            return redirect("meeting", own.public_id)
    return _form(request, own, form)


@roles(Role.MENTOR, Role.TRAINEE)
@shows_or_takes
def cancel(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Ask whether a meeting is to be cancelled, and cancel it."""
    own = page.own_meeting(request.user, public_id)
    if request.method != "POST":
        return TemplateResponse(request, "mentors/cancel.html", _about(request, own))
    try:
        meetings.cancel(own, seen=_seen(request), by=request.user, now=current_time())
    except ChangedMeanwhile as changed:
        return _changed_meanwhile(request, changed.found)
    except NotPossible as refused:
        messages.error(request, str(refused))
        return _shown(request, own, status=409)
    _say(request, own, "The meeting is cancelled.")
    return redirect(_overview(request, own.mentorship))


def _changed_meanwhile(request: SignedInRequest, found: Meeting, form: MeetingForm | None = None) -> HttpResponse:
    """How the meeting is now, with what was typed if it may still be changed."""
    may_change = page.met(found, request.user, current_time()).may_change
    if form is not None and may_change:
        return _form(request, found, form, has_changed=True, status=409)
    template = "mentors/cancel.html" if may_change else "mentors/meeting.html"
    return TemplateResponse(request, template, {**_about(request, found), "has_changed": True}, status=409)


def _form(
    request: SignedInRequest, own: Meeting, form: MeetingForm, *, has_changed: bool = False, status: int = 0
) -> HttpResponse:
    status = status or (422 if form.is_bound else 200)
    shown = {**_about(request, own), "form": form, "has_changed": has_changed}
    return TemplateResponse(request, "mentors/change.html", shown, status=status)


def _shown(request: SignedInRequest, own: Meeting, status: int = 200) -> HttpResponse:
    return TemplateResponse(request, "mentors/meeting.html", _about(request, own), status=status)


def _about(request: SignedInRequest, own: Meeting) -> dict[str, object]:
    return {
        "met": page.met(own, request.user, current_time()),
        "person": page.other(own.mentorship, request.user),
        "overview": _overview(request, own.mentorship),
    }


def _overview(request: SignedInRequest, mentorship: Mentorship) -> str:
    """The name of the page on which the reader finds this mentorship."""
    return "mentoring" if request.user.pk == mentorship.mentor_id else "mentoring-mine"


def _seen(request: SignedInRequest) -> int:
    """The sequence of the meeting as the page showed it."""
    return whole_number(request.POST.get("seen", ""))


def _say(request: SignedInRequest, own: Meeting, done: str) -> None:
    if done:
        messages.success(request, f"{done} {page.other(own.mentorship, request.user)} hears of it by e-mail.")
    else:
        messages.info(request, "That is how it was already, so nothing has changed.")
