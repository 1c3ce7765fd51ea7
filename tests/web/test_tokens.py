"""Who asks: tokens, sessions, and everything that is neither."""

from datetime import timedelta

import pytest
from django.test import Client

from tests import factories
from tests.asking import Answer, Program, StoppedClock
from workshops.people.models import ApiToken, Role, Scope, User
from workshops.web.tokens import scopes_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def token_of(user: User) -> ApiToken:
    return ApiToken.objects.get(user=user)


def test_a_token_says_who_its_bearer_is() -> None:
    person = factories.person(Role.TRAINEE, name="Ines Moreau", email="ines@example.org")
    answer = Program.of(person, Scope.READ).get("/me")
    assert (answer.status, answer.json) == (
        200,
        {"name": "Ines Moreau", "email": "ines@example.org", "roles": ["trainee"], "feeds": ["trainee"]},
    )


def test_a_stranger_is_told_to_sign_in_and_never_redirected() -> None:
    answer = Program().get("/me")
    assert answer.problem == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert Program().post("/reservations", {"cohort": "x"}).problem == (401, "unauthenticated")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token abc", "Bearer é", "Bearer x\x00y"]
)
def test_an_authorization_that_is_no_token_is_refused(client: Client, header: str) -> None:
    client.force_login(factories.person())
    answer = Answer(client.get("/api/v1/me", headers={"Authorization": header}))
    assert answer.problem == (401, "unauthenticated"), "a browser's cookie does not mend a bad token"


def test_an_unknown_token_is_refused_even_where_nobody_need_say_who_they_are() -> None:
    assert Program("cin_nobody-has-this").get("/cohorts").problem == (401, "unauthenticated")


def test_the_word_bearer_may_be_written_as_one_likes(client: Client) -> None:
    key = factories.token(factories.person(), Scope.READ)
    assert client.get("/api/v1/me", headers={"Authorization": f"bearer   {key} "}).status_code == 200


def test_a_token_ends_at_its_moment(clock: StoppedClock) -> None:
    person = factories.person()
    program = Program.of(person)
    clock.now = token_of(person).expires_at - timedelta(microseconds=1)
    assert program.get("/me").status == 200
    clock.now = token_of(person).expires_at
    assert program.get("/me").problem == (401, "unauthenticated")


def test_a_revoked_token_is_refused(clock: StoppedClock) -> None:
    person = factories.person()
    program = Program.of(person)
    ApiToken.objects.filter(user=person).update(revoked_at=clock.now)
    assert program.get("/me").problem == (401, "unauthenticated")


def test_the_token_of_a_closed_account_is_refused() -> None:
    person = factories.person()
    program = Program.of(person)
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert program.get("/me").problem == (401, "unauthenticated")


def test_the_key_itself_is_kept_nowhere() -> None:
    person = factories.person()
    key = factories.token(person, Scope.READ)
    row = ApiToken.objects.filter(user=person).values().get()
    assert key not in str(row)
    assert row["digest"] == ApiToken.digest_of(key)


def test_when_a_token_was_used_is_noted_every_five_minutes_at_most(clock: StoppedClock) -> None:
    person = factories.person()
    program = Program.of(person)
    first = clock.now
    program.get("/me")
    assert token_of(person).last_used_at == first
    clock.move(minutes=4, seconds=59)
    program.get("/me")
    assert token_of(person).last_used_at == first
    noted = clock.move(seconds=1)
    program.get("/me")
    assert token_of(person).last_used_at == noted


def test_scopes_follow_the_roles_that_give_them_a_meaning() -> None:
    expected = {
        Role.TRAINEE: [Scope.READ, Scope.BOOK],
        Role.MENTOR: [Scope.READ, Scope.BOOK],
        Role.BOOKKEEPER: [Scope.READ, Scope.BOOK],
        Role.INSTRUCTOR: [Scope.READ, Scope.BOOK, Scope.TEACH],
        Role.REGISTRAR: [Scope.READ, Scope.BOOK, Scope.TEACH, Scope.REGISTRAR],
    }
    assert {role: scopes_of(factories.person(role)) for role in Role} == expected


# -- a signed-in browser -----------------------------------------------------------------------------------------------
def test_a_signed_in_browser_may_read_what_its_person_may() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.person(Role.TRAINEE, name="Ines Moreau"))
    assert client.get("/api/v1/me").json()["name"] == "Ines Moreau"


def test_a_change_from_a_browser_needs_the_csrf_token(clock: StoppedClock) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.trainee())
    body = {"cohort": factories.cohort().public_id}
    refused = Answer(client.post("/api/v1/reservations", body, content_type="application/json"))
    assert refused.problem == (403, "csrf")
    client.get("/accounts/login/")  # any page with a form sets the cookie
    client.cookies["csrftoken"] = secret = "a" * 32
    forged = client.post(
        "/api/v1/reservations", body, content_type="application/json", headers={"X-CSRFToken": "b" * 32}
    )
    assert Answer(forged).problem == (403, "csrf")
    trusted = client.post(
        "/api/v1/reservations", body, content_type="application/json", headers={"X-CSRFToken": secret}
    )
    assert trusted.status_code == 201


def test_a_form_posted_from_another_site_changes_nothing() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.trainee())
    answer = Answer(client.post("/api/v1/reservations", {"cohort": factories.cohort().public_id}))
    assert answer.problem == (403, "csrf")


def test_a_token_needs_no_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    key = factories.token(factories.trainee(), Scope.BOOK)
    answer = client.post(
        "/api/v1/reservations",
        {"cohort": factories.cohort().public_id},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 201


def test_a_token_speaks_for_its_own_person_whoever_is_signed_in_beside_it(client: Client) -> None:
    client.force_login(factories.person(Role.REGISTRAR, name="The registrar"))
    key = factories.token(factories.person(Role.TRAINEE, name="Ines Moreau"), Scope.READ)
    answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {key}"})
    assert answer.json()["name"] == "Ines Moreau"


def test_answers_are_kept_by_no_cache() -> None:
    answer = Program.of(factories.person()).get("/me")
    assert answer.headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
