"""Every form of every page, filled in by somebody who means no good: a clear no, never a fault, nothing half-done."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client

from booking.desk.sample.season import SAMPLE_PASSWORD, fill
from booking.desk.sample.year import coming_year
from booking.payments import paying
from booking.payments.models import LedgerEntry, Payment, Purpose
from booking.reservations import reserving
from booking.reservations.models import Charge, Reservation
from tests.attacks.walking import Form, forms_of, kind_of
from workshops.clock import school_day
from workshops.cohorts.models import Cohort, Seat, Session
from workshops.history.models import HistoryLine
from workshops.mentors.models import Meeting, Mentorship
from workshops.messages.models import Message
from workshops.people.models import RoleGrant, User
from workshops.prerequisites.models import Access, Completion, Entitlement, Waiver
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, ProofFile, Review
from workshops.programme.models import Price

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert('here')</script>"
HOSTILE = (
    "",
    "   ",
    "a\x00b",
    "-1",
    "0",
    "1.5",
    "NaN",
    "1e309",
    "9" * 400,
    "9223372036854775808",
    "0001-01-01",
    "9999-12-31",
    "0001-01-01T00:00",
    "9999-12-31T23:59",
    SCRIPT,
    "{{ 7|add:7 }}{% debug %}",
    "Ana\r\nBcc: everyone@example.org\r\n\r\nDear",
    "\u202e\u2066\ufeff\U0010ffff",
    "ﷺ" * 5_000,
    "//evil.example/",
    "=cmd|' /C calc'!A0",
    '"\x01"@example.org',
)
ALONE = ("a\x00b", "9" * 400, "0001-01-01", "9999-12-31", "9999-12-31T23:59", SCRIPT)
KEPT = (
    Access, Charge, Cohort, Completion, Entitlement, HistoryLine, LedgerEntry, Meeting, Mentorship, Message,
    OnSetDay, OnSetRecord, Payment, Price, ProofFile, Reservation, Review, RoleGrant, Seat, Session, User, Waiver,
)  # fmt: skip
UPLOADS = (
    ("", b""),
    ("../../../etc/passwd", b"root:x:0:0"),
    ("sheet.pdf\r\nContent-Type: text/html\r\n\r\n<script>", b"%PDF-1.4\n" + b"\x00" * 200),
    ("\u202efdp.exe", b"MZ" + b"\x00" * 100),
    ("=cmd|' /C calc'!A0.png", b"\x89PNG\r\n\x1a\n" + b"\xff" * 50),
    ("a" * 3_000 + ".svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
)
"""What a file may be called, and what it may be."""


class Undone(Exception):
    """Takes back what a form did, so that the next one finds the product as it was."""


@contextmanager
def taken_back() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
            raise Undone
    except Undone:
        pass


def how_much_there_is() -> list[int]:
    """How many rows of each kind, in one statement."""
    counts = ", ".join(f"(SELECT COUNT(*) FROM {connection.ops.quote_name(model._meta.db_table)})" for model in KEPT)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}")
        return list(cursor.fetchone())


@pytest.fixture
def season() -> None:
    """A year under way: someone holds a seat, someone waits with a transfer, someone has paid, someone gave back."""
    from django.utils.timezone import now

    moment = now()
    made = fill(year=coming_year(school_day(moment)), trainees=6, capacity=6, now=moment)
    people = list(User.objects.filter(email__in=["alex@example.org", "priya@example.org", "mateo@example.org"]))
    for person, way in zip(people, ("", "offline", "sandbox"), strict=True):
        held = reserving.hold(made.cohorts[0], person, now=moment)
        if way:
            paying.begin(held, Purpose.DEPOSIT, way, by=person, now=moment)


def signed_in_as(email: str) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": email, "password": SAMPLE_PASSWORD})
    assert "_auth_user_id" in client.session
    return client


SAVED_BEFORE = {name: {OnSetDay} for name in ("record-save", "record-send")}
"""What a form keeps although it says no: a draft is saved as far as it can be, and only then looked through."""


def send(client: Client, form: Form, fields: dict[str, list[str]], upload: tuple[str, bytes] = UPLOADS[0]) -> None:
    """Send the form; whatever becomes of it, nobody is led astray, nothing is echoed alive, a no leaves no trace."""
    with taken_back():
        before = how_much_there_is()
        files = {name: SimpleUploadedFile(*upload) for name in form.files if upload[0]}
        answer = (client.get if form.method == "get" else client.post)(form.action, {**fields, **files})
        short = {name: [value[:40] for value in sent] for name, sent in fields.items()}
        told = f"{form.method} {form.action} {short}"
        assert answer.status_code < 500, told
        goes = answer.headers.get("Location", "/")
        assert not urlsplit(goes).netloc, (told, goes)
        assert "\n" not in "".join(f"{key}{value}" for key, value in answer.headers.items())
        if answer.status_code >= 400:
            now_there = how_much_there_is()
            changed = {model for model, was, now in zip(KEPT, before, now_there, strict=True) if was != now}
            assert changed <= SAVED_BEFORE.get(kind_of(form.action), set()), f"half-done: {told}"
        elif goes != "/":
            answer = client.get(goes, follow=True)
            assert answer.status_code < 500, f"{told}, then {goes}"
        assert SCRIPT.encode() not in answer.getvalue(), told


ABOUT_ONESELF = ("/accounts/", "/profile/")
WITH_PEOPLE = ("/desk/people/", "/desk/reservations/", "/desk/money/", "/desk/outbox/")
WITH_PROOF = ("/desk/reviews/", "/desk/records/", "/desk/conversations/")
READERS = {
    "nobody": (None, ("/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")),
    "a trainee with a hold": ("alex@example.org", ("/", "/reservations/", "/profile/", "/accounts/email/")),
    "a trainee with nothing": ("noor@example.org", ("/", "/where-you-stand/")),
    "a trainee with records": ("lacking-on-set-days@example.org", ("/experience/",)),
    "a trainee who was asked": ("lacking-module-ii@example.org", ("/experience/",)),
    "a trainee who waits": ("lacking-module-iii@example.org", ("/experience/",)),
    "an instructor": ("amara@example.org", ("/teaching/",)),
    "a mentor": ("imogen@example.org", ("/mentoring/",)),
    "a bookkeeper": ("bookkeeper@example.org", ("/desk/money/",)),
    "the registrar planning": ("registrar@example.org", ("/desk/",)),
    "the registrar with proof": ("registrar@example.org", ("/desk/reviews/",)),
    "the registrar with people": ("registrar@example.org", ("/desk/people/", "/desk/money/", "/desk/outbox/")),
}


def records(reader: str, email: str | None) -> list[str]:
    """The pages of records in each state, where this reader has to do with them."""
    if reader == "the registrar with proof":
        shown = OnSetRecord.objects.shown_to_school()
        return [f"/desk/reviews/{each.public_id}/" for each in shown if shown.filter(state=each.state).last() == each]
    mine = OnSetRecord.objects.filter(user__email=email)
    return [each.get_absolute_url() for each in mine] if READERS[reader][1] == ("/experience/",) else []


def whose(form: Form) -> str:
    """Which of the registrar's readers sends a form."""
    path = urlsplit(form.action).path
    if path.startswith(WITH_PROOF):
        return "the registrar with proof"
    return "the registrar with people" if path.startswith(WITH_PEOPLE) else "the registrar planning"


REACHED = {
    "a mentor": {"meeting-plan", "meeting-change", "meeting-cancel"},
    "a trainee with records": {"record-save", "record-send", "proof-add", "record-withdraw"},
    "a trainee who was asked": {"record-save", "record-conversation"},
    "a trainee who waits": {"record-change", "record-conversation", "record-withdraw"},
    "the registrar with proof": {
        *("desk:review-accept", "desk:review-accept-some", "desk:review-ask", "desk:review-reject"),
        *("desk:review-second-eyes", "desk:review-undo", "desk:record-conversation"),
    },
}
"""Forms that a walk has to come to: one that is not found is not attacked."""


@pytest.mark.usefixtures("season")
@pytest.mark.parametrize("reader", READERS)
def test_no_form_of_any_page_breaks_or_half_does_what_a_hostile_value_asks(reader: str) -> None:
    email, starts = READERS[reader]
    client = signed_in_as(email) if email else Client()
    forms = [form for form in forms_of(client, *starts, *records(reader, email)) if "/logout/" not in form.action]
    if reader not in {"nobody", "a trainee with a hold"}:  # the same for everyone
        forms = [form for form in forms if not urlsplit(form.action).path.startswith(ABOUT_ONESELF)]
    if reader.startswith("the registrar"):
        forms = [form for form in forms if whose(form) == reader]
    elif starts == ("/experience/",):
        forms = [form for form in forms if urlsplit(form.action).path.startswith("/experience/")]
    assert forms or reader == "an instructor"
    assert {kind_of(form.action) for form in forms} >= REACHED.get(reader, set())
    for turn, form in enumerate(forms):
        for value in HOSTILE[turn % 8 :: 8]:
            send(client, form, {name: [value] for name in form.fields})
        for upload in UPLOADS if form.files else ():
            send(client, form, form.fields, upload)
        for number, name in enumerate(form.fields):
            # Alone among good ones a value gets further: those that have to be read as something, and some others.
            values = HOSTILE if number % 3 == 2 else ALONE
            send(client, form, {**form.fields, name: [values[(turn + number) % len(values)]]})
        without = {name: sent for name, sent in form.fields.items() if len(form.fields) > 1 and sent != [""]}
        send(client, form, dict(list(without.items())[:-1]))
        send(client, form, {name: [*sent, *sent, "again"] for name, sent in form.fields.items()})
