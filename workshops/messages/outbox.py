"""Queueing messages inside the transaction that causes them, and sending what is due after it."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db.models import F
from django.template.loader import render_to_string

from workshops.messages.models import Message, MessageState
from workshops.messages.words import Words, read
from workshops.people.models import User
from workshops.rows import insert
from workshops.transactions import writes

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
ADDRESS = "address"
"""Where a message carries an address of its own: a further one of theirs, or that of somebody who is being erased."""
TO_AN_ADDRESS = ("accounts-merged", "erasure-done")
"""The kinds of message that may. The row goes once it is sent, or after a while of trying."""
# A server that is down for a night must not cost a message; after these it is the registrar's turn to look.
BACKOFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)


def queue(
    kind: str,
    about: tuple[str, str],
    to: User,
    context: Mapping[str, str],
    *,
    now: datetime,
    step: int = 0,
) -> None:
    """Queue one message, in the caller's transaction. A second one of the same (kind, about, step) is not queued."""
    queue_all(kind, [(about, to, context)], now=now, step=step)


def hand_over(person: User, to: User) -> None:
    """Give the messages of one account to another account of the same person: what still waits goes to its address."""
    Message.objects.filter(to=person).update(to=to)


def queue_all(
    kind: str,
    messages: Iterable[tuple[tuple[str, str], User, Mapping[str, str]]],
    *,
    now: datetime,
    step: int = 0,
) -> None:
    """Queue a message of one kind to each of many, as `queue` does for one (about, to, context), in one statement."""
    queued = [
        Message(
            kind=kind,
            subject=":".join(about),
            step=step,
            to=to,
            # Line breaks in what people typed would let a name pose as a paragraph, a link or a header.
            context={key: " ".join(value.split()) for key, value in {"name": str(to), **context}.items()},
            created_at=now,
            due_at=now,
        )
        for about, to, context in messages
        if to.erased_at is None  # there is no address to write to
    ]
    insert(queued, passing_over_known=True)


def queue_last_word(kind: str, about: tuple[str, str], to: User, context: Mapping[str, str], *, now: datetime) -> None:
    """Queue the last message to somebody who is being erased, in the transaction that does it.

    Their account has no address any more, so the message carries it, with their name. `to` is the person as they were.
    """
    queue_to_address(kind, about, to, to.email, context, now=now)


def queue_to_address(
    kind: str,
    about: tuple[str, str],
    to: User,
    address: str,
    context: Mapping[str, str],
    *,
    now: datetime,
    step: int = 0,
) -> None:
    """Queue a message to another address than that of the account. It carries it, and is deleted once it is sent.

    `kind` is one of `TO_AN_ADDRESS`.
    """
    if kind not in TO_AN_ADDRESS:
        raise ValueError(kind)
    queue(kind, about, to, {**context, ADDRESS: address}, now=now, step=step)


def said(kind: str, subjects: Iterable[str]) -> set[tuple[str, int]]:
    """Which steps of this kind have been queued about these subjects: pairs of subject and step. One statement."""
    return set(Message.objects.filter(kind=kind, subject__in=list(subjects)).values_list("subject", "step"))


def words_of(message: Message) -> Words:
    """The message as its reader gets it."""
    source = render_to_string(f"messages/{message.kind}.txt", {**message.context, "site_url": settings.SITE_URL})
    return read(source)


def message_id(message: Message) -> str:
    """The same Message-ID at every try, so that a mail server that got it twice shows it once."""
    return f"<message-{message.pk}@{settings.CALENDAR_HOST}>"


def send_due(*, now: datetime, limit: int = 10) -> int:
    """Send what is due; return how many were tried. Any number of workers may do this at once.

    A message is leased before it is sent and marked afterwards: a worker that is killed in between leaves a lease that
    runs out, and the message is sent again with the same Message-ID. At least once, never lost.
    """
    leased = _lease(now, limit)
    if not leased:
        return 0
    connection = get_connection()
    for message in leased:
        try:
            _send(message, connection)
        except Exception as error:  # whatever went wrong, the others must go out and this one must be tried again
            log.warning("Message %s could not be sent: %s", message.pk, type(error).__name__)
            _failed(message, error, now)
        else:
            if ADDRESS in message.context:
                Message.objects.filter(pk=message.pk).delete()
                continue
            Message.objects.filter(pk=message.pk).update(
                state=MessageState.SENT, sent_at=now, lease_until=None, attempts=F("attempts") + 1, last_error=""
            )
    connection.close()
    return len(leased)


def send_again(message: Message, *, now: datetime) -> None:
    """Put a message back in the queue, as it was, for the registrar."""
    Message.objects.filter(pk=message.pk).update(
        state=MessageState.QUEUED, sent_at=None, due_at=now, lease_until=None, attempts=0, last_error=""
    )


@writes
def _lease(now: datetime, limit: int) -> list[Message]:
    due = Message.objects.due(now).order_by("due_at", "pk")
    messages = list(due.select_for_update(skip_locked=True, of=("self",)).select_related("to")[:limit])
    if messages:
        Message.objects.filter(pk__in=[message.pk for message in messages]).update(lease_until=now + LEASE)
    return messages


def _send(message: Message, connection: object) -> None:
    words = words_of(message)
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    mail = EmailMultiAlternatives(
        subject=words.subject,
        body=words.text,
        from_email=formataddr(sender),
        to=[_reader(message)],
        reply_to=[settings.EMAIL_REPLY_TO] if settings.EMAIL_REPLY_TO else None,
        headers={"Message-ID": message_id(message), "Auto-Submitted": "auto-generated"},
        connection=connection,
    )
    html = render_to_string("messages/layout.html", {"words": words, "site_url": settings.SITE_URL})
    mail.attach_alternative(html, "text/html")
    mail.send()


def _reader(message: Message) -> str:
    if ADDRESS in message.context:
        return formataddr((message.context["name"], message.context[ADDRESS]))
    return formataddr((" ".join(message.to.name.split()), message.to.email))


def _failed(message: Message, error: Exception, now: datetime) -> None:
    attempts = message.attempts + 1
    over = attempts > len(BACKOFF)
    # Where the lease ran out meanwhile, another worker may have sent it: then it has not failed.
    Message.objects.filter(pk=message.pk, state=MessageState.QUEUED).update(
        state=MessageState.FAILED if over else MessageState.QUEUED,
        attempts=attempts,
        due_at=now if over else now + BACKOFF[attempts - 1],
        lease_until=None,
        last_error=f"{type(error).__name__}: {error}"[:300],
    )
