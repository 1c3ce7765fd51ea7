"""Files of proof that come while others come, while the record is sent, and while it is decided."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests import factories
from tests.concurrency.racing import cross, heard, names
from tests.factories import NOW
from tests.prerequisites import proof
from tests.prerequisites.invariants import assert_records_hold
from tests.prerequisites.paper import drafted, sent
from tests.services.databases import at_once
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.prerequisites.files import keeping
from workshops.prerequisites.files.uploading import MOST_FILES
from workshops.prerequisites.records import reviewing, writing
from workshops.prerequisites.records.lifecycle import ChangedMeanwhile
from workshops.prerequisites.records.models import OnSetRecord, ProofFile, RecordState

pytestmark = pytest.mark.usefixtures("fresh_database")

LONG, MOMENT = 20.0, 0.5


@pytest.fixture(autouse=True)
def _already_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens to the bytes has tests of its own, and takes longer than everything here."""

    def as_it_came(source: Any, target: Any, drawn: Any) -> SimpleNamespace:
        target.write_bytes(source.read_bytes())
        drawn.write_bytes(b"")
        return SimpleNamespace(media="jpeg", pages=1)

    monkeypatch.setattr(keeping, "clean", as_it_came)


@pytest.fixture
def ana() -> User:
    """The trainee whose record it is."""
    return factories.person(Role.TRAINEE)


def adding(it: OnSetRecord, number: int) -> Callable[[], object]:
    """A request that brings one file, which no other request brings."""
    picture = SimpleUploadedFile(f"sheet {number}.jpg", proof.image(size=(20 + number, 20)))
    return partial(keeping.add, it, picture, by=it.user, now=NOW)


def with_nine(it: OnSetRecord) -> OnSetRecord:
    """The same record, with room for one file more."""
    for number in range(MOST_FILES - 1):
        adding(it, number)()
    return it


def kept(it: OnSetRecord) -> int:
    """How many files of it can be opened."""
    return ProofFile.objects.kept().filter(record=it).count()


def test_of_several_files_that_come_at_once_only_as_many_are_kept_as_there_is_room_for(ana: User) -> None:
    it = with_nine(drafted(ana))
    answers = at_once(*(adding(it, number) for number in range(20, 24)))
    assert heard(answers, keeping.NotKept) == {"ProofFile": 1, "NotKept": 3}
    assert kept(it) == MOST_FILES
    assert HistoryLine.objects.filter(what="proof-added").count() == MOST_FILES


def test_the_same_file_from_two_clicks_is_kept_once(ana: User) -> None:
    it = drafted(ana)
    assert heard(at_once(adding(it, 1), adding(it, 1), adding(it, 1)), keeping.NotKept)["ProofFile"] == 1
    assert kept(it) == 1


def crossed(monkeypatch: pytest.MonkeyPatch, it: OnSetRecord, patience: float) -> list[object]:
    """The first file counts as kept and is not committed yet when the second comes."""
    return cross(monkeypatch, adding(it, 30), adding(it, 31), after=(keeping, "_noticed"), patience=patience)


def test_with_the_records_lock_the_second_file_waits_and_finds_no_room(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = with_nine(drafted(ana))
    assert heard(crossed(monkeypatch, it, MOMENT), keeping.NotKept) == {"ProofFile": 1, "NotKept": 1}
    assert kept(it) == MOST_FILES


@pytest.mark.postgres
def test_without_the_records_lock_there_are_more_files_than_fit(ana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite the one writer at a time would stand in for the lock."""
    it = with_nine(drafted(ana))
    read = OnSetRecord.objects.select_related("user")
    monkeypatch.setattr(keeping, "locked", lambda found: read.get(pk=found.pk))
    assert names(crossed(monkeypatch, it, LONG)) == {"ProofFile": 2}
    assert kept(it) == MOST_FILES + 1


def test_a_file_that_comes_while_the_record_is_sent_is_part_of_it_or_refused(ana: User) -> None:
    for number in range(3):
        it = drafted(ana)
        send = partial(writing.send, it, revision=it.revision, by=ana, now=NOW)
        answers = at_once(adding(it, number), send)
        heard(answers, keeping.NotKept)
        it.refresh_from_db()
        assert it.state == RecordState.IN_REVIEW
        assert kept(it) == (not isinstance(answers[0], Exception))
        added = HistoryLine.objects.filter(about_id=it.public_id).order_by("pk").values_list("what", flat=True)
        assert list(added) == ["proof-added", "record-sent"][-len(added) :]


def test_a_file_that_comes_while_it_is_decided_was_before_the_registrar_or_is_refused(ana: User) -> None:
    registrar = factories.person(Role.REGISTRAR)
    for number in range(3):
        it = sent(ana)
        words = "Which unit was this?"
        it = reviewing.ask(it, words, revision=it.revision, title="it", link="/", by=registrar, now=NOW)
        accept = partial(reviewing.accept, it, None, revision=it.revision, by=registrar, now=NOW)
        answers = at_once(adding(it, number), accept)
        told = heard(answers, keeping.NotKept, ChangedMeanwhile)
        assert sum(told.get(name, 0) for name in ("NotKept", "ChangedMeanwhile")) == 1
        it.refresh_from_db()
        assert (it.state == RecordState.ACCEPTED) == (kept(it) == 0)
        assert_records_hold()


def test_a_file_taken_away_twice_at_once_is_gone_once(ana: User) -> None:
    it = drafted(ana)
    adding(it, 1)()
    file = ProofFile.objects.select_related("record").get()
    answers = at_once(*[partial(keeping.remove, file, by=ana, now=NOW)] * 3)
    assert sorted(map(bool, answers)) == [False, False, True]
    assert HistoryLine.objects.filter(what="proof-removed").count() == 1
