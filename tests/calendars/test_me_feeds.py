"""Private calendars by the API: a secret told once, and ended."""

import pytest
from django.test import Client

from booking.calendars import tokens
from booking.calendars.models import FeedKind, FeedToken
from tests import factories
from tests.asking import Answer, Program, StoppedClock, invalid_fields
from workshops.people.models import Role, Scope
from workshops.web.models import KeptAnswer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def made(answer: Answer) -> str:
    """The path of the address that was made."""
    assert answer.status == 201, answer.content
    url: str = answer.json["url"]
    return url.removeprefix("http://localhost:8000")


def fetch(path: str) -> int:
    return Client().get(path).status_code


def test_a_program_makes_the_address_of_its_persons_calendar_which_is_fetched_without_a_token() -> None:
    program = Program.of(factories.person(Role.TRAINEE))
    assert program.get("/me").json["feeds"] == ["trainee"]
    answer = program.post("/me/feeds", {"kind": "trainee"})
    assert answer.headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    assert fetch(made(answer)) == 200
    assert "url" not in str(program.get("/me").json)


def test_each_call_makes_another_address_and_ends_the_one_before_whatever_key_it_carries() -> None:
    program = Program.of(factories.person(Role.TRAINEE))
    first, second = (made(program.post("/me/feeds", {"kind": "trainee"}, key="the same")) for _ in range(2))
    assert first != second
    assert (fetch(first), fetch(second)) == (404, 200)
    assert not KeptAnswer.objects.exists()
    assert program.post("/me/feeds", {"kind": "trainee"}, key="x" * 300).status == 201, "a key is not even looked at"


def test_an_address_is_ended_by_its_kind() -> None:
    program = Program.of(factories.person(Role.TRAINEE, Role.MENTOR))
    kept, ended = (made(program.post("/me/feeds", {"kind": kind})) for kind in ("mentor", "trainee"))
    assert program.delete("/me/feeds/trainee").status == 204
    assert (fetch(kept), fetch(ended)) == (200, 404)
    for kind in ("trainee", "instructor", "bookkeeper", "%00", "cohorts"):
        assert program.delete(f"/me/feeds/{kind}").problem == (404, "not-found")


def test_ending_ones_own_ends_nobody_elses() -> None:
    kept = made(Program.of(factories.person(Role.TRAINEE)).post("/me/feeds", {"kind": "trainee"}))
    assert Program.of(factories.person(Role.TRAINEE)).delete("/me/feeds/trainee").problem == (404, "not-found")
    assert fetch(kept) == 200


def test_an_address_of_a_role_that_has_ended_can_still_be_ended() -> None:
    person = factories.person(Role.INSTRUCTOR, Role.TRAINEE)
    tokens.make(person, FeedKind.INSTRUCTOR, now=factories.NOW)
    person.role_grants.filter(role=Role.INSTRUCTOR).delete()
    assert Program.of(person).delete("/me/feeds/instructor").status == 204


@pytest.mark.parametrize("kind", ["bookkeeper", "cohorts", "", "Trainee", None, 1, ["trainee"], "trainee\x00"])
def test_a_kind_that_is_none_is_said_to_be_wrong(kind: object) -> None:
    assert invalid_fields(Program.of(factories.person(*Role)).post("/me/feeds", {"kind": kind})) == ["kind"]
    assert not FeedToken.objects.exists()


@pytest.mark.parametrize("kind", FeedKind)
def test_whoever_lacks_the_role_may_not(kind: FeedKind) -> None:
    person = factories.person(*(role for role in Role if role != Role(kind)))
    assert Program.of(person).post("/me/feeds", {"kind": kind}).problem == (403, "not-allowed")
    assert not FeedToken.objects.exists()


NEEDED = {"trainee": Scope.BOOK, "mentor": Scope.BOOK, "instructor": Scope.TEACH, "registrar": Scope.REGISTRAR}


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("kind", FeedKind)
def test_no_token_makes_an_address_that_tells_more_than_the_token_may_read(kind: FeedKind, scope: Scope) -> None:
    answer = Program.of(factories.person(*Role), scope).post("/me/feeds", {"kind": kind})
    if scope == NEEDED[kind]:
        assert fetch(made(answer)) == 200
    else:
        assert answer.problem == (403, "scope-missing")
        assert not FeedToken.objects.exists()


def test_a_token_for_reading_ends_nothing() -> None:
    person = factories.person(Role.TRAINEE)
    tokens.make(person, FeedKind.TRAINEE, now=factories.NOW)
    assert Program.of(person, Scope.READ).delete("/me/feeds/trainee").problem == (403, "scope-missing")


def test_a_browser_must_show_that_it_asks_from_our_own_pages() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(factories.person(Role.TRAINEE))
    answer = Answer(browser.post("/api/v1/me/feeds", '{"kind": "trainee"}', content_type="application/json"))
    assert answer.problem == (403, "csrf")
