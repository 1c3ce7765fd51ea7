"""The registrar cancels or moves a cohort that people are in: first whom it touches, then one button."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import zip_longest

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from booking.desk.planning import as_shown, overview
from booking.desk.planning.forms import CallOffForm, CohortForm, MoveForm, add_objections
from booking.reservations.calling_off import Touched, Touches, balance_due_after, touches
from booking.reservations.models import OWING, State
from workshops.clock import current_time, end_of_school_day, hours_in_words, school_day, with_weekday
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, Teaching
from workshops.cohorts.planning import Refused
from workshops.cohorts.plans import Plan, changes
from workshops.people.models import Role, User
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes

CHANGED = (
    "Someone came, left or paid meanwhile, or another registrar was here. Nothing has been done. "
    "This is how it stands now: look it over and decide again."
)


# -- cancelling --------------------------------------------------------------------------------------------------------
@roles(Role.REGISTRAR)
@shows_or_takes
def cancel(request: SignedInRequest, code: str) -> HttpResponse:
    """Show whom cancelling the cohort touches and what each is owed; then do it."""
    now, planned = current_time(), _cohort(code)
    form, status = CallOffForm(posted(request)), 422 if request.method == "POST" else 200
    if form.is_valid():
        why, shown = form.cleaned_data["why"], request.POST.get("shown", "")
        teachers = teachers_told(planned, _last_hour(planned), request.user, now)
        try:
            touched = as_shown.call_off(planned, shown, by=request.user, now=now, why=why)
        except as_shown.Changed:
            planned, status = _cohort(code), 409
            form.add_error(None, CHANGED)
        except Refused as refused:
            planned, status = _cohort(code), 409
            add_objections(form, refused)
        else:
            messages.success(request, f"{planned} is cancelled. {_told(how_many(touched, teachers))}")
            return _to(planned)
    touched = touches(planned, now)
    page = {
        "cohort": planned,
        "form": form,
        "is_possible": overview.may_be_called_off(planned, now),
        "touched": touched,
        "teachings": _teachings(planned),
        "shown": as_shown.seen(planned, touched),
        "how_many": how_many(touched, teachers_told(planned, _last_hour(planned), request.user, now)),
        "choosing": [each for each in touched.people if each.owed_cents],
        "currency": _currency(touched),
    }
    return TemplateResponse(request, "desk/planning/cohort_cancel.html", page, status=status)


def how_many(touched: Touches, teachers: Sequence[User]) -> int:
    """How many people hear of it: nobody both has a seat and waits for one, and who teaches does neither."""
    return len(touched.people) + len(touched.waiting) + len(teachers)


def teachers_told(planned: Cohort, last_hour: datetime | None, reader: User, now: datetime) -> list[User]:
    """Who hears of it because they teach it: not the reader, who does it, and nobody after the last hour."""
    if last_hour is None or last_hour <= now:
        return []
    return [each.instructor for each in _teachings(planned) if each.instructor_id != reader.pk]


def _last_hour(planned: Cohort) -> datetime | None:
    return max((ends for _, ends in planning.plan_of(planned).hours), default=None)


def _told(count: int) -> str:
    if not count:
        return "Nobody had a seat or a place in line."
    return f"{count} {'person is' if count == 1 else 'people are'} told."


def _currency(touched: Touches) -> str:
    return next((each.reservation.currency for each in touched.people), "USD")


# -- moving ------------------------------------------------------------------------------------------------------------
@roles(Role.REGISTRAR)
@shows_or_takes
def move(request: SignedInRequest, code: str) -> HttpResponse:
    """Move or rename a cohort that people are in, as it was shown. It is reached from the page of its details."""
    now, planned = current_time(), _cohort(code)
    if request.method != "POST":
        return redirect("desk:cohort-edit", planned.code)
    form = CohortForm(request.POST, plan=planning.plan_of(planned))
    if not form.is_valid() or not form.plan().days:
        return form_page(request, "desk/planning/cohort_edit.html", form, {"cohort": planned})
    why = MoveForm(request.POST)
    if not why.is_valid():
        return move_page(request, planned, form, why, now, status=422)
    shown, despite = request.POST.get("shown", ""), form.overriding["despite"]
    teachers = teachers_told(planned, max(ends for _, ends in form.plan().hours), request.user, now)
    try:
        touched = as_shown.reschedule(
            planned, form.plan(), shown, by=request.user, now=now, reason=why.cleaned_data["reason"], despite=despite
        )
    except as_shown.Changed:
        why.add_error(None, CHANGED)
        return move_page(request, _cohort(code), form, why, now, status=409)
    except Refused as refused:
        form.refuse(refused)
        return form_page(request, "desk/planning/cohort_edit.html", form, {"cohort": planned})
    told = how_many(touched, teachers)
    done = "is moved" if _is_moved(form.before, form.plan()) else "has its new title"
    messages.success(request, f"{form.cleaned_data['title']} {done}. {_told(told)}")
    return _to(planned)


def _is_moved(before: Plan, after: Plan) -> bool:
    return after.hours != before.hours or after.venue != before.venue


def move_page(
    request: SignedInRequest, planned: Cohort, form: CohortForm, why: MoveForm, now: datetime, *, status: int = 200
) -> HttpResponse:
    """What bringing the cohort to the plan of `form`, which is valid, would mean, and the button to do it."""
    before, after, touched = planning.plan_of(planned), form.plan(), touches(planned, now)
    until = free_until(touched, after)
    page = {
        "cohort": planned,
        "form": why,
        "is_new": planning.is_noticed(before, after),
        "is_moved": _is_moved(before, after),
        "is_renamed": after.title != before.title,
        "titles": (before.title, after.title),
        "days": list(_days(before, after)),
        "venues": (before.venue, after.venue),
        "besides": _besides(before, after),
        "people": [_moved(each, min(after.dates)) for each in touched.people],
        "waiting": touched.waiting,
        "teachings": _teachings(planned),
        "owed_cents": touched.owed_cents,
        "currency": _currency(touched),
        "until": until if until > now else None,
        "shown": as_shown.seen(planned, touched),
        "how_many": how_many(touched, teachers_told(planned, max(ends for _, ends in after.hours), request.user, now)),
        "carried": [
            (name, value)
            for name in request.POST
            if name in form.fields.keys() - {"reason"} or name.startswith("days-")
            for value in request.POST.getlist(name)
        ],
    }
    return TemplateResponse(request, "desk/planning/cohort_move.html", page, status=status)


def free_until(touched: Touches, plan: Plan) -> datetime:
    """Until when people may leave a moved cohort at no cost: never beyond the day before it begins."""
    return min(touched.choose_until, end_of_school_day(min(plan.dates) - timedelta(days=1)))


@dataclass(frozen=True)
class MovedDay:
    """One day of the cohort before and after, in words; empty where there is none."""

    number: int
    before: str
    after: str


def _days(before: Plan, after: Plan) -> Iterable[MovedDay]:
    pairs = zip_longest(before.hours, after.hours)
    for number, (old, new) in enumerate(pairs, start=1):
        yield MovedDay(number, _hours(old), _hours(new))


def _hours(day: tuple[datetime, datetime] | None) -> str:
    if day is None:
        return ""
    starts, ends = day
    return f"{with_weekday(school_day(starts))}, {hours_in_words(starts)} to {hours_in_words(ends)}"


def _besides(before: Plan, after: Plan) -> list[tuple[str, str]]:
    """What else the form changes, in words."""
    return [
        (name.capitalize(), words)
        for name, words in changes(before, after).items()
        if name not in {"title", "days", "venue"}
    ]


@dataclass(frozen=True)
class Moved:
    """One person in a cohort that moves: what comes back if they leave, and when their balance is due after it."""

    touched: Touched
    remaining_cents: int
    due_on: date | None
    """Where something is left to pay: when it is due."""
    was_due_on: date
    is_later: bool


def _moved(each: Touched, starts_on: date) -> Moved:
    reservation = each.reservation
    remaining = reservation.remaining_cents(each.owed_cents) if each.state in OWING else 0
    due_on = balance_due_after(reservation, starts_on)
    owes = bool(remaining) and each.state != State.OFFERED
    return Moved(
        each, remaining, due_on if owes else None, reservation.balance_due_on, due_on > reservation.balance_due_on
    )


def _teachings(planned: Cohort) -> QuerySet[Teaching]:
    """Who teaches it: cancelling or moving it touches them as well."""
    return planned.teachings.select_related("instructor").order_by("-is_lead", "instructor__name")


def _cohort(code: str) -> Cohort:
    return get_object_or_404(Cohort.objects.select_related("venue", "module"), code=code)


def _to(planned: Cohort) -> HttpResponseRedirect:
    return redirect("desk:cohort", code=planned.code)
