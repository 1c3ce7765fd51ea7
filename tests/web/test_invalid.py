"""What is wrong with a request is said in words, field by field, and never breaks anything."""

import pytest
from django.test import Client

from tests import factories
from tests.asking import Answer, Program, StoppedClock, invalid_fields
from workshops.people.models import Role, Scope

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def everyone() -> Program:
    return Program.of(factories.person(*Role))


@pytest.mark.parametrize(
    "body",
    [b"{", b"not json", b"\xff\xfe", b'{"cohort": 1' + b"0" * 5000 + b"}", b"[" * 100_000, b'{"cohort": "\\ud8"}'],
)
def test_a_body_that_is_no_json_is_called_that(everyone: Program, body: bytes) -> None:
    assert everyone.post("/reservations", body).problem == (400, "malformed-json")


@pytest.mark.parametrize("body", [b"[]", b'"cohort"', b"null", b"3", b"NaN", b"true", b""])
def test_a_body_that_is_no_object_is_asked_for_one(everyone: Program, body: bytes) -> None:
    assert invalid_fields(everyone.post("/reservations", body)) == ["body"]


@pytest.mark.parametrize(
    "value", [None, 7, 1.5, True, [], {}, ["x"], {"$ne": 1}, 10**400, "a\x00b", "\ud800", "x" * 255, "x" * 500_000]
)
def test_a_cohort_of_the_wrong_kind_is_named(everyone: Program, value: object) -> None:
    assert invalid_fields(everyone.post("/reservations", {"cohort": value})) == ["cohort"]


@pytest.mark.parametrize("value", ["", "nobody-has-this", "0" * 20, "' OR 1=1 --", "💥"])
def test_a_cohort_that_nobody_knows_is_not_found(everyone: Program, value: str) -> None:
    assert everyone.post("/reservations", {"cohort": value}).problem == (404, "not-found")


def test_fields_that_nobody_asked_for_are_passed_over() -> None:
    program = Program.of(factories.trainee(), Scope.BOOK)
    body = {"cohort": factories.cohort().public_id, "seat_number": 3, "price": 0, "trainee": 1, "\x00": "\ud800"}
    answer = program.post("/reservations", body)
    assert (answer.status, answer.json["seat_number"], answer.json["price"]["amount"]) == (201, 1, 209_900)


def test_each_wrong_field_is_named_with_what_to_write(everyone: Program) -> None:
    answer = everyone.post("/completions", {"email": 7, "completed_on": "5 January 2026"})
    assert answer.problem == (422, "invalid-input")
    assert answer.json["errors"] == [
        {"field": "email", "message": "Write this as text."},
        {"field": "module", "message": "This is required."},
        {"field": "completed_on", "message": "Write the date as YYYY-MM-DD."},
    ]


@pytest.mark.parametrize(
    ("day", "message"),
    [
        (1_767_571_200, "Write the date as YYYY-MM-DD."),
        ("2026-01-05T00:00:00", "Write the date as YYYY-MM-DD."),
        ("\u0662\u0660\u0662\u0666-01-05", "Write the date as YYYY-MM-DD."),
        ("2026-02-29", "There is no such date."),
        ("0000-01-01", "There is no such date."),
        ("2030-01-01", "1 January 2030 has not come yet."),
    ],
)
def test_a_date_is_written_one_way_and_has_come(everyone: Program, day: object, message: str) -> None:
    factories.person(email="ines@example.org")
    answer = everyone.post("/completions", {"email": "ines@example.org", "module": "III", "completed_on": day})
    assert answer.json["errors"] == [{"field": "completed_on", "message": message}]


def test_a_choice_names_what_there_is_to_choose_from(everyone: Program) -> None:
    path = f"/reservations/{factories.reservation().public_id}/payments"
    answer = everyone.post(path, {"purpose": "tip", "gateway": "offline"})
    assert answer.json["errors"] == [
        {"field": "purpose", "message": "Choose 'deposit', 'balance' or 'full'."},
        {"field": "gateway", "message": "Choose 'stripe' or 'sandbox'."},
    ]


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("0", "Use 1 or more."),
        ("201", "Use 200 or less."),
        ("-1", "Use 1 or more."),
        ("many", "Write a whole number."),
        ("1.5", "Write a whole number."),
        ("9" * 5000, "This number is too large."),
        ("\x00", "Write a whole number."),
        ("", "Write a whole number."),
    ],
)
def test_a_page_has_between_1_and_200_items(everyone: Program, limit: str, message: str) -> None:
    for path in ("/cohorts", "/reservations", "/completions"):
        answer = everyone.get(path, limit=limit)
        assert answer.json["errors"] == [{"field": "limit", "message": message}]


@pytest.mark.parametrize("year", ["0", "10000", "-5", "next", "9" * 400, "\x00"])
def test_a_year_is_a_year(everyone: Program, year: str) -> None:
    assert invalid_fields(everyone.get("/cohorts", year=year)) == ["year"]


def test_a_form_is_no_json_and_breaks_nothing(client: Client) -> None:
    client.force_login(factories.trainee())
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data"):
        answer = Answer(client.post("/api/v1/reservations", b"cohort=1", content_type=kind))
        assert answer.problem in {(400, "malformed-json"), (400, "bad-request")}


def test_a_body_that_is_too_large_is_refused(everyone: Program) -> None:
    assert everyone.post("/reservations", b" " * 1_100_000).problem == (400, "bad-request")
