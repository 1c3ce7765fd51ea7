"""The outbox as the registrar sees it: what waits, went out, failed or came back, in the words the reader gets."""

from datetime import datetime

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from workshops.clock import current_time
from workshops.history.record import record
from workshops.messages.bouncing import arrives_again, may_arrive_again, may_come_back, note, went_to
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import (
    ADDRESS,
    MOST_WORDS,
    SENT_TO,
    address_of,
    is_taken_back,
    later_for_calendar,
    send_again,
    words_of,
)
from workshops.messages.wording import NoSuchWords, Written
from workshops.messages.words import Words
from workshops.people.models import Role, User
from workshops.text import plain
from workshops.transactions import writes
from workshops.web.access import SignedInRequest, roles

A_PAGE = 50
CAME_BACK = "came-back"


class CameBackForm(forms.Form):
    """What the other mail server said."""

    words = forms.CharField(
        label="What their mail server said",
        max_length=MOST_WORDS,
        required=False,
        help_text="Copy the line that gives the reason, if there is one.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@roles(Role.REGISTRAR)
@require_safe
def outbox(request: SignedInRequest) -> HttpResponse:
    """Every message, by what became of it."""
    person = plain(request.GET.get("q", ""))[:100]
    found = Message.objects.select_related("to").order_by("-created_at", "-pk")
    if person:
        found = found.filter(Q(to__name__icontains=person) | Q(to__email__icontains=person) | _at(person))
    counts = dict(found.order_by().values_list("state").annotate(Count("pk")))
    came_back = found.filter(bounced_at__isnull=False)
    asked = request.GET.get("state")
    state = MessageState(asked) if asked in MessageState.values else CAME_BACK if asked == CAME_BACK else None
    wanted = came_back if state == CAME_BACK else found.filter(state=state) if state else found
    shown = Paginator(wanted, A_PAGE).get_page(request.GET.get("page"))
    tabs = [(each.value, each.label, counts.get(each.value, 0)) for each in MessageState]
    written = Written()
    page = {
        "page": shown,
        "messages_shown": [
            (each, words.subject if (words := _words(each, written)) else each.kind, went_to(each)) for each in shown
        ],
        "state": state,
        "tabs": [*tabs, (CAME_BACK, "Came back", came_back.count())],
        "all": sum(counts.values()),
        "person": person,
    }
    return TemplateResponse(request, "desk/outbox/outbox.html", page)


def _at(address: str) -> Q:
    """Messages that went to another address than their person has now, or to nobody's account."""
    return Q(**{f"context__{SENT_TO}__icontains": address}) | Q(**{f"context__{ADDRESS}__icontains": address})


@roles(Role.REGISTRAR)
@require_safe
def message(request: SignedInRequest, message_id: int) -> HttpResponse:
    """One message, as its reader gets it."""
    return _page(request, _message(message_id), CameBackForm())


def _page(request: SignedInRequest, found: Message, form: CameBackForm, *, status: int = 200) -> HttpResponse:
    later = later_for_calendar(found)
    page = {
        "message": found,
        "words": _words(found),
        "went_to": went_to(found),
        "calendar": _calendar(found),
        "is_overtaken": bool(later),
        "is_taken_back": is_taken_back(found, later),
        "being_sent": found.lease_until is not None and found.lease_until > current_time(),
        "is_back": may_arrive_again(found),
        "form": form if may_come_back(found) else None,
    }
    return TemplateResponse(request, "desk/outbox/message.html", page, status=status)


def _calendar(found: Message) -> str:
    """What goes with it for the reader's calendar, in words; empty where nothing does."""
    if not found.calendar:
        return ""
    return "A cancellation" if "METHOD:CANCEL" in found.calendar else "An invitation"


def _message(message_id: int) -> Message:
    return get_object_or_404(Message.objects.select_related("to"), pk=message_id)


@roles(Role.REGISTRAR)
@require_POST
def came_back(request: SignedInRequest, message_id: int) -> HttpResponse:
    """Note that a message came back, with what the other mail server said."""
    found, form = _message(message_id), CameBackForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=422)
    if note(found.pk, form.cleaned_data["words"], now=current_time(), by=request.user):
        messages.success(request, f"It is noted that mail to {went_to(found)} came back.")
    else:
        messages.info(request, "That had been noted already, or it has not gone out.")
    return redirect("desk:message", found.pk)


@roles(Role.REGISTRAR)
@require_POST
def arrives(request: SignedInRequest, message_id: int) -> HttpResponse:
    """Note that mail to the address of this message arrives again."""
    found = _message(message_id)
    if arrives_again(found, by=request.user, now=current_time()):
        messages.success(request, f"It is noted that mail to {went_to(found)} arrives again.")
    else:
        messages.info(request, "Nothing was noted against this address any more.")
    return redirect("desk:message", found.pk)


@roles(Role.REGISTRAR)
@require_POST
def again(request: SignedInRequest, message_id: int) -> HttpResponse:
    """Put a message back in the queue."""
    found = _message(message_id)
    if is_taken_back(found, later_for_calendar(found)):
        messages.info(request, "A later message has taken this one back, so it is not sent again.")
    elif _send_again(found, by=request.user, now=current_time()):
        messages.success(request, f"It is on its way to {address_of(found)} once more.")
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


def _words(found: Message, written: Written | None = None) -> Words | None:
    """None for a message whose words are not part of the product any more."""
    try:
        return words_of(found, written)
    except NoSuchWords:
        return None
