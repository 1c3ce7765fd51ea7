"""Writing in a conversation, and marking what has been read: the only writer of posts."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from workshops.clock import hours_in_words
from workshops.conversations.models import LONGEST, Post, PostQuerySet
from workshops.history.record import record
from workshops.messages.outbox import queue
from workshops.people.models import Role, User
from workshops.people.presence import hold_open
from workshops.text import tidy
from workshops.transactions import writes

AN_HOUR = timedelta(hours=1)
MOST_AN_HOUR = 20
TWICE_WITHIN = timedelta(minutes=10)
"""The same words again within this time are the same click, or a second try after a lost connection."""
TOLD_AGAIN_AFTER = timedelta(days=1)
OWN = "This is your own conversation. Another registrar answers it."


class CannotWrite(Exception):
    """These words are not taken; the sentence says why and what to do."""


class NotTheirs(CannotWrite):
    """Neither the person whose thread it is nor a registrar."""


@writes
def write(
    about: tuple[str, str], *, person: User, author: User, words: str, title: str, link: str, now: datetime
) -> Post:
    """Add a post to `person`'s thread about one thing, with its line of history and its notice by e-mail.

    `title` says what it is about and `link` is the full address where the other side reads and answers it: the school
    when `author` is `person`, otherwise `person`. The words themselves go into neither history nor e-mail. The same
    words from the same author within ten minutes are written once. Locks the person's row, so that limits hold.

    Raises:
        NotTheirs: the author is neither the person nor a registrar.
        Closed: the person was erased or merged away.
        CannotWrite: nothing to read, more than 4000 characters, or more than 20 posts in this thread within an hour.
    """
    if author.pk != person.pk and not author.is_registrar:
        raise NotTheirs("This conversation belongs to somebody else.")
    if person.erased_at:
        raise CannotWrite("This person was erased. Nobody reads this any more.")
    said = tidy(words)
    if not said:
        raise CannotWrite("There is nothing to send yet. Write it here.")
    if len(said) > LONGEST:
        raise CannotWrite(f"This is {len(said):,} characters long, and {LONGEST:,} fit. Please send it in parts.")
    hold_open(person)
    thread = Post.objects.in_thread(about, person.pk)
    before = thread.last()
    if before and before.author_id == author.pk and before.words == said and now - before.written_at < TWICE_WITHIN:
        return before
    lately = thread.filter(author=author, written_at__gt=now - AN_HOUR)
    _keep_the_pace(list(lately.values_list("written_at", flat=True)))
    is_from_school = author.pk != person.pk
    tells = is_from_school or not _news_waits(thread.filter(author=person), now)
    post = Post.objects.create(
        about_kind=about[0],
        about_id=about[1],
        person=person,
        author=author,
        words=said,
        written_at=now,
        read_by_person_at=None if is_from_school else now,
        read_by_school_at=now if is_from_school else None,
        told_at=now if tells else None,
    )
    # About the post: the pages that tell the story of a thing show its conversation beside it.
    record("message-written", about=("post", post.public_id), person=person, by=author, now=now, thread=":".join(about))
    if is_from_school:
        _tell("post-from-school", post, person, title, link, now)
    elif tells:
        for registrar in User.objects.with_role(Role.REGISTRAR).exclude(pk=person.pk):
            _tell("post-from-trainee", post, registrar, title, link, now)
    return post


@writes
def mark_read(posts: Iterable[Post], reader: User, *, now: datetime) -> int:
    """Remember that the side `reader` is on has seen these posts of one thread; return how many were new to it.

    Writes nothing where nothing is new. Nobody reads for the school in a thread of their own.
    """
    by_person, by_school = [], []
    for post in posts:
        if reader.pk == post.person_id and post.read_by_person_at is None:
            by_person.append(post.pk)
        elif reader.pk != post.person_id and post.read_by_school_at is None:
            by_school.append(post.pk)
    # Whoever else marks them meanwhile was first: the moment at which they were read does not move.
    seen = Post.objects.filter(pk__in=by_person, read_by_person_at=None).update(read_by_person_at=now)
    return seen + Post.objects.filter(pk__in=by_school, read_by_school_at=None).update(read_by_school_at=now)


@writes
def settle(post: Post, *, by: User, now: datetime) -> bool:
    """Say that a post needs no answer; False when that was said before. A later post of the trainee waits again.

    Raises:
        NotTheirs: by someone who is no registrar, or about one's own thread.
    """
    if by.pk == post.person_id or not by.is_registrar:
        raise NotTheirs(OWN)
    if not Post.objects.filter(pk=post.pk, settled_at=None).update(settled_at=now):
        return False
    record("message-settled", about=("post", post.public_id), person=post.person, by=by, now=now)
    return True


@writes
def settle_waiting(about: tuple[str, str], person: User, *, by: User, now: datetime) -> None:
    """Say that a thread needs no answer any more, for what it was about has been decided. Nothing where none waits.

    Raises:
        NotTheirs: as `settle`.
    """
    for post in Post.objects.in_thread(about, person.pk).unanswered():
        settle(post, by=by, now=now)


def hand_over(person: User, to: User) -> None:
    """Give the threads of one account to another account of the same person, who wrote in them what it wrote.

    What either wrote there for the school stays the school's; what `person` wrote to others for it stays signed.
    """
    Post.objects.filter(person=person, author=to).update(author=None)
    Post.objects.filter(person=person, author=person).update(author=to)
    Post.objects.filter(person=person).update(person=to)


def _keep_the_pace(within_the_hour: list[datetime]) -> None:
    if len(within_the_hour) < MOST_AN_HOUR:
        return
    again_at = sorted(within_the_hour)[-MOST_AN_HOUR] + AN_HOUR
    raise CannotWrite(
        f"You have written {MOST_AN_HOUR} times within an hour. From {hours_in_words(again_at)} in Los Angeles "
        "you can write again. What you typed is still here."
    )


def _news_waits(from_person: PostQuerySet, now: datetime) -> bool:
    """Whether registrars were told of this thread lately and none of them has read it since: once is enough.

    A day later they are told again, for an e-mail can go astray.
    """
    return from_person.filter(read_by_school_at=None, told_at__gt=now - TOLD_AGAIN_AFTER).exists()


def _tell(kind: str, post: Post, to: User, title: str, link: str, now: datetime) -> None:
    about = ("post", f"{post.public_id}:{to.public_id}")
    queue(kind, about, to, {"from": str(post.author), "title": title, "link": link}, now=now)
