"""The registrar's pages about proof: the queue, one record, and what is done with it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from booking.desk.reviews import queue
from booking.desk.reviews.forms import (
    AcceptForm,
    AcceptSomeForm,
    AskForm,
    DecisionForm,
    NoSecondEyesForm,
    RejectForm,
    SecondEyesForm,
    UndoForm,
)
from booking.desk.reviews.page import Bound, review_page, what_changed
from booking.desk.reviews.queue import Order, Waits
from workshops.clock import current_time, days_in_words, school_day
from workshops.conversations.views import conversation
from workshops.conversations.writing import CannotWrite
from workshops.people.closing import Closed
from workshops.people.models import Role
from workshops.prerequisites.deciding import BadFact
from workshops.prerequisites.facts import facts_of
from workshops.prerequisites.records import reviewing
from workshops.prerequisites.records.conversations import subject_of
from workshops.prerequisites.records.flags import Flag, flags_of
from workshops.prerequisites.records.lifecycle import ChangedMeanwhile, NotPossible
from workshops.prerequisites.records.models import OnSetRecord
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import whole_number

A_PAGE = 50
Asked = dict[str, Any]


@roles(Role.REGISTRAR)
@require_safe
def reviews(request: SignedInRequest) -> HttpResponse:
    """The queue, by whom it waits for and by what comes first."""
    now, order = current_time(), _order(request)
    asked = request.GET.get("waits")
    waits = Waits(asked) if asked in Waits.values else Waits.SCHOOL
    shown = Paginator(queue.records(waits, order, now), A_PAGE).get_page(request.GET.get("page"))
    counts = queue.counts(now)
    page = {
        "page": shown,
        "listed": queue.listed(shown, now),
        "waits": waits,
        "order": order,
        "orders": Order,
        "tabs": [(each, counts[each]) for each in Waits],
    }
    return TemplateResponse(request, "desk/reviews/reviews.html", page)


@roles(Role.REGISTRAR)
@require_safe
def review(request: SignedInRequest, public_id: str) -> HttpResponse:
    """One record: its proof beside its dates, and what can be done with it."""
    return _page(request, _find(public_id))


@roles(Role.REGISTRAR)
@require_POST
def accept(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Accept all of its days."""
    return _accepted(request, public_id, "all", AcceptForm)


@roles(Role.REGISTRAR)
@require_POST
def accept_some(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Accept the days that are ticked."""
    return _accepted(request, public_id, "some", AcceptSomeForm)


def _accepted(
    request: SignedInRequest, public_id: str, name: str, form: type[AcceptForm] | type[AcceptSomeForm]
) -> HttpResponse:
    def act(it: OnSetRecord, asked: Asked, revision: int, now: datetime) -> str:
        done = reviewing.accept(
            it,
            asked.get("days"),
            revision=revision,
            by=request.user,
            now=now,
            words=asked["words"],
            judgement=asked.get("judgement", ""),
        )
        days = days_in_words(done.accepted) if name == "all" else f"{done.accepted} of {days_in_words(done.of)}"
        return f"{days} of {it.user} on {it} {_are(done.accepted)} accepted."

    found = _find(public_id)
    return _carried_out(request, found, name, form(request.POST, flags=_flags(found)), act)


@roles(Role.REGISTRAR)
@require_POST
def ask(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Ask the trainee a question."""

    def act(it: OnSetRecord, asked: Asked, revision: int, now: datetime) -> str:
        subject = subject_of(it)
        link = f"{settings.SITE_URL}{subject.page_of_person}"
        reviewing.ask(it, asked["words"], revision=revision, title=subject.title, link=link, by=request.user, now=now)
        return f"{it.user} is asked about {it}, and told by e-mail."

    return _carried_out(request, _find(public_id), "ask", AskForm(request.POST), act)


@roles(Role.REGISTRAR)
@require_POST
def reject(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Do not accept it."""

    def act(it: OnSetRecord, asked: Asked, revision: int, now: datetime) -> str:
        reviewing.reject(it, reason=asked["reason"], words=asked["words"], revision=revision, by=request.user, now=now)
        return f"{it} of {it.user} is not accepted, and they are told why."

    return _carried_out(request, _find(public_id), "reject", RejectForm(request.POST), act)


@roles(Role.REGISTRAR)
@require_POST
def second_eyes(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Ask that another registrar decide."""

    def act(it: OnSetRecord, asked: Asked, revision: int, now: datetime) -> str:
        reviewing.ask_for_second_eyes(it, asked["why"], revision=revision, by=request.user, now=now)
        return f"Another registrar decides about {it} of {it.user}."

    return _carried_out(request, _find(public_id), "second", SecondEyesForm(request.POST), act)


@roles(Role.REGISTRAR)
@require_POST
def no_second_eyes(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Say that nobody else needs to decide after all."""

    def act(it: OnSetRecord, asked: Asked, revision: int, now: datetime) -> str:
        reviewing.need_no_second_eyes(it, asked["why"], revision=revision, by=request.user, now=now)
        return "You can decide about it yourself again."

    return _carried_out(request, _find(public_id), "alone", NoSecondEyesForm(request.POST), act, stays=True)


@roles(Role.REGISTRAR)
@require_POST
def undo(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Take back a decision."""

    def act(it: OnSetRecord, asked: Asked, revision: int, now: datetime) -> str:
        reviewing.undo(it, asked["why"], revision=revision, by=request.user, now=now)
        return f"The decision is taken back: it is under review again, and {it.user} is told."

    return _carried_out(request, _find(public_id), "undo", UndoForm(request.POST), act, stays=True)


def _carried_out(
    request: SignedInRequest,
    found: OnSetRecord,
    name: str,
    form: DecisionForm,
    act: Callable[[OnSetRecord, Asked, int, datetime], str],
    *,
    stays: bool = False,
) -> HttpResponse:
    """Do what one form asks about the record that its page showed, say so, and go on to the next in the queue.

    What is refused comes back on the same page with what was typed: 409 where the record is not any more what the page
    showed, whatever else is wrong with the form; otherwise 422.
    """
    now, order, revision = current_time(), _order(request), _revision(request)
    status = 422
    if found.user.erased_at:
        form.add_error(None, "This person was erased: nothing more can be done with their records.")
    elif revision != found.revision:
        form.add_error(None, what_changed(found, request.user))
        status = 409
    elif form.is_valid():
        following = None if stays else queue.next_after(found, order, request.user, now)
        try:
            said = act(found, form.cleaned_data, revision, now)
        except ChangedMeanwhile:
            form.add_error(None, what_changed(_find(found.public_id), request.user))
            status = 409
        except (NotPossible, BadFact, CannotWrite, Closed) as refused:
            form.add_error(None, str(refused))
        except reviewing.NeedsJudgement as refused:
            form.add_error("judgement" if "judgement" in form.fields else None, str(refused))
        else:
            return _on(request, found, said, following, order, stays=stays)
    return _page(request, _find(found.public_id), {name: form}, status=status)


def _on(
    request: SignedInRequest, found: OnSetRecord, said: str, following: str | None, order: Order, *, stays: bool
) -> HttpResponse:
    """Say what was done, with the way back to it, and go where the next decision waits."""
    query = "" if order == Order.AGE else f"?order={order.value}"
    here = f"{reverse('desk:review', args=[found.public_id])}{query}"
    if stays:
        messages.success(request, said)
        return redirect(here)
    coming = OnSetRecord.objects.select_related("user").filter(public_id=following).first() if following else None
    now_shown = f"Next: {coming} of {coming.user}." if coming else "Nothing else waits for you."
    messages.success(request, format_html('{} <a href="{}">Go back to it</a> {}', said, here, now_shown))
    there = reverse("desk:review", args=[coming.public_id]) if coming else reverse("desk:reviews")
    return redirect(f"{there}{query}")


def _page(
    request: SignedInRequest, found: OnSetRecord, bound: Bound | None = None, *, status: int = 200
) -> HttpResponse:
    now = current_time()
    page = review_page(found, request.user, now=now, bound=bound)
    refused = next(iter(bound.values())) if bound else None
    shown = {
        "page": page,
        "record": found,
        "files": page.files,
        "files_deleted": page.files_deleted,
        "order": _order(request),
        "refused": refused,
        "is_stale": status == 409,
        "conversation": conversation(request, subject_of(found), is_desk=True, now=now),
    }
    return TemplateResponse(request, "desk/reviews/review.html", shown, status=status)


def _find(public_id: str) -> OnSetRecord:
    """The record as it is now, or "not found": what was never sent is its trainee's alone."""
    shown = OnSetRecord.objects.shown_to_school().select_related("user", "decided_by", "second_eyes_by", "aims_for")
    return get_object_or_404(shown, public_id=public_id)


def _flags(found: OnSetRecord) -> list[Flag]:
    if not found.is_read_by_school:
        return []
    facts = facts_of([found.user_id], school_day(current_time()))[found.user_id]
    return flags_of(found, list(found.days.values_list("day", flat=True)), facts)


def _order(request: HttpRequest) -> Order:
    return Order.AIM if request.GET.get("order") == Order.AIM else Order.AGE


def _revision(request: HttpRequest) -> int:
    """The revision that the page showed; -1, which none has, for what is no number."""
    return whole_number(request.POST.get("revision", ""))


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
