"""Files of proof on the web: adding, removing, opening; who may, and what each opening leaves behind."""

import io
import stat
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from tests import factories
from tests.factories import NOW
from tests.prerequisites import proof
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.prerequisites.files import keeping, opening, uploading
from workshops.prerequisites.files.drawing import drawn_as
from workshops.prerequisites.files.naming import archive_name, download_name, tidy_name
from workshops.prerequisites.records import writing
from workshops.prerequisites.records.models import OnSetRecord, ProofFile, RecordState

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
HTMX = {"HX-Request": "true"}


def record_of(user: User, state: RecordState = RecordState.DRAFT, **fields: Any) -> OnSetRecord:
    given = {"sent_at": None if state == RecordState.DRAFT else NOW, **fields}
    return OnSetRecord.objects.create(user=user, production="Harbour Lights", state=state, created_at=NOW, **given)


@pytest.fixture
def mine(client: Client) -> OnSetRecord:
    """A draft of the trainee who is signed in."""
    user = factories.person(Role.TRAINEE)
    client.force_login(user)
    return record_of(user)


def sent(name: str = "sheet.pdf", content: bytes | None = None, kind: str = "application/pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, proof.pdf() if content is None else content, kind)


def kept(record: OnSetRecord, content: bytes | None = None, name: str = "sheet.pdf") -> ProofFile:
    """A file of this record, added the way every file is."""
    state = record.state
    OnSetRecord.objects.filter(pk=record.pk).update(state=RecordState.DRAFT)
    file = keeping.add(record, sent(name, content), by=record.user, now=NOW)
    OnSetRecord.objects.filter(pk=record.pk).update(state=state)
    return ProofFile.objects.get(pk=file.pk)


def add(client: Client, record: OnSetRecord, *files: SimpleUploadedFile, **more: Any) -> Any:
    return client.post(reverse("proof-add", args=[record.public_id]), {"file": list(files)}, **more)


# -- adding ------------------------------------------------------------------------------------------------------------
def test_a_trainee_adds_several_files_and_comes_back_to_the_record(client: Client, mine: OnSetRecord) -> None:
    answer = add(client, mine, sent(), sent("me.heic", proof.heic(), "image/heic"))
    assert (answer.status_code, answer["Location"]) == (302, f"/experience/{mine.public_id}/#files")
    first, second = mine.files.kept()
    assert [(file.name, file.media, file.pages) for file in (first, second)] == [
        ("sheet.pdf", "pdf", 1),
        ("me.heic", "jpeg", 1),
    ]
    for file in (first, second):
        with default_storage.open(file.stored_as) as stored:
            assert len(stored.read()) == file.size
    assert HistoryLine.objects.filter(what="proof-added", person=mine.user, about_id=mine.public_id).count() == 2


def test_bytes_lie_under_a_name_that_says_nothing(client: Client, mine: OnSetRecord) -> None:
    add(client, mine, sent("Ines Moreau pay stub.pdf"))
    stored_as = mine.files.get().stored_as
    assert stored_as.startswith("proof/")
    assert len(stored_as) == len("proof/") + 40
    path = default_storage.path(stored_as)
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_good_files_are_kept_and_each_bad_one_is_named(client: Client, mine: OnSetRecord) -> None:
    answer = add(
        client, mine, sent("zip.pdf", proof.archive()), sent("good.pdf"), sent("drawing.svg", b"<svg/>"), headers=HTMX
    )
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "zip.pdf: This is not a PDF" in page
    assert "drawing.svg: This is not a PDF" in page
    assert [file.name for file in mine.files.kept()] == ["good.pdf"]
    assert "<html" not in page
    whole = add(client, mine, sent("zip.pdf", proof.archive()))
    assert (whole.status_code, "zip.pdf: This is not a PDF" in whole.content.decode()) == (422, True)


def test_htmx_gets_the_list_alone(client: Client, mine: OnSetRecord) -> None:
    answer = add(client, mine, sent(), headers=HTMX)
    page = answer.content.decode()
    assert (answer.status_code, page.lstrip().startswith('<section id="files"'), "sheet.pdf" in page) == (
        200,
        True,
        True,
    )


def test_nothing_chosen_is_said(client: Client, mine: OnSetRecord) -> None:
    assert "Choose at least one file" in add(client, mine, headers=HTMX).content.decode()


def test_a_file_that_is_too_large_is_named_with_its_size_and_none_of_it_is_kept(
    client: Client, mine: OnSetRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "LARGEST_FILE", 200_000)
    large = sent("film.pdf", b"%PDF-" + bytes(1_250_000))
    answer = add(client, mine, sent(), large, sent("b.png", proof.image("PNG")), headers=HTMX)
    assert "film.pdf: This file has 1 MB, and one file may have 15 MB" in answer.content.decode()
    assert [file.name for file in mine.files.kept()] == ["sheet.pdf", "b.png"]


def test_no_more_than_the_limit_of_a_file_goes_past_the_counting() -> None:
    handler = uploading.CountingUploadHandler()
    handler.new_file("file", "film.pdf", "application/pdf", None)
    chunk = bytes(uploading.MEGABYTE)
    passed = [handler.receive_data_chunk(chunk, 0) for _ in range(20)]
    assert (passed[:15], passed[15:]) == ([chunk] * 15, [None] * 5)
    left_out = handler.file_complete(0)
    assert isinstance(left_out, uploading.LeftOut)
    assert (left_out.size, left_out.is_too_large, left_out.read()) == (20_000_000, True, b"")


def picture(number: int) -> SimpleUploadedFile:
    return sent(f"{number}.png", proof.image("PNG", (40 + 2 * number, 20)))


def test_ten_files_fit_into_one_record_however_they_come(client: Client, mine: OnSetRecord) -> None:
    for number in range(9):
        there = {
            "media": "pdf",
            "size": 1,
            "sha256": "x",
            "stored_as": f"proof/{number}",
            "begun_at": NOW,
            "kept_at": NOW,
        }
        ProofFile.objects.create(record=mine, name=f"{number}.pdf", **there)
    page = add(client, mine, picture(9), picture(10), headers=HTMX).content.decode()
    assert "10.png: 10 files fit into one record, and they are all there" in page
    assert mine.files.kept().count() == 10


def test_the_eleventh_file_of_a_request_is_not_looked_at(
    client: Client, mine: OnSetRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "MOST_FILES", 2)
    page = add(client, mine, *(picture(number) for number in range(4)), headers=HTMX).content.decode()
    assert page.count("and this was one too many") == 2
    assert [file.name for file in mine.files.kept()] == ["0.png", "1.png"]


def test_the_same_file_twice_is_said_and_kept_once(client: Client, mine: OnSetRecord) -> None:
    add(client, mine, sent("first.pdf"))
    answer = add(client, mine, sent("second.pdf"), headers=HTMX)
    assert "second.pdf: This is the same file as first.pdf" in answer.content.decode()
    assert mine.files.kept().count() == 1


def test_a_file_that_was_removed_may_come_again(client: Client, mine: OnSetRecord) -> None:
    add(client, mine, sent())
    file = mine.files.get()
    answer = client.post(reverse("proof-remove", args=[file.public_id]))
    assert (answer.status_code, mine.files.kept().count()) == (302, 0)
    assert client.post(reverse("proof-remove", args=[file.public_id])).status_code == 302
    assert HistoryLine.objects.filter(what="proof-removed").count() == 1
    add(client, mine, sent())
    assert mine.files.kept().count() == 1


@pytest.mark.parametrize(
    "state", [RecordState.IN_REVIEW, RecordState.ACCEPTED, RecordState.REJECTED, RecordState.WITHDRAWN]
)
def test_files_of_a_record_that_is_not_being_written_stay_as_they_are(
    client: Client, mine: OnSetRecord, state: RecordState
) -> None:
    file = kept(mine)
    decided = NOW if state in (RecordState.ACCEPTED, RecordState.REJECTED) else None
    OnSetRecord.objects.filter(pk=mine.pk).update(state=state, sent_at=NOW, decided_at=decided)
    answer = add(client, mine, sent("b.png", proof.image("PNG")), headers=HTMX)
    assert (answer.status_code, "with the school" in answer.content.decode()) == (422, True)
    assert client.post(reverse("proof-remove", args=[file.public_id])).status_code == 409
    assert list(mine.files.kept()) == [file]


def test_who_decides_while_a_question_is_open_has_seen_what_was_added(client: Client, mine: OnSetRecord) -> None:
    add(client, mine, sent())
    mine.refresh_from_db()
    assert mine.revision == 1
    OnSetRecord.objects.filter(pk=mine.pk).update(state=RecordState.QUESTION, sent_at=NOW)
    add(client, mine, sent("b.png", proof.image("PNG")))
    client.post(reverse("proof-remove", args=[mine.files.first().public_id]))  # type: ignore[union-attr]
    mine.refresh_from_db()
    assert mine.revision == 3


def test_a_record_that_is_sent_while_a_file_is_on_its_way_goes_without_it(
    mine: OnSetRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = default_storage.save

    def sent_meanwhile(name: str, content: Any) -> str:
        OnSetRecord.objects.filter(pk=mine.pk).update(state=RecordState.IN_REVIEW, sent_at=NOW)
        return store(name, content)

    monkeypatch.setattr(default_storage, "save", sent_meanwhile)
    with pytest.raises(keeping.NotKept, match="with the school"):
        keeping.add(mine, sent(), by=mine.user, now=NOW)
    assert mine.files.kept().count() == 0
    file = mine.files.get()
    assert default_storage.exists(file.stored_as)
    keeping.delete_due(NOW + timedelta(hours=2))
    assert not default_storage.exists(file.stored_as)


def test_a_storage_that_does_not_answer_is_no_fault_of_the_trainee(
    client: Client, mine: OnSetRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(name: str, content: Any) -> str:
        raise OSError("no space left on device")

    monkeypatch.setattr(default_storage, "save", fails)
    answer = add(client, mine, sent(), headers=HTMX)
    assert (answer.status_code, "sheet.pdf: We could not store" in answer.content.decode()) == (422, True)
    assert "space" not in answer.content.decode()


def test_the_page_asks_to_black_out_what_others_said_nothing_about(client: Client, mine: OnSetRecord) -> None:
    page = add(client, mine, sent(), headers=HTMX).content.decode()
    for words in ("pay figures", "other people", "never agreed", "90 days after the decision", "15 MB"):
        assert words in page


# -- names -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "name", "download"),
    [
        ("call sheet.pdf", "call sheet.pdf", "call sheet.pdf"),
        ("IMG_2041.HEIC", "IMG_2041.HEIC", "IMG_2041.pdf"),
        ("../../etc/passwd", "passwd", "passwd.pdf"),
        ("C:\\Users\\Ines\\stub.pdf", "stub.pdf", "stub.pdf"),
        ("a\r\nSet-Cookie: x=y.pdf", "a Set-Cookie: x=y.pdf", "a Set-Cookie x=y.pdf"),
        ("nul\0.pdf", "nul.pdf", "nul.pdf"),
        ("sheet\u202efdp.exe", "sheetfdp.exe", "sheetfdp.pdf"),
        ('"; filename="evil.exe', '"; filename="evil.exe', "filename=evil.pdf"),
        ("...", "Proof", "Proof.pdf"),
        ("\u200b", "Proof", "Proof.pdf"),
        ("Täuschung 日程.pdf", "Täuschung 日程.pdf", "Täuschung 日程.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf", "x" * 116 + ".pdf"),
        ("\ud800lone.pdf", "lone.pdf", "lone.pdf"),
        ("<script>.pdf", "<script>.pdf", "script.pdf"),
    ],
)
def test_names_are_kept_as_they_were_meant_and_given_out_plain(given: str, name: str, download: str) -> None:
    assert tidy_name(given) == name
    assert download_name(name, "pdf") == download


@pytest.mark.parametrize(
    ("name", "media", "archived"),
    [
        ("Call sheet 3.pdf", "pdf", "call-sheet-3.pdf"),
        ("IMG_2041.HEIC", "jpeg", "img_2041.jpg"),
        ("../\u202eevil.exe", "png", "evil.png"),
        ("日程.png", "png", "proof.png"),
        ("x" * 119, "pdf", "x" * 60 + ".pdf"),
    ],
)
def test_in_an_archive_a_file_has_a_name_for_any_system(name: str, media: str, archived: str) -> None:
    assert archive_name(name, media) == archived


@pytest.mark.parametrize(
    "name", ["../../a.pdf", "a\r\nX-Evil: 1.pdf", "\u202efdp.pdf", "x" * 300 + ".pdf", '"quoted".pdf']
)
def test_no_name_gets_anything_into_a_header(client: Client, mine: OnSetRecord, name: str) -> None:
    file = kept(mine, name="a.pdf")
    ProofFile.objects.filter(pk=file.pk).update(name=name[:120])  # as if an older version had kept it so
    answer = client.get(reverse("proof-file", args=[file.public_id]))
    disposition = answer["Content-Disposition"]
    assert disposition.startswith("attachment; filename")
    assert not set(disposition) & set("\r\n\0/\\\u202e")
    assert "X-Evil" not in answer.headers
    answer.getvalue()


# -- opening -----------------------------------------------------------------------------------------------------------
def open_both(client: Client, file: ProofFile) -> tuple[int, int]:
    download = client.get(reverse("proof-file", args=[file.public_id]))
    download.getvalue()  # read to its end, as a browser does
    return download.status_code, client.get(reverse("proof-page", args=[file.public_id, 1])).status_code


def test_a_file_comes_back_as_an_attachment_that_can_do_nothing(client: Client, mine: OnSetRecord) -> None:
    file = kept(mine)
    answer = client.get(reverse("proof-file", args=[file.public_id]))
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    with pikepdf.open(io.BytesIO(content)) as read:
        assert len(read.pages) == 1
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Length"] == str(file.size) == str(len(content))
    assert answer["Content-Disposition"] == 'attachment; filename="sheet.pdf"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("content", [proof.pdf(2), proof.image("PNG", (3000, 2000), "RGBA"), proof.heic()])
def test_a_page_is_an_image_that_fits_a_screen(client: Client, mine: OnSetRecord, content: bytes) -> None:
    file = kept(mine, content)
    answer = client.get(reverse("proof-page", args=[file.public_id, file.pages]))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "no-store" in answer["Cache-Control"]
    with Image.open(io.BytesIO(answer.content)) as drawn:
        assert 40 <= max(drawn.size) <= 1600
    for number in (0, file.pages + 1, 999999999):
        assert client.get(reverse("proof-page", args=[file.public_id, number])).status_code == 404


def test_a_page_that_cannot_be_drawn_says_so(client: Client, mine: OnSetRecord) -> None:
    file = kept(mine)
    page = reverse("proof-page", args=[file.public_id, 1])
    for drawn in (None, b"nonsense", packed("2", b"x"), packed("1", b"x" * 999, zipfile.ZIP_DEFLATED)):
        default_storage.delete(drawn_as(file.stored_as))
        if drawn is not None:
            default_storage.save(drawn_as(file.stored_as), ContentFile(drawn))
        answer = client.get(page)
        assert (answer.status_code, "Download the file" in answer.content.decode()) == (422, True)


def packed(name: str, content: bytes, how: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def test_looking_at_a_page_opens_nothing_that_a_stranger_sent(
    client: Client, mine: OnSetRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = kept(mine, proof.pdf(3))
    monkeypatch.setattr(subprocess, "run", None)
    for page in file.page_numbers:
        assert client.get(reverse("proof-page", args=[file.public_id, page])).status_code == 200


def test_nobody_else_can_tell_whether_a_file_exists(client: Client) -> None:
    file = kept(record_of(factories.person(Role.TRAINEE), RecordState.IN_REVIEW))
    others = (Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR, Role.BOOKKEEPER)
    for user in (*(factories.person(role) for role in others), factories.person(*others), factories.person()):
        client.force_login(user)
        assert open_both(client, file) == (404, 404)
        removed = client.post(reverse("proof-remove", args=[file.public_id])).status_code
        added = add(client, file.record, sent("b.png", proof.image("PNG"))).status_code
        is_trainee = Role.TRAINEE in user.roles
        assert (removed, added) == ((404, 404) if is_trainee else (403, 403))
    assert list(file.record.files.kept()) == [file]
    assert not HistoryLine.objects.filter(what="proof-opened").exists()


def test_a_registrar_opens_what_was_sent_and_no_draft(client: Client) -> None:
    trainee = factories.person(Role.TRAINEE)
    draft, given = kept(record_of(trainee)), kept(record_of(trainee, RecordState.IN_REVIEW))
    registrar = factories.person(Role.REGISTRAR, Role.TRAINEE)
    client.force_login(registrar)
    assert open_both(client, draft) == (404, 404)
    assert open_both(client, given) == (200, 200)
    assert client.post(reverse("proof-remove", args=[given.public_id])).status_code == 404
    assert add(client, given.record, sent("b.png", proof.image("PNG"))).status_code == 404


def test_a_file_of_what_its_trainee_has_taken_back_to_change_it_is_theirs_alone(client: Client) -> None:
    trainee = factories.person(Role.TRAINEE)
    given = kept(record_of(trainee, RecordState.IN_REVIEW))
    client.force_login(factories.person(Role.REGISTRAR))
    assert open_both(client, given) == (200, 200)
    it = given.record
    it.refresh_from_db()
    writing.take_back_to_change(it, revision=it.revision, by=trainee, now=NOW)
    assert open_both(client, given) == (404, 404)
    client.force_login(trainee)
    assert open_both(client, given) == (200, 200)


def test_a_deleted_draft_is_not_there_for_its_files_either(client: Client, mine: OnSetRecord) -> None:
    file = kept(mine)
    writing.withdraw(mine, by=mine.user, now=NOW)
    assert client.get(mine.get_absolute_url()).status_code == 404
    assert add(client, mine, sent("b.png", proof.image("PNG"))).status_code == 404
    assert open_both(client, file) == (404, 404)


def lines(record: OnSetRecord) -> list[tuple[str, object, User | None]]:
    found = HistoryLine.objects.filter(what="proof-opened", about_kind="record", about_id=record.public_id)
    return [(line.facts["how"], line.facts["file"], line.by) for line in found]


def test_every_opening_is_in_the_history(client: Client) -> None:
    record = record_of(factories.person(Role.TRAINEE), RecordState.IN_REVIEW)
    file, other = kept(record, proof.pdf(3)), kept(record, proof.image("PNG"))
    registrar = factories.person(Role.REGISTRAR)
    client.force_login(registrar)
    for _ in range(2):
        client.get(reverse("proof-file", args=[file.public_id])).getvalue()
    for number in (1, 2, 3, 1):
        client.get(reverse("proof-page", args=[file.public_id, number]))
    client.get(reverse("proof-page", args=[other.public_id, 1]))
    client.force_login(record.user)
    client.get(reverse("proof-page", args=[file.public_id, 1]))
    download, shown, other_shown, own = (
        ("download", file.public_id, registrar),
        ("shown", file.public_id, registrar),
        ("shown", other.public_id, registrar),
        ("shown", file.public_id, record.user),
    )
    assert lines(record) == [download, download, shown, other_shown, own]
    assert HistoryLine.objects.filter(what="proof-opened", person=record.user).count() == 5


def test_ten_minutes_later_it_is_another_look() -> None:
    record = record_of(factories.person(Role.TRAINEE), RecordState.IN_REVIEW)
    file, registrar = kept(record), factories.person(Role.REGISTRAR)
    for minutes in (0, 9, 11):
        opening.opened(file, "shown", by=registrar, now=NOW + timedelta(minutes=minutes)).close()
    assert len(lines(record)) == 2


def test_asking_for_the_headers_alone_opens_nothing(client: Client, mine: OnSetRecord) -> None:
    file = kept(mine)
    assert client.head(reverse("proof-file", args=[file.public_id])).status_code == 405
    assert lines(mine) == []


@pytest.mark.parametrize("how", ["deleted", "removed", "lost"])
def test_a_file_whose_bytes_are_gone_says_so(client: Client, mine: OnSetRecord, how: str) -> None:
    file = kept(mine)
    if how == "deleted":
        ProofFile.objects.filter(pk=file.pk).update(deleted_at=NOW, name="")
    elif how == "removed":
        ProofFile.objects.filter(pk=file.pk).update(removed_at=NOW)
    else:
        default_storage.delete(file.stored_as)
    answer = client.get(reverse("proof-file", args=[file.public_id]))
    assert (answer.status_code, "not here any more" in answer.content.decode()) == (410, True)
    assert client.get(reverse("proof-page", args=[file.public_id, 1])).status_code == 410
    assert lines(mine) == []


def test_a_file_that_never_arrived_is_nothing(client: Client, mine: OnSetRecord) -> None:
    file = kept(mine)
    ProofFile.objects.filter(pk=file.pk).update(kept_at=None)
    assert open_both(client, file) == (404, 404)


def test_the_parts_of_other_pages_show_files_and_their_pages(client: Client, mine: OnSetRecord) -> None:
    from django.template.loader import render_to_string

    from workshops.prerequisites.files.page import files_context

    file = kept(mine, proof.pdf(2), name="<b>.pdf")
    shown = render_to_string("prerequisites/_proof.html", files_context(mine))
    assert shown.count("<img") == 2
    assert reverse("proof-page", args=[file.public_id, 2]) in shown
    assert "<b>" not in shown
    ProofFile.objects.update(deleted_at=NOW, name="")
    assert "was deleted" in render_to_string("prerequisites/_proof.html", files_context(mine))


# -- before anything is read -------------------------------------------------------------------------------------------
class Unread(io.BytesIO):
    """A body that nobody may touch."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("This body was read.")

    readline = readlines = read  # type: ignore[assignment]


def knock(client: Client, path: str, length: int, **more: Any) -> Any:
    return client.generic(
        "POST",
        path,
        b"",
        "multipart/form-data; boundary=x",
        **{"wsgi.input": Unread(), "CONTENT_LENGTH": str(length), **more},
    )


@pytest.mark.parametrize(
    "path", ["/", "/accounts/login/", "/desk/people/import/", "/experience/x/files/", "/calendar/cohorts.ics"]
)
def test_what_no_page_may_need_is_refused_by_its_length_alone(client: Client, path: str) -> None:
    answer = knock(client, path, 2 * 1024**3)
    assert (answer.status_code, "15 MB" in answer.content.decode()) == (413, True)
    assert answer.cookies == {}


def test_a_program_reads_the_same_as_a_problem(client: Client) -> None:
    answer = knock(client, "/api/v1/cohorts", 3_000_001)
    assert (answer.status_code, answer["Content-Type"], answer.json()["type"]) == (
        413,
        "application/problem+json",
        "/problems/too-large",
    )


def test_only_the_address_for_files_takes_more_than_three_megabytes(client: Client, mine: OnSetRecord) -> None:
    address = reverse("proof-add", args=[mine.public_id])
    assert knock(client, reverse("record", args=[mine.public_id]), 3_000_001).status_code == 413
    assert knock(client, address, 151_000_001).status_code == 413
    large = [sent(f"{number}.pdf", proof.pdf(number + 1) + b" " * 2_000_000) for number in range(2)]
    assert add(client, mine, *large, headers=HTMX).status_code == 422  # read, and each refused for itself


def test_strangers_are_sent_to_sign_in_before_anything_is_read() -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")  # has a token's cookie, so that the form would be searched for the other half
    answer = knock(client, "/experience/x/files/", 100_000_000)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/experience/x/files/")


def test_a_body_without_a_length_is_refused(client: Client) -> None:
    answer = client.generic("POST", "/accounts/login/", b"", HTTP_TRANSFER_ENCODING="chunked")
    assert answer.status_code == 411
    answer = client.generic("POST", "/api/v1/cohorts", b"", HTTP_TRANSFER_ENCODING="chunked")
    assert answer.json()["type"] == "/problems/length-required"


def test_an_address_that_does_not_exist_reads_nothing_large_either() -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")  # with a token's cookie the page for "not found" looks for the other half of it
    for address in ("/nope/", "/static/x", "/experience/x/files"):
        assert knock(client, address, 2 * 1024**3).status_code == 413
        assert client.post(address, HTTP_TRANSFER_ENCODING="chunked").status_code == 411


class Slow(io.BytesIO):
    """A body that comes, but not in time: each piece takes ten seconds."""

    seconds = 0.0

    def read(self, *_: Any) -> bytes:
        Slow.seconds += 10
        return b"a"

    readline = read


def test_a_body_that_comes_too_slowly_is_broken_off(
    client: Client, mine: OnSetRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "monotonic", lambda: Slow.seconds)
    monkeypatch.setattr(Slow, "seconds", 0.0)
    slow: dict[str, Any] = {"wsgi.input": Slow(), "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    for path in ("/accounts/login/", "/nope/"):
        began = Slow.seconds
        answer = knock(client, path, 100_000, **slow)
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")
        assert Slow.seconds - began <= uploading.FORM_SECONDS + 10
    began = Slow.seconds
    assert knock(client, reverse("proof-add", args=[mine.public_id]), 15_000_000, **slow).status_code == 503
    assert 60 < Slow.seconds - began <= 60 + 150 + 10
    assert add(client, mine, sent()).status_code == 302


def test_people_who_send_files_leave_the_server_to_others(client: Client, mine: OnSetRecord) -> None:
    address = reverse("proof-add", args=[mine.public_id])
    turns = uploading._upload_turns()
    taken = 0
    while turns.take():
        taken += 1
    try:
        assert taken == 2  # of four threads
        answer = knock(client, address, 1_000)
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")
        assert client.get("/").status_code == 200
    finally:
        for _ in range(taken):
            turns.give_back()
    for _ in range(5):  # a turn is given back, however it ends
        assert add(client, mine, sent("x.pdf", b"x"), headers=HTMX).status_code == 422


def test_one_person_sends_files_once_at_a_time(client: Client, mine: OnSetRecord) -> None:
    turns = uploading._upload_turns()
    with turns.turn(mine.user.pk):
        assert knock(client, reverse("proof-add", args=[mine.public_id]), 1_000).status_code == 503
        other = Client()
        other.force_login(user := factories.person(Role.TRAINEE))
        assert add(other, record_of(user), sent()).status_code == 302
    assert add(client, mine, sent()).status_code == 302


def test_whoever_does_not_finish_a_form_keeps_nobody_from_reading(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "A_MOMENT", 0)
    with uploading._form_turns().turn():  # of four threads, one
        assert client.get("/").status_code == 200
        answer = client.post("/accounts/login/", {"login": "a"})
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")
        answer = client.post("/api/v1/cohorts", {}, "application/json")
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/busy")
    assert client.post("/accounts/login/", {"login": "a"}).status_code == 200
