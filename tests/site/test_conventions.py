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

WRITES = r"\.objects\.(?:\w+\((?:[^()]|\([^()]*\))*\)\.)*(?:update|create|bulk_create)\("
"""Rows of a model made or changed by its manager."""
ONE_WRITER = {
    # what writing looks like, and the only module that may
    rf"\bOnSetRecord{WRITES}|(?<!class )\bOnSetRecord\(\s*\w|revision=F\(|\.state\s*=\s*RecordState": (
        "workshops/prerequisites/records/lifecycle.py"
    ),
    rf"\bReview{WRITES}": "workshops/prerequisites/records/reviewing.py",
    rf"\bWaiver{WRITES}": "workshops/prerequisites/waiving.py",
    rf"\bAuditHold{WRITES}": "workshops/prerequisites/files/audits.py",
    rf"\bErasureRequest{WRITES}": "booking/rights/asking.py",
    rf"\bWording{WRITES}|\bWording\.objects.*\.delete\(": "workshops/messages/wording.py",
    r"Seat\.objects\.(?:filter\([^#]*?\)\.update|create|bulk_create)|\bseat\.(?:status|held_until)\s*=[^=]": (
        "workshops/cohorts/seats.py"
    ),
    rf"\bReservation{WRITES}|reservation\.state\s*=[^=]": ("booking/reservations/lifecycle.py"),
    r"WaitlistEntry\.objects\.(?:\w+\(\)\.)?(?:filter\([^#]*?\)\.update|create|bulk_create)|\bentry\.state\s*=[^=]": (
        "booking/reservations/waitlist.py"
    ),
    r"(?:LedgerEntry|Posting)\.objects\.(?:create|bulk_create)": "booking/payments/ledger.py",
    r"HistoryLine\.objects\.(?:create|bulk_create)": "workshops/history/record.py",
    r"\bPost\.objects\.(?:filter\(.*\)\.update|create|bulk_create)": "workshops/conversations/writing.py",
    r"ProofFile\.objects\.(?:filter\([^()#]*\)\.update|create|bulk_create)": "workshops/prerequisites/files/keeping.py",
    r"RoleGrant\.objects\.(?:get_or_create|create|bulk_create|filter\(.*\)\.delete)": "workshops/people/roles.py",
    r"(?<![.\w])insert\(\[?\s*reservation": "booking/reservations/lifecycle.py",
    rf"(?<![.\w])insert\(\[?\s*charges|\bCharge{WRITES}": "booking/reservations/owing.py",
    rf"\bDispute{WRITES}": "booking/payments/disputing.py",
    rf"\bPlan{WRITES}": "booking/payments/plans/lifecycle.py",
    rf"\bDiscount{WRITES}": "booking/payments/discounts/making.py",
    rf"\bRedemption{WRITES}|insert\(\[Redemption": "booking/payments/discounts/by_name.py",
    rf"\bMentorship{WRITES}|(?<!class )\bMentorship\(\s*\w": "workshops/mentors/mentorships.py",
    rf"\bMeeting{WRITES}|(?<!class )\bMeeting\(\s*\w+=": "workshops/mentors/meetings.py",
    rf"\bClosedPeriod{WRITES}": "booking/payments/closing.py",
    rf"\bCardSaving{WRITES}": "booking/payments/plans/cards.py",
    rf"\bFeedToken{WRITES}": "booking/calendars/tokens.py",
    rf"\bSubscriber{WRITES}": "booking/calendars/subscribers.py",
    rf"\bPaper(?:Series)?{WRITES}|(?<!class )\bPaper\(\s*\w|INTO booking_paper": "booking/payments/papers/issuing.py",
}
# The sample season fills an empty database in bulk, before anyone is there to race with.
EXCEPTIONS = {"booking/desk/sample/season.py"}


@pytest.mark.parametrize(("writing", "writer"), ONE_WRITER.items(), ids=list(ONE_WRITER.values()))
def test_each_state_has_one_writer(writing: str, writer: str) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if re.search(writing, path.read_text(encoding="utf-8"), re.DOTALL)
    }
    assert found - EXCEPTIONS <= {writer}


@pytest.mark.parametrize(
    "writing",
    [
        "OnSetRecord.objects.filter(user__in=[each.pk for each in (ana, ben)]).update(user=to)",
        "OnSetRecord.objects.bulk_create(made)",
        "OnSetRecord(\n    user=user,",
        "values = dict(revision=F('revision') + 1)",
        "it.state = RecordState.ACCEPTED",
        "Review.objects.create(record=it)",
        "Review.objects.filter(record=it, undone_at=None).update(",
        "Waiver.objects.in_force(today).filter(user=person).update(user=to)",
        "AuditHold.objects.open().filter(user=user).update(ended_at=now)",
        "ErasureRequest.objects.open().update(answered_at=now)",
    ],
)
def test_whoever_else_writes_about_days_on_set_is_found(writing: str) -> None:
    assert any(re.search(pattern, writing, re.DOTALL) for pattern in ONE_WRITER)


# What a page, a call of the API or the desk may ask of `lifecycle`: to read what it raises, and the commands in it.
# Whatever else it does is a step of a command (`reserving`, `moving`, `cancelling`, ...), which also moves the seat.
OF_LIFECYCLE = {"Moved", "HasBegun", "hold_longer", "pay_later", "promise_longer", "expire_displaced"}
ABOVE_THE_COMMANDS = re.compile(r"^booking/(?:desk|site|calendars)/|^booking/\w+/(?:views|api|page|listing)\w*\.py$")


def test_pages_give_commands_and_take_no_step_of_one_themselves() -> None:
    asked = {
        (str(path.relative_to(ROOT)), name)
        for path in SOURCES
        if ABOVE_THE_COMMANDS.match(str(path.relative_to(ROOT)))
        for name in re.findall(r"\blifecycle\.(\w+)", path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 10
    assert {(path, name) for path, name in asked if name not in OF_LIFECYCLE} == set()


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


def test_only_the_gateway_knows_stripe() -> None:
    speaking = re.compile(r"^\s*(?:import stripe|from stripe)\b", re.MULTILINE)
    found = [str(path.relative_to(ROOT)) for path in SOURCES if speaking.search(path.read_text(encoding="utf-8"))]
    assert found
    assert all(path.startswith("booking/payments/gateways/stripe/") for path in found)
