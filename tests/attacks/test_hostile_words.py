"""Line breaks, marks that turn the direction of reading, and formulas, typed wherever proof is written about.

They may end up nowhere that acts on them: the header of an e-mail, a name to save a file by, a cell of a spreadsheet.
"""

import csv
import io
import re
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.timezone import now as current_time

from tests import factories
from tests.prerequisites import proof
from tests.prerequisites.paper import FILLED_IN
from tests.site.test_access import OURS
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import send_due
from workshops.people.models import Role, User
from workshops.prerequisites.records.models import OnSetRecord, ProofFile, RecordState

pytestmark = pytest.mark.django_db

TURNS = "\u202e\u2066"
"""Marks after which letters are read from the right, whatever they are. Those that only help Arabic words may stay."""
EVIL = f"=HYPERLINK(1)\r\nBcc: everyone@example.org\r\n\r\nDear {TURNS}fdp.exe\x00\x85\u2028"
ACTS_ON = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What no header and no name of a file may hold."""
SHEETS = [address for address, _ in OURS if address.endswith(".csv") and not address.endswith("dry-run.csv")]


def browser(user: User) -> Client:
    """Theirs, signed in."""
    client = Client()
    client.force_login(user)
    return client


def calling_themselves(name: str, user: User) -> User:
    """The same person after they have asked to be called this on their own page."""
    browser(user).post("/profile/", {"name": name.replace("\x00", "")})
    user.refresh_from_db()
    assert user.name.startswith("=HYPERLINK")
    return user


@pytest.fixture
def ana() -> User:
    """A trainee whose very name is hostile, as far as the product takes it for one."""
    return calling_themselves(EVIL, factories.trainee(email="ana@example.org", lacking="on-set-days"))


@pytest.fixture
def desk() -> Client:
    """A registrar's browser. A second registrar is there, for whoever asks for other eyes."""
    factories.person(Role.REGISTRAR)
    return browser(calling_themselves(EVIL, factories.person(Role.REGISTRAR)))


def typed(ana: User) -> OnSetRecord:
    """A record whose every text is hostile, sent with a file whose name is."""
    client = browser(ana)
    client.post("/experience/new/")
    it = OnSetRecord.objects.get(user=ana, state=RecordState.DRAFT)
    page = f"/experience/{it.public_id}/"
    name = re.sub(r"[\r\n\x00]", "", EVIL)  # a line break would end the part of the request
    picture = SimpleUploadedFile(f"{name}%0D%0Ax.pdf", proof.image())
    assert client.post(f"{page}files/", {"file": picture}).status_code == 302
    words = dict.fromkeys(("production", "company", "department", "role", "note", "proof_reason"), EVIL)
    choices = {"kind": "series", "is_paid": "yes", "is_union": "no", "proof_kind": "call-sheet"}
    sent = {"dates": "2026-03-02 to 2026-03-04", "proof_link": FILLED_IN["proof_link"], **words, **choices}
    answer = client.post(f"{page}send/", {**sent, "revision": it.revision})
    assert answer.status_code == 302, answer.content.decode()
    it.refresh_from_db()
    return it


def act(desk: Client, it: OnSetRecord, what: str, **fields: Any) -> None:
    """Do something with a record at the desk, in hostile words."""
    it.refresh_from_db()
    answer = desk.post(f"/desk/reviews/{it.public_id}/{what}/", {"revision": it.revision, **fields})
    assert answer.status_code == 302, answer.content.decode()


def everything_that_is_said(ana: User, desk: Client) -> OnSetRecord:
    """Each thing that either side can write about a record, once."""
    it = typed(ana)
    act(desk, it, "ask", **{"ask-words": EVIL})
    client = browser(ana)
    assert client.post(f"/experience/{it.public_id}/conversation/", {"words": EVIL}).status_code == 302
    act(desk, it, "accept", **{"all-words": EVIL})
    act(desk, it, "undo", **{"undo-why": EVIL})
    act(desk, it, "accept-some", **{"some-words": EVIL, "some-days": ["2026-03-02"]})
    act(desk, it, "undo", **{"undo-why": EVIL})
    act(desk, it, "reject", **{"reject-words": EVIL, "reject-reason": "other"})
    act(desk, it, "undo", **{"undo-why": EVIL})
    act(desk, it, "second-eyes", **{"second-why": EVIL})
    return it


def test_no_word_about_proof_becomes_a_header_of_an_e_mail_or_turns_one_round(ana: User, desk: Client) -> None:
    everything_that_is_said(ana, desk)
    kinds = set(Message.objects.values_list("kind", flat=True))
    assert kinds >= {"post-from-school", "post-from-trainee", "record-accepted", "record-rejected", "record-undone"}
    send_due(now=current_time(), limit=100)
    assert not Message.objects.exclude(state=MessageState.SENT).exists()
    assert len(mail.outbox) >= 7
    known = set(User.objects.values_list("email", flat=True))
    for each in mail.outbox:
        made = each.message()
        [to] = [parseaddr(address)[1] for address in each.recipients()]
        assert to in known
        assert made["Bcc"] is None
        for name, value in made.items():
            said = re.sub(r"\n[ \t]", " ", str(make_header(decode_header(str(value)))))  # folded, as long ones are
            assert not ACTS_ON.search(said), (each.subject, name, said)


def test_a_file_is_saved_under_a_name_that_is_one_and_never_opened_in_place(ana: User, desk: Client) -> None:
    it = typed(ana)
    file = ProofFile.objects.get(record=it)
    assert not ACTS_ON.search(file.name)
    ProofFile.objects.update(name=EVIL[:100].replace("\x00", ""))  # as if it had come in some other way
    for client in (browser(ana), desk):
        answer = client.get(f"/experience/files/{file.public_id}/")
        where = answer.headers["Content-Disposition"]
        assert answer.getvalue()
        assert where.startswith("attachment; filename")
        assert where.isascii()
        assert where.rstrip('"').endswith(".jpg")  # what it is, whatever it was called
        assert not re.search(r"%(?:0[0-9a-f]|e2%80%[8a][0-9a-f]|e2%81%a)", where, re.IGNORECASE), where
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_stands_in_one_line_stays_in_one_line_and_is_read_from_the_left(ana: User, desk: Client) -> None:
    it = everything_that_is_said(ana, desk)
    it.refresh_from_db()
    for name in ("production", "company", "department", "role", "proof_link"):
        assert not ACTS_ON.search(getattr(it, name)), name
    for name in ("note", "proof_reason", "second_eyes_why"):
        assert not ACTS_ON.search(getattr(it, name).replace("\n", "")), name
    for review in it.reviews.all():
        assert not ACTS_ON.search((review.words + review.judgement + review.undone_why).replace("\n", ""))


@pytest.mark.parametrize("address", SHEETS)
def test_no_cell_of_a_spreadsheet_calculates(ana: User, desk: Client, address: str) -> None:
    cohort = factories.cohort(now=current_time())
    everything_that_is_said(ana, desk)
    full = calling_themselves(EVIL, factories.trainee())
    factories.reservation(cohort=cohort, trainee=full, now=current_time())
    answer = desk.get("/" + address.replace("<slug:code>", cohort.code))
    assert answer.status_code == 200
    read = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"), newline="")))
    assert read
    for row in read:
        for cell in row:
            assert not re.match(r"[=+@\t\r\n]|-(?!\d)", cell), row
            assert len(row) == len(read[0])
