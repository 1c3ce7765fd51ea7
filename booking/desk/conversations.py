"""The desk's side of conversations: who waits for an answer, and answering."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, F, Q, When
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from booking.reservations.conversations import KIND, subject_in_list, subject_of
from booking.reservations.models import Reservation
from workshops.clock import ago, current_time
from workshops.conversations.models import Post, PostQuerySet
from workshops.conversations.reading import Subject
from workshops.conversations.views import conversation_page
from workshops.conversations.writing import CannotWrite, settle
from workshops.people.models import Role
from workshops.prerequisites.records.conversations import KIND as RECORD_KIND
from workshops.prerequisites.records.conversations import subject_of as record_subject
from workshops.prerequisites.records.models import OnSetRecord
from workshops.prerequisites.records.writing import answer
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import shows_or_takes

A_PAGE = 50


@dataclass(frozen=True)
class Listed:
    """A conversation in the list: its last post, and what it is about where that is still known."""

    last: Post
    subject: Subject | None
    age: str
    waits: bool


@roles(Role.REGISTRAR)
@require_safe
def conversations(request: SignedInRequest) -> HttpResponse:
    """Every conversation: whoever waits for an answer first, the longest wait on top; then the others, newest first."""
    now = current_time()
    shown = Paginator(_in_order(), A_PAGE).get_page(request.GET.get("page"))
    page = {"page": shown, "listed": listed(shown, now)}
    return TemplateResponse(request, "desk/conversations/conversations.html", page)


@roles(Role.REGISTRAR)
@shows_or_takes
def about_reservation(request: SignedInRequest, public_id: str) -> HttpResponse:
    """The conversation with a trainee about their reservation, and a form to answer."""
    found = get_object_or_404(Reservation.objects.select_related("cohort", "trainee"), public_id=public_id)
    back = reverse("desk:reservation", args=[found.public_id])
    return conversation_page(request, subject_of(found, found.trainee), back=back, is_desk=True)


@roles(Role.REGISTRAR)
@shows_or_takes
def about_record(request: SignedInRequest, public_id: str) -> HttpResponse:
    """The conversation with a trainee about their days on set, and a form to answer."""
    found = get_object_or_404(OnSetRecord.objects.shown_to_school().select_related("user"), public_id=public_id)
    back = reverse("desk:review", args=[found.public_id])
    say = partial(answer, found)
    return conversation_page(request, record_subject(found), back=back, is_desk=True, say=say)


@roles(Role.REGISTRAR)
@require_POST
def needs_no_answer(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Take a conversation off the list of those that wait: a thank-you needs no answer."""
    post = get_object_or_404(Post.objects.select_related("person"), public_id=public_id)
    try:
        settle(post, by=request.user, now=current_time())
    except CannotWrite as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"{post.person} waits for no answer any more.")
    return redirect("desk:conversations")


def _in_order() -> PostQuerySet:
    waits = Case(When(Q(author=F("person"), settled_at=None), then=True), default=False)
    last = Post.objects.last_of_each_thread().select_related("person").annotate(waits=waits)
    return last.order_by("-waits", Case(When(waits=True, then=F("pk")), default=-F("pk")))


def listed(posts: Iterable[Post], now: datetime) -> list[Listed]:
    """Each with what it is about, in one statement more for each kind of thing."""
    found = list(posts)
    reservations = Reservation.objects.filter(public_id__in=_keys(found, KIND)).select_related("cohort", "trainee")
    records = OnSetRecord.objects.filter(public_id__in=_keys(found, RECORD_KIND)).select_related("user")
    subjects = {(KIND, each.public_id): subject_in_list(each, each.trainee) for each in reservations}
    subjects |= {(RECORD_KIND, each.public_id): record_subject(each) for each in records}
    return [
        Listed(
            last=post,
            subject=subjects.get((post.about_kind, post.about_id)),
            age=ago(post.written_at, now),
            waits=not post.is_from_school and post.settled_at is None,
        )
        for post in found
    ]


def _keys(posts: Iterable[Post], kind: str) -> list[str]:
    return [post.about_id for post in posts if post.about_kind == kind]
