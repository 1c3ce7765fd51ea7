"""The words of e-mails at the desk: found, read as their reader does, changed, and brought back."""

import re

import pytest
from django.test import Client
from django.utils.timezone import now

from tests import factories
from tests.desk.doors import browser, statements
from tests.pages import text
from workshops.history.models import HistoryLine
from workshops.messages.catalogue import KINDS
from workshops.messages.models import Message, Wording
from workshops.messages.wording import revision, shipped_source
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

KIND = "reservation-held"
PAGE = f"/desk/messages/{KIND}/"
OURS = shipped_source(KIND).replace("Dear {{ name }},", "Good day {{ name }},")


def save(desk: Client, source: str, **more: str):  # type: ignore[no-untyped-def]
    return desk.post(PAGE, {"source": source, **more})


@pytest.mark.parametrize("role", [Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR, Role.BOOKKEEPER])
def test_the_words_are_the_registrars(role: Role) -> None:
    other = browser(role)
    for answer in (
        other.get("/desk/messages/"),
        other.get(PAGE),
        other.get("/desk/messages/nothing/"),
        save(other, OURS),
        save(other, OURS, show="1"),
        other.post(f"{PAGE}shipped/", {}),
    ):
        assert answer.status_code == 403
    assert not Wording.objects.exists()


def test_a_stranger_is_asked_to_sign_in_first(client: Client) -> None:
    assert client.get(PAGE).headers["Location"] == f"/accounts/login/?next={PAGE}"


def test_every_e_mail_is_listed_and_has_a_page(desk: Client) -> None:
    listed = desk.get("/desk/messages/").content.decode()
    assert re.findall(r'href="/desk/messages/([a-z-]+)/"', listed) == [
        kind.code for group, _ in desk.get("/desk/messages/").context["groups"] for kind in KINDS if kind.group is group
    ]
    for kind in KINDS:
        page = desk.get(f"/desk/messages/{kind.code}/")
        assert page.status_code == 200
        assert page.context["page"].preview is not None


def test_what_is_no_e_mail_is_not_found(desk: Client) -> None:
    assert desk.get("/desk/messages/layout/").status_code == 404
    assert desk.post("/desk/messages/nothing/", {"source": OURS}).status_code == 404
    assert desk.post("/desk/messages/nothing/shipped/").status_code == 404


def test_the_list_and_a_page_take_as_many_statements_for_one_as_for_three(desk: Client, robin: User) -> None:
    listed, shown = statements(desk, "/desk/messages/"), statements(desk, PAGE)
    for kind in ("line-joined", "line-left", "line-closed"):
        Wording.objects.create(kind=kind, source="x", revised_at=now(), revised_by=robin)
    assert (statements(desk, "/desk/messages/"), statements(desk, PAGE)) == (listed, shown)


def test_words_are_saved_listed_and_remembered(desk: Client, robin: User) -> None:
    answer = desk.post(PAGE, {"source": OURS}, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert "E-mails that go out from now on have these words." in text(answer)
    assert Wording.objects.get().source == OURS
    assert "The school's" in text(desk.get("/desk/messages/"))
    line = HistoryLine.objects.get(what="wording-changed")
    assert (line.by, line.about_id) == (robin, KIND)
    assert "Words of the e-mail “A seat is held” changed, by you" in text(desk.get(PAGE))
    assert "Nothing has changed." in text(
        desk.post(PAGE, {"source": OURS, "instead_of": revision(Wording.objects.get())}, follow=True)
    )


def test_showing_how_it_reads_saves_nothing(desk: Client) -> None:
    answer = save(desk, OURS, show="1")
    assert answer.status_code == 200
    assert "Good day Noa Adler," in text(answer)
    assert "Nothing has been saved yet." in text(answer)
    assert not Wording.objects.exists()


def test_words_read_with_the_facts_of_the_latest_real_message(desk: Client) -> None:
    factories.reservation(trainee=factories.trainee(name="Bea Real"), now=now())
    shown = save(desk, OURS, show="1").content.decode()
    assert shown.count("Good day Bea Real,") == 2  # as a mail program shows it, and as plain text
    assert f'href="/desk/outbox/{Message.objects.get().pk}/">to Bea Real</a>' in shown


def test_what_cannot_be_saved_comes_back_as_it_was_typed_with_what_to_mend(desk: Client) -> None:
    broken = OURS.replace("{{ held_until }}", "{{ held_untill }}")
    for more in ({}, {"show": "1"}):
        answer = save(desk, broken, **more)
        assert answer.status_code == 422
        assert "Line 7: {{ held_untill }} is no placeholder of this message. Did you mean {{ held_until }}?" in text(
            answer
        )
        assert "{{ held_untill }}" in answer.context["form"]["source"].value()
    assert not Wording.objects.exists()


def test_an_empty_or_endless_text_is_refused(desk: Client) -> None:
    for source in ("", "   ", "x" * 20_000, "a\x00b", OURS + "y" * 6_000):
        answer = save(desk, source)
        assert answer.status_code == 422
        assert answer.context["form"].errors
    assert desk.post(PAGE, {}).status_code == 422


def test_of_two_who_write_at_once_the_second_sees_what_the_first_saved(desk: Client, robin: User) -> None:
    kay = browser(Role.REGISTRAR, name="Kay")
    opened = kay.get(PAGE).context["form"]["instead_of"].value()
    save(desk, OURS)
    theirs = shipped_source(KIND).replace("Dear {{ name }},", "Hi {{ name }},")
    answer = save(kay, theirs, instead_of=opened)
    assert answer.status_code == 409
    assert "Robin saved others on" in text(answer)
    assert answer.context["form"]["source"].value() == theirs
    assert [(each.mark, each.line) for each in answer.context["page"].from_own if each.mark != " "] == [
        ("-", "Good day {{ name }},"),
        ("+", "Hi {{ name }},"),
    ]
    assert Wording.objects.get().source == OURS
    again = answer.context["form"]["instead_of"].value()
    assert save(kay, theirs, instead_of=again).status_code == 302
    assert Wording.objects.get().source == theirs


def test_the_shipped_words_are_brought_back_by_a_button(desk: Client) -> None:
    save(desk, OURS)
    button = re.search(
        r'action="([^"]+/shipped/)".*?name="instead_of" value="([^"]+)"', desk.get(PAGE).content.decode()
    )
    assert button is not None
    assert desk.get(button[1]).status_code == 405
    assert desk.post(button[1], {"instead_of": "another"}).status_code == 409
    assert Wording.objects.exists()
    assert desk.post(button[1], {"instead_of": button[2]}).status_code == 302
    assert not Wording.objects.exists()
    assert "The shipped words of the e-mail “A seat is held” brought back, by you" in text(desk.get(PAGE))


def test_words_that_could_not_be_used_are_marked(desk: Client) -> None:
    Wording.objects.create(kind=KIND, source="broken", revised_at=now(), failed_at=now())
    assert "Could not be used" in text(desk.get("/desk/messages/"))
    page = desk.get(PAGE)
    assert "The e-mail went out all the same, with the shipped words." in text(page)
    assert "It cannot be read yet." in text(page)


def test_what_is_typed_is_never_alive_on_the_page(desk: Client) -> None:
    script = "<script>alert('here')</script>"
    for more in ({"show": "1"}, {}):
        shown = save(desk, OURS.replace("With care", script), **more)
        assert script not in desk.get(PAGE).content.decode() + shown.content.decode()
    shown = save(desk, OURS.replace("{{ seat }}", f"{{{{ {script} }}}}"), show="1").content.decode()
    assert script not in shown
    assert "&lt;script&gt;" in shown
