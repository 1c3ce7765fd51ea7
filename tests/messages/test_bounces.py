"""What came back: refused at once, reported by a mail server, or noted by a registrar."""

import base64
import io
import random
import re
import smtplib
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from booking.management.commands import note_bounce
from tests import factories
from tests.factories import NOW
from tests.messages.test_outbox import Mailbox
from workshops.history.models import HistoryLine
from workshops.messages import bouncing
from workshops.messages.bouncing import MOST_BYTES, arrives_again, note, number_in, read, unreachable
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import message_id, queue_to_address, send_again, send_due
from workshops.people.models import Role

REASON = b"5.1.1 <anna@example.org>: Recipient address rejected: no such user"


@pytest.fixture(autouse=True)
def _host(settings: Settings) -> None:
    settings.CALENDAR_HOST = "booking.example.org"


@pytest.fixture
def message(db: None) -> Message:
    """A message to Anna that has gone out."""
    factories.reservation(trainee=factories.trainee(name="Anna", email="anna@example.org"))
    send_due(now=NOW)
    return Message.objects.get()


def report(returned: str, *, action: str = "failed", code: str = "smtp; 550 5.1.1 No such user") -> bytes:
    """A delivery status notification as RFC 3464 has it (the example of its appendix E, shortened)."""
    return (
        "From: MAILER-DAEMON@mx.example.org\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/plain\r\n\r\nI am sorry to have to tell you.\r\n"
        "--x\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; anna@example.org\r\nAction: {action}\r\nStatus: 5.1.1\r\n"
        f"Diagnostic-Code: {code}\r\n\r\n"
        f"--x\r\nContent-Type: {returned}\r\n--x--\r\n"
    ).encode()


def whole(number: Message | str) -> str:
    named = message_id(number) if isinstance(number, Message) else number
    return f"message/rfc822\r\n\r\nMessage-ID: {named}\r\nSubject: Your seat\r\n\r\nDear Anna,\r\n"


def header(number: Message) -> str:
    return f"text/rfc822-headers\r\n\r\nMessage-ID: {message_id(number)}\r\nSubject: Your seat\r\n"


def letter(body: str, *, sender: str = "MAILER-DAEMON@mx.example.org", subject: str = "Returned mail") -> bytes:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = sender, subject
    mail.set_content(body)
    return mail.as_bytes()


def hidden(header: bytes) -> bytes:
    """A report that returns this header alone, written so that it cannot be seen before it is decoded."""
    beginning = "From: MAILER-DAEMON@x\nContent-Type: multipart/report; boundary=b\n\n"
    status = "--b\nContent-Type: message/delivery-status\n\nAction: failed\n\n"
    returned = "--b\nContent-Type: text/rfc822-headers\nContent-Transfer-Encoding: base64\n\n"
    return f"{beginning}{status}{returned}".encode() + base64.encodebytes(header) + b"--b--\n"


def piped(source: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """What the command ends with, and what it says, when a mail server writes this to it."""
    said = io.StringIO()
    monkeypatch.setattr(note_bounce, "current_time", lambda: NOW + timedelta(minutes=5))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(source)))
    try:
        call_command("note_bounce", stdout=said, stderr=said)
    except SystemExit as end:
        return int(str(end.code)), said.getvalue()
    return 0, said.getvalue()


# -- refused while it is sent ------------------------------------------------------------------------------------------
class Refusing(Mailbox):
    """A mail server that refuses the recipient with these answers."""

    code, said = 550, REASON

    def send_messages(self, messages: Any) -> int:
        raise smtplib.SMTPRecipientsRefused({each.to[0]: (self.code, self.said) for each in messages})


@pytest.mark.parametrize(
    ("code", "said", "is_over"),
    [
        (550, REASON, True),
        (553, b"no such mailbox", True),
        (450, b"4.2.0 greylisted, come back later", False),
        (550, b"5.7.1 relaying denied", False),  # about us: the reader can be reached, once we may send again
        (530, b"5.7.0 Authentication required", False),
    ],
)
def test_an_address_that_is_refused_for_good_is_not_tried_for_days(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, code: int, said: bytes, is_over: bool
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    monkeypatch.setattr(Refusing, "code", code)
    monkeypatch.setattr(Refusing, "said", said)
    factories.reservation()
    send_due(now=NOW)
    found = Message.objects.get()
    assert (found.state == MessageState.FAILED, found.bounced_at is not None) == (is_over, is_over)
    assert found.bounce == (f"{code} {said.decode()}" if is_over else "")
    assert HistoryLine.objects.filter(what="message-came-back").count() == is_over
    if not is_over:
        assert found.due_at == NOW + timedelta(minutes=1)


# -- reported by a mail server -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "source",
    [
        lambda it: report(whole(it)),
        lambda it: report(header(it)),
        lambda it: report(whole(it)).replace(b"\r\n", b"\n"),
        lambda it: letter(f"550 5.1.1 No such user\n\n> Message-ID: {message_id(it)}\n> Dear Anna"),
        lambda it: letter(f"550 5.1.1 No such user\n\nMessage-Id: {message_id(it)}\n", sender="postmaster@example.org"),
    ],
    ids=["whole", "header", "unix line ends", "quoted", "in the letter"],
)
def test_a_report_is_noted_once_however_often_it_comes(
    message: Message, source: Callable[[Message], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert piped(source(message), monkeypatch) == (0, f"Message {message.pk} came back.\n")
    assert piped(source(message), monkeypatch)[1].endswith("had been noted, or is gone.\n")
    message.refresh_from_db()
    assert (message.bounce, message.state) == ("550 5.1.1 No such user", MessageState.SENT)
    assert HistoryLine.objects.filter(what="message-came-back", person=message.to, by=None).count() == 1
    assert message.to is not None
    assert unreachable([message.to]) == {message.to.pk: message}


@pytest.mark.parametrize(
    "source",
    [
        lambda it: report(whole(it), action="delayed"),
        lambda it: report(whole(it), action="delivered"),
        lambda _: report(whole(message_id(Message(pk=999999)))),
        lambda it: report(whole(message_id(it).replace("@booking.", "@another."))),
        lambda it: report(whole(f"<message-{it.pk}@booking.example.org>")),
        lambda it: report(whole(message_id(Message(pk=it.pk + 1)).replace(f"-{it.pk + 1}.", f"-{it.pk}."))),
        lambda it: letter(f"Message-ID: {message_id(it)}", sender="eve@example.org"),
        lambda it: letter(f"Message-ID: {message_id(it)}", subject="Warning: delayed 4 hours"),
        lambda _: letter("I am away until Monday."),
        lambda _: b"",
        lambda _: b"\x00\xff" * 2000,
    ],
    ids=[
        *("delay", "delivered", "unknown", "not ours", "not signed", "signed for another"),
        *("a person", "a warning", "away", "nothing", "noise"),
    ],
)
def test_whatever_else_arrives_is_no_failure_and_notes_nothing(
    message: Message, source: Callable[[Message], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert piped(source(message), monkeypatch)[0] == 0
    assert Message.objects.filter(bounced_at=None).count() == 1


def test_where_it_cannot_be_noted_now_the_mail_server_is_asked_to_come_again(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(bouncing, "note", away)
    assert piped(report(whole(message)), monkeypatch) == (75, "It could not be noted now: OperationalError.\n")


def test_what_was_not_sent_cannot_have_come_back(db: None) -> None:
    factories.reservation()
    assert not note(Message.objects.get().pk, "550", now=NOW)
    assert not note(10**14, "550", now=NOW)


def test_the_words_of_another_server_are_words(message: Message) -> None:
    assert note(message.pk, "550 \u202e<script>\x00 no\r\nBcc: eve@example.org" + "x" * 1000, now=NOW)
    message.refresh_from_db()
    assert message.bounce.startswith("550 <script> no Bcc: eve@example.orgxxx")
    assert len(message.bounce) == 300


@pytest.mark.parametrize(
    "source",
    [
        b">" * MOST_BYTES,
        b"From: MAILER-DAEMON@x\n\n" + b"\n" * MOST_BYTES,
        b"From: MAILER-DAEMON@x\n\n" + b"> \n" * (MOST_BYTES // 3),
        b"From: MAILER-DAEMON@x\n\n" + b"message-id:" * (MOST_BYTES // 11),
        b"From: MAILER-DAEMON@x\n\n" + b"550 " * (MOST_BYTES // 4),
        b"From: MAILER-DAEMON@x\n\n" + b"Message-ID: <" * (MOST_BYTES // 13),
        b"Subject: " + b"=?utf-8?q?" * (MOST_BYTES // 10) + b"\nFrom: MAILER-DAEMON@x\n\n",
        b"From: MAILER-DAEMON@x " + b"(" * MOST_BYTES,
        b'From: MAILER-DAEMON@x\nContent-Type: multipart/report; boundary="a"\n\n' + b"--a\n\n" * (MOST_BYTES // 5),
        b"Content-Type: multipart/report; boundary=a\n\n"
        + b"".join(b"--a%d\nContent-Type: multipart/mixed; boundary=a%d\n\n" % (n, n + 1) for n in range(9000)),
        b"Content-Type: message/rfc822\n\n" * 15_000,
        b"X: y\n" * (MOST_BYTES // 5),
        b'Content-Type: multipart/report; a="' + b";" * MOST_BYTES,
        b'Content-Type: multipart/report; a="' + b";\n " * (MOST_BYTES // 3),
        b'Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: multipart/mixed; a="' + b";" * MOST_BYTES,
        b'From: MAILER-DAEMON@x\nContent-Type: text/plain; a="' + b";" * (MOST_BYTES - 80) + b"\n\n\xff",
        hidden(b'Content-Type: multipart/mixed; a="' + b";" * (MOST_BYTES // 2)),
    ],
    ids=lambda source: repr(source[:40]),
)
def test_what_is_made_to_take_long_does_not(source: bytes) -> None:
    begun = time.process_time()
    assert read(source) is None
    assert time.process_time() - begun < 10  # far more than it takes, and far less than a loop of loops would


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_bytes_whatever_raise(data: st.DataObject) -> None:
    pieces = [
        report(f"message/rfc822\r\n\r\nMessage-ID: {message_id(Message(pk=7))}\r\n\r\n"),
        b"Content-Type: multipart/report; boundary=x\r\n",
        b"--x\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b'Content-Type: text/plain; charset="no-such"\r\n',
        b"\r\n\r\n",
        b"=?utf-8?b?AAAA?=",
    ]
    parts = data.draw(st.lists(st.sampled_from(pieces) | st.binary(max_size=60), max_size=12))
    chance = random.Random(data.draw(st.integers(0, 10**6)))  # noqa: S311
    source = bytearray(b"".join(parts))
    for _ in range(min(len(source), 8)):
        source[chance.randrange(len(source))] = chance.randrange(256)
    found = read(bytes(source))
    assert found is None or found.number >= 0


@pytest.mark.parametrize(
    "named",
    [
        "",
        "<message-12@booking.example.org>",
        "<message-12.@booking.example.org>",
        "<message-.{signed}@booking.example.org>",
        "<message-1.{signed}@booking.example.org>",
        "<message-012.{signed}@booking.example.org>",
        "<message-\u0661\u0662.{signed}@booking.example.org>",
        "<message-12.{signed}0@booking.example.org>",
        "<message-12.{signed}@booking.example.org.evil>",
        "<message-12.{shortened}@booking.example.org>",
    ],
)
def test_only_numbers_that_we_signed_are_read(named: str) -> None:
    ours = message_id(Message(pk=12))
    signed = ours.partition(".")[2].partition("@")[0]
    assert number_in(named.format(signed=signed, shortened=signed[:-1])) is None
    assert number_in(f" {ours}\r\n") == 12


def test_a_message_id_is_one_that_mail_servers_take() -> None:
    """RFC 5322, 3.6.4: what stands on either side of the @ is letters, digits and hyphens, with points between them."""
    assert re.fullmatch(r"<[a-z0-9-]+(\.[a-z0-9-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)*>", message_id(Message(pk=10**15 - 1)))


def test_what_an_earlier_key_signed_can_come_back_while_that_key_is_kept(settings: Settings) -> None:
    sent_as = message_id(Message(pk=12))
    earlier, settings.SECRET_KEY = settings.SECRET_KEY, "another-key"
    assert number_in(sent_as) is None
    settings.SECRET_KEY_FALLBACKS = [earlier]
    assert number_in(sent_as) == 12


def test_a_real_reports_long_headers_are_read(message: Message) -> None:
    """Mail that went through large providers carries headers of thousands of characters, with many semicolons."""
    scanned = b"X-Forefront-Antispam-Report: " + b"CIP:192.0.2.1;CTRY:;LANG:en;SCL:1;\r\n " * 300 + b"x\r\n"
    assert read(scanned + report(whole(message).replace("Subject:", f"{scanned.decode()}Subject:"))) == bouncing.Report(
        message.pk, "550 5.1.1 No such user"
    )


# -- afterwards --------------------------------------------------------------------------------------------------------
def test_a_later_message_that_goes_out_takes_no_note_away(message: Message) -> None:
    note(message.pk, "550", now=NOW)
    assert message.to is not None
    factories.reservation(trainee=message.to, cohort=factories.cohort(), now=NOW + timedelta(hours=3))
    send_due(now=NOW + timedelta(hours=3))
    assert unreachable([message.to])[message.to.pk].pk == message.pk


def test_what_was_sent_again_may_come_back_again(message: Message) -> None:
    later = NOW + timedelta(days=1)
    assert note(message.pk, "550 full", now=NOW)
    send_again(message, now=later)
    send_due(now=later)
    assert note(message.pk, "550 still full", now=later + timedelta(minutes=1))
    assert not note(message.pk, "550 still full", now=later + timedelta(minutes=2))


def test_all_notes_of_an_address_end_at_once(message: Message) -> None:
    assert message.to is not None
    factories.reservation(trainee=message.to, cohort=factories.cohort(), now=NOW + timedelta(hours=3))
    send_due(now=NOW + timedelta(hours=3))
    for each in Message.objects.filter(to=message.to, state=MessageState.SENT):
        note(each.pk, "550", now=NOW + timedelta(hours=4))
    message.refresh_from_db()
    registrar = factories.person(Role.REGISTRAR)
    assert arrives_again(message, by=registrar, now=NOW + timedelta(hours=5))
    assert unreachable([message.to]) == {}
    assert not arrives_again(message, by=registrar, now=NOW + timedelta(hours=6))


def test_an_address_without_an_account_leaves_no_note_behind(db: None) -> None:
    queue_to_address("dates-confirm", ("subscriber", "1"), None, "eve@example.org", {"link": "x"}, now=NOW)
    number = Message.objects.get().pk
    send_due(now=NOW)
    assert not note(number, "550", now=NOW)
