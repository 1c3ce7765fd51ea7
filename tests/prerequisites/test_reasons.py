"""What is decided against what was on record has a reason: each command refuses a blank one by itself."""

from collections.abc import Callable
from datetime import date

import pytest

from booking.desk.merging import carrying_out
from booking.desk.merging.carrying_out import Decided
from booking.rights import asking
from tests import factories
from tests.factories import NOW
from workshops.history.models import HistoryLine
from workshops.people.models import ErasureRequest, Role, User
from workshops.prerequisites import recording, waiving
from workshops.prerequisites.deciding import BadFact
from workshops.prerequisites.files import audits
from workshops.prerequisites.models import Entitlement, Waiver, WaiverKind
from workshops.programme.models import Module

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 2)


def a_waiver(ana: User) -> Waiver:
    return Waiver.objects.create(user=ana, requirement="module-i", reason="Ill", given_at=NOW)


def an_entitlement(ana: User) -> Entitlement:
    module = Module.objects.get(code="module-iii")
    return Entitlement.objects.create(user=ana, module=module, source="Package", recorded_at=NOW)


def a_request(ana: User) -> ErasureRequest:
    return ErasureRequest.objects.create(user=ana, asked_at=NOW)


COMMANDS: dict[str, Callable[[User, User, str], object]] = {
    "take_back_days": lambda ana, robin, why: recording.take_back_days(
        factories.prove_days(ana, 3), why=why, by=robin, now=NOW
    ),
    "take_back_completion": lambda ana, robin, why: recording.take_back_completion(
        factories.finish(ana, "module-iii"), why=why, by=robin, now=NOW
    ),
    "take_back_access": lambda ana, robin, why: recording.take_back_access(
        factories.give_access(ana, "module-iii", DAY), why=why, by=robin, now=NOW
    ),
    "take_back_entitlement": lambda ana, robin, why: recording.take_back_entitlement(
        an_entitlement(ana), why=why, by=robin, now=NOW
    ),
    "waive": lambda ana, robin, why: waiving.waive(
        ana, "module-i", kind=WaiverKind.WAIVER, reason=why, by=robin, now=NOW
    ),
    "take_back_waiver": lambda ana, robin, why: waiving.take_back_waiver(a_waiver(ana), why=why, by=robin, now=NOW),
    "begin_audit": lambda ana, robin, why: audits.begin_audit(ana, why, by=robin, now=NOW),
    "end_audit": lambda ana, robin, why: audits.end_audit(ana, why, by=robin, now=NOW),
    "merge": lambda ana, robin, why: carrying_out.merge(
        ana, factories.person(), "", Decided({}, {}, frozenset()), by=robin, now=NOW, why=why
    ),
    "decline an erasure": lambda ana, robin, why: asking.decline(a_request(ana), why, by=robin, now=NOW),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_decided_without_a_reason(command: str) -> None:
    ana, robin = factories.person(), factories.person(Role.REGISTRAR)
    with pytest.raises(BadFact, match="Say why"):
        COMMANDS[command](ana, robin, " \n")
    assert not HistoryLine.objects.exists()


def test_a_date_on_record_is_not_corrected_without_a_reason() -> None:
    ana, robin = factories.person(), factories.person(Role.REGISTRAR)
    seen = factories.finish(ana, "module-ii", DAY)
    with pytest.raises(recording.Contradiction):
        recording.complete(ana, seen.module, date(2026, 3, 5), by=robin, now=NOW, why=" ", correct=True)
    assert ana.completions.get().completed_on == DAY


def test_the_reason_for_taking_back_an_exception_is_in_the_history_as_it_was_meant() -> None:
    ana, robin = factories.person(), factories.person(Role.REGISTRAR)
    assert waiving.take_back_waiver(a_waiver(ana), why=" Given by mistake. ", by=robin, now=NOW)
    assert HistoryLine.objects.get().why == "Given by mistake."
