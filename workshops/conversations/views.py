"""What every page with a conversation does: show it, and take what is written.

Who may open the page, and what the conversation is about, is for that page to say.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from django.conf import settings
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from workshops.clock import current_time
from workshops.conversations.forms import PostForm
from workshops.conversations.models import Post
from workshops.conversations.reading import SHOWN_AT_ONCE, Line, Subject, Thread, thread_of
from workshops.conversations.writing import OWN, CannotWrite, mark_read, write
from workshops.people.closing import Closed
from workshops.people.models import User
from workshops.transactions import Busy
from workshops.web.access import SignedInRequest
from workshops.web.forms import form_page, posted

EVERYTHING = 10_000


class Say(Protocol):
    """Writes a post: `writing.write` about one thing, or what changes something else in the same transaction.

    Raises `CannotWrite` as that does.
    """

    def __call__(self, *, person: User, author: User, words: str, title: str, link: str, now: datetime) -> Post:
        """Write it."""


@dataclass(frozen=True)
class Conversation:
    """What the templates of this room show."""

    subject: Subject
    thread: Thread
    form: PostForm
    is_desk: bool
    is_own_at_desk: bool
    """A registrar looks from the desk at a conversation of their own: they read it and cannot answer as the school."""

    @property
    def action(self) -> str:
        """Where the form goes, which is also the conversation's own page."""
        return self.subject.page_of_school if self.is_desk else self.subject.page_of_person

    @property
    def waits(self) -> Line | None:
        """What the school has not answered yet."""
        last = self.thread.lines[-1] if self.thread.lines else None
        return last if last and last.waits else None


def conversation(
    request: SignedInRequest,
    subject: Subject,
    *,
    is_desk: bool,
    now: datetime,
    form: PostForm | None = None,
    at_most: int = SHOWN_AT_ONCE,
) -> Conversation:
    """Show this reader a conversation; what was new to their side is marked as read.

    That is the one thing a GET writes here. It decides nothing, and when the database is busy it waits for next time.
    """
    thread = thread_of(subject, request.user, at_most=at_most)
    if request.method != "HEAD" and any(line.is_new for line in thread.lines):
        with suppress(Busy):
            mark_read(thread.posts, request.user, now=now)
    is_own_at_desk = is_desk and request.user.pk == subject.person.pk
    return Conversation(subject, thread, form or _form(subject, is_desk=is_desk), is_desk, is_own_at_desk)


def conversation_page(
    request: SignedInRequest, subject: Subject, *, back: str, is_desk: bool, say: Say | None = None
) -> HttpResponse:
    """The conversation's own page, with all of it; a POST adds to it, by `say` where more is to change than the thread.

    After that a browser goes `back` to the page that shows the conversation among other things, while htmx gets the
    thread alone. What cannot be taken comes back as it was typed, with 422.
    """
    now = current_time()
    form = _form(subject, posted(request), is_desk=is_desk)
    say = say or partial(write, subject.about)
    if form.is_valid() and _written(request.user, subject, form, say, is_desk=is_desk, now=now):
        if not request.htmx:
            return redirect(f"{back}#conversation")
        shown = conversation(request, subject, is_desk=is_desk, now=now)
        return TemplateResponse(request, "conversations/_answer.html", {"conversation": shown, "is_sent": True})
    form.fields["words"].widget.attrs["autofocus"] = form.is_bound
    if form.is_bound and request.htmx:
        shown = conversation(request, subject, is_desk=is_desk, now=now, form=form)
        return form_page(request, "conversations/_answer.html", form, {"conversation": shown})
    shown = conversation(request, subject, is_desk=is_desk, now=now, form=form, at_most=EVERYTHING)
    return form_page(request, "conversations/conversation.html", form, {"conversation": shown, "back": back})


def _form(subject: Subject, data: QueryDict | None = None, *, is_desk: bool) -> PostForm:
    return PostForm(data, label=f"Write to {subject.person}" if is_desk else "Write to the school")


def _written(author: User, subject: Subject, form: PostForm, say: Say, *, is_desk: bool, now: datetime) -> bool:
    """Write it, or say on the form why not."""
    if is_desk and author.pk == subject.person.pk:
        form.add_error("words", OWN)
        return False
    other_side = subject.page_of_person if is_desk else subject.page_of_school
    try:
        say(
            person=subject.person,
            author=author,
            words=form.cleaned_data["words"],
            title=subject.title,
            link=f"{settings.SITE_URL}{other_side}",
            now=now,
        )
    except (CannotWrite, Closed) as refused:
        form.add_error("words", str(refused))
        return False
    return True
