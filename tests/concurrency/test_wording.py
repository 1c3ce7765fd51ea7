"""Registrars who save the words of one e-mail at the same moment: one is saved, and everyone else is told."""

from datetime import timedelta
from functools import partial

import pytest

from tests import factories
from tests.concurrency.racing import heard
from tests.factories import NOW
from tests.services.databases import at_once
from workshops.history.models import HistoryLine
from workshops.messages import wording
from workshops.messages.models import Wording
from workshops.messages.wording import ChangedMeanwhile
from workshops.people.models import Role

pytestmark = pytest.mark.usefixtures("fresh_database")

KIND = "line-joined"


@pytest.mark.parametrize("is_first", [True, False])
def test_of_many_who_save_at_once_one_does(*, is_first: bool) -> None:
    registrars = [factories.person(Role.REGISTRAR) for _ in range(6)]
    shipped, seen = wording.shipped_source(KIND), ""
    if not is_first:
        theirs = shipped.replace("With care", "With love")
        wording.rewrite(KIND, theirs, instead_of="", by=registrars[0], now=NOW - timedelta(days=1))
        seen = wording.revision(Wording.objects.get())
    done = at_once(
        *(
            partial(
                wording.rewrite,
                KIND,
                shipped.replace("With care", f"Warmly {number}"),
                instead_of=seen,
                by=person,
                now=NOW + timedelta(seconds=number),
            )
            for number, person in enumerate(registrars)
        )
    )
    heard(done, ChangedMeanwhile)
    assert done.count(True) == 1
    row = Wording.objects.get()
    assert f"Warmly {registrars.index(row.revised_by)}" in row.source  # type: ignore[arg-type]
    assert HistoryLine.objects.filter(what="wording-changed").count() == 2 - is_first
