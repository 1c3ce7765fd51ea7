"""Coming in: by password, by a code, for the first time; back to where one was; twice proven where it matters."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import LazySettings
from django.core import mail
from django.core.cache import cache
from django.http.response import HttpResponseBase
from django.test import Client

from tests import factories
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
PASSWORD = "four-quiet-days"


@pytest.fixture(autouse=True)
def _no_limits_left_over() -> None:
    cache.clear()


def sign_in(client: Client, email: str, password: str = PASSWORD, to: str = "") -> HttpResponseBase:
    return client.post("/accounts/login/", {"login": email, "password": password, "next": to})


def test_a_password_signs_in_and_leads_back_to_where_one_was(client: Client) -> None:
    factories.person(Role.TRAINEE, email="anna@example.org", password=PASSWORD)
    cohort = factories.cohort()
    asked = client.get(f"/cohorts/{cohort.code}/reserve/")
    assert asked.headers["Location"] == f"/accounts/login/?next=/cohorts/{cohort.code}/reserve/"
    answer = sign_in(client, "anna@example.org", to=f"/cohorts/{cohort.code}/reserve/")
    assert answer.headers["Location"] == f"/cohorts/{cohort.code}/reserve/"


def test_an_address_is_the_same_in_any_case(client: Client) -> None:
    factories.person(email="anna@example.org", password=PASSWORD)
    assert sign_in(client, "Anna@Example.ORG").status_code == 302


def test_signing_in_never_leads_to_another_site(client: Client) -> None:
    factories.person(email="anna@example.org", password=PASSWORD)
    assert sign_in(client, "anna@example.org", to="https://evil.example/").headers["Location"] == "/"


def test_a_code_by_email_signs_in_without_a_password(client: Client) -> None:
    person = factories.person(Role.TRAINEE, email="anna@example.org", password=PASSWORD)
    client.post("/accounts/login/code/", {"email": "anna@example.org"})
    code = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", str(mail.outbox[0].body), re.MULTILINE)
    assert code is not None
    client.post("/accounts/login/code/confirm/", {"code": code[1]})
    assert client.session["_auth_user_id"] == str(person.pk)


def test_an_unknown_address_is_answered_like_a_known_one(client: Client) -> None:
    factories.person(email="anna@example.org", password=PASSWORD)
    known = client.post("/accounts/login/code/", {"email": "anna@example.org"})
    unknown = Client().post("/accounts/login/code/", {"email": "nobody@example.org"})
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])


def test_whoever_signs_up_proves_the_address_and_begins_as_a_trainee(client: Client) -> None:
    client.post("/accounts/signup/", {"email": "New@Example.org", "password1": PASSWORD, "name": "Nia"})
    person = User.objects.get()
    assert (person.email, person.name, person.roles) == ("new@example.org", "Nia", frozenset({Role.TRAINEE}))
    assert "_auth_user_id" not in client.session
    assert not EmailAddress.objects.get().verified
    code = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", str(mail.outbox[0].body), re.MULTILINE)
    assert code is not None
    client.post("/accounts/confirm-email/", {"code": code[1]})
    assert EmailAddress.objects.get().verified
    assert client.session["_auth_user_id"] == str(person.pk)


@pytest.mark.parametrize(
    "given",
    [
        {"email": "not-an-address", "password1": PASSWORD, "name": "Nia"},
        {"email": "nia@example.org", "password1": "short", "name": "Nia"},
        {"email": "nia@example.org", "password1": PASSWORD, "name": ""},
        {"email": "nia@example.org", "password1": PASSWORD, "name": "x" * 200},
        {"email": "nia\x00@example.org", "password1": PASSWORD, "name": "Nia"},
        {},
    ],
)
def test_a_sign_up_that_cannot_be_makes_no_account(client: Client, given: dict[str, str]) -> None:
    assert client.post("/accounts/signup/", given).status_code == 200
    assert not User.objects.exists()


def test_guessing_a_password_is_slowed_down_by_address_and_not_by_office(client: Client) -> None:
    """Five wrong guesses stop the guessing of one account; a colleague behind the same address signs in as ever."""
    for name in ("anna", "ben"):
        factories.person(email=f"{name}@example.org", password=PASSWORD)
    for _ in range(6):
        sign_in(Client(), "anna@example.org", "wrong-password")
    assert sign_in(Client(), "anna@example.org").status_code != 302
    assert sign_in(Client(), "ben@example.org").status_code == 302


def test_forty_people_of_one_office_sign_in_within_a_minute(client: Client) -> None:
    for number in range(40):
        person = factories.person(email=f"p{number}@example.org", password=PASSWORD)
        person.set_password(PASSWORD)  # by the suite's quick hasher: forty slow ones would only warm the room
        person.save()
    assert {sign_in(Client(), f"p{number}@example.org").status_code for number in range(40)} == {302}


@pytest.mark.parametrize("role", [Role.REGISTRAR, Role.BOOKKEEPER])
def test_whoever_answers_for_money_sets_up_a_second_factor_first(
    client: Client, settings: LazySettings, role: Role
) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    person = factories.person(role)
    client.force_login(person)
    for path in ("/desk/money/", "/profile/", "/"):
        assert client.get(path).headers.get("Location") == "/accounts/2fa/"
    assert client.get("/api/v1/me").json()["type"] == "/problems/not-allowed"
    Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={"secret": "x"})
    assert client.get("/profile/").status_code == 200


def test_others_are_not_asked_for_a_second_factor(client: Client, settings: LazySettings) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    client.force_login(factories.person(Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR))
    assert client.get("/profile/").status_code == 200


def test_an_account_that_was_closed_lets_nobody_in(client: Client) -> None:
    person = factories.person(Role.TRAINEE, email="anna@example.org", password=PASSWORD)
    client.force_login(person)
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert client.get("/profile/").status_code == 302
    assert "_auth_user_id" not in client.session or client.get("/where-you-stand/").status_code == 302


def test_signing_out_takes_a_button_and_not_a_link(client: Client) -> None:
    client.force_login(factories.person(Role.TRAINEE))
    client.get("/accounts/logout/")
    assert "_auth_user_id" in client.session
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


def test_a_mail_server_that_is_down_is_said_in_words(client: Client, settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    factories.person(email="anna@example.org", password=PASSWORD)
    answer = client.post("/accounts/login/code/", {"email": "anna@example.org"}, follow=True)
    assert answer.status_code == 200
    assert "We could not send the e-mail just now." in answer.content.decode()
