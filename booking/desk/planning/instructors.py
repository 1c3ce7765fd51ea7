"""The registrar says who teaches a cohort: first whom that touches, then one button."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from booking.desk.planning import as_shown
from booking.desk.planning.forms import InstructorsForm, TeachersChangeForm, add_objections
from booking.reservations import changing
from booking.reservations.changing import ShowFirst
from workshops.clock import current_time
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort
from workshops.cohorts.planning import Refused
from workshops.people.models import Role, User
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, shows_or_takes

MEANWHILE = (
    "Another registrar has changed this cohort meanwhile. Nothing has been done. "
    "This is how it stands now: look it over and decide again."
)


@roles(Role.REGISTRAR)
@shows_or_takes
def instructors(request: SignedInRequest, code: str) -> HttpResponse:
    """Say who teaches a cohort and who leads it. Where somebody hears of it, that is shown before it is done."""
    now, planned = current_time(), _cohort(code)
    form = InstructorsForm(request.POST) if request.method == "POST" else InstructorsForm.of(planning.plan_of(planned))
    if not form.is_valid() or "again" in request.POST:
        return form_page(request, "desk/planning/cohort_instructors.html", form, {"cohort": planned})
    chosen, lead = list(form.cleaned_data["instructors"]), form.cleaned_data["lead"]
    try:
        if "shown" in request.POST:
            return _change(request, planned, chosen, lead, now)
        changing.set_instructors(planned, chosen, lead, by=request.user, now=now)
    except ShowFirst:
        return _page(request, planned, chosen, lead, now)
    except Refused as refused:
        add_objections(form, refused)
        return form_page(request, "desk/planning/cohort_instructors.html", form, {"cohort": planned})
    messages.success(request, "The instructors are saved.")
    return _to(planned)


def _change(
    request: SignedInRequest, planned: Cohort, chosen: Sequence[User], lead: User | None, now: datetime
) -> HttpResponse:
    touched = changing.teachers_touched(planned, chosen, lead, request.user, now)
    form = TeachersChangeForm(request.POST, must_say_why=touched.asks_why)
    if not form.is_valid():
        return _page(request, planned, chosen, lead, now, form, status=422)
    why, shown = form.cleaned_data["why"], request.POST["shown"]
    try:
        touched = as_shown.set_instructors(planned, chosen, lead, shown, by=request.user, now=now, why=why)
    except as_shown.Changed:
        form.add_error(None, MEANWHILE)
        return _page(request, _cohort(planned.code), chosen, lead, now, form, status=409)
    messages.success(request, f"The instructors are saved. {told_in_words(touched.told)}")
    return _to(planned)


def _page(
    request: SignedInRequest,
    planned: Cohort,
    chosen: Sequence[User],
    lead: User | None,
    now: datetime,
    form: TeachersChangeForm | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    touched = changing.teachers_touched(planned, chosen, lead, request.user, now)
    before = planning.plan_of(planned)
    page = {
        "cohort": planned,
        "form": form or TeachersChangeForm(must_say_why=touched.asks_why),
        "touched": touched,
        "rows": list(_rows(before.instructors, before.lead, chosen, lead, touched)),
        "shown": as_shown.seen_of_teachers(planned),
        "carried": [(name, value) for name in ("instructors", "lead") for value in request.POST.getlist(name)],
    }
    return TemplateResponse(request, "desk/planning/cohort_instructors_change.html", page, status=status)


def _rows(
    before: Sequence[User], led: User | None, after: Sequence[User], lead: User | None, touched: changing.Teachers
) -> Iterable[tuple[User, str, str, bool]]:
    """Everyone who teaches it now or would: what they do now, what they would, and whether they hear of it."""
    for person in dict.fromkeys([*before, *after]):
        does = ("leads" if person == led else "teaches") if person in before else ""
        will = ("leads" if person == lead else "teaches") if person in after else ""
        yield person, does, will, person in touched.told


def told_in_words(people: Sequence[User]) -> str:
    """How many people hear of it."""
    return f"{len(people)} {'person is' if len(people) == 1 else 'people are'} told." if people else "Nobody is told."


def _cohort(code: str) -> Cohort:
    return get_object_or_404(Cohort.objects.select_related("venue", "module"), code=code)


def _to(planned: Cohort) -> HttpResponseRedirect:
    return redirect("desk:cohort", code=planned.code)
