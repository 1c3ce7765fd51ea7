"""The outbox as the registrar sees it: what waits, what went out, what failed, in the words the reader gets."""

from datetime import datetime

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template import TemplateDoesNotExist
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from workshops.clock import current_time
from workshops.history.record import record
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import send_again, words_of
from workshops.messages.words import Words
from workshops.people.models import Role, User
from workshops.transactions import writes
from workshops.web.access import SignedInRequest, roles

A_PAGE = 50


@roles(Role.REGISTRAR)
@require_safe
def outbox(request: SignedInRequest) -> HttpResponse:
    """Every message, by what became of it."""
    counts = dict(Message.objects.order_by().values_list("state").annotate(Count("pk")))
    asked = request.GET.get("state")
    state = MessageState(asked) if asked in MessageState.values else None
    found = Message.objects.select_related("to").order_by("-created_at", "-pk")
    shown = Paginator(found.filter(state=state) if state else found, A_PAGE).get_page(request.GET.get("page"))
    tabs = [(each, counts.get(each.value, 0)) for each in MessageState]
    listed = [(each, words.subject if (words := _words(each)) else each.kind) for each in shown]
    page = {"page": shown, "messages_shown": listed, "state": state, "tabs": tabs, "all": sum(counts.values())}
    return TemplateResponse(request, "desk/outbox/outbox.html", page)


@roles(Role.REGISTRAR)
@require_safe
def message(request: SignedInRequest, message_id: int) -> HttpResponse:
    """One message, as its reader gets it."""
    found = get_object_or_404(Message.objects.select_related("to"), pk=message_id)
    being_sent = found.lease_until is not None and found.lease_until > current_time()
    page = {"message": found, "words": _words(found), "being_sent": being_sent}
    return TemplateResponse(request, "desk/outbox/message.html", page)


@roles(Role.REGISTRAR)
@require_POST
def again(request: SignedInRequest, message_id: int) -> HttpResponse:
    """Put a message back in the queue."""
    found = get_object_or_404(Message.objects.select_related("to"), pk=message_id)
    if _send_again(found, by=request.user, now=current_time()):
        messages.success(request, f"It is on its way to {found.to.email} once more.")
    else:
        messages.info(request, "It is being sent at this moment. Look again in a few minutes.")
    return redirect("desk:message", found.pk)


@writes
def _send_again(found: Message, *, by: User, now: datetime) -> bool:
    """Queue it, unless a worker has it in hand: then it would go out twice."""
    fresh = Message.objects.select_for_update(of=("self",)).select_related("to").get(pk=found.pk)
    if fresh.lease_until and fresh.lease_until > now:
        return False
    send_again(fresh, now=now)
    record("message-sent-again", about=("message", str(fresh.pk)), person=fresh.to, by=by, now=now, kind=fresh.kind)
    return True


def _words(found: Message) -> Words | None:
    """None for a message whose words are not part of the product any more."""
    try:
        return words_of(found)
    except (TemplateDoesNotExist, ValueError):
        return None
