"""A conversation as one reader may see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workshops.conversations.models import Post
from workshops.people.models import User

SHOWN_AT_ONCE = 50


@dataclass(frozen=True)
class Before:
    """What a conversation was about until a moment, before it went on about what it is about now."""

    about: tuple[str, str]
    title: str
    until: datetime


@dataclass(frozen=True)
class Subject:
    """What a conversation is about, in words, and where each side reads and answers it (paths of this site).

    `about` names its thread. `before` is what it was about earlier, the oldest first: what was written then is read as
    one with it, and goes by the title of that time.
    """

    about: tuple[str, str]
    person: User
    title: str
    page_of_person: str
    page_of_school: str
    before: Sequence[Before] = ()
    thing: str = "reservation"
    """What it is about is one of these: the page on which the conversation stands."""
    answering: str = ""
    """What an answer of the person does beside being read, said before they give it; empty where that is nothing."""

    def title_at(self, moment: datetime) -> str:
        """What it was about at this moment, where that was something else; otherwise empty."""
        return next((each.title for each in self.before if moment < each.until), "")


@dataclass(frozen=True)
class Line:
    """One post as a reader may know it."""

    public_id: str
    by: str
    words: str
    at: datetime
    is_own_side: bool
    is_new: bool
    waits: bool
    """Nobody has said yet that it needs no answer. What the school wrote waits for nothing."""
    was_about: str
    """What the conversation was about when this was written, where that was something else."""


@dataclass(frozen=True)
class Thread:
    """The latest posts of a conversation, the newest last."""

    posts: list[Post]
    lines: list[Line]
    has_earlier: bool


def thread_of(subject: Subject, reader: User, *, at_most: int = SHOWN_AT_ONCE) -> Thread:
    """Read a conversation in one statement, however long it is. Nothing is marked as read by it."""
    threads = Post.objects.in_thread(subject.about, subject.person.pk)
    for each in subject.before:
        threads |= Post.objects.in_thread(each.about, subject.person.pk)
    newest = threads.select_related("author").order_by("-pk")
    found = list(newest[: at_most + 1])
    posts = found[at_most - 1 :: -1] if len(found) > at_most else found[::-1]
    return Thread(posts, [_line(post, reader, subject) for post in posts], has_earlier=len(found) > at_most)


def _line(post: Post, reader: User, subject: Subject) -> Line:
    is_theirs = reader.pk == post.person_id
    read_at = post.read_by_person_at if is_theirs else post.read_by_school_at
    return Line(
        public_id=post.public_id,
        by=_by(post, reader),
        words=post.words,
        at=post.written_at,
        is_own_side=post.is_from_school != is_theirs,
        is_new=read_at is None,
        waits=not post.is_from_school and post.settled_at is None,
        was_about=subject.title_at(post.written_at),
    )


def _by(post: Post, reader: User) -> str:
    """Who wrote it: to the person whose thread it is "you" or "the school", to registrars the name."""
    if reader.pk == post.person_id:
        return "the school" if post.is_from_school else "you"
    return str(post.author or "the school")
