"""The registrar's list of people, a new account, and who may see any of it."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from booking.desk.people.accounts import open_account
from booking.desk.people.listing import A_PAGE
from tests import factories
from tests.desk.doors import browser, statements
from tests.pages import text
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
NEW = {"name": "Ines Moreau", "email": "Ines@Example.org", "roles": ["trainee"]}


@pytest.fixture
def registrar() -> Client:
    """The registrar's browser."""
    return browser(Role.REGISTRAR, name="Robin")


def names(page: Any) -> list[str]:
    return [str(each.person) for each in page.context["people"]]


@pytest.mark.parametrize("role", [Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR, Role.BOOKKEEPER])
@pytest.mark.parametrize("path", ["", "new/", "import/", "import/template.csv"])
def test_the_pages_about_people_are_for_the_registrar(role: Role, path: str) -> None:
    assert browser(role).get(f"/desk/people/{path}").status_code == 403


def test_a_stranger_is_asked_to_sign_in_first(client: Client) -> None:
    page = client.get("/desk/people/")
    assert (page.status_code, page.headers["Location"]) == (302, "/accounts/login/?next=/desk/people/")


def test_everyone_is_listed_by_name_with_roles_and_standing(registrar: Client) -> None:
    factories.trainee(name="Anna")
    factories.trainee(name="Ben", lacking="module-iii")
    factories.person(Role.INSTRUCTOR, Role.MENTOR, name="Cleo")
    listed = registrar.get("/desk/people/").context["people"]
    assert [(str(e.person), e.roles, e.standing and e.standing.eligible) for e in listed] == [
        ("Anna", ("Trainee",), True),
        ("Ben", ("Trainee",), False),
        ("Cleo", ("Instructor", "Mentor"), None),
        ("Robin", ("Registrar",), None),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "ann"}, ["Anna"]),
        ({"q": "BEN@"}, ["Ben"]),
        ({"q": "%"}, []),
        ({"q": "nobody"}, []),
        ({"role": "instructor"}, ["Cleo"]),
        ({"standing": "eligible"}, ["Anna"]),
        ({"standing": "missing"}, ["Ben"]),
        ({"standing": "missing", "q": "anna"}, []),
        ({"standing": "eligible", "role": "instructor"}, []),
    ],
)
def test_people_are_found_by_name_address_role_and_standing(
    registrar: Client, query: dict[str, str], found: list[str]
) -> None:
    factories.trainee(name="Anna", email="anna@example.org")
    factories.trainee(name="Ben", email="ben@example.org", lacking="on-set-days")
    factories.person(Role.INSTRUCTOR, name="Cleo")
    assert names(registrar.get("/desk/people/", query)) == found


def test_a_filter_that_does_not_exist_is_named(registrar: Client) -> None:
    page = registrar.get("/desk/people/", {"role": "emperor"})
    assert (page.status_code, "emperor is not one of the available choices" in text(page)) == (422, True)


def test_long_lists_come_in_pages(registrar: Client) -> None:
    for number in range(A_PAGE):
        factories.person(Role.MENTOR, name=f"Mentor {number:02}")
    assert len(names(registrar.get("/desk/people/"))) == A_PAGE
    assert names(registrar.get("/desk/people/", {"page": 2})) == ["Robin"]


@pytest.mark.parametrize("query", [{}, {"standing": "eligible"}])
def test_the_list_takes_the_same_number_of_statements_for_one_and_for_three(
    registrar: Client, query: dict[str, str]
) -> None:
    factories.trainee()
    for_one = statements(registrar, "/desk/people/", query)
    factories.trainee()
    factories.trainee(lacking="module-i")
    assert statements(registrar, "/desk/people/", query) == for_one


def test_a_registrar_adds_someone_who_then_signs_in_with_a_code(registrar: Client, client: Client) -> None:
    assert registrar.post("/desk/people/new/", NEW).status_code == 302
    ines = User.objects.get(email="ines@example.org")
    assert (ines.name, list(ines.roles), ines.has_usable_password()) == ("Ines Moreau", [Role.TRAINEE], False)
    told = HistoryLine.objects.filter(person=ines).values_list("what", flat=True)
    assert list(told) == ["account-made", "role-granted"]

    client.post("/accounts/login/code/", {"email": "ines@example.org"})
    code = next(line.strip() for line in mail.outbox[-1].body.splitlines() if line.startswith("    "))
    client.post("/accounts/login/code/confirm/", {"code": code})
    assert client.session["_auth_user_id"] == str(ines.pk)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "\u202e"),
        ("name", "x" * 121),
        ("email", ""),
        ("email", "nobody"),
        ("email", "TAKEN@example.org"),
        ("roles", []),
        ("roles", ["emperor"]),
    ],
)
def test_an_account_that_cannot_be_is_refused_and_what_was_typed_is_kept(
    registrar: Client, field: str, value: object
) -> None:
    factories.person(email="taken@example.org")
    before = User.objects.count()
    page = registrar.post("/desk/people/new/", {**NEW, field: value})
    assert (page.status_code, User.objects.count()) == (422, before)
    kept = "Ines@Example.org" if field != "email" else "Ines Moreau"
    assert kept in page.content.decode()


def test_an_empty_form_says_what_is_missing(registrar: Client) -> None:
    assert registrar.post("/desk/people/new/").status_code == 422


def test_the_same_account_is_not_opened_twice_at_the_same_moment(
    registrar: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def someone_is_faster(**given: Any) -> User:
        factories.person(email="ines@example.org")
        return open_account(**given)

    monkeypatch.setattr("booking.desk.people.views.open_account", someone_is_faster)
    page = registrar.post("/desk/people/new/", NEW)
    assert (page.status_code, User.objects.filter(email="ines@example.org").count()) == (422, 1)
