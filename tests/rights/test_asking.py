"""Asking to be erased: by anyone, taken back by them, answered by a registrar, and told to both by e-mail."""

from datetime import datetime

import pytest
from django.core import mail
from django.test import Client

from booking.rights import asking
from booking.site.due import do_due
from tests import factories
from tests.pages import text
from tests.rights.conftest import WORDS, World
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import ErasureRequest, Role, User

pytestmark = pytest.mark.django_db


def send_everything(moment: datetime) -> None:
    while do_due(moment).messages:
        pass


@pytest.mark.parametrize("role", list(Role))
def test_anyone_may_ask_and_nobody_has_to_say_why(role: Role) -> None:
    client, person = Client(), factories.person(role)
    client.force_login(person)
    assert client.post("/your-data/erasure/").status_code == 302
    asked = ErasureRequest.objects.get(user=person)
    assert (asked.words, asked.answered_at, asked.taken_back_at) == ("", None, None)
    assert "You have asked to be erased" in text(client.get("/your-data/"))


def test_they_and_the_registrars_are_told_and_no_mailbox_of_the_school_keeps_a_name(world: World) -> None:
    world.browser.post("/your-data/erasure/", {"words": WORDS})
    told = Message.objects.filter(kind__startswith="erasure-")
    assert sorted((str(each.to), each.kind) for each in told) == [
        ("Ana Lima", "erasure-asked"),
        ("Robin", "erasure-to-decide"),
    ]
    send_everything(told[0].created_at)
    [to_robin] = [each for each in mail.outbox if each.subject == "Someone has asked to be erased"]
    assert "robin@example.org" in to_robin.to[0]
    assert f"/desk/people/{world.ana.public_id}/erase/" in to_robin.body
    assert "Ana" not in to_robin.body
    assert WORDS not in to_robin.body
    line = HistoryLine.objects.get(what="erasure-asked")
    assert (line.person, line.by, line.why) == (world.ana, world.ana, "")


def test_asking_twice_asks_once(world: World) -> None:
    for _ in range(2):
        world.browser.post("/your-data/erasure/")
    assert ErasureRequest.objects.count() == HistoryLine.objects.filter(what="erasure-asked").count() == 1


def test_the_desk_shows_who_waits(world: World) -> None:
    assert "To be erased" not in text(world.desk.get("/desk/"))
    asking.ask(world.ana, WORDS, now=world.moment)
    front = world.desk.get("/desk/")
    assert "1 person has asked that what is kept about them go" in text(front)
    assert f'href="/desk/people/{world.ana.public_id}/erase/"' in front.content.decode()
    assert WORDS in text(world.desk.get(f"/desk/people/{world.ana.public_id}/erase/"))


def test_it_can_be_taken_back_until_it_is_done_and_asked_again(world: World) -> None:
    world.browser.post("/your-data/erasure/", {"words": WORDS})
    assert world.browser.post("/your-data/erasure/take-back/").status_code == 302
    assert not asking.open_requests().exists()
    assert "To be erased" not in text(world.desk.get("/desk/"))
    assert "Ask to be erased" in text(world.browser.get("/your-data/"))
    world.browser.post("/your-data/erasure/take-back/")
    assert HistoryLine.objects.filter(what="erasure-taken-back").count() == 1
    world.browser.post("/your-data/erasure/")
    assert asking.open_requests().count() == 1


def test_declining_needs_a_reason_that_they_get(world: World) -> None:
    asking.ask(world.ana, "", now=world.moment)
    path = f"/desk/people/{world.ana.public_id}/erase/decline/"
    assert world.desk.post(path, {"decline-reason": " "}).status_code == 422
    assert world.desk.post(path, {"decline-reason": "Your cohort begins tomorrow."}).status_code == 302
    asked = ErasureRequest.objects.get()
    assert (asked.answer, asked.answered_by) == ("Your cohort begins tomorrow.", world.robin)
    assert HistoryLine.objects.get(what="erasure-declined").why == "Your cohort begins tomorrow."
    send_everything(asked.answered_at)  # type: ignore[arg-type]
    [told] = [each for each in mail.outbox if each.subject == "The school could not erase you as things are"]
    assert (told.to, "Your cohort begins tomorrow." in told.body) == (["Ana Lima <ana.lima@example.org>"], True)
    page = text(world.browser.get("/your-data/"))
    assert "Your cohort begins tomorrow." in page
    assert "Ask to be erased" in page


def test_what_was_taken_back_cannot_be_declined_any_more(world: World) -> None:
    asked = asking.ask(world.ana, "", now=world.moment)
    asking.take_back(world.ana, now=world.moment)
    assert not asking.decline(asked, "No.", by=world.robin, now=world.moment)
    page = world.desk.post(f"/desk/people/{world.ana.public_id}/erase/decline/", {"decline-reason": "No."}, follow=True)
    assert "nothing here for you to answer" in text(page)
    assert not HistoryLine.objects.filter(what="erasure-declined").exists()


def test_a_registrar_answers_nothing_that_they_asked_themselves(world: World) -> None:
    asking.ask(world.robin, "", now=world.moment)
    own = f"/desk/people/{world.robin.public_id}/erase/"
    assert "This is your own account" in text(world.desk.get(own))
    world.desk.post(f"{own}decline/", {"decline-reason": "No."})
    assert world.desk.post(own, {"erase-email": world.robin.email}).status_code == 409
    assert asking.open_requests().get().user == world.robin
    assert User.objects.get(pk=world.robin.pk).erased_at is None


def test_too_many_words_are_kept_on_the_page(world: World) -> None:
    answer = world.browser.post("/your-data/erasure/", {"words": "x" * 2001})
    assert (answer.status_code, "x" * 2001 in text(answer)) == (422, True)
