"""Completions as programs record them."""

from datetime import date

import pytest

from tests import factories
from tests.asking import Program, StoppedClock, invalid_fields
from workshops.history.models import HistoryLine
from workshops.people.models import Role, Scope
from workshops.prerequisites.models import Completion

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def registrar() -> Program:
    return Program.of(factories.person(Role.REGISTRAR, name="Rosa Registrar"), Scope.REGISTRAR)


BODY = {"email": "ines@example.org", "module": "module-iii", "completed_on": "2026-06-01"}


def test_a_completion_is_recorded_once_and_told_again(registrar: Program) -> None:
    ines = factories.person(name="Ines Moreau", email="ines@example.org")
    first, again = registrar.post("/completions", BODY), registrar.post("/completions", BODY)
    assert (first.status, again.status, again.json) == (201, 200, first.json)
    assert first.json == {
        "email": "ines@example.org",
        "name": "Ines Moreau",
        "module": "module-iii",
        "completed_on": "2026-06-01",
        "recorded_at": "2027-01-11T10:00:00-08:00",
    }
    completion = Completion.objects.get()
    assert (completion.user, completion.completed_on) == (ines, date(2026, 6, 1))
    line = HistoryLine.objects.get()
    assert (line.what, line.person, str(line.by)) == ("completion-recorded", ines, "Rosa Registrar")


@pytest.mark.parametrize("module", ["module-iii", "III", "iii", " Module-III "])
def test_a_module_goes_by_its_code_or_its_numeral(registrar: Program, module: str) -> None:
    factories.person(email="ines@example.org")
    answer = registrar.post("/completions", {**BODY, "module": module, "email": " Ines@Example.org "})
    assert (answer.status, answer.json["module"]) == (201, "module-iii")


def test_another_date_contradicts_the_record_and_changes_nothing(registrar: Program) -> None:
    factories.finish(factories.person(email="ines@example.org"), "module-iii", date(2026, 5, 1))
    answer = registrar.post("/completions", BODY)
    assert (answer.problem, answer.json["recorded"]) == ((409, "conflicting-completion"), "2026-05-01")
    assert Completion.objects.get().completed_on == date(2026, 5, 1)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": "nobody@example.org"}, "email"),
        ({"email": ""}, "email"),
        ({"module": "module-v"}, "module"),
        ({"module": "3"}, "module"),
        ({"completed_on": "2027-01-12"}, "completed_on"),
    ],
)
def test_what_cannot_be_true_is_named(registrar: Program, changed: dict[str, str], field: str) -> None:
    factories.person(email="ines@example.org")
    assert invalid_fields(registrar.post("/completions", {**BODY, **changed})) == [field]
    assert Completion.objects.count() == 0


def test_today_in_los_angeles_has_come(registrar: Program, clock: StoppedClock) -> None:
    factories.person(email="ines@example.org")
    clock.move(hours=13, minutes=59)  # 23:59 there, tomorrow in London
    assert registrar.post("/completions", {**BODY, "completed_on": "2027-01-11"}).status == 201


def test_completions_are_listed_the_last_recorded_first(registrar: Program, clock: StoppedClock) -> None:
    for name in ("ines", "ada", "lena"):
        factories.person(email=f"{name}@example.org")
        registrar.post("/completions", {**BODY, "email": f"{name}@example.org"})
        clock.move(seconds=1)
    first = registrar.get("/completions", limit=2).json
    rest = registrar.get("/completions", limit=2, cursor=first["next"]).json
    assert [item["email"] for item in first["items"] + rest["items"]] == [
        "lena@example.org",
        "ada@example.org",
        "ines@example.org",
    ]
    assert rest["next"] is None


def test_nobody_else_records_or_reads_completions() -> None:
    for role in set(Role) - {Role.REGISTRAR}:
        program = Program.of(factories.person(role))
        assert program.get("/completions").problem == (403, "not-allowed")
        assert program.post("/completions", BODY).problem == (403, "not-allowed")
    assert Completion.objects.count() == 0
