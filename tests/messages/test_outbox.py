"""Messages: none for what was rolled back, none lost, at least once, each with one Message-ID."""

import smtplib
from collections.abc import Sequence
from datetime import timedelta
from email.utils import parseaddr

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction

from booking.reservations import admission, reserving
from tests import factories
from tests.factories import NOW
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import BACKOFF, LEASE, _lease, message_id, queue, send_due
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """What happens to a worker that is killed: nothing after it runs."""


class Mailbox(EmailBackend):
    """A mail server that can be down for some addresses, or end the worker in mid-sentence."""

    down_for: frozenset[str] = frozenset()
    kills_after_sending = False

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        """Send, unless it is down."""
        if parseaddr(messages[0].to[0])[1] in self.down_for:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        sent = super().send_messages(messages)
        if self.kills_after_sending:
            raise Killed
        return sent


@pytest.fixture(autouse=True)
def mailbox(settings: object, monkeypatch: pytest.MonkeyPatch) -> type[Mailbox]:
    """All mail goes here."""
    settings.EMAIL_BACKEND = f"{__name__}.Mailbox"  # type: ignore[attr-defined]
    monkeypatch.setattr(Mailbox, "down_for", frozenset())
    monkeypatch.setattr(Mailbox, "kills_after_sending", False)
    return Mailbox


@pytest.fixture
def anna() -> User:
    """Someone to write to."""
    return factories.person(Role.TRAINEE, name="Anna", email="anna@example.org")


def write(to: User, key: str = "1") -> Message:
    queue("reservation-held", ("reservation", key), to, {"cohort": "Spring"}, now=NOW)
    return Message.objects.get(subject=f"reservation:{key}")


def test_what_was_rolled_back_is_not_told(anna: User) -> None:
    class Undone(Exception):
        pass

    @transaction.atomic
    def write_and_fail() -> None:
        write(anna)
        raise Undone

    with pytest.raises(Undone):
        write_and_fail()
    assert send_due(now=NOW) == 0
    assert mail.outbox == []


def test_a_refused_seat_causes_no_message() -> None:
    cohort = factories.cohort(capacity=0)
    with pytest.raises(admission.Full):
        reserving.hold(cohort, factories.trainee(), now=NOW)
    assert Message.objects.count() == 0


def test_the_same_thing_is_said_once(anna: User) -> None:
    write(anna)
    write(anna)
    send_due(now=NOW)
    send_due(now=NOW)
    assert len(mail.outbox) == 1


def test_what_is_not_due_waits(anna: User) -> None:
    write(anna)
    assert send_due(now=NOW - timedelta(seconds=1)) == 0
    assert send_due(now=NOW) == 1


def test_a_sent_message_is_marked_with_when(anna: User) -> None:
    message = write(anna)
    send_due(now=NOW)
    message.refresh_from_db()
    assert (message.state, message.sent_at, message.lease_until, message.attempts) == (MessageState.SENT, NOW, None, 1)


def test_a_message_says_who_it_is_from_and_that_no_person_wrote_it(anna: User, settings: object) -> None:
    settings.EMAIL_REPLY_TO = "school@example.org"  # type: ignore[attr-defined]
    message = write(anna)
    send_due(now=NOW)
    (sent,) = mail.outbox
    headers = sent.message()
    assert (headers["To"], headers["Reply-To"], headers["Auto-Submitted"], headers["Message-ID"]) == (
        "Anna <anna@example.org>",
        "school@example.org",
        "auto-generated",
        message_id(message),
    )
    assert [part.get_content_type() for part in headers.get_payload()] == ["text/plain", "text/html"]  # type: ignore[union-attr]


def test_a_message_of_a_killed_worker_is_sent_again_with_the_same_message_id(
    anna: User, mailbox: type[Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(anna)
    monkeypatch.setattr(mailbox, "kills_after_sending", True)
    with pytest.raises(Killed):
        send_due(now=NOW)
    monkeypatch.setattr(mailbox, "kills_after_sending", False)
    assert send_due(now=NOW + LEASE - timedelta(seconds=1)) == 0
    assert send_due(now=NOW + LEASE) == 1
    assert send_due(now=NOW + LEASE * 3) == 0
    ids = [sent.extra_headers["Message-ID"] for sent in mail.outbox]
    assert (len(ids), len(set(ids))) == (2, 1)


def test_two_workers_never_hold_the_same_message(anna: User) -> None:
    written = [write(anna, str(number)) for number in range(3)]
    first, second = _lease(NOW, 2), _lease(NOW, 2)
    assert [message.pk for message in first + second] == [message.pk for message in written]
    assert _lease(NOW, 2) == []


def test_one_address_that_fails_keeps_no_other_waiting(
    anna: User, mailbox: type[Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = factories.person(Role.TRAINEE, name="Ben", email="ben@example.org")
    write(anna, "1")
    write(ben, "2")
    monkeypatch.setattr(mailbox, "down_for", frozenset({"anna@example.org"}))
    assert send_due(now=NOW) == 2
    assert [sent.to for sent in mail.outbox] == [["Ben <ben@example.org>"]]
    failed = Message.objects.get(to=anna)
    assert (failed.state, failed.attempts, failed.due_at) == (MessageState.QUEUED, 1, NOW + BACKOFF[0])
    assert failed.last_error == "SMTPServerDisconnected: Connection unexpectedly closed"


def test_a_server_that_is_down_for_a_night_costs_no_message(
    anna: User, mailbox: type[Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = write(anna)
    monkeypatch.setattr(mailbox, "down_for", frozenset({"anna@example.org"}))
    moment = NOW
    while moment < NOW + timedelta(hours=12):
        send_due(now=moment)
        moment += timedelta(minutes=30)
    monkeypatch.setattr(mailbox, "down_for", frozenset())
    message.refresh_from_db()
    assert message.state == MessageState.QUEUED
    send_due(now=message.due_at)
    assert len(mail.outbox) == 1


def test_after_the_last_try_it_is_the_registrars_turn(
    anna: User, mailbox: type[Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = write(anna)
    monkeypatch.setattr(mailbox, "down_for", frozenset({"anna@example.org"}))
    moment = NOW
    for _ in range(len(BACKOFF) + 1):
        assert send_due(now=moment) == 1
        message.refresh_from_db()
        moment = message.due_at
    assert (message.state, message.attempts) == (MessageState.FAILED, len(BACKOFF) + 1)
    assert send_due(now=moment + timedelta(days=30)) == 0
