"""The outbox at the desk: the words a reader gets, and sending again."""

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils.timezone import now

from tests import factories
from tests.desk.doors import browser, statements
from tests.pages import text
from workshops.history.models import HistoryLine
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import queue, send_due
from workshops.people.models import Role

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def message(moment: datetime) -> Message:
    """The message about a seat that Anna holds."""
    factories.reservation(trainee=factories.trainee(name="Anna", email="anna@example.org"), now=moment)
    return Message.objects.get()


@pytest.mark.parametrize("role", [Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR, Role.BOOKKEEPER])
def test_messages_are_for_the_registrar(role: Role, message: Message) -> None:
    other = browser(role)
    assert other.get("/desk/outbox/").status_code == 403
    assert other.get(f"/desk/outbox/{message.pk}/").status_code == 403
    assert other.post(f"/desk/outbox/{message.pk}/again/").status_code == 403


def test_a_stranger_is_asked_to_sign_in_first(client: Client) -> None:
    page = client.get("/desk/outbox/")
    assert (page.status_code, page.headers["Location"]) == (302, "/accounts/login/?next=/desk/outbox/")


def test_a_message_that_does_not_exist_is_not_found(desk: Client) -> None:
    assert (desk.get("/desk/outbox/999/").status_code, desk.post("/desk/outbox/999/again/").status_code) == (404, 404)


def test_messages_are_listed_by_what_became_of_them(desk: Client, message: Message, moment: datetime) -> None:
    send_due(now=moment)
    factories.reservation(now=moment)
    page = desk.get("/desk/outbox/")
    assert [(state.value, count) for state, count in page.context["tabs"]] == [
        ("queued", 1),
        ("sent", 1),
        ("failed", 0),
    ]
    assert [each for each, _ in desk.get("/desk/outbox/?state=sent").context["messages_shown"]] == [message]
    assert len(desk.get("/desk/outbox/?state=nonsense").context["messages_shown"]) == 2


def test_the_list_takes_the_same_number_of_statements_for_one_and_for_three(
    desk: Client, message: Message, moment: datetime
) -> None:
    for_one = statements(desk, "/desk/outbox/")
    factories.reservation(now=moment)
    factories.reservation(now=moment)
    assert statements(desk, "/desk/outbox/") == for_one


def test_the_page_shows_the_words_that_went_out(desk: Client, message: Message, moment: datetime) -> None:
    send_due(now=moment)
    shown = text(desk.get(f"/desk/outbox/{message.pk}/"))
    sent = mail.outbox[0]
    assert str(sent.subject) in shown
    paragraphs = [part for part in str(sent.body).strip().split("\n\n") if "\n" not in part]
    assert [part for part in paragraphs if part not in shown] == []


def test_a_message_whose_words_are_gone_is_still_listed(desk: Client, moment: datetime) -> None:
    queue("from-another-time", ("nothing", "1"), factories.person(Role.TRAINEE), {}, now=moment)
    message = Message.objects.get()
    assert "from-another-time" in text(desk.get("/desk/outbox/"))
    assert "not part of the product any more" in text(desk.get(f"/desk/outbox/{message.pk}/"))


def test_a_message_is_sent_again_with_the_same_message_id(desk: Client, message: Message, moment: datetime) -> None:
    send_due(now=moment)
    answer = desk.post(f"/desk/outbox/{message.pk}/again/", follow=True)
    assert "It is on its way to anna@example.org once more." in text(answer)
    send_due(now=now())
    assert [sent.to for sent in mail.outbox] == [["Anna <anna@example.org>"]] * 2
    assert len({sent.extra_headers["Message-ID"] for sent in mail.outbox}) == 1
    assert HistoryLine.objects.filter(what="message-sent-again", person=message.to).count() == 1


def test_a_message_that_failed_for_good_is_tried_again(desk: Client, message: Message, moment: datetime) -> None:
    Message.objects.update(state=MessageState.FAILED, attempts=8, last_error="SMTPServerDisconnected: gone")
    assert "SMTPServerDisconnected" in text(desk.get(f"/desk/outbox/{message.pk}/"))
    desk.post(f"/desk/outbox/{message.pk}/again/")
    send_due(now=now())
    message.refresh_from_db()
    assert (message.state, message.attempts, message.last_error) == (MessageState.SENT, 1, "")


def test_a_message_that_is_being_sent_is_left_alone(desk: Client, message: Message, moment: datetime) -> None:
    Message.objects.update(lease_until=moment + timedelta(minutes=5))
    answer = desk.post(f"/desk/outbox/{message.pk}/again/", follow=True)
    assert "It is being sent at this moment." in text(answer)
    assert HistoryLine.objects.filter(what="message-sent-again").count() == 0


def test_a_get_sends_nothing(desk: Client, message: Message) -> None:
    assert desk.get(f"/desk/outbox/{message.pk}/again/").status_code == 405
