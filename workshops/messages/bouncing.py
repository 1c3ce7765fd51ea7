"""Mail that came back: noted by hand or from what a mail server sends, and kept until the address works again.

Nothing hangs on such a note but what registrars read. A message that reports one can be written by anybody who knows
the address it goes to, so that nothing in it is believed beyond which message of ours it names, and that only by a
Message-ID which we signed: whoever never got that message cannot name it. It stops no message, it changes no address,
and its words are shown as words.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, message_from_string
from email.message import Message as Mail
from email.policy import Compat32
from email.utils import parseaddr

from django.conf import settings
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare

from workshops.history.record import record
from workshops.messages import outbox
from workshops.messages.models import Message
from workshops.messages.outbox import ARRIVES_AGAIN, MOST_WORDS, SENT_TO
from workshops.people.models import User
from workshops.text import plain
from workshops.transactions import writes

MOST_BYTES = 512 * 1024
"""So much of a report is read. What matters stands at its beginning, and our own messages are far smaller."""
MOST_PARTS = 40
"""Reports have a handful of parts within parts. Reading deep nests of them takes longer the deeper they are."""
LONGEST_CONTENT, MOST_PARAMETERS = 2_000, 50
"""Characters and semicolons in a header that describes a part. Real ones have a tenth of either."""


# -- notes -------------------------------------------------------------------------------------------------------------
@writes
def note(number: int, words: str, *, now: datetime, by: User | None = None) -> bool:
    """Note that message `number` came back; True when that is news. Locks the message.

    However often the same is told, it is noted once. Where the message has been sent again since, it may come back
    again. `by` is the registrar who says so; nobody where a mail server reported it.
    """
    message = Message.objects.select_for_update(of=("self",)).select_related("to").filter(pk=number).first()
    if message is None or not may_come_back(message):
        return False
    outbox.note_return(message, plain(words), now=now)
    about = ("message", str(message.pk))
    record("message-came-back", about=about, person=message.to, by=by, now=now, kind=message.kind)
    return True


def may_come_back(message: Message) -> bool:
    """Whether it has gone out, and has not come back since. Pure."""
    if not (message.sent_at or message.lease_until or SENT_TO in message.context):
        return False
    return message.bounced_at is None or (message.sent_at is not None and message.bounced_at < message.sent_at)


def may_arrive_again(message: Message) -> bool:
    """Whether it came back and nobody has said since that mail to its address arrives. Pure."""
    return message.bounced_at is not None and ARRIVES_AGAIN not in message.context


@writes
def arrives_again(message: Message, *, by: User, now: datetime) -> bool:
    """Note that mail to the address of this message, which had come back, arrives: all notes of that address end.

    False when there is none. Locks the messages.
    """
    theirs = Message.objects.filter(to=message.to_id) if message.to_id else Message.objects.filter(pk=message.pk)
    address = went_to(message)
    ended = [
        each
        for each in _unsettled(theirs.select_for_update(of=("self",)).select_related("to"))
        if went_to(each) == address
    ]
    for each in ended:
        outbox.note_arrival(each, now=now)
    if ended:
        about = ("message", str(message.pk))
        record("message-arrives-again", about=about, person=message.to, by=by, now=now, kind=message.kind)
    return bool(ended)


def unreachable(people: Iterable[User]) -> dict[int, Message]:
    """Those of these people whose mail came back from the address they have now: by their key, the latest such message.

    One statement. Whoever has another address since can be reached, as far as anybody knows.
    """
    now_at = {person.pk: person.email.lower() for person in people}
    found = _unsettled(Message.objects.filter(to__in=list(now_at)).select_related("to"))
    return {each.to_id: each for each in found if each.to_id and went_to(each) == now_at[each.to_id]}


def _unsettled(messages: QuerySet[Message]) -> list[Message]:
    rows = messages.filter(bounced_at__isnull=False).exclude(context__has_key=ARRIVES_AGAIN)
    return list(rows.order_by("bounced_at", "pk"))


def went_to(message: Message) -> str:
    """The address to which a message went last, or would go, in small letters. `message.to` is loaded already. Pure."""
    return str(message.context.get(SENT_TO) or outbox.address_of(message)).lower()


# -- reports -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Report:
    """What a mail server reports: which message of ours came back, and why, in its own words."""

    number: int
    words: str


def read(source: bytes) -> Report | None:
    """What this e-mail reports about a message of ours that will not arrive; None where it reports nothing of the kind.

    Delivery status notifications (RFC 3464, RFC 6533), and the letters of servers that return what they could not
    deliver in their own way. Not delays, receipts, complaints or somebody's automatic answer. Whatever the bytes are,
    this raises nothing and reads no more than `MOST_BYTES` of them.
    """
    source = source[:MOST_BYTES]
    if len(re.findall(rb"(?i)multipart/|message/", source)) > MOST_PARTS:
        return None
    try:
        return _read(message_from_bytes(source, policy=_BOUNDED))
    except Exception:  # the parser is old, lenient, and not proof against everything that is sent to it
        return None


class _Endless(Exception):
    """A header that says more about a part than anything that is meant to be read."""


class _Bounded(Compat32):
    """Gives up at a header whose parameters would be read for minutes: the time for them grows with their square.

    The parser asks it of every header, those of parts within parts too, before it looks at what any of them says.
    """

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        is_endless = len(value) > LONGEST_CONTENT or value.count(";") > MOST_PARAMETERS
        if is_endless and name.lower().startswith("content-"):
            raise _Endless(name)
        return name, value


_BOUNDED = _Bounded()


def _read(mail: Mail) -> Report | None:
    if mail.get_content_type() == "multipart/report":
        return _status(mail)
    return _letter(mail) if _is_from_a_server(mail) else None


def _status(mail: Mail) -> Report | None:
    """A delivery status notification: what became of each recipient, and the message that was returned."""
    fate = next((part for part in mail.walk() if part.get_content_type() in _FATE), None)
    if fate is None:
        return None
    failed = [each for each in _groups(fate) if str(each.get("Action", "")).strip().lower() == "failed"]
    number = next((found for part in mail.walk() if (found := _number_of(part)) is not None), None)
    if not failed or number is None:
        return None
    words = str(failed[0].get("Diagnostic-Code") or failed[0].get("Status") or "")
    return Report(number, _plainly(re.sub(r"^\s*[\w-]{1,20};", "", words)))


_FATE = ("message/delivery-status", "message/global-delivery-status")
_HEADERS = ("text/rfc822-headers", "message/global-headers")
_RETURNED = ("message/rfc822", "message/global")


def _groups(fate: Mail) -> list[Mail]:
    """The groups of fields in a report, whichever way the parser took them."""
    payload = fate.get_payload()
    if isinstance(payload, list):
        return [each for each in payload if isinstance(each, Mail)]
    return [message_from_string(each, policy=_BOUNDED) for each in re.split(r"\r?\n\r?\n", _text(fate))]


def _number_of(part: Mail) -> int | None:
    """Which message of ours a part returns: whole, or its header alone."""
    payload = part.get_payload()
    if part.get_content_type() in _RETURNED and isinstance(payload, list):
        returned = payload[0] if payload else None
        return number_in(str(returned.get("Message-ID", ""))) if isinstance(returned, Mail) else None
    if part.get_content_type() in _HEADERS:
        return number_in(str(message_from_string(_text(part), policy=_BOUNDED).get("Message-ID", "")))
    return None


def _letter(mail: Mail) -> Report | None:
    """A server's own words with our message beneath them, quoted or attached."""
    if re.search(r"(?i)delay|warning", str(mail.get("Subject", ""))):
        return None
    for part in mail.walk():
        number = _number_of(part)
        if number is None and part.get_content_type() == "text/plain":
            # Bounded, and within a line: what may begin anywhere and take any number of empty lines with it would try
            # each of them again from each of them.
            quoted = re.search(r"(?im)^[> \t]{0,40}message-id:[ \t]{0,40}(<[^<>\s]{1,300}>)", _text(part))
            number = number_in(quoted[1]) if quoted else None
        if number is not None:
            return Report(number, _plainly(next(_answers(mail), "")))
    return None


def _answers(mail: Mail) -> Iterator[str]:
    """Lines of the letter that look like what a mail server answered: three digits, and more."""
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            yield from re.findall(r"(?m)\b(5\d\d[ -].{1,300})$", _text(part))


def _is_from_a_server(mail: Mail) -> bool:
    """Whether it says that a mail server wrote it. Answers that people's programs give by themselves do not."""
    sender = parseaddr(str(mail.get("From", "")))[1].partition("@")[0].lower()
    return sender in {"mailer-daemon", "postmaster"} or "X-Failed-Recipients" in mail


def _text(part: Mail) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _plainly(words: str) -> str:
    return plain(words)[:MOST_WORDS]


def number_in(message_id: str) -> int | None:
    """The number in a Message-ID of ours (see `outbox.message_id`); None where we did not write it. Pure.

    Earlier keys are good as long as they are for links.
    """
    host = re.escape(settings.CALENDAR_HOST)
    ours = re.fullmatch(rf"<message-([1-9]\d{{0,14}})\.([0-9a-f]{{1,64}})@{host}>", message_id.strip(), re.ASCII)
    if ours is None:
        return None
    number = int(ours[1])
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return number if any(constant_time_compare(ours[2], outbox.signature(number, key)) for key in keys) else None
