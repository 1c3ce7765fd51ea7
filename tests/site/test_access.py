"""Every page and every API route declares who may open it, and keeps to it."""

from collections.abc import Iterator

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests import factories
from workshops.people.models import Role

# Rooms that are not ours and bring their own door: allauth's pages (each decides by its own rules) and Django's admin,
# which asks `User.is_staff` everywhere and whose sign-in is allauth's.
FOREIGN = ("accounts/", "admin/")
ROLES = {str(role) for role in Role}


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, address)
        else:
            yield address, entry


OURS = [
    (address, entry) for address, entry in patterns(get_resolver()) if not address.startswith((*FOREIGN, "api/v1/"))
]


def declared(entry: URLPattern) -> str | None:
    return getattr(entry.callback, "declared_access", None)


@pytest.mark.parametrize(("address", "entry"), OURS, ids=[address or "/" for address, _ in OURS])
def test_every_page_declares_who_may_open_it(address: str, entry: URLPattern) -> None:
    access = declared(entry)
    assert access is not None, f"{address} declares no access: use web.access"
    assert access in {"anyone", "signed in"} or set(access.split(", ")) <= ROLES


def example(address: str) -> str:
    """A concrete address for a pattern, with ids that nobody has."""
    for kind, value in {"<int:": "999", "<slug:": "nobody-has-this", "<str:": "nobody-has-this"}.items():
        while kind in address:
            start = address.index(kind)
            address = address[:start] + value + address[address.index(">", start) + 1 :]
    return f"/{address}"


GUARDED = [(address, declared(entry) or "") for address, entry in OURS if declared(entry) not in {"anyone", None}]


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "access"), GUARDED)
def test_a_stranger_is_sent_to_sign_in_and_back(client: Client, address: str, access: str) -> None:
    path = example(address)
    for answer in (client.get(path), client.post(path)):
        assert (answer.status_code, answer.headers.get("Location")) == (302, f"/accounts/login/?next={path}")


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "access"), [each for each in GUARDED if each[1] != "signed in"])
def test_someone_without_the_role_gets_the_same_refusal_whatever_the_address_says(
    client: Client, address: str, access: str
) -> None:
    other = [role for role in Role if role not in access.split(", ")]
    client.force_login(factories.person(*other))
    path = example(address)
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 403


@pytest.mark.django_db
def test_the_admin_has_no_door_of_its_own(client: Client) -> None:
    answer = client.get("/admin/login/?next=/admin/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/?next=/admin/")


@pytest.mark.django_db
def test_the_admin_is_not_for_others_than_registrars(client: Client) -> None:
    client.force_login(factories.person(*(role for role in Role if role != Role.REGISTRAR)))
    assert client.get("/admin/", follow=True).status_code == 403


LOOKED_INTO = sorted(model._meta.model_name or "" for model in site._registry if model._meta.app_label == "workshops")


@pytest.mark.django_db
def test_a_registrar_looks_into_our_tables_and_changes_nothing_there(client: Client) -> None:
    person = factories.person(Role.REGISTRAR)
    client.force_login(person)
    assert client.get("/admin/").status_code == 200
    assert {client.get(f"/admin/workshops/{table}/").status_code for table in LOOKED_INTO} == {200}
    page = f"/admin/workshops/user/{person.pk}/change/"
    assert client.get(page).status_code == 200
    for attempt in (page, "/admin/workshops/user/add/", f"/admin/workshops/user/{person.pk}/delete/"):
        assert client.post(attempt, {"name": "x"}).status_code == 403


@pytest.mark.django_db
def test_sign_in_secrets_are_shown_to_nobody(client: Client) -> None:
    client.force_login(factories.person(Role.REGISTRAR))
    for table in ("mfa/authenticator", "account/emailaddress", "usersessions/usersession"):
        assert client.get(f"/admin/{table}/").status_code in {403, 404}
