"""A person's own page."""

import pytest
from django.test import Client

from tests import factories
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
GIVEN = {
    "name": "Anna Bell",
    "pronouns": "she/her",
    "phone": "+1 213 555 0147",
    "time_zone": "Europe/London",
    "country": "GB",
    "wants_reminders": True,
}


@pytest.fixture
def anna(client: Client) -> User:
    """A signed-in trainee."""
    user = factories.person(Role.TRAINEE, name="Anna")
    client.force_login(user)
    return user


def test_a_profile_is_saved_and_noted(client: Client, anna: User) -> None:
    assert client.post("/profile/", GIVEN).status_code == 302
    anna.refresh_from_db()
    assert {field: getattr(anna, field) for field in GIVEN} == GIVEN
    assert HistoryLine.objects.get(what="profile-changed").person == anna


def test_the_history_keeps_which_fields_changed_and_not_what_they_said(client: Client, anna: User) -> None:
    client.post("/profile/", {**GIVEN, "legal_name": "Marked Legal Name"})
    assert "Marked" not in str(HistoryLine.objects.get(what="profile-changed").facts)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "\u202e\u200f"),
        ("name", "x" * 121),
        ("name", "a\x00b"),
        ("phone", "call me"),
        ("time_zone", "Mars/Olympus"),
        ("country", "ZZZ"),
    ],
)
def test_what_cannot_be_is_refused_and_what_was_typed_is_kept(
    client: Client, anna: User, field: str, value: str
) -> None:
    answer = client.post("/profile/", {**GIVEN, "pronouns": "they/them", field: value})
    anna.refresh_from_db()
    assert (answer.status_code, anna.name) == (422, "Anna")
    assert "they/them" in answer.content.decode()


def test_marks_that_turn_the_reading_direction_are_left_out(client: Client, anna: User) -> None:
    client.post("/profile/", {**GIVEN, "name": "Anna\u202e Bell\r\nBcc: x"})
    anna.refresh_from_db()
    assert anna.name == "Anna Bell Bcc: x"


def test_nobody_can_give_themselves_a_role_through_their_profile(client: Client, anna: User) -> None:
    client.post("/profile/", {**GIVEN, "roles": "registrar", "is_staff": "on", "email": "other@example.org"})
    fresh = User.objects.get(pk=anna.pk)
    assert (fresh.roles, fresh.email) == (frozenset({Role.TRAINEE}), anna.email)
