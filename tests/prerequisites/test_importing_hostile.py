"""Spreadsheets made to break the import: every kind of error at once, and everything that hides in a cell."""

import random
import time
from collections import Counter
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from booking.desk.spreadsheet import harmless
from tests import factories
from tests.desk.doors import browser, rows
from tests.pages import text
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.prerequisites.importing.carrying_out import carry_out, dry_run
from workshops.prerequisites.importing.reading import MOST_DAYS, MOST_ROWS, parse
from workshops.prerequisites.importing.rows import Entry
from workshops.prerequisites.models import Access, Completion, Entitlement
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState
from workshops.tables import Outcome, Row, Unreadable

pytestmark = pytest.mark.django_db
MODULES = {"module-i": "Module I", "module-ii": "Module II"}
HEADER = "e-mail,name,fact,module,date,source,production,role,proof\n"
RIGHT_TO_LEFT = "\u202e"
FORMULAS = ("=cmd|'/c calc'!A1", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1", "\uff1d1+1", "\u200b=1+1", "\ufeff=1")


@pytest.fixture
def desk() -> Client:
    """The registrar's browser. Anna has an account, and a module on record."""
    anna = factories.person(Role.TRAINEE, name="Anna", email="anna@example.org")
    factories.finish(anna, "module-i", date(2026, 3, 1))
    return browser(Role.REGISTRAR, email="robin@example.org")


def send(desk: Client, content: str | bytes) -> Any:
    data = content.encode() if isinstance(content, str) else content
    return desk.post("/desk/people/import/", {"file": SimpleUploadedFile("facts.csv", data), "text": ""})


def written() -> tuple[int, ...]:
    tables = (User, Completion, Access, Entitlement, OnSetRecord, OnSetDay, HistoryLine)
    return tuple(table._default_manager.count() for table in tables)


def quoted(*cells: str) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"


# One of each, by what is wrong with it: what it must be called, and in which column.
NAMELESS = ("anna@example.org", "", "set-day", "", "2026-03-02", "")
WRONG: list[tuple[str, Outcome, str]] = [
    (quoted("anna@example.org", "", "completion", "II", "soon"), Outcome.ERROR, "date"),
    (quoted("anna@example.org", "", "completion", "II", "2026-02-30"), Outcome.ERROR, "date"),
    (quoted("anna@example.org", "", "completion", "II", "0001-01-01"), Outcome.ERROR, "date"),
    (quoted("anna@example.org", "", "completion", "II", "2999-01-01"), Outcome.ERROR, "date"),
    (quoted("anna@example.org", "", "completion", "II", "2026-03-02 to 2026-03-06"), Outcome.ERROR, "date"),
    (quoted("anna@example.org", "", "completion", "II", "9" * 5_000), Outcome.ERROR, "date"),
    (quoted("anna@example.org", "", "completion", "XIV", "2026-03-02"), Outcome.ERROR, "module"),
    (quoted("anna@example.org", "", "completion", "I", "2026-03-02"), Outcome.CONTRADICTION, ""),
    (quoted("anna@example.org", "", "completion", "I", "2026-03-01"), Outcome.SAME, ""),
    (quoted("nobody@example.org", "", "completion", "II", "2026-03-02"), Outcome.ERROR, "e-mail"),
    (quoted("", "", "completion", "II", "2026-03-02"), Outcome.ERROR, "e-mail"),
    (quoted("robin@example.org", "", "completion", "II", "2026-03-02"), Outcome.ERROR, "e-mail"),
    (quoted("two@example.org, three@example.org", "X", "access", "II", "2026-03-02"), Outcome.ERROR, "e-mail"),
    (quoted(f"anna@exa{RIGHT_TO_LEFT}mple.org", "", "completion", "II", "2026-03-02"), Outcome.ERROR, "e-mail"),
    (quoted("anna@example.org\r\nBcc: x@example.org", "", "completion", "II", "2026-03-02"), Outcome.ERROR, "e-mail"),
    *((quoted(formula, "", "completion", "II", "2026-03-02"), Outcome.ERROR, "e-mail") for formula in FORMULAS),
    *((quoted("anna@example.org", "", formula), Outcome.ERROR, "fact") for formula in FORMULAS),
    (quoted(*NAMELESS, "x" * 161, "", "Sheets"), Outcome.ERROR, "production"),
    (quoted(*NAMELESS, RIGHT_TO_LEFT, "", "Sheets"), Outcome.ERROR, "production"),
    (quoted("anna@example.org", "", "entitlement", "II"), Outcome.ERROR, "source"),
    ("anna@example.org,,completion,II,2026-03-02,,,,,,left,over\n", Outcome.ERROR, ""),
    ("anna@example.org;;completion;II;2026-03-02\n", Outcome.ERROR, "e-mail"),
]  # fmt: skip


def test_ten_thousand_rows_with_every_kind_of_error_are_answered_by_line_in_a_few_seconds(desk: Client) -> None:
    chosen = random.Random(7).choices(range(len(WRONG)), k=MOST_ROWS)  # noqa: S311
    before, began = written(), time.monotonic()
    # Long cells are there once each: the file must stay below what one form carries.
    lines = [WRONG[index][0] if len(WRONG[index][0]) < 400 else WRONG[0][0] for index in chosen]
    page = send(desk, HEADER + "".join(lines))
    assert time.monotonic() - began < 20, "measured at two seconds"
    assert (page.status_code, written()) == (422, before)
    assert "Nothing can be imported yet" in text(page)
    report = rows(desk.post("/desk/people/import/dry-run.csv", {"carried": page.context["carried"]}))[1:]
    starts, at = [], 2
    for line in lines:
        starts.append(str(at))
        at += line.count("\n") + line.replace("\r\n", "").count("\r")
    assert [row[0] for row in report] == starts
    assert all(row[1] in set(Outcome) and row[5] for row in report)
    assert not [cell for row in report for cell in row if harmless(cell) != cell]
    assert desk.post("/desk/people/import/confirm/", {"carried": page.context["carried"]}).status_code == 409
    assert written() == before


def test_each_wrong_row_is_called_what_it_is(desk: Client) -> None:
    before = written()
    page = send(desk, HEADER + "".join(line for line, _, _ in WRONG))
    by_line = sorted(page.context["plan"].rows, key=lambda row: row.line)
    assert [(row.outcome, row.column) for row in by_line] == [(outcome, column) for _, outcome, column in WRONG]
    assert max(len(row.message) for row in by_line) < 250
    assert written() == before


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_the_dry_run_is_a_formula(desk: Client, formula: str) -> None:
    line = quoted("ines@example.org", formula, "set-day", "", "2026-03-02", "", formula, formula, formula)
    wrong = quoted(formula, formula, formula)
    page = send(desk, HEADER + line + wrong)
    report = desk.post("/desk/people/import/dry-run.csv", {"carried": page.context["carried"]})
    for row in rows(report):
        assert not [cell for cell in row if cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))]


def test_marks_that_nobody_sees_are_left_out_of_what_is_kept(desk: Client) -> None:
    hidden = "\u202eAnn\u200ba\u2066 \x07B\x85ell\u061c\ufeff"
    line = quoted("ines@example.org", hidden, "set-day", "", "2026-03-02", "", hidden, hidden, hidden)
    page = send(desk, "\ufeff" + HEADER + line)
    assert desk.post("/desk/people/import/confirm/", {"carried": page.context["carried"]}).status_code == 302
    ines = User.objects.get(email="ines@example.org")
    record = OnSetRecord.objects.get()
    assert {ines.name, record.production, record.role, record.proof} == {"Anna B ell"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADER.encode() + b"anna@example.org,An\x00na,completion,II,2026-03-02\n", "This is not a text file."),
        (HEADER + quoted("anna@example.org", "x" * 1_000_000), "a cell without end"),
        (HEADER + 'anna@example.org,"never closed,completion\n', "From line 2 on the file cannot be read."),
        (HEADER + 'anna@example.org,"closed" early,completion\n', "From line 2 on the file cannot be read."),
        ("x" * 100_000 + "\n", "The first line must name the columns."),
        ("e-mail,e-mail,fact\nx\n", "The column “e-mail” is there twice."),
        (b"\xff" * 1_000, "Line 1 has letters in another encoding"),
        (HEADER.encode() + "Zoë@example.org".encode("latin-1"), "Line 2 has letters in another encoding"),
        (HEADER.encode("utf-16-le"), "This is not a text file."),
        (HEADER.encode("utf-32"), "This is not a CSV file in UTF-8."),
        (b"%PDF-1.7\n1 0 obj\n", "The first line must name the columns."),
        (HEADER + "a@example.org,,completion,II,2026-03-02\n" * (MOST_ROWS + 1), "more than 10,000 rows"),
    ],
)
def test_a_file_that_cannot_be_read_says_so_and_shows_little_of_it(desk: Client, content: Any, words: str) -> None:
    before = written()
    page = send(desk, content)
    assert (page.status_code, words in text(page), written()) == (422, True, before)
    assert len(page.content) < 100_000


def test_lines_that_end_as_on_an_old_machine_are_read_with_their_own_delimiter() -> None:
    header = "e-mail;name;fact;module;date"
    (entry,) = parse("\r".join([header, "anna@example.org;A,n,n,a;completion;II;2026-03-02"]) + "\r", MODULES)
    assert isinstance(entry, Entry)
    assert (entry.line, entry.name) == (2, "A,n,n,a")


def test_line_ends_inside_of_quotation_marks_do_not_move_the_count() -> None:
    text_ = (
        HEADER + quoted("anna@example.org", "An\r\nna", "x") + quoted("anna@example.org", "An\nna\rA", "x") + "last\n"
    )
    assert [(row.line, type(row)) for row in parse(text_, MODULES)] == [(2, Row), (4, Row), (7, Row)]


def test_years_of_days_in_a_few_lines_are_too_many_for_one_file(desk: Client) -> None:
    line = "anna@example.org,,set-day,,2025-01-01 to 2025-12-31,,{},,Sheets\n"
    fits = HEADER + "".join(line.format(number) for number in range(MOST_DAYS // 365))
    assert len(parse(fits, MODULES)) == MOST_DAYS // 365
    began = time.monotonic()
    page = send(desk, HEADER + "".join(line.format(number) for number in range(MOST_ROWS)))
    assert (page.status_code, "more than 50,000 days on set" in text(page)) == (422, True)
    assert time.monotonic() - began < 10
    with pytest.raises(Unreadable):
        parse(fits + line.format("one more"), MODULES)


# -- whose row it is, and what the school has said of its days ------------------------------------------------------
def test_a_row_about_an_account_that_was_merged_is_about_the_one_that_took_over() -> None:
    robin = factories.person(Role.REGISTRAR)
    stays = factories.person(Role.TRAINEE, name="Anna", email="anna@new.example.org")
    factories.person(email="anna@example.org", merged_into=stays, is_active=False)
    lines = [
        "anna@example.org,Someone Else,completion,II,2026-03-02,,,,",
        "anna@new.example.org,,completion,II,2026-03-02,,,,",
        "ANNA@example.org,,completion,II,2026-03-03,,,,",
    ]
    planned = dry_run(HEADER + "\n".join(lines), by=robin, now=factories.NOW)
    assert [(row.email, row.outcome) for row in planned.rows] == [
        ("anna@new.example.org", Outcome.NEW),
        ("anna@new.example.org", Outcome.SAME),
        ("anna@new.example.org", Outcome.ERROR),
    ]
    carry_out(dry_run(HEADER + lines[0], by=robin, now=factories.NOW), by=robin, now=factories.NOW)
    assert Completion.objects.get().user == stays


def test_a_registrar_imports_nothing_about_themselves_by_an_address_of_before() -> None:
    robin = factories.person(Role.REGISTRAR)
    factories.person(email="robin@old.example.org", merged_into=robin, is_active=False)
    planned = dry_run(HEADER + "robin@old.example.org,,completion,II,2026-03-02", by=robin, now=factories.NOW)
    assert [(row.outcome, row.column) for row in planned.rows] == [(Outcome.ERROR, "e-mail")]


@pytest.mark.parametrize(
    ("state", "is_refused", "outcome", "words"),
    [
        (RecordState.ACCEPTED, False, Outcome.SAME, "The record says so already."),
        (RecordState.ACCEPTED, True, Outcome.CONTRADICTION, "was looked at and not accepted."),
        (RecordState.REJECTED, False, Outcome.CONTRADICTION, "was looked at and not accepted."),
        (RecordState.IN_REVIEW, False, Outcome.CONTRADICTION, "was sent in and not decided yet."),
        (RecordState.QUESTION, False, Outcome.CONTRADICTION, "was sent in and not decided yet."),
        (RecordState.WITHDRAWN, False, Outcome.CONTRADICTION, "was taken back."),
        (RecordState.DRAFT, False, Outcome.NEW, "Is accepted."),
    ],
)
def test_a_spreadsheet_decides_nothing_that_the_school_has_before_it(
    state: RecordState, is_refused: bool, outcome: Outcome, words: str
) -> None:
    anna = factories.person(Role.TRAINEE, email="anna@example.org")
    record = factories.prove_days(anna, 1, last=date(2026, 3, 2), state=state)
    record.days.update(is_refused=is_refused)
    line = "anna@example.org,,set-day,,2026-03-02,,the LONG take,,Sheets"
    (row,) = dry_run(HEADER + line, by=factories.person(Role.REGISTRAR), now=factories.NOW).rows
    assert (row.outcome, words in row.message) == (outcome, True)


def test_a_draft_that_nobody_has_sent_is_not_told_of_in_a_dry_run() -> None:
    anna = factories.person(Role.TRAINEE, email="anna@example.org")
    record = factories.prove_days(anna, 1, last=date(2026, 3, 2), state=RecordState.WITHDRAWN)
    OnSetRecord.objects.filter(pk=record.pk).update(sent_at=None)
    line = "anna@example.org,,set-day,,2026-03-02,,The Long Take,,Sheets"
    planned = dry_run(HEADER + line, by=factories.person(Role.REGISTRAR), now=factories.NOW)
    assert Counter(row.outcome for row in planned.rows) == {Outcome.NEW: 1}
