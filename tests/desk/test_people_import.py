"""Importing a spreadsheet at the desk: a dry run, then a button."""

import random
import string
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from booking.desk.sheets import ROWS_SHOWN
from tests import factories
from tests.desk.doors import browser, rows, statements
from tests.pages import text
from workshops.people.models import Role, User
from workshops.prerequisites.models import Completion, Entitlement
from workshops.prerequisites.records.models import OnSetDay
from workshops.programme.models import Module

pytestmark = pytest.mark.django_db
HEADER = "e-mail,name,fact,module,date,source,production,role,proof\n"
GOOD = (
    HEADER
    + "anna@example.org,,completion,II,2026-03-02,,,,\n"
    + 'ines@example.org,Ines Moreau,set-day,,2026-03-02 to 2026-03-06,,"Night, Falling",Costume,Call sheets\n'
)


@pytest.fixture
def desk() -> Client:
    """The registrar's browser; Anna has an account."""
    factories.person(Role.TRAINEE, name="Anna", email="anna@example.org")
    return browser(Role.REGISTRAR, email="robin@example.org")


def dry_run(desk: Client, content: str | bytes, name: str = "facts.csv") -> Any:
    data = content.encode() if isinstance(content, str) else content
    return desk.post("/desk/people/import/", {"file": SimpleUploadedFile(name, data), "text": ""})


def confirm(desk: Client, page: Any) -> Any:
    return desk.post("/desk/people/import/confirm/", {"carried": page.context["carried"]})


def written() -> tuple[int, int, int]:
    return Completion.objects.count(), OnSetDay.objects.count(), User.objects.count()


@pytest.mark.parametrize("role", [Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR, Role.BOOKKEEPER])
@pytest.mark.parametrize("path", ["", "confirm/", "dry-run.csv"])
def test_only_the_registrar_imports(role: Role, path: str) -> None:
    assert browser(role).post(f"/desk/people/import/{path}").status_code == 403


def test_a_dry_run_shows_every_row_and_writes_nothing(desk: Client) -> None:
    before = written()
    page = dry_run(desk, GOOD)
    assert (page.status_code, written()) == (200, before)
    assert [(row.line, row.outcome.value, row.fact) for row in page.context["rows"]] == [
        (2, "new", "Module II finished on 2 March 2026"),
        (3, "new", "On set on 2 to 6 March 2026: Night, Falling"),
    ]
    assert "5 days are accepted. An account is made for Ines Moreau." in text(page)


def test_the_button_does_what_the_dry_run_showed_and_a_second_time_changes_nothing(desk: Client) -> None:
    people = User.objects.count()
    page = dry_run(desk, GOOD)
    done = confirm(desk, page)
    assert (done.status_code, done.headers["Location"]) == (302, "/desk/people/")
    assert written() == (1, 5, people + 1)
    assert confirm(desk, page).status_code == 302
    again = dry_run(desk, GOOD)
    assert [row.outcome.value for row in again.context["rows"]] == ["same", "same"]
    assert "There is nothing to import." in text(again)
    assert written() == (1, 5, people + 1)


def test_someone_who_was_imported_signs_in_with_one_code(desk: Client, client: Client) -> None:
    confirm(desk, dry_run(desk, GOOD))
    ines = User.objects.get(email="ines@example.org")
    assert (ines.name, list(ines.roles)) == ("Ines Moreau", [Role.TRAINEE])
    client.post("/accounts/login/code/", {"email": "ines@example.org"})
    code = next(line.strip() for line in mail.outbox[-1].body.splitlines() if line.startswith("    "))
    client.post("/accounts/login/code/confirm/", {"code": code})
    assert client.session["_auth_user_id"] == str(ines.pk)
    assert EmailAddress.objects.get(user=ines).verified


def test_rows_can_be_pasted_and_stay_in_the_box(desk: Client) -> None:
    page = desk.post("/desk/people/import/", {"text": HEADER + "anna@example.org,,completion,II,soon,,,,\n"})
    assert page.status_code == 422
    assert "anna@example.org,,completion,II,soon" in page.content.decode()
    assert "“soon” is not a date. Write it with the year first: 2026-03-02." in text(page)


def test_one_row_that_is_wrong_keeps_every_row_out(desk: Client) -> None:
    before = written()
    page = dry_run(desk, GOOD + "nobody@example.org,,completion,II,2026-03-02,,,,\n")
    assert (page.status_code, "Nothing can be imported yet" in text(page)) == (422, True)
    assert confirm(desk, page).status_code == 409
    assert written() == before


def test_what_the_record_says_otherwise_is_not_overwritten(desk: Client) -> None:
    factories.finish(User.objects.get(email="anna@example.org"), "module-ii")
    page = dry_run(desk, GOOD)
    assert (page.status_code, page.context["rows"][0].outcome.value) == (422, "contradiction")
    assert "The record says 1 June 2026." in text(page)


def test_nothing_is_imported_when_the_record_changed_after_the_dry_run(desk: Client) -> None:
    page = dry_run(desk, GOOD)
    factories.finish(User.objects.get(email="anna@example.org"), "module-ii")
    before = written()
    refused = confirm(desk, page)
    assert (refused.status_code, written()) == (409, before)
    assert "The record has changed since the dry run" in text(refused)
    assert refused.context["rows"][0].outcome.value == "contradiction"


@pytest.mark.parametrize("carried", ["", "x", "eJw:1x:forged"])
def test_rows_that_were_tampered_with_are_refused(desk: Client, carried: str) -> None:
    before = written()
    assert desk.post("/desk/people/import/confirm/", {"carried": carried}).status_code == 422
    assert desk.post("/desk/people/import/dry-run.csv", {"carried": carried}).status_code == 302
    assert written() == before


def test_another_registrar_cannot_send_off_these_rows(desk: Client) -> None:
    page = dry_run(desk, GOOD)
    assert confirm(browser(Role.REGISTRAR), page).status_code == 422


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        ("e-mail;name;fact\nanna@example.org;Ann\xe9;completion\n".encode("latin-1"), "Line 2 has letters in another"),
        (GOOD.encode("utf-16"), "This is not a CSV file in UTF-8."),
        (b"PK\x03\x04sheet", "This is not a CSV file in UTF-8."),
        (b"x" * (2 * 1024 * 1024 + 1), "The file is larger than 2 MB."),
        (HEADER.encode(), "The file names its columns and has no rows under them."),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(desk: Client, content: bytes, words: str) -> None:
    page = dry_run(desk, content)
    assert (page.status_code, words in text(page)) == (422, True)


def test_nothing_chosen_and_nothing_pasted_is_said(desk: Client) -> None:
    page = desk.post("/desk/people/import/")
    assert (page.status_code, "Choose a file, or paste the rows." in text(page)) == (422, True)


def test_the_whole_dry_run_can_be_downloaded_and_is_harmless(desk: Client) -> None:
    page = dry_run(desk, HEADER + "=cmd|'/c calc'!A1,,completion,II,2026-03-02,,,,\n")
    report = rows(desk.post("/desk/people/import/dry-run.csv", {"carried": page.context["carried"]}))
    assert report[0] == ["line", "outcome", "e-mail", "fact", "column", "what happens"]
    assert report[1][:3] == ["2", "error", "'=cmd|'/c calc'!a1"]


def test_the_template_can_be_filled_in_and_imported(desk: Client) -> None:
    template = desk.get("/desk/people/import/template.csv").content
    assert template.decode("utf-8-sig").strip() == HEADER.strip()
    row = b"anna@example.org,,entitlement,IV,,Package,,,\r\n"
    confirm(desk, dry_run(desk, template + row))
    assert Entitlement.objects.get().module == Module.objects.get(code="module-iv")


def test_a_long_dry_run_shows_what_needs_attention_first(desk: Client) -> None:
    lines = [f"new{number}@example.org,Someone,completion,II,2026-03-02,,,," for number in range(ROWS_SHOWN)]
    page = dry_run(desk, HEADER + "\n".join([*lines, "anna@example.org,,completion,IX,2026-03-02,,,,"]) + "\n")
    assert [row.outcome.value for row in page.context["rows"]] == ["error"] + ["new"] * (ROWS_SHOWN - 1)
    assert page.context["rows_left_out"] == 1


def test_rows_that_do_not_fit_in_a_form_are_refused_with_advice(desk: Client) -> None:
    letters = random.Random(1)  # noqa: S311  (noise hardly compresses)
    noise = "\n".join(
        "x@example.org,,completion,," + "".join(letters.choices(string.printable[:94].replace('"', ""), k=240))
        for _ in range(7_000)
    )
    page = dry_run(desk, HEADER + noise)
    assert (page.status_code, "This is too much for one go." in text(page)) == (422, True)


def test_the_page_takes_few_statements(desk: Client) -> None:
    assert statements(desk, "/desk/people/import/") < 10
