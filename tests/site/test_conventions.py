"""What the house promises about itself: one writer for each state, words of the glossary, nothing inline."""

import re
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path for room in ("booking", "workshops") for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts
]
TEMPLATES = list((ROOT / "templates").rglob("*.html"))

ONE_WRITER = {
    # what writing looks like, and the only module that may
    r"Seat\.objects\.(?:filter\([^#]*?\)\.update|create|bulk_create)|\bseat\.(?:status|held_until)\s*=[^=]": (
        "workshops/cohorts/seats.py"
    ),
    r"Reservation\.objects\.(?:filter\(.*\)\.update|create|bulk_create)|reservation\.state\s*=[^=]": (
        "booking/reservations/lifecycle.py"
    ),
    r"WaitlistEntry\.objects\.(?:\w+\(\)\.)?(?:filter\([^#]*?\)\.update|create|bulk_create)|\bentry\.state\s*=[^=]": (
        "booking/reservations/waitlist.py"
    ),
    r"(?:LedgerEntry|Posting)\.objects\.(?:create|bulk_create)": "booking/payments/ledger.py",
    r"HistoryLine\.objects\.(?:create|bulk_create)": "workshops/history/record.py",
    r"\bPost\.objects\.(?:filter\(.*\)\.update|create|bulk_create)": "workshops/conversations/writing.py",
    r"RoleGrant\.objects\.(?:get_or_create|create|bulk_create|filter\(.*\)\.delete)": "workshops/people/roles.py",
    r"import stripe|from stripe": "booking/payments/gateways/stripe.py",
}
# The sample season fills an empty database in bulk, before anyone is there to race with.
EXCEPTIONS = {"booking/management/commands/sample_season.py", "booking/desk/sample.py"}


@pytest.mark.parametrize(("writing", "writer"), ONE_WRITER.items(), ids=list(ONE_WRITER.values()))
def test_each_state_has_one_writer(writing: str, writer: str) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if re.search(writing, path.read_text(encoding="utf-8"), re.DOTALL)
    }
    assert found - EXCEPTIONS <= {writer}


def test_nothing_is_inline_in_a_page() -> None:
    """The content security policy would not run it; e-mails are no pages and have no other way to be styled."""
    inline = re.compile(r"\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)(?![^>]*application/json)|javascript:")
    pages = [path for path in TEMPLATES if "messages" not in path.relative_to(ROOT / "templates").parts[:1]]
    assert [str(path.relative_to(ROOT)) for path in pages if inline.search(path.read_text(encoding="utf-8"))] == []


def test_no_file_needs_anything_beside_the_repository() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    top = {name.split("/")[0] for name in tracked}
    assert top <= {
        ".ci",
        ".gitignore",
        "Makefile",
        "README.md",
        "booking",
        "deploy",
        "docs",
        "manage.py",
        "pyproject.toml",
        "requirements-dev.txt",
        "requirements.txt",
        "templates",
        "tests",
        "workshops",
    }


@pytest.mark.django_db
def test_the_migrations_say_what_the_models_say() -> None:
    said = StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=said)
    except SystemExit:
        pytest.fail(said.getvalue())
