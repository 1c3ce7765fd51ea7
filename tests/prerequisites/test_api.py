"""Completions and access as programs record them."""

from datetime import date

import pytest

from tests import factories
from tests.asking import Program, StoppedClock, invalid_fields
from workshops.history.models import HistoryLine
from workshops.people.models import Role, Scope, User
from workshops.prerequisites.models import Access, Completion

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


BOTH = pytest.mark.parametrize(
    ("path", "model", "column"), [("/completions", Completion, "completed_on"), ("/accesses", Access, "granted_on")]
)


def asked(column: str, on: str, **more: str) -> dict[str, str]:
    return {"email": "ines@example.org", "module": "module-iii", column: on, **more}


def dates(model: type[Completion | Access], column: str) -> list[tuple[str, date]]:
    return list(model._default_manager.order_by("pk").values_list("user__email", column))


def told() -> list[tuple[str, str]]:
    return list(HistoryLine.objects.order_by("pk").values_list("what", "why"))


def test_access_is_recorded_once_and_told_again(registrar: Program) -> None:
    ines = factories.person(name="Ines Moreau", email="ines@example.org")
    body = asked("granted_on", "2026-06-01")
    first, again = registrar.post("/accesses", body), registrar.post("/accesses", body)
    assert (first.status, again.status, again.json) == (201, 200, first.json)
    assert first.json == {
        "email": "ines@example.org",
        "name": "Ines Moreau",
        "module": "module-iii",
        "granted_on": "2026-06-01",
        "recorded_at": "2027-01-11T10:00:00-08:00",
    }
    assert (Access.objects.get().user, told()) == (ines, [("access-recorded", "")])
    assert registrar.get("/accesses").json == {"items": [first.json], "next": None}


@BOTH
def test_another_date_is_refused_without_a_reason_and_corrected_with_one(
    registrar: Program, path: str, model: type[Completion | Access], column: str
) -> None:
    factories.person(email="ines@example.org")
    registrar.post(path, asked(column, "2026-05-01"))
    slug = f"conflicting-{'completion' if model is Completion else 'access'}"
    for why in ("", "   "):
        refused = registrar.post(path, asked(column, "2026-06-01", why=why))
        assert (refused.problem, refused.json["recorded"]) == ((409, slug), "2026-05-01")
    assert dates(model, column) == [("ines@example.org", date(2026, 5, 1))]
    corrected = registrar.post(path, asked(column, "2026-06-01", why=" The course was reopened. "))
    assert (corrected.status, corrected.json[column]) == (200, "2026-06-01")
    assert told()[-1] == (f"{slug.removeprefix('conflicting-')}-corrected", "The course was reopened.")
    assert registrar.post(path, asked(column, "2026-06-01", why="Again.")).status == 200
    assert len(told()) == 2


@BOTH
def test_a_reason_for_what_nothing_contradicts_is_a_first_record(
    registrar: Program, path: str, model: type[Completion | Access], column: str
) -> None:
    factories.person(email="ines@example.org")
    assert registrar.post(path, asked(column, "2026-05-01", why="To be sure.")).status == 201


@BOTH
def test_the_same_key_gets_the_first_answer_and_writes_once(
    registrar: Program, path: str, model: type[Completion | Access], column: str
) -> None:
    factories.person(email="ines@example.org")
    body = asked(column, "2026-05-01")
    answers = [registrar.post(path, body, key="lesson-7") for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert "Idempotent-Replayed" in answers[1].headers
    assert len(told()) == 1


@BOTH
def test_the_account_that_took_over_answers_for_a_merged_one(
    registrar: Program, path: str, model: type[Completion | Access], column: str
) -> None:
    stays = factories.person(email="ines@new.example.org")
    factories.person(email="ines@example.org", merged_into=stays, is_active=False)
    answer = registrar.post(path, asked(column, "2026-05-01") | {"email": "INES@Example.org"})
    assert (answer.status, answer.json["email"]) == (201, "ines@new.example.org")
    assert dates(model, column) == [("ines@new.example.org", date(2026, 5, 1))]


@BOTH
def test_someone_erased_is_nobody_and_someone_who_may_not_sign_in_is_still_themselves(
    registrar: Program, path: str, model: type[Completion | Access], column: str
) -> None:
    factories.person(email="erased@example.org", erased_at=factories.NOW)
    factories.person(email="ines@example.org", is_active=False)
    erased = asked(column, "2026-05-01") | {"email": "erased@example.org"}
    assert invalid_fields(registrar.post(path, erased)) == ["email"]
    assert registrar.post(path, asked(column, "2026-05-01")).status == 201


@BOTH
def test_the_address_may_be_kept_in_capitals(
    registrar: Program, path: str, model: type[Completion | Access], column: str
) -> None:
    ines = factories.person()
    User.objects.filter(pk=ines.pk).update(email="Ines@Example.org")
    assert registrar.post(path, asked(column, "2026-05-01")).status == 201


@BOTH
def test_a_program_of_the_person_themselves_is_told_that_the_address_is_wrong(
    path: str, model: type[Completion | Access], column: str
) -> None:
    me = factories.person(Role.REGISTRAR, email="ines@example.org")
    answer = Program.of(me, Scope.REGISTRAR).post(path, asked(column, "2026-05-01"))
    assert (invalid_fields(answer), model._default_manager.count()) == (["email"], 0)


@BOTH
def test_dates_that_cannot_be_are_named(
    registrar: Program, path: str, model: type[Completion | Access], column: str
) -> None:
    factories.person(email="ines@example.org")
    for wrong in ("2027-01-12", "0005-01-01", "1949-12-31", "2026-02-30", "01/02/2026", ""):
        assert invalid_fields(registrar.post(path, asked(column, wrong))) == [column]
    assert model._default_manager.count() == 0


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
        assert program.get("/accesses").problem == (403, "not-allowed")
        assert program.post("/accesses", asked("granted_on", "2026-06-01")).problem == (403, "not-allowed")
    assert not Access.objects.exists()
    assert Completion.objects.count() == 0
