"""Saying that one wants no reminders before a workshop, and what reaches one all the same."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from booking.calendars import subscribers
from tests import factories
from tests.factories import NOW
from workshops.history.models import HistoryLine
from workshops.history.words import sentence
from workshops.messages.catalogue import KINDS
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import queue_all, send_due
from workshops.people import reminders
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
PROFILE = {"name": "Anna", "wants_reminders": "on"}


@pytest.fixture
def anna() -> User:
    """A trainee who gets reminders."""
    return factories.person(Role.TRAINEE, name="Anna")


def page_of(person: User) -> str:
    """The address in her e-mail, below the school's."""
    return f"/reminders/stop/{reminders.token_for(person)}/"


def wants(person: User) -> bool:
    """What is written down."""
    return User.objects.get(pk=person.pk).wants_reminders


def noted() -> list[str]:
    """What the history says of it."""
    return [each.what for each in HistoryLine.objects.filter(what__startswith="reminders-").order_by("pk")]


def test_opening_the_link_changes_nothing_and_one_button_stops_them(client: Client, anna: User) -> None:
    page = client.get(page_of(anna))
    assert (page.status_code, wants(anna)) == (200, True)
    assert page.content.decode().count('<form method="post">') == 1
    assert "Stop these reminders" in page.content.decode()
    stopped = client.post(page_of(anna)).content.decode()
    assert (wants(anna), noted()) == (False, ["reminders-stopped"])
    assert "everything that a seat depends on" in stopped
    assert stopped.count('<form method="post">') == 1
    assert "Remind me again" in stopped


def test_they_are_had_again_by_one_button(client: Client, anna: User) -> None:
    client.post(page_of(anna))
    assert "Remind me again" in client.get(page_of(anna)).content.decode()
    again = client.post(page_of(anna), {"again": "yes"}).content.decode()
    assert (wants(anna), noted()) == (True, ["reminders-stopped", "reminders-wanted"])
    assert "We remind you again" in again


def test_a_mail_programs_own_button_works_without_a_cookie_and_twice(anna: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    for _ in range(2):
        answer = strict.post(page_of(anna), {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert (wants(anna), noted()) == (False, ["reminders-stopped"])


def test_no_search_engine_learns_of_it_and_nothing_keeps_it(client: Client, anna: User) -> None:
    answer = client.get(page_of(anna))
    assert (answer["X-Robots-Tag"], answer["Cache-Control"]) == ("noindex", "no-store")
    assert anna.email not in answer.content.decode()


@pytest.mark.parametrize("token", ["x", "x.y", "{id}", "{id}.", "{id}.AAAA", "{other}", "{id}{other}"])
def test_a_forged_link_finds_nothing(client: Client, anna: User, token: str) -> None:
    """Neither a made-up one, nor that of another page."""
    other = subscribers.token_for(subscribers.STOPPING, anna.public_id)
    path = f"/reminders/stop/{token.format(id=anna.public_id, other=other)}/"
    assert [client.get(path).status_code, client.post(path).status_code] == [404, 404]
    assert wants(anna)


def test_an_account_that_is_gone_or_closed_looks_the_same(client: Client, anna: User) -> None:
    path, ben = page_of(anna), factories.person(Role.TRAINEE)
    User.objects.filter(pk=anna.pk).update(merged_into=ben, is_active=False)
    assert [client.get(path).status_code, client.post(path).status_code] == [404, 404]
    gone = page_of(User(public_id="nobody"))
    assert [client.get(gone).status_code, client.post(gone).status_code] == [404, 404]
    erased = factories.person(Role.TRAINEE)
    User.objects.filter(pk=erased.pk).update(erased_at=NOW, is_active=False)
    assert [client.get(page_of(erased)).status_code, client.post(page_of(erased)).status_code] == [404, 404]
    assert noted() == []


def test_the_profile_has_the_same_switch(client: Client, anna: User) -> None:
    client.force_login(anna)
    assert "Remind me before a workshop" in client.get("/profile/").content.decode()
    assert client.post("/profile/", {"name": "Anna"}).status_code == 302
    assert (wants(anna), noted()) == (False, ["reminders-stopped"])
    client.post("/profile/", {**PROFILE, "pronouns": "she/her"})
    assert (wants(anna), noted()) == (True, ["reminders-stopped", "reminders-wanted"])
    assert HistoryLine.objects.get(what="profile-changed").facts["fields"] == "pronouns"


def test_the_desk_decides_it_for_nobody(client: Client, anna: User) -> None:
    client.force_login(factories.person(Role.REGISTRAR))
    path = f"/desk/people/{anna.public_id}/profile/"
    assert "wants_reminders" not in client.get(path).content.decode()
    client.post(path, {"profile-name": "Anna Bell"})
    assert wants(anna)


def test_the_history_says_it_in_words(anna: User) -> None:
    for wanted in (False, True):
        reminders.choose(anna, wanted=wanted, by=anna, now=NOW)
    lines = HistoryLine.objects.filter(what__startswith="reminders-").order_by("pk")
    assert [sentence(each) for each in lines] == [
        "No more reminders before a workshop",
        "Reminders before a workshop wanted again",
    ]


def test_whoever_wants_no_reminders_misses_nothing_else(anna: User) -> None:
    """Every kind of message that goes through the outbox to a person, queued for somebody who opted out."""
    reminders.choose(anna, wanted=False, by=anna, now=NOW)
    mail.outbox.clear()
    kinds = [kind for kind in KINDS if not kind.at_once]
    for kind in kinds:
        queue_all(kind.code, [(("test", kind.code), anna, {"cohort": "Spring", "rung": "week"})], now=NOW)
    while send_due(now=NOW + timedelta(minutes=1)):
        pass
    sent = set(Message.objects.filter(state=MessageState.SENT).values_list("kind", flat=True))
    assert {kind.code for kind in kinds} - sent == {"workshop-soon"}
    assert len(mail.outbox) == len(kinds) - 1
