"""Nobody decides about their own record, by whichever road: each writer of facts refuses by itself."""

from collections.abc import Callable
from datetime import date

import pytest
from django.utils.timezone import now

from tests import factories
from tests.asking import Program
from workshops.history.models import HistoryLine
from workshops.people.models import Role, Scope, User
from workshops.prerequisites import recording, waiving
from workshops.prerequisites.deciding import BadFact
from workshops.prerequisites.files import audits
from workshops.prerequisites.models import Completion, Entitlement, Waiver, WaiverKind
from workshops.programme.models import Module

pytestmark = pytest.mark.django_db
DAY = date(2026, 6, 1)


def module() -> Module:
    return Module.objects.get(code="module-iii")


def a_waiver_of(user: User) -> Waiver:
    return Waiver.objects.create(user=user, requirement="module-i", reason="Given by another", given_at=now())


WRITERS: dict[str, Callable[[User], object]] = {
    "complete": lambda me: recording.complete(me, module(), DAY, by=me, now=now()),
    "grant_access": lambda me: recording.grant_access(me, module(), DAY, by=me, now=now()),
    "entitle": lambda me: recording.entitle(me, module(), "Package", by=me, now=now()),
    "accept_days": lambda me: recording.accept_days(me, [DAY], production="X", role="", proof="", by=me, now=now()),
    "take_back_days": lambda me: recording.take_back_days(factories.prove_days(me, 3), why="No", by=me, now=now()),
    "take_back_completion": lambda me: recording.take_back_completion(
        factories.finish(me, "module-iii"), why="No", by=me, now=now()
    ),
    "take_back_access": lambda me: recording.take_back_access(
        factories.give_access(me, "module-iii", DAY), why="No", by=me, now=now()
    ),
    "take_back_entitlement": lambda me: recording.take_back_entitlement(
        Entitlement.objects.create(user=me, module=module(), source="x", recorded_at=now()),
        why="No",
        by=me,
        now=now(),
    ),
    "begin_audit": lambda me: audits.begin_audit(me, "Mine", by=me, now=now()),
    "end_audit": lambda me: audits.end_audit(me, "Mine", by=me, now=now()),
    "waive": lambda me: waiving.waive(me, "module-i", kind=WaiverKind.WAIVER, reason="I may", by=me, now=now()),
    "take_back_waiver": lambda me: waiving.take_back_waiver(a_waiver_of(me), why="No", by=me, now=now()),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_registrar_writes_no_fact_about_themselves(writer: str) -> None:
    me = factories.person(Role.REGISTRAR, Role.TRAINEE)
    with pytest.raises(BadFact, match="Nobody decides about their own record"):
        WRITERS[writer](me)
    assert not HistoryLine.objects.exists()


def test_a_registrar_completes_no_module_of_their_own_through_the_api() -> None:
    me = factories.person(Role.REGISTRAR, Role.TRAINEE)
    asked = {"email": me.email, "module": "module-iii", "completed_on": DAY.isoformat()}
    answer = Program.of(me, Scope.REGISTRAR).post("/completions", asked)
    assert (answer.status, Completion.objects.count()) == (422, 0)
