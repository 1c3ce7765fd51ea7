"""The contract as a whole: every call declares who may make it, and every answer is one that the description names."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from django.urls import resolve
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from ninja.operation import Operation
from pytest_django import Settings
from schemathesis import CheckFunction, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from booking.reservations import cancelling, waiting
from booking.site.api import api
from booking.site.wsgi import application
from tests import factories
from tests.asking import Answer, Program, StoppedClock
from tests.services.databases import on_postgres
from workshops.cohorts.models import CohortStatus
from workshops.people.models import Role, Scope
from workshops.transactions import Busy
from workshops.web.problems import CATALOGUE

ROLES = {str(role): role.label.lower() for role in Role}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def operations() -> Iterator[tuple[str, Operation]]:
    """Every operation, by its method and path."""
    for router in api._get_bound_routers():
        for path, view in router.path_operations.items():
            for operation in view.operations:
                for method in operation.methods:
                    yield f"{method} {path}", operation


OPERATIONS = dict(operations())
DESCRIBED: dict[str, dict[str, Any]] = api.get_openapi_schema()["paths"]


# -- who may -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_declares_who_may_call_it(name: str) -> None:
    function = OPERATIONS[name].view_func
    declared = getattr(function, "declared_access", None)
    assert declared is not None, f"{name} declares no access: use web.operations.operation"
    assert declared in {"anyone", "anyone signed in"} or set(declared.split(" or ")) <= set(ROLES.values())
    scopes = getattr(function, "declared_scopes", None)
    assert (scopes == ()) == (declared == "anyone")


def test_the_calls_are_those_of_the_contract() -> None:
    assert sorted(re.sub(r"\{\w+\}", "{id}", name) for name in OPERATIONS) == [
        "DELETE /me/feeds/{id}",
        "DELETE /waitlist/{id}",
        "GET /accesses",
        "GET /cohorts",
        "GET /cohorts/{id}",
        "GET /cohorts/{id}/eligibility",
        "GET /cohorts/{id}/roster",
        "GET /completions",
        "GET /me",
        "GET /reservations",
        "GET /reservations/{id}",
        "GET /waitlist",
        "POST /accesses",
        "POST /completions",
        "POST /me/feeds",
        "POST /reservations",
        "POST /reservations/{id}/cancel",
        "POST /reservations/{id}/discount",
        "POST /reservations/{id}/payments",
        "POST /reservations/{id}/transfer",
        "POST /waitlist",
        "POST /waitlist/{id}/accept",
        "POST /waitlist/{id}/decline",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_stranger_is_let_in_or_told_401_but_never_sent_to_a_page(name: str) -> None:
    method, path = re.sub(r"\{\w+\}", "0" * 20, name).split(" ")
    program = Program()
    ask: Callable[[str], Answer] = getattr(program, method.lower())
    answer = ask(path)
    if OPERATIONS[name].view_func.declared_access == "anyone":  # type: ignore[attr-defined]
        assert answer.status in {200, 404}
    else:
        assert answer.problem == (401, "unauthenticated")


# -- errors of every kind ----------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/nothing", "/cohorts/", "/waitlist/", "/reservations/x/swap", "/me/tokens"])
def test_an_address_that_is_none_is_a_problem_and_no_page(path: str) -> None:
    for program in (Program(), Program.of(factories.person(*Role))):
        assert program.get(path).problem == (404, "not-found")


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", ["/api/v1/cohorts", "/api/v1/openapi.json", "/api/v1/docs"])
def test_a_method_that_is_not_taken_is_a_problem_that_names_those_that_are(
    client: Client, method: str, path: str
) -> None:
    answer = Answer(client.generic(method, path))
    assert answer.problem == (405, "method-not-allowed")
    assert answer.headers["Allow"] in {"GET", "GET, HEAD"}


@pytest.mark.django_db
def test_what_breaks_is_noted_and_tells_nobody_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(_user: object) -> list[str]:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("workshops.people.api.feed_kinds", breaks)
    answer = Program.of(factories.person()).get("/me")
    assert answer.problem == (500, "server-error")
    assert "secret" not in answer.content.decode()
    assert "the secret of the house" in caplog.text
    assert "GET /api/v1/me failed" in caplog.text


@pytest.mark.django_db
def test_a_busy_database_is_said_to_be_busy_and_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_arguments: object, **_given: object) -> None:
        raise Busy

    monkeypatch.setattr("booking.reservations.reserving.hold", busy)
    program = Program.of(factories.trainee())
    answer = program.post("/reservations", {"cohort": factories.cohort().public_id}, key="once")
    assert (answer.problem, answer.headers["Retry-After"]) == ((503, "busy"), "2")
    monkeypatch.undo()
    StoppedClock(monkeypatch)
    assert program.post("/reservations", {"cohort": factories.cohort().public_id}, key="once").status == 201


# -- the description ---------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_description_is_for_anyone_to_read() -> None:
    answer = Program().get("/openapi.json")
    assert (answer.status, answer.json["openapi"], answer.json["paths"]) == (200, "3.1.0", DESCRIBED_AS_JSON)


DESCRIBED_AS_JSON = {
    path: {
        method: {**each, "responses": {str(status): response for status, response in each["responses"].items()}}
        for method, each in methods.items()
    }
    for path, methods in DESCRIBED.items()
}


def test_every_answer_of_every_call_is_described_problems_included() -> None:
    named = set()
    for methods in DESCRIBED.values():
        for each in methods.values():
            for status, response in each["responses"].items():
                good = set() if int(status) == 204 else {"application/json"}
                assert set(response.get("content", ())) == (good if int(status) < 300 else {"application/problem+json"})
            named |= set(each["x-problems"])
            assert {"401", "429", "500"} <= {str(status) for status in each["responses"]}
    assert named <= set(CATALOGUE)


def test_names_that_the_description_refers_to_exist() -> None:
    schema = api.get_openapi_schema()
    referred = set(re.findall(r"#/components/schemas/(\w+)", str(schema)))
    assert referred <= set(schema["components"]["schemas"])


@pytest.mark.django_db
def test_people_read_the_description_as_a_page_without_scripts_or_other_hosts(client: Client) -> None:
    answer = client.get("/api/v1/docs")
    page = answer.content.decode()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for name in OPERATIONS:
        method, path = name.split(" ")
        assert f"<code>{method} /api/v1{path}</code>" in page
    for slug in CATALOGUE:
        assert f'href="/problems/{slug}"' in page
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//[^\"]+\"", page) == []
    assert re.findall(r"<script(?![^>]*src=)|<style| style=| on\w+=", page) == []
    assert "Answer" not in re.sub(r"<[^>]+>|Answers", "", page), "names of our own code stay out of it"


@pytest.mark.django_db
@pytest.mark.parametrize("slug", CATALOGUE)
def test_the_type_of_every_problem_is_an_address_that_opens(client: Client, slug: str) -> None:
    assert client.get(f"/problems/{slug}").status_code == 200


def test_the_api_is_where_the_contract_says() -> None:
    assert resolve("/api/v1/cohorts").namespaces == ["api"]


# -- answers keep to the description -----------------------------------------------------------------------------------
EXAMPLES = 25 if on_postgres() else 60
"""For each call; on the second database only what it may take amiss itself is new."""
CHECKED: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def described(db: None, settings: Settings) -> Iterator[BaseSchema]:
    """The description, tied to the product in this process and in this test's transaction."""
    settings.API_REQUESTS_A_MINUTE = 1_000_000
    for signal in (request_started, request_finished):  # a real server drops its connection between requests
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_whatever_is_sent_the_answer_is_one_that_is_described(name: str, described: BaseSchema) -> None:
    """Half of what is sent fits the description and half does not; ids are real ones as often as not."""
    method, path = name.split(" ")
    held = factories.reservation(cohort=factories.cohort(capacity=1))
    everyone = factories.person(*Role)
    entry, _ = waiting.join(held.cohort, everyone, now=factories.NOW)
    headers = {"Authorization": f"Bearer {factories.token(everyone, *Scope)}"}
    ids = {"cohort_id": held.cohort.public_id, "reservation_id": held.public_id, "entry_id": entry.public_id}
    known = {key: value for key, value in ids.items() if f"{{{key}}}" in path}
    operation = described[f"/api/v1{path}"][method]

    @hypothesis_settings(
        max_examples=EXAMPLES,
        deadline=timedelta(seconds=5),
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def keeps_to_it(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
        given_ids = known if known and data.draw(st.sampled_from(["real", "invented"])) == "real" else None
        case = data.draw(operation.as_strategy(generation_mode=mode, path_parameters=given_ids))
        case.call_and_validate(headers=headers, checks=CHECKED)

    keeps_to_it()


def checked(described: BaseSchema, key: str, name: str, expected: int, body: object = None, **ids: str) -> Any:
    """Make a call, see that its answer has this status and is as described, and return its JSON."""
    method, path = name.split(" ")
    sent: dict[str, Any] = {} if body is None else {"body": body, "media_type": "application/json"}
    case = described[f"/api/v1{path}"][method].Case(path_parameters=ids, **sent)
    response = case.call(headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == expected, response.text
    case.validate_response(response, checks=CHECKED)
    return response.json() if response.content else None


def test_good_answers_have_the_shapes_that_are_described(described: BaseSchema) -> None:
    trainee, registrar = factories.trainee(email="ines@example.org"), factories.person(Role.REGISTRAR)
    cohort, other = factories.cohort(), factories.cohort(starts_on=factories.NOW.date() + timedelta(days=200))
    keys = {role: factories.token(user, *Scope) for role, user in (("trainee", trainee), ("registrar", registrar))}

    def call(role: str, name: str, expected: int, body: object = None, **ids: str) -> Any:
        return checked(described, keys[role], name, expected, body, **ids)

    made = call("trainee", "POST /reservations", 201, {"cohort": cohort.public_id})["id"]
    call("trainee", "POST /reservations", 409, {"cohort": cohort.public_id})
    call("trainee", "GET /cohorts", 200)
    call("trainee", "GET /cohorts/{cohort_id}", 200, cohort_id=cohort.public_id)
    call("trainee", "GET /cohorts/{cohort_id}/eligibility", 200, cohort_id=cohort.public_id)
    call("trainee", "GET /reservations", 200)
    call("trainee", "GET /reservations/{reservation_id}", 200, reservation_id=made)
    call("trainee", "GET /me", 200)
    call("trainee", "POST /me/feeds", 201, {"kind": "trainee"})
    call("trainee", "POST /me/feeds", 403, {"kind": "mentor"})
    call("trainee", "POST /me/feeds", 422, {"kind": "bookkeeper"})
    call("trainee", "DELETE /me/feeds/{kind}", 204, kind="trainee")
    call("trainee", "DELETE /me/feeds/{kind}", 404, kind="trainee")
    call("registrar", "GET /cohorts/{cohort_id}/roster", 200, cohort_id=cohort.public_id)
    paying = {"purpose": "deposit", "gateway": "sandbox"}
    call("trainee", "POST /reservations/{reservation_id}/payments", 201, paying, reservation_id=made)
    made = call(
        "trainee", "POST /reservations/{reservation_id}/transfer", 201, {"cohort": other.public_id}, reservation_id=made
    )["id"]
    call("trainee", "POST /reservations/{reservation_id}/cancel", 200, {}, reservation_id=made)
    call("trainee", "POST /reservations/{reservation_id}/cancel", 409, {}, reservation_id=made)
    call("trainee", "GET /reservations", 200)
    held = factories.reservation(cohort=other).public_id
    call("registrar", "POST /reservations/{reservation_id}/cancel", 200, {}, reservation_id=held)
    completion = {"email": "ines@example.org", "module": "module-iv", "completed_on": "2026-12-01"}
    call("registrar", "POST /completions", 201, completion)
    call("registrar", "POST /completions", 200, completion)
    call("registrar", "POST /completions", 409, {**completion, "completed_on": "2026-12-02"})
    call("registrar", "POST /completions", 200, {**completion, "completed_on": "2026-12-02", "why": "A slip."})
    call("registrar", "GET /completions", 200)
    access = {"email": "ines@example.org", "module": "module-iv", "granted_on": "2026-12-01"}
    call("registrar", "POST /accesses", 201, access)
    call("registrar", "POST /accesses", 200, access)
    call("registrar", "POST /accesses", 409, {**access, "granted_on": "2026-12-02"})
    call("registrar", "GET /accesses", 200)
    trainee.completions.filter(module__code="module-i").delete()
    call("registrar", "POST /reservations", 403, {"cohort": other.public_id})


def test_every_answer_about_the_line_has_the_shape_that_is_described(described: BaseSchema) -> None:
    full = factories.cohort(capacity=1)
    key = factories.token(factories.trainee(), *Scope)

    def call(name: str, expected: int, body: object = None, **ids: str) -> Any:
        return checked(described, key, name, expected, body, **ids)

    def offered() -> str:
        held = factories.reservation(cohort=full)
        entry: str = call("POST /waitlist", 201, {"cohort": full.public_id})["id"]
        call("POST /waitlist/{entry_id}/accept", 409, entry_id=entry)
        cancelling.cancel(held, now=factories.NOW, by=held.trainee)
        call("GET /waitlist", 200)
        return entry

    call("POST /waitlist", 409, {"cohort": full.public_id})
    call("DELETE /waitlist/{entry_id}", 204, entry_id=offered())
    entry = offered()
    call("POST /waitlist/{entry_id}/decline", 200, entry_id=entry)
    call("POST /waitlist/{entry_id}/decline", 409, entry_id=entry)
    entry = offered()
    call("POST /waitlist", 200, {"cohort": full.public_id})
    call("POST /waitlist/{entry_id}/accept", 200, entry_id=entry)
    call("DELETE /waitlist/{entry_id}", 409, entry_id=entry)
    call("POST /waitlist", 409, {"cohort": full.public_id})


def test_every_refusal_of_a_move_has_the_shape_that_is_described(described: BaseSchema, clock: StoppedClock) -> None:
    full, target = factories.cohort(capacity=1), factories.cohort()
    seated, over = factories.reservation(cohort=full), factories.reservation()
    late = factories.reservation(cohort=factories.cohort(starts_on=clock.now.date() + timedelta(days=20)))
    held = factories.reservation()
    expected = [
        ("cohort-full", held, full),
        ("already-reserved", seated, full),
        ("booking-closed", held, factories.cohort(status=CohortStatus.CLOSED)),
        ("moving-over", late, target),
        ("not-movable", over, target),
    ]
    for slug, one, cohort in expected:
        if one is over:
            clock.move(hours=1)
        key = factories.token(one.trainee, Scope.BOOK)
        name, body = "POST /reservations/{reservation_id}/transfer", {"cohort": cohort.public_id}
        answer = checked(described, key, name, 409, body, reservation_id=one.public_id)
        assert answer["type"] == f"/problems/{slug}"


def test_every_refusal_of_a_seat_has_the_shape_that_is_described(described: BaseSchema, clock: StoppedClock) -> None:
    full = factories.cohort(capacity=1)
    factories.reservation(cohort=full)
    closed = factories.cohort(bookings_close_at=clock.now)
    expected = {
        "cohort-full": (full, factories.trainee()),
        "booking-closed": (closed, factories.trainee()),
        "prerequisites-unmet": (factories.cohort(), factories.trainee(lacking="on-set-days")),
    }
    for slug, (cohort, trainee) in expected.items():
        key = factories.token(trainee, Scope.BOOK)
        answer = checked(described, key, "POST /reservations", 409, {"cohort": cohort.public_id})
        assert answer["type"] == f"/problems/{slug}"
