"""Queueing messages inside the transaction that causes them, and sending what is due after it.

The only writer of message rows.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F, QuerySet
from django.utils.crypto import salted_hmac

from workshops.history.record import record
from workshops.messages.letter import letter, named
from workshops.messages.models import Message, MessageState
from workshops.messages.wording import Written, words_for, words_to_send
from workshops.messages.words import STOP as STOP
from workshops.messages.words import Words
from workshops.people.models import User
from workshops.rows import insert
from workshops.text import plain
from workshops.transactions import writes

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
MOST_WORDS = 300
"""So many characters of what another mail server said are kept."""
ADDRESS = "address"
"""Where a message carries an address of its own: a further one of theirs, or that of somebody who is being erased."""
TO_AN_ADDRESS = ("accounts-merged", "dates-confirm", "dates-new", "days-brought-over", "erasure-done")
"""The kinds of message that may. The row goes once it is sent, or after a while of trying."""
REMINDER = "workshop-soon"
"""The one kind that a person with an account may say no more of (`User.wants_reminders`): no seat depends on it."""
SENT_TO = "sent_to"
"""Where a message says, once it has gone out, to which address: its person may have another one since."""
TOO_LATE_FROM = "too_late_from"
"""Where a message that speaks of a day to come carries the moment (ISO 8601) from which on it must not go out."""
DAYS_ATTACHED = "days_attached"
"""Where a message says that days for the reader's calendar go with it."""
CAME_TOO_LATE = "Its day had come before it could go out, so it was not sent."
ARRIVES_AGAIN = "arrives_again"
"""Where a message that came back carries since when (ISO 8601) mail to its address is said to arrive again."""
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
    calendar: str = "",
) -> None:
    """Queue one message, in the caller's transaction. A second one of the same (kind, about, step) is not queued.

    `calendar` is an invitation or a cancellation that goes with it: an iCalendar object with a METHOD (RFC 5546).
    """
    queue_all(kind, [(about, to, context)], now=now, step=step, calendar=calendar)


def withdraw(kinds: Iterable[str], about: str) -> None:
    """Delete what has been queued, in these kinds, about whatever `about` begins, in the caller's transaction.

    For somebody who wants no more: what a worker has in hand at this moment may still go out.
    """
    Message.objects.filter(kind__in=list(kinds), subject__startswith=about).delete()


def hand_over(person: User, to: User) -> None:
    """Give the messages of one account to another account of the same person: what still waits goes to its address."""
    Message.objects.filter(to=person).update(to=to)


def queue_all(
    kind: str,
    messages: Iterable[tuple[tuple[str, str], User | None, Mapping[str, str]]],
    *,
    now: datetime,
    step: int = 0,
    calendar: str = "",
) -> None:
    """Queue a message of one kind to each of many, as `queue` does for one (about, to, context), in one statement."""
    queued = [
        Message(
            kind=kind,
            subject=":".join(about),
            step=step,
            to=to,
            # Line breaks in what people typed would let a name pose as a paragraph, a link or a header.
            context={key: " ".join(value.split()) for key, value in {**_greeting(to), **context}.items()},
            calendar=calendar,
            created_at=now,
            due_at=now,
        )
        for about, to, context in messages
        if to is None or to.erased_at is None  # there is no address to write to
    ]
    insert(queued, passing_over_known=True)


def _greeting(to: User | None) -> dict[str, str]:
    return {"name": str(to)} if to else {}


def queue_last_word(kind: str, about: tuple[str, str], to: User, context: Mapping[str, str], *, now: datetime) -> None:
    """Queue the last message to somebody who is being erased, in the transaction that does it.

    Their account has no address any more, so the message carries it, with their name. `to` is the person as they were.
    """
    queue_to_address(kind, about, to, to.email, context, now=now)


def queue_to_address(
    kind: str,
    about: tuple[str, str],
    to: User | None,
    address: str,
    context: Mapping[str, str],
    *,
    now: datetime,
    step: int = 0,
    calendar: str = "",
) -> None:
    """Queue a message to another address than that of the account. It carries it, and is deleted once it is sent.

    `to` is nobody where the address has no account. `kind` is one of `TO_AN_ADDRESS`.
    """
    if kind not in TO_AN_ADDRESS:
        raise ValueError(kind)
    queue_all(kind, [(about, to, {**context, ADDRESS: address})], now=now, step=step, calendar=calendar)


def said(kind: str, subjects: Iterable[str]) -> set[tuple[str, int]]:
    """Which steps of this kind have been queued about these subjects: pairs of subject and step. One statement."""
    return set(Message.objects.filter(kind=kind, subject__in=list(subjects)).values_list("subject", "step"))


def words_of(message: Message, written: Written | None = None) -> Words:
    """The message as its reader gets it, or got it. `written` is for those who ask for many at once."""
    return words_for(message.kind, message.context, sent_at=message.sent_at, written=written)


def message_id(message: Message) -> str:
    """The same Message-ID at every try, so that a mail server that got it twice shows it once.

    It is signed: only whoever got the message, or carried it, can say that it came back.
    """
    return f"<message-{message.pk}.{signature(message.pk, settings.SECRET_KEY)}@{settings.CALENDAR_HOST}>"


def signature(number: int, key: str) -> str:
    """What proves that we numbered a message: 80 bits in hexadecimal, the same whenever it is asked for. Pure."""
    return salted_hmac("messages.message_id", str(number), secret=key, algorithm="sha256").hexdigest()[:20]


def send_due(*, now: datetime, limit: int = 10) -> int:
    """Send what is due; return how many were tried. Any number of workers may do this at once.

    A message is leased before it is sent and marked afterwards: a worker that is killed in between leaves a lease that
    runs out, and the message is sent again with the same Message-ID. At least once, never lost.
    """
    leased = _lease(now, limit)
    if not leased:
        return 0
    connection, written = get_connection(), Written()
    for message in leased:
        if _is_unwanted(message):
            _in_hand(message).delete()
            continue
        if _is_too_late(message, now):
            _in_hand(message).update(state=MessageState.FAILED, lease_until=None, last_error=CAME_TOO_LATE)
            continue
        # Its words still go out: nothing that was said is lost, whatever came after it.
        if later_for_calendar(message):
            _leave_days_out(message)
        try:
            _send(message, connection, words_to_send(message.kind, message.context, now=now, written=written))
        except Exception as error:  # whatever went wrong, the others must go out and this one must be tried again
            log.warning("Message %s could not be sent: %s", message.pk, type(error).__name__)
            _failed(message, error, now)
        else:
            _went_out(message, now)
    connection.close()
    return len(leased)


def send_again(message: Message, *, now: datetime) -> None:
    """Put a message back in the queue, as it was, for the registrar. It goes to its person's address as it is then."""
    Message.objects.filter(pk=message.pk).update(
        state=MessageState.QUEUED, sent_at=None, due_at=now, lease_until=None, attempts=0, last_error=""
    )


def later_for_calendar(message: Message) -> list[str]:
    """What went, or is to go, with later messages about the same entry to the same mailbox's calendar.

    Mail goes out in any order: one try fails and the next message overtakes it, or somebody sends an old one again.
    One SQL statement, for a message that carries something for a calendar, and otherwise none.
    """
    entry = _UID.search(message.calendar)
    if entry is None:
        return []
    after = Message.objects.filter(to=message.to_id, pk__gt=message.pk, calendar__contains=entry[0]).order_by("pk")
    told = after.values_list("calendar", "context")
    return [calendar for calendar, context in told if context.get(ADDRESS) == message.context.get(ADDRESS)]


_UID = re.compile(r"(?m)^UID:.*\r\n(?: .*\r\n)*")


def is_taken_back(message: Message, later: Iterable[str]) -> bool:
    """Whether what this message invites to has been cancelled by a later one: see `later_for_calendar`."""
    invites = bool(message.calendar) and _method(message.calendar) == "REQUEST"
    return invites and any(_method(calendar) == "CANCEL" for calendar in later)


def note_return(message: Message, words: str, *, now: datetime) -> None:
    """Write down that this message came back, and what the other mail server said. See `bouncing`."""
    context = {key: value for key, value in message.context.items() if key != ARRIVES_AGAIN}
    Message.objects.filter(pk=message.pk).update(bounced_at=now, bounce=words[:MOST_WORDS], context=context)


def note_arrival(message: Message, *, now: datetime) -> None:
    """Write down that mail to the address of this message, which came back, arrives again. See `bouncing`."""
    Message.objects.filter(pk=message.pk).update(context={**message.context, ARRIVES_AGAIN: now.isoformat()})


def refused_for_good(error: Exception) -> str:
    """What a mail server said as it refused the one address for good; empty for whatever may pass.

    Answers that are about us rather than about the reader (RFC 3463: 5.3 to 5.7, or a relay that does not know us) may:
    one wrong password must not look as if nobody could be reached.
    """
    if not isinstance(error, SMTPRecipientsRefused) or not error.recipients:
        return ""
    answers = [(code, _in_words(said)) for code, said in error.recipients.values()]
    if any(not 500 <= code < 600 or _ABOUT_US.search(said) for code, said in answers):
        return ""
    return " ".join(f"{code} {said}".strip() for code, said in answers)[:MOST_WORDS]


_ABOUT_US = re.compile(r"\b5\.[3-7]\.\d{1,3}\b|\brelay|authenticat", re.IGNORECASE)


def _in_words(said: bytes | str) -> str:
    return plain(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)


@writes
def _lease(now: datetime, limit: int) -> list[Message]:
    due = Message.objects.due(now).order_by("due_at", "pk")
    messages = list(due.select_for_update(skip_locked=True, of=("self",)).select_related("to")[:limit])
    if messages:
        Message.objects.filter(pk__in=[message.pk for message in messages]).update(lease_until=now + LEASE)
    for message in messages:
        message.lease_until = now + LEASE
    return messages


def _in_hand(message: Message) -> QuerySet[Message]:
    """The row of a leased message, while nobody else has it: a lease that ran out may be another worker's by now."""
    return Message.objects.filter(pk=message.pk, state=MessageState.QUEUED, lease_until=message.lease_until)


def _is_unwanted(message: Message) -> bool:
    """Whether its reader has said since it was queued that they want no more of these."""
    return message.kind == REMINDER and message.to is not None and not message.to.wants_reminders


def _leave_days_out(message: Message) -> None:
    """A calendar that keeps nothing of what it has removed would take an older word for a new one."""
    message.calendar = ""
    if DAYS_ATTACHED in message.context:
        message.context = {**message.context, DAYS_ATTACHED: ""}


def _is_too_late(message: Message, now: datetime) -> bool:
    until = message.context.get(TOO_LATE_FROM)
    return until is not None and now >= datetime.fromisoformat(until)


def _went_out(message: Message, now: datetime) -> None:
    if ADDRESS in message.context:
        Message.objects.filter(pk=message.pk).delete()
        return
    _in_hand(message).update(
        state=MessageState.SENT,
        sent_at=now,
        lease_until=None,
        attempts=F("attempts") + 1,
        last_error="",
        context=_with_address(message),
    )


def _with_address(message: Message) -> dict[str, Any]:
    return {**message.context, SENT_TO: address_of(message)}


def address_of(message: Message) -> str:
    """Where a message goes as things are now."""
    if ADDRESS in message.context:
        return str(message.context[ADDRESS])
    assert message.to is not None  # only what carries an address of its own is to nobody
    return message.to.email


def _send(message: Message, connection: BaseEmailBackend, words: Words) -> None:
    mail = letter(words, [_reader(message)], connection=connection)
    mail.extra_headers["Message-ID"] = message_id(message)
    if stop := message.context.get(STOP):
        mail.extra_headers |= {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    if message.calendar:
        # The last alternative is the one that a program which understands it prefers (RFC 2046, 5.1.4; RFC 6047, 2.4).
        mail.attach_alternative(message.calendar, f"text/calendar; method={_method(message.calendar)}")
    mail.send()


def _method(calendar: str) -> str:
    return next(line.removeprefix("METHOD:") for line in calendar.splitlines() if line.startswith("METHOD:"))


def _reader(message: Message) -> str:
    name = message.to.name if message.to and ADDRESS not in message.context else message.context.get("name", "")
    return named(name, address_of(message))


@writes
def _failed(message: Message, error: Exception, now: datetime) -> None:
    attempts, refused = message.attempts + 1, refused_for_good(error)
    over = bool(refused) or attempts > len(BACKOFF)
    known: dict[str, Any] = {}
    if refused:
        known = {"bounced_at": now, "bounce": refused, "context": _with_address(message)}
        known["context"].pop(ARRIVES_AGAIN, None)
    changed = _in_hand(message).update(
        state=MessageState.FAILED if over else MessageState.QUEUED,
        attempts=attempts,
        due_at=now if over else now + BACKOFF[attempts - 1],
        lease_until=None,
        last_error=f"{type(error).__name__}: {error}"[:300],
        **known,
    )
    if changed and refused:
        about = ("message", str(message.pk))
        record("message-came-back", about=about, person=message.to, now=now, kind=message.kind)
