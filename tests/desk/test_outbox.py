"""The outbox at the desk: the words a reader gets, and sending again."""

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils.timezone import now

from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import cancelling
from booking.reservations.models import Reservation
from tests import factories
from tests.desk.doors import browser, statements
from tests.pages import text
from workshops.history.models import HistoryLine
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import queue, queue_to_address, send_due
from workshops.people.models import Role, User

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
    assert [(state, count) for state, _, count in page.context["tabs"]] == [
        ("queued", 1),
        ("sent", 1),
        ("failed", 0),
        ("came-back", 0),
    ]
    assert [each for each, *_ in desk.get("/desk/outbox/?state=sent").context["messages_shown"]] == [message]
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


def test_what_came_back_is_noted_by_hand_shown_everywhere_and_settled_again(
    desk: Client, message: Message, moment: datetime
) -> None:
    page, anna = f"/desk/outbox/{message.pk}/", f"/desk/people/{message.to.public_id}/"  # type: ignore[union-attr]
    assert "Did it come back?" not in text(desk.get(page))  # it has not gone out
    send_due(now=moment)
    assert "Did it come back?" in text(desk.get(page))
    answer = desk.post(f"{page}came-back/", {"words": "550 5.1.1 No such user <b>here</b>"}, follow=True)
    assert "It is noted that mail to anna@example.org came back." in text(answer)
    assert b"<b>here" not in answer.content
    assert "Their mail server said: 550 5.1.1 No such user" in text(answer)
    assert [each for each, *_ in desk.get("/desk/outbox/?state=came-back").context["messages_shown"]] == [message]
    assert "Mail to anna@example.org came back on" in text(desk.get(anna))
    assert "That had been noted already" in text(desk.post(f"{page}came-back/", follow=True))
    answer = desk.post(f"{page}arrives/", follow=True)
    assert "It is noted that mail to anna@example.org arrives again." in text(answer)
    assert "came back on" not in text(desk.get(anna))
    assert "Nothing was noted" in text(desk.post(f"{page}arrives/", follow=True))
    lines = HistoryLine.objects.filter(person=message.to).order_by("pk").values_list("what", flat=True)
    assert [what for what in lines if what.startswith("message-")] == ["message-came-back", "message-arrives-again"]


def test_whoever_has_another_address_since_can_be_reached(desk: Client, message: Message, moment: datetime) -> None:
    send_due(now=moment)
    desk.post(f"/desk/outbox/{message.pk}/came-back/")
    User.objects.filter(email="anna@example.org").update(email="anna@example.com")
    assert "came back on" not in text(desk.get(f"/desk/people/{message.to.public_id}/"))  # type: ignore[union-attr]
    # The message still says where it went, and is found by it; once more, it goes to where she is now.
    assert "anna@example.org" in text(desk.get("/desk/outbox/?q=anna%40example.org"))
    desk.post(f"/desk/outbox/{message.pk}/again/")
    send_due(now=now())
    assert mail.outbox[-1].to == ["Anna <anna@example.com>"]


def test_too_many_words_of_another_server_are_refused_and_kept_on_the_form(
    desk: Client, message: Message, moment: datetime
) -> None:
    send_due(now=moment)
    answer = desk.post(f"/desk/outbox/{message.pk}/came-back/", {"words": "no " * 200})
    assert (answer.status_code, "no no no" in text(answer)) == (422, True)
    assert Message.objects.filter(bounced_at=None).count() == 1


def test_messages_are_found_by_the_person_and_by_the_address(desk: Client, message: Message, moment: datetime) -> None:
    factories.reservation(trainee=factories.trainee(name="Ben", email="ben@example.net"), now=moment)
    for asked, found in (("ann", ["Anna"]), ("EXAMPLE.NET", ["Ben"]), ("nobody", [])):
        page = desk.get(f"/desk/outbox/?q={asked}")
        assert [str(each.to) for each, *_ in page.context["messages_shown"]] == found
        assert page.context["all"] == len(found)
    assert "None to a name or an address with “nobody” in it." in text(desk.get("/desk/outbox/?q=nobody"))


def test_a_message_to_an_address_without_an_account_is_shown(desk: Client, moment: datetime) -> None:
    told = {"link": "https://example.org/"}
    queue_to_address("dates-confirm", ("subscriber", "1"), None, "eve@example.org", told, now=moment)
    message = Message.objects.get()
    assert "eve@example.org" in text(desk.get("/desk/outbox/"))
    assert "eve@example.org" in text(desk.get(f"/desk/outbox/{message.pk}/"))
    assert [each for each, *_ in desk.get("/desk/outbox/?q=eve").context["messages_shown"]] == [message]


def test_what_was_taken_back_since_is_not_sent_again_and_the_page_says_so(desk: Client, moment: datetime) -> None:
    seat = factories.reservation(now=moment)
    paying.begin(seat, Purpose.DEPOSIT, "sandbox", by=seat.trainee, now=moment)
    while send_due(now=moment):
        pass
    invitation = Message.objects.get(kind="reservation-reserved")
    path = f"/desk/outbox/{invitation.pk}/"
    assert "Send it again" in text(desk.get(path))
    cancelling.cancel(Reservation.objects.get(), now=moment, by=seat.trainee)
    shown = text(desk.get(path))
    assert "A later message has taken this one back" in shown
    assert "Send it again" not in shown
    assert "so it is not sent again" in text(desk.post(f"{path}again/", follow=True))
    invitation.refresh_from_db()
    assert invitation.state == MessageState.SENT


def test_whoever_sends_an_older_invitation_again_reads_that_it_brings_no_days(desk: Client, moment: datetime) -> None:
    seat = factories.reservation(now=moment)
    for purpose in (Purpose.DEPOSIT, Purpose.BALANCE):
        paying.begin(seat, purpose, "sandbox", by=seat.trainee, now=moment)
        seat.refresh_from_db()
    older, newer = (Message.objects.get(kind=f"reservation-{each}") for each in ("reserved", "confirmed"))
    send_due(now=moment)
    words = "This one goes out in its words alone, with nothing for a calendar."
    assert words in text(desk.get(f"/desk/outbox/{older.pk}/"))
    assert words not in text(desk.get(f"/desk/outbox/{newer.pk}/"))


def test_the_page_says_what_goes_with_it_for_the_readers_calendar(
    desk: Client, message: Message, moment: datetime
) -> None:
    assert "For their calendar" not in text(desk.get(f"/desk/outbox/{message.pk}/"))
    for method, words in (("REQUEST", "An invitation"), ("CANCEL", "A cancellation")):
        Message.objects.update(calendar=f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\n")
        assert f"For their calendar {words}" in text(desk.get(f"/desk/outbox/{message.pk}/"))
