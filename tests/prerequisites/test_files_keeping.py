"""How long proof is kept, what goes with it, and what is left where something was cut off in the middle."""

from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from moto import mock_aws
from pytest_django import DjangoAssertNumQueries, Settings

from booking.site.due import do_due
from tests import factories
from tests.factories import NOW
from tests.prerequisites import proof
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.prerequisites.files import keeping
from workshops.prerequisites.files.drawing import drawn_as
from workshops.prerequisites.files.keeping import delete_due
from workshops.prerequisites.files.page import files_context
from workshops.prerequisites.records import writing
from workshops.prerequisites.records.models import AuditHold, OnSetRecord, ProofFile, RecordState

pytestmark = pytest.mark.django_db
NINETY_DAYS = timedelta(days=90)
A_MOMENT = timedelta(seconds=1)


def decided(at: datetime = NOW, state: RecordState = RecordState.ACCEPTED, user: User | None = None) -> OnSetRecord:
    return OnSetRecord.objects.create(
        user=user or factories.person(Role.TRAINEE),
        production="Harbour Lights",
        state=state,
        created_at=NOW,
        sent_at=NOW,
        decided_at=at,
    )


def draft(user: User | None = None) -> OnSetRecord:
    return writing.begin(user or factories.person(Role.TRAINEE), now=NOW)


def file_of(record: OnSetRecord, name: str = "sheet.pdf", **fields: Any) -> ProofFile:
    """A file with its bytes, without the time it takes to clean one."""
    number = ProofFile.objects.count()
    given = {"media": "pdf", "size": 3, "sha256": "x", "begun_at": NOW, "kept_at": NOW, **fields}
    made = ProofFile.objects.create(record=record, name=name, stored_as=f"proof/{record.pk}-{number}", **given)
    default_storage.delete(made.stored_as)  # the folder outlives each test's rows
    default_storage.save(made.stored_as, ContentFile(b"pdf"))
    return made


def there(file: ProofFile) -> bool:
    return default_storage.exists(file.stored_as)


def test_a_trainees_files_have_a_size_together_and_what_they_took_away_counts_until_it_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = draft()
    first = keeping.add(record, SimpleUploadedFile("a.pdf", proof.pdf()), by=record.user, now=NOW)
    monkeypatch.setattr(keeping, "MOST_OF_ONE_PERSON", first.size + 10)
    second, other = SimpleUploadedFile("b.pdf", proof.pdf(2)), draft(record.user)
    for _ in range(2):
        with pytest.raises(keeping.NotKept, match="together"):
            keeping.add(other, second, by=record.user, now=NOW)
        keeping.remove(first, by=record.user, now=NOW)
    assert default_storage.exists(drawn_as(first.stored_as))
    assert delete_due(NOW) == 1
    assert not default_storage.exists(drawn_as(first.stored_as))
    monkeypatch.setattr(keeping, "MOST_OF_ONE_PERSON", 100_000)
    keeping.add(other, second, by=record.user, now=NOW)
    stranger = draft()
    keeping.add(stranger, second, by=stranger.user, now=NOW)


# -- the term ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", [RecordState.ACCEPTED, RecordState.REJECTED])
def test_files_go_ninety_days_after_the_decision_and_the_decision_stays(state: RecordState) -> None:
    record = decided(state=state)
    files = [file_of(record), file_of(record, "second.pdf")]
    assert delete_due(NOW + NINETY_DAYS) == 0
    assert all(there(file) for file in files)
    later = NOW + NINETY_DAYS + A_MOMENT
    assert delete_due(later) == 2
    assert not any(there(file) for file in files)
    for file in files:
        file.refresh_from_db()
        assert (file.deleted_at, file.name, str(file)) == (later, "", "A deleted PDF")
    line = HistoryLine.objects.get(what="proof-deleted")
    assert (line.about_id, line.person, line.by, line.facts) == (record.public_id, record.user, None, {"files": 2})
    record.refresh_from_db()
    assert (record.state, record.decided_at) == (state, NOW)
    assert delete_due(later) == 0


def test_the_worker_does_it() -> None:
    file = file_of(decided())
    assert do_due(NOW + NINETY_DAYS + A_MOMENT).proofs == 1
    assert not there(file)


def test_files_of_what_is_not_decided_stay_however_old(client: object) -> None:
    undecided = OnSetRecord.objects.create(
        user=factories.person(Role.TRAINEE), state=RecordState.IN_REVIEW, created_at=NOW, sent_at=NOW
    )
    files = [file_of(undecided), file_of(draft())]
    assert delete_due(NOW + timedelta(days=4_000)) == 0
    assert all(there(file) for file in files)


def test_an_audit_pauses_it_for_that_person_alone() -> None:
    audited, other = decided(), decided()
    kept, gone = file_of(audited), file_of(other)
    removed = file_of(audited, "removed.pdf", removed_at=NOW)
    hold = AuditHold.objects.create(user=audited.user, why="A complaint", begun_at=NOW)
    later = NOW + timedelta(days=200)
    assert delete_due(later) == 1
    assert (there(kept), there(removed), there(gone)) == (True, True, False)
    hold.ended_at = later
    hold.save()
    assert delete_due(later) == 2
    assert (there(kept), there(removed)) == (False, False)


def test_files_of_a_record_that_was_taken_back_go_at_once() -> None:
    record = decided(state=RecordState.IN_REVIEW, at=None)  # type: ignore[arg-type]
    file = file_of(record)
    writing.withdraw(record, by=record.user, now=NOW)
    assert delete_due(NOW) == 1
    assert not there(file)
    assert OnSetRecord.objects.filter(pk=record.pk).exists()


def test_a_file_that_was_removed_goes_at_once() -> None:
    record = draft()
    file, other = file_of(record), file_of(record, "other.pdf")
    keeping.remove(file, by=record.user, now=NOW)
    assert there(file)
    assert delete_due(NOW) == 1
    assert (there(file), there(other)) == (False, True)


def test_what_a_trainee_took_away_themselves_was_not_deleted_by_the_clock() -> None:
    record = draft()
    keeping.remove(file_of(record), by=record.user, now=NOW)
    assert (delete_due(NOW), files_context(record)["files_deleted"]) == (1, 0)
    by_the_clock = decided()
    file_of(by_the_clock)
    assert (delete_due(NOW + NINETY_DAYS + A_MOMENT), files_context(by_the_clock)["files_deleted"]) == (1, 1)


def test_a_file_knows_by_itself_what_is_asked_of_all_of_them() -> None:
    record = draft()
    file_of(record)
    file_of(record, kept_at=None)
    file_of(record, removed_at=NOW)
    file_of(record, deleted_at=NOW)
    file_of(record, removed_at=NOW, deleted_at=NOW)
    files = list(record.files.all())
    assert [each for each in files if each.is_kept] == list(record.files.kept())
    assert [each for each in files if each.is_gone] == list(record.files.gone_by_the_clock())
    assert sum(each.is_gone for each in files) == 1


def test_a_draft_thrown_away_unseen_goes_with_its_days_once_its_files_are_gone() -> None:
    user = factories.person(Role.TRAINEE)
    record, other = draft(user), decided(user=user)
    file_of(record)
    writing.withdraw(record, by=user, now=NOW)
    hold = AuditHold.objects.create(user=user, why="A complaint", begun_at=NOW)
    delete_due(NOW)
    assert OnSetRecord.objects.filter(pk=record.pk).exists()
    hold.ended_at = NOW
    hold.save()
    delete_due(NOW)
    assert list(OnSetRecord.objects.all()) == [other]
    assert not ProofFile.objects.exists()
    assert HistoryLine.objects.filter(what="draft-deleted", about_id=record.public_id).exists()


def test_a_round_with_nothing_to_do_writes_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    file_of(decided())
    delete_due(NOW)
    with django_assert_num_queries(3):  # the programme's revision, files that are due, drafts thrown away
        delete_due(NOW)


# -- cut off in the middle ---------------------------------------------------------------------------------------------
def test_bytes_that_were_stored_and_never_marked_are_swept() -> None:
    record = draft()
    stored = file_of(record, kept_at=None)
    never_stored = file_of(record, kept_at=None)
    default_storage.delete(never_stored.stored_as)
    assert delete_due(NOW + timedelta(minutes=59)) == 0
    assert delete_due(NOW + timedelta(minutes=61)) == 2
    assert not there(stored)
    assert not HistoryLine.objects.filter(what="proof-deleted").exists()  # nobody had ever seen them


def test_a_crash_between_storing_and_marking_leaves_nothing_that_is_not_found_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class PowerCut(BaseException):
        pass

    def cut(*_: Any, **__: Any) -> None:
        raise PowerCut

    record = draft()
    monkeypatch.setattr(keeping, "_finish", cut)
    with pytest.raises(PowerCut):
        keeping.add(record, SimpleUploadedFile("a.pdf", proof.pdf()), by=record.user, now=NOW)
    file = record.files.get()
    assert (file.kept_at, there(file), record.files.kept().count()) == (None, True, 0)
    delete_due(NOW + timedelta(hours=2))
    assert not there(file)


def test_bytes_deleted_by_a_round_that_was_killed_are_marked_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    file = file_of(decided())
    default_storage.delete(file.stored_as)
    assert delete_due(NOW + timedelta(days=91)) == 1
    file.refresh_from_db()
    assert file.deleted_at


def test_one_that_cannot_be_deleted_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    record = decided()
    stuck, same_record, other = file_of(record), file_of(record, "b.pdf"), file_of(decided())
    delete = default_storage.delete

    def fails(name: str) -> None:
        if name == stuck.stored_as:
            raise OSError("read-only file system")
        delete(name)

    monkeypatch.setattr(default_storage, "delete", fails)
    later = NOW + timedelta(days=91)
    assert delete_due(later) == 2
    assert (there(stuck), there(same_record), there(other)) == (True, False, False)
    with pytest.raises(OSError, match="read-only"):
        delete_due(later)
    stuck.refresh_from_db()
    assert (stuck.deleted_at, stuck.name) == (None, "sheet.pdf")


def test_a_storage_that_is_away_does_not_hold_up_the_round(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(8):
        file_of(decided())
    tried = []

    def fails(name: str) -> None:
        tried.append(name)
        raise OSError

    monkeypatch.setattr(default_storage, "delete", fails)
    with pytest.raises(OSError):  # noqa: PT011
        delete_due(NOW + timedelta(days=91))
    assert len(tried) == 5


# -- in a bucket -------------------------------------------------------------------------------------------------------
@pytest.fixture
def bucket(settings: Settings) -> Any:
    """An S3 bucket that the product stores its files in."""
    options = {
        "access_key": "key",
        "secret_key": "secret",
        "bucket_name": "proofs",
        "region_name": "us-east-1",
        "default_acl": None,
        "querystring_auth": True,
        "file_overwrite": False,
    }
    with mock_aws():
        made = boto3.resource(
            "s3", region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
        ).create_bucket(Bucket="proofs")
        settings.STORAGES = {
            **settings.STORAGES,
            "default": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options},
        }
        yield made


def test_files_may_lie_in_a_bucket_where_nobody_reads_them_without_a_signature(bucket: Any, client: Any) -> None:
    record = draft()
    kept = keeping.add(record, SimpleUploadedFile("sheet.pdf", proof.pdf()), by=record.user, now=NOW)
    stored, pages = sorted(bucket.objects.all(), key=lambda each: len(each.key))
    assert pages.key == f"{stored.key}.pages"
    assert (stored.key, stored.size) == (kept.stored_as, kept.size)
    grants = stored.Object().Acl().grants
    assert [(grant["Permission"], grant["Grantee"]["Type"]) for grant in grants] == [("FULL_CONTROL", "CanonicalUser")]
    assert "Signature" in default_storage.url(kept.stored_as)
    client.force_login(record.user)
    answer = client.get(f"/experience/files/{kept.public_id}/")
    assert len(b"".join(answer.streaming_content)) == kept.size
    assert client.get(f"/experience/files/{kept.public_id}/page/1/").status_code == 200
    keeping.remove(kept, by=record.user, now=NOW)
    assert delete_due(NOW) == 1
    assert list(bucket.objects.all()) == []
    ProofFile.objects.update(removed_at=None, deleted_at=None)
    assert client.get(f"/experience/files/{kept.public_id}/").status_code == 410
