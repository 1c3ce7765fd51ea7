"""Lists, a page at a time."""

import pytest
from django.core import signing

from tests import factories
from tests.asking import Program, StoppedClock, invalid_fields
from workshops.people.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def walk(program: Program, path: str, **query: int) -> list[list[str]]:
    """The ids on each page, from the first to the last."""
    pages: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = program.get(path, **query, **cursor)
        assert answer.status == 200
        pages.append([item["id"] for item in answer.json["items"]])
        if answer.json["next"] is None:
            return pages
        cursor = {"cursor": answer.json["next"]}


def test_a_list_that_fits_on_its_page_has_no_next() -> None:
    ids = {factories.cohort().public_id for _ in range(3)}
    answer = Program().get("/cohorts", limit=3)
    assert ({item["id"] for item in answer.json["items"]}, answer.json["next"]) == (ids, None)


def test_an_empty_list_is_a_list() -> None:
    assert Program().get("/cohorts").json == {"items": [], "next": None}


def test_pages_show_every_row_once_in_one_order_even_where_days_are_alike() -> None:
    cohorts = [factories.cohort() for _ in range(7)]
    expected = sorted(cohort.public_id for cohort in cohorts)
    assert [one for page in walk(Program(), "/cohorts", limit=3) for one in page] == expected
    assert [len(page) for page in walk(Program(), "/cohorts", limit=3)] == [3, 3, 1]


def test_moments_a_millionth_apart_are_not_lost_between_pages(clock: StoppedClock) -> None:
    newest_first: list[str] = []
    for _ in range(5):
        newest_first.insert(0, factories.reservation(now=clock.move(microseconds=1)).public_id)
    program = Program.of(factories.person(Role.REGISTRAR))
    assert [one for page in walk(program, "/reservations", limit=2) for one in page] == newest_first


def test_a_row_that_comes_meanwhile_moves_no_other(clock: StoppedClock) -> None:
    for _ in range(4):
        factories.reservation(now=clock.move(seconds=1))
    program = Program.of(factories.person(Role.REGISTRAR))
    before = [one for page in walk(program, "/reservations", limit=2) for one in page]
    first = program.get("/reservations", limit=2).json
    factories.reservation(now=clock.move(seconds=1))
    second = program.get("/reservations", limit=2, cursor=first["next"]).json
    assert [item["id"] for item in first["items"] + second["items"]] == before


# Signed with the moment at which it is made: every process collects another one, so it needs a name of its own.
SIGNED_FOR_NOTHING = pytest.param(signing.dumps(["2027-01-01", "x"]), id="signed for no list")


@pytest.mark.parametrize("cursor", ["", "x", "0", "\x00", "a:b:c", SIGNED_FOR_NOTHING, "é" * 900])
def test_a_cursor_that_no_list_gave_is_refused(cursor: str) -> None:
    program = Program.of(factories.person(*Role))
    cohort = factories.cohort()
    for path in ("/cohorts", "/reservations", "/completions", f"/cohorts/{cohort.public_id}/roster"):
        assert invalid_fields(program.get(path, cursor=cursor)) == ["cursor"]


def test_the_cursor_of_another_list_is_refused() -> None:
    factories.reservation(), factories.reservation()
    program = Program.of(factories.person(*Role))
    cursor = program.get("/cohorts", limit=1).json["next"]
    assert cursor is not None
    assert invalid_fields(program.get("/reservations", cursor=cursor)) == ["cursor"]


def test_a_cursor_that_was_changed_is_refused() -> None:
    factories.cohort(), factories.cohort()
    cursor = Program().get("/cohorts", limit=1).json["next"]
    assert invalid_fields(Program().get("/cohorts", cursor=cursor[:-1] + ("A" if cursor[-1] != "A" else "B"))) == [
        "cursor"
    ]
