"""The registrar's pages about cohorts."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from booking.calendars import subscribers
from booking.desk.planning import calling_off, overview, seating
from booking.desk.planning.forms import CohortForm, MoveForm, NewCohortForm, RunsForm
from booking.desk.planning.minimum import minimum_out_of_reach
from booking.desk.planning.programme_forms import CohortTermsForm
from booking.desk.reviews.queue import waiting as proof_waiting
from booking.reservations import changing
from booking.reservations.certainty import runs as say_that_it_runs
from booking.reservations.models import State
from workshops.clock import current_time, hours_in_words, school_day, with_weekday
from workshops.cohorts import planning
from workshops.cohorts.checklist import obstacles, setup_checklist
from workshops.cohorts.models import Cohort, Session
from workshops.cohorts.planning import Refused
from workshops.cohorts.plans import DAYS
from workshops.history.models import HistoryLine
from workshops.history.record import history_of
from workshops.history.words import sentence
from workshops.people.models import Role
from workshops.programme.changing import words_for
from workshops.programme.models import price_on, school_terms
from workshops.programme.terms import Terms
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes


@roles(Role.REGISTRAR)
@require_safe
def cohorts(request: SignedInRequest) -> HttpResponse:
    """The year at a glance."""
    now = current_time()
    known, checklist = overview.years(now), setup_checklist()
    year = overview.year_to_show(request.GET.get("year", ""), known, now)
    done = sum(item.done for item in checklist)
    lines = overview.lines(year, now, set_up=done == len(checklist))
    return TemplateResponse(
        request,
        "desk/planning/cohorts.html",
        {
            "year": year,
            "earlier": max((one for one in known if one < year), default=None),
            "later": min((one for one in known if one > year), default=None),
            "lines": lines,
            "totals": _totals(lines),
            "proof": proof_waiting(),
            "checklist_done": done,
            "checklist_count": len(checklist),
        },
    )


def _totals(lines: list[overview.Line]) -> dict[str, int]:
    return {
        "free": sum(line.count.free for line in lines),
        "held": sum(line.count.held for line in lines),
        "taken": sum(line.count.taken for line in lines),
        "unpaid": sum(line.pending.unpaid for line in lines),
    }


@roles(Role.REGISTRAR)
@require_safe
def cohort(request: SignedInRequest, code: str) -> HttpResponse:
    """Everything about one cohort."""
    return _page(request, _cohort(code), current_time())


def _page(
    request: HttpRequest,
    cohort: Cohort,
    now: datetime,
    refused: Refused | None = None,
    runs_form: RunsForm | None = None,
) -> HttpResponse:
    claims = overview.claims(cohort, now)
    offered = {claim.reservation.trainee_id for claim in claims if claim.state == State.OFFERED}
    seats = overview.seats_as_of(cohort.seats.select_related("occupant"), now, offered=offered)
    count = overview.count_of(seats)
    state, pill = overview.state_of(cohort, now)
    schools = school_terms()
    context = {
        "cohort": cohort,
        "state": state,
        "pill": pill,
        "seats": seats,
        "count": count,
        "may_give_seats": overview.may_give_seats(cohort, now),
        "claims": claims,
        "overdue": overview.overdue(claims, now),
        "choosing": [claim for claim in claims if claim.chooses(now)],
        "may_leave": [claim for claim in claims if claim.may_leave(now)],
        "line": overview.in_line(cohort, now),
        "may_be_called_off": overview.may_be_called_off(cohort, now),
        "sessions": [(session, *_when(session)) for session in cohort.sessions.order_by("day")],
        "teachings": cohort.teachings.select_related("instructor").order_by("-is_lead", "instructor__name"),
        "obstacles": obstacles(cohort, now) if cohort.status == "draft" else [],
        "hear_of_it": subscribers.how_many() if cohort.status == "draft" else 0,
        "teachers_hear": changing.told_at_publishing(cohort, request.user.pk, now),
        "price": price_on(cohort.module.code, max(school_day(now), school_day(cohort.bookings_open_at))),
        "own_terms": [
            (
                term.title,
                words_for(term, cohort.terms_changed[term.code]),
                words_for(term, schools.as_json()[term.code]),
            )
            for term in Terms.catalogue()
            if term.code in cohort.terms_changed
        ],
        "history": _history(cohort),
        "refused": refused,
        "decision": overview.to_be_decided(cohort, schools, count.taken, now),
        "runs_form": runs_form or RunsForm(),
        "may_be_filed": cohort.status == "draft" and cohort.starts_on <= school_day(now),
        "today": school_day(now),
    }
    status = 409 if refused else 422 if runs_form else 200
    return TemplateResponse(request, "desk/planning/cohort.html", context, status=status)


def _history(cohort: Cohort) -> list[tuple[HistoryLine, str, list[tuple[str, Any]]]]:
    """What has happened to the cohort, newest first: the line, its sentence, and its details by name."""
    lines = history_of("cohort", cohort.public_id).select_related("by", "person").reverse()
    return [
        (
            line,
            sentence(line),
            [(key.replace("_", " ").capitalize(), value) for key, value in line.facts.items() if value],
        )
        for line in lines
    ]


def _when(session: Session) -> tuple[str, str]:
    """The date and the hours of a day in Los Angeles."""
    hours = f"{hours_in_words(session.starts_at)} to {hours_in_words(session.ends_at)}"
    return with_weekday(school_day(session.starts_at)), hours


@roles(Role.REGISTRAR)
@shows_or_takes
def new(request: SignedInRequest) -> HttpResponse:
    """Plan a cohort. What is asked for becomes a draft; nobody but registrars sees it."""
    now = current_time()
    form = NewCohortForm(request.POST) if request.method == "POST" else NewCohortForm.suggested(now)
    if form.is_valid():
        try:
            planned = planning.plan_cohort(form.plan(), by=request.user, now=now, **form.overriding)
        except Refused as refused:
            form.refuse(refused)
        else:
            messages.success(request, f"{planned} is planned. It is a draft until you publish it.")
            return _to(planned)
    return form_page(request, "desk/planning/cohort_new.html", form, {"days": DAYS})


@roles(Role.REGISTRAR)
@shows_or_takes
def edit(request: SignedInRequest, code: str) -> HttpResponse:
    """Change a cohort's title, venue, days, topics and bookings."""
    now, planned = current_time(), _cohort(code)
    form = CohortForm(posted(request), plan=planning.plan_of(planned))
    if form.is_valid() and "again" not in request.POST:
        try:
            changed = changing.change_details(planned, form.plan(), by=request.user, now=now, **form.overriding)
        except Refused as refused:
            besides = [objection for objection in refused.objections if objection.code != "people"]
            if not form.stands(besides):
                why = MoveForm(initial={"reason": form.cleaned_data["reason"]})
                return calling_off.move_page(request, planned, form, why, now)
            form.refuse(Refused(besides))
        else:
            messages.success(request, f"{changed} is saved.")
            return _to(changed)
    return form_page(request, "desk/planning/cohort_edit.html", form, {"cohort": planned})


@roles(Role.REGISTRAR)
@shows_or_takes
def terms(request: SignedInRequest, code: str) -> HttpResponse:
    """Let some terms differ for one cohort."""
    now, planned, schools = current_time(), _cohort(code), school_terms()
    form = CohortTermsForm(posted(request), schools=schools, own=planned.terms_changed)
    if form.is_valid() and not _out_of_reach(planned, form, schools, now):
        planning.set_cohort_terms(planned, form.decided(), by=request.user, now=now)
        messages.success(request, f"The terms of {planned} are saved.")
        return _to(planned)
    caught = overview.seated_without_minimum(planned, schools, now)
    return form_page(request, "desk/planning/cohort_terms.html", form, {"cohort": planned, "caught": caught})


def _out_of_reach(planned: Cohort, form: CohortTermsForm, schools: Terms, now: datetime) -> bool:
    """Say on the form which minimum this cohort could not reach any more, and what to do instead."""
    new, before = schools.but(form.decided()), planned.terms(schools)
    found = minimum_out_of_reach(planned, new, before, now)
    for field, words in found:
        form.add_error(field, words)
    return bool(found)


@roles(Role.REGISTRAR)
@require_POST
def publish(request: SignedInRequest, code: str) -> HttpResponse:
    """Publish a draft."""
    return _act(request, _cohort(code), subscribers.publish, "is published. Everyone can see it now.")


@roles(Role.REGISTRAR)
@require_POST
def close(request: SignedInRequest, code: str) -> HttpResponse:
    """Take no more reservations."""
    return _act(request, _cohort(code), planning.close, "is closed. Everyone who has a seat keeps it.")


@roles(Role.REGISTRAR)
@require_POST
def reopen(request: SignedInRequest, code: str) -> HttpResponse:
    """Take reservations again."""
    return _act(request, _cohort(code), seating.reopen, "takes reservations again.")


@roles(Role.REGISTRAR)
@require_POST
def runs(request: SignedInRequest, code: str) -> HttpResponse:
    """Say that a cohort runs, whatever comes."""
    planned, now, form = _cohort(code), current_time(), RunsForm(request.POST)
    if not form.is_valid():
        return _page(request, planned, now, runs_form=form)
    try:
        is_news = say_that_it_runs(planned, by=request.user, now=now, why=form.cleaned_data["why"])
    except Refused as refused:
        return _page(request, planned, now, refused)
    told = "is certain to run. Everyone with a seat is told." if is_news else "was certain to run already."
    messages.success(request, f"{planned} {told}")
    return _to(planned)


def _act(request: SignedInRequest, planned: Cohort, command: Any, done: str) -> HttpResponse:
    now = current_time()
    try:
        command(planned, by=request.user, now=now)
    except Refused as refused:
        return _page(request, planned, now, refused)
    messages.success(request, f"{planned} {done}")
    return _to(planned)


def _cohort(code: str) -> Cohort:
    return get_object_or_404(Cohort.objects.select_related("venue", "module"), code=code)


def _to(planned: Cohort) -> HttpResponseRedirect:
    return redirect("desk:cohort", code=planned.code)
