"""One's own API tokens: made, shown once, revoked."""

import re

import pytest
from django.test import Client

from tests import factories
from workshops.history.models import HistoryLine
from workshops.people.models import ApiToken, Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
GIVEN = {"name": "My calendar", "scopes": ["read"], "days": "30"}


@pytest.fixture
def anna(client: Client) -> User:
    """A signed-in trainee."""
    person = factories.person(Role.TRAINEE)
    client.force_login(person)
    return person


def ask(key: str) -> int:
    return Client().get("/api/v1/me", headers={"Authorization": f"Bearer {key}"}).status_code


def key_on(page: str) -> str:
    found = re.search(r"cin_[\w-]{43}", page)
    assert found is not None
    return found[0]


def test_a_token_is_shown_once_works_and_can_be_revoked(client: Client, anna: User) -> None:
    key = key_on(client.post("/profile/tokens/", GIVEN).content.decode())
    assert "cin_" not in client.get("/profile/tokens/").content.decode()
    assert ask(key) == 200
    token = ApiToken.objects.get()
    assert (token.user, token.scopes, key in token.digest) == (anna, ["read"], False)
    client.post(f"/profile/tokens/{token.pk}/revoke/")
    assert ask(key) == 401
    assert [line.what for line in HistoryLine.objects.all()] == ["token-issued", "token-revoked"]


def test_nobody_gives_a_token_more_than_they_have(client: Client, anna: User) -> None:
    assert client.post("/profile/tokens/", {**GIVEN, "scopes": ["registrar"]}).status_code == 422
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "given",
    [{}, {**GIVEN, "name": ""}, {**GIVEN, "scopes": []}, {**GIVEN, "days": "99999"}, {**GIVEN, "name": "a\x00"}],
)
def test_a_token_that_cannot_be_is_not_made(client: Client, anna: User, given: dict[str, object]) -> None:
    assert client.post("/profile/tokens/", given).status_code == 422
    assert not ApiToken.objects.exists()


def test_anyone_elses_token_does_not_exist(client: Client, anna: User) -> None:
    factories.token(factories.person(Role.TRAINEE))
    token = ApiToken.objects.get()
    assert client.post(f"/profile/tokens/{token.pk}/revoke/").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None
