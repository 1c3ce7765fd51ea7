"""Roles and scopes: every call for everyone, and what each is told."""

import pytest

from tests import factories
from tests.asking import Program, StoppedClock
from workshops.cohorts.models import Cohort
from workshops.people.models import Role, Scope, User

pytestmark = pytest.mark.django_db

COMPLETION = {"email": "ines@example.org", "module": "module-i", "completed_on": "2026-01-05"}
# method, path, body, the roles that may (none: anyone signed in), the scopes that do
CALLS: tuple[tuple[str, str, dict[str, str] | None, tuple[Role, ...], set[Scope]], ...] = (
    ("GET", "/me", None, (), {Scope.READ}),
    ("GET", "/reservations", None, (), {Scope.READ}),
    ("GET", "/reservations/{reservation}", None, (), {Scope.READ}),
    ("GET", "/cohorts/{cohort}/eligibility", None, (Role.TRAINEE,), {Scope.READ}),
    ("POST", "/reservations", {"cohort": "{cohort}"}, (Role.TRAINEE,), {Scope.BOOK}),
    ("POST", "/reservations/{reservation}/payments", {"purpose": "full", "gateway": "sandbox"}, (), {Scope.BOOK}),
    ("POST", "/reservations/{reservation}/cancel", {}, (), {Scope.BOOK}),
    ("GET", "/cohorts/{cohort}/roster", None, (Role.INSTRUCTOR, Role.REGISTRAR), {Scope.TEACH, Scope.REGISTRAR}),
    ("GET", "/completions", None, (Role.REGISTRAR,), {Scope.REGISTRAR}),
    ("POST", "/completions", COMPLETION, (Role.REGISTRAR,), {Scope.REGISTRAR}),
)
NAMES = [f"{method} {path}" for method, path, *_ in CALLS]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def ask(program: Program, method: str, path: str, body: object, cohort: Cohort, owner: User) -> tuple[int, str]:
    """Make a call about someone's reservation; the status and, of a refusal, the problem."""
    held = owner.reservations.first()
    names = {"cohort": cohort.public_id, "reservation": held.public_id if held else "0" * 20}
    path = path.format(**names)
    if isinstance(body, dict):
        body = {name: str(value).format(**names) for name, value in body.items()}
    answer = program.get(path) if method == "GET" else program.post(path, body)
    return answer.problem if answer.status >= 400 else (answer.status, "")


@pytest.mark.parametrize(("method", "path", "body", "roles", "scopes"), CALLS, ids=NAMES)
def test_nobody_in_particular_is_told_to_sign_in(
    method: str, path: str, body: object, roles: tuple[Role, ...], scopes: set[Scope]
) -> None:
    owner, cohort = factories.trainee(), factories.cohort()
    factories.reservation(cohort=cohort, trainee=owner)
    assert ask(Program(), method, path, body, cohort, owner) == (401, "unauthenticated")


@pytest.mark.parametrize(("method", "path", "body", "roles", "scopes"), CALLS, ids=NAMES)
def test_a_call_needs_one_of_its_scopes_and_no_other(
    method: str, path: str, body: object, roles: tuple[Role, ...], scopes: set[Scope]
) -> None:
    refused = set()
    for scope in Scope:
        owner = factories.person(*Role)
        cohort = factories.cohort()
        if ask(Program.of(owner, scope), method, path, body, cohort, owner) == (403, "scope-missing"):
            refused.add(scope)
    assert refused == set(Scope) - scopes


@pytest.mark.parametrize(("method", "path", "body", "roles", "scopes"), CALLS, ids=NAMES)
def test_a_call_needs_one_of_its_roles_whatever_the_scopes(
    method: str, path: str, body: object, roles: tuple[Role, ...], scopes: set[Scope]
) -> None:
    refused = set()
    for role in Role:
        asker, cohort = factories.person(role), factories.cohort()
        if ask(Program.of(asker), method, path, body, cohort, asker) == (403, "not-allowed"):
            refused.add(role)
    assert refused == (set(Role) - set(roles) if roles else set())


def test_a_scope_without_its_role_opens_nothing() -> None:
    instructor = factories.person(Role.INSTRUCTOR)
    cohort = factories.cohort(instructors=(instructor,))
    program = Program.of(instructor, Scope.REGISTRAR)
    assert program.get(f"/cohorts/{cohort.public_id}/roster").problem == (403, "scope-missing")


OTHERS = [call for call in CALLS if "{reservation}" in call[1]]


@pytest.mark.parametrize(("method", "path", "body", "roles", "scopes"), OTHERS, ids=[f"{c[0]} {c[1]}" for c in OTHERS])
@pytest.mark.parametrize("role", [role for role in Role if role != Role.REGISTRAR])
def test_what_is_anothers_does_not_exist(
    role: Role, method: str, path: str, body: object, roles: tuple[Role, ...], scopes: set[Scope]
) -> None:
    stranger = factories.person(role)
    cohort = factories.cohort(instructors=(stranger,) if role == Role.INSTRUCTOR else ())
    owner = factories.trainee()
    held = factories.reservation(cohort=cohort, trainee=owner)
    program = Program.of(stranger)
    told = ask(program, method, path, body, cohort, owner)
    assert told == (404, "not-found")
    real = path.format(reservation=held.public_id)
    unreal = path.format(reservation="0" * 20)
    answers = [program.get(each) if method == "GET" else program.post(each, body) for each in (real, unreal)]
    assert answers[0].json == answers[1].json
    held.refresh_from_db()
    assert (held.state, held.payments.count()) == ("held", 0)


def test_a_registrar_pays_for_nobody() -> None:
    held = factories.reservation()
    program = Program.of(factories.person(Role.REGISTRAR))
    answer = program.post(f"/reservations/{held.public_id}/payments", {"purpose": "deposit", "gateway": "sandbox"})
    assert answer.problem == (404, "not-found")
    assert held.payments.count() == 0


@pytest.mark.parametrize("other", ["%00", "..%2f", "%F0%9F%92%A9", "a" * 3000, "NULL", "1", "00000000000000000000%00"])
def test_an_id_of_any_form_is_just_not_found(other: str) -> None:
    program = Program.of(factories.person(*Role))
    for path in ("/cohorts/{}", "/cohorts/{}/eligibility", "/cohorts/{}/roster", "/reservations/{}"):
        assert program.get(path.format(other)).problem == (404, "not-found")
    assert program.post(f"/reservations/{other}/cancel", {}).problem == (404, "not-found")
