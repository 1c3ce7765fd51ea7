"""Audits: while one is open nothing of a person's proof is due for deletion."""

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import NOW
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.prerequisites.deciding import BadFact
from workshops.prerequisites.files.audits import OpenAlready, begin_audit, end_audit, open_audit
from workshops.prerequisites.records.models import AuditHold, OnSetRecord, ProofFile, ProofMedia, RecordState

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=400)


@pytest.fixture
def rosa() -> User:
    """A registrar."""
    return factories.person(Role.REGISTRAR, name="Rosa")


def file_of(user: User, state: RecordState = RecordState.ACCEPTED, *, is_removed: bool = False) -> ProofFile:
    record = factories.prove_days(user, 3, state=state)
    return ProofFile.objects.create(
        record=record,
        media=ProofMedia.PDF,
        size=1,
        sha256="0" * 64,
        stored_as=record.public_id,
        begun_at=NOW,
        kept_at=NOW,
        removed_at=NOW if is_removed else None,
    )


def due() -> set[int]:
    return set(ProofFile.objects.due_for_deletion(LATER, LATER).values_list("pk", flat=True))


def test_no_file_of_theirs_is_due_while_an_audit_is_open_whatever_became_of_it(rosa: User) -> None:
    ines, ada = factories.person(), factories.person()
    theirs = {
        file_of(ines).pk,
        file_of(ines, RecordState.REJECTED).pk,
        file_of(ines, RecordState.WITHDRAWN).pk,
        file_of(ines, is_removed=True).pk,
    }
    others = file_of(ada).pk
    assert due() == theirs | {others}
    begin_audit(ines, "The insurer asks.", by=rosa, now=NOW)
    assert due() == {others}
    end_audit(ines, "It is over.", by=rosa, now=NOW)
    assert due() == theirs | {others}


def test_there_is_one_audit_at_a_time_and_one_after_another(rosa: User) -> None:
    ines = factories.person()
    first = begin_audit(ines, "First.", by=rosa, now=NOW)
    with pytest.raises(OpenAlready) as refused:
        begin_audit(ines, "Second.", by=rosa, now=NOW)
    assert (refused.value.hold, open_audit(ines), AuditHold.objects.count()) == (first, first, 1)
    assert end_audit(ines, "Over.", by=rosa, now=NOW) is True
    assert end_audit(ines, "Over again.", by=rosa, now=NOW) is False
    begin_audit(ines, "Second.", by=rosa, now=LATER)
    assert list(HistoryLine.objects.order_by("pk").values_list("what", "why", "by")) == [
        ("audit-begun", "First.", rosa.pk),
        ("audit-ended", "Over.", rosa.pk),
        ("audit-begun", "Second.", rosa.pk),
    ]


@pytest.mark.parametrize("why", ["", "  "])
def test_an_audit_needs_a_reason_to_begin_and_to_end(rosa: User, why: str) -> None:
    ines = factories.person()
    with pytest.raises(BadFact, match="Say why"):
        begin_audit(ines, why, by=rosa, now=NOW)
    begin_audit(ines, "The insurer asks.", by=rosa, now=NOW)
    with pytest.raises(BadFact, match="Say why"):
        end_audit(ines, why, by=rosa, now=NOW)
    assert open_audit(ines)


def test_nobody_begins_or_ends_an_audit_of_themselves(rosa: User) -> None:
    with pytest.raises(BadFact, match="Nobody decides about their own record"):
        begin_audit(rosa, "To keep mine.", by=rosa, now=NOW)
    begin_audit(rosa, "A sample.", by=factories.person(Role.REGISTRAR), now=NOW)
    with pytest.raises(BadFact, match="Nobody decides about their own record"):
        end_audit(rosa, "Enough.", by=rosa, now=NOW)
    assert open_audit(rosa)


def test_a_record_that_waits_for_a_decision_keeps_its_proof_without_any_audit() -> None:
    file_of(factories.person(), RecordState.IN_REVIEW)
    assert (due(), OnSetRecord.objects.count()) == (set(), 1)
