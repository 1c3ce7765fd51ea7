"""Tokens made on the command line, and what a program learns about its person."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests import factories
from tests.asking import Program, StoppedClock
from workshops.history.models import HistoryLine
from workshops.people.models import ApiToken, Role, Scope

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def issue(*arguments: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("api_token", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_key_that_works_and_nothing_else() -> None:
    factories.person(Role.TRAINEE, name="Ines Moreau", email="ines@example.org")
    printed = issue("Ines@Example.org")
    assert printed == f"{printed.strip()}\n"
    assert Program(printed.strip()).get("/me").json["name"] == "Ines Moreau"


def test_without_being_told_a_token_does_what_its_persons_roles_allow() -> None:
    factories.person(Role.INSTRUCTOR, email="ada@example.org")
    issue("ada@example.org")
    assert ApiToken.objects.get().scopes == ["read", "book", "teach"]


@pytest.mark.parametrize("arguments", [("--scope", "book", "--scope", "read"), ("--scope", "book", "read")])
def test_scopes_may_be_named(arguments: tuple[str, ...]) -> None:
    factories.person(Role.REGISTRAR, email="rosa@example.org")
    issue("rosa@example.org", *arguments)
    assert ApiToken.objects.get().scopes == ["read", "book"]


def test_a_token_has_a_name_an_end_and_a_line_of_history(clock: StoppedClock) -> None:
    person = factories.person(email="ines@example.org")
    issue("ines@example.org", "--name", "My calendar", "--days", "30")
    token = ApiToken.objects.get()
    assert (token.name, token.expires_at, token.user) == ("My calendar", clock.now + timedelta(days=30), person)
    line = HistoryLine.objects.get()
    assert (line.what, line.person, line.why, line.facts) == (
        "token-issued",
        person,
        "My calendar",
        {"scopes": "read book"},
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("nobody@example.org",),
        ("closed@example.org",),
        ("ines@example.org", "--days", "0"),
        ("ines@example.org", "--days", "3651"),
        ("ines@example.org", "--name", ""),
        ("ines@example.org", "--name", "x" * 81),
        ("ines@example.org", "--scope", "everything"),
    ],
)
def test_what_makes_no_sense_makes_no_token(arguments: tuple[str, ...]) -> None:
    factories.person(email="ines@example.org")
    factories.person(email="closed@example.org", is_active=False)
    with pytest.raises(CommandError):
        issue(*arguments)
    assert ApiToken.objects.count() == 0


def test_a_program_learns_every_role_of_its_person() -> None:
    person = factories.person(Role.TRAINEE, Role.MENTOR, name="Ada Okafor", email="ada@example.org")
    assert Program.of(person, Scope.READ).get("/me").json == {
        "name": "Ada Okafor",
        "email": "ada@example.org",
        "roles": ["mentor", "trainee"],
        "feeds": ["mentor", "trainee"],
    }
