"""Single facts: what cannot be is none, and what is taken back is what the registrar saw."""

from datetime import date

import pytest

from tests import factories
from tests.factories import NOW
from workshops.people.models import Role
from workshops.prerequisites import recording
from workshops.prerequisites.deciding import BadFact
from workshops.prerequisites.set_days import EARLIEST

pytestmark = pytest.mark.django_db


def test_a_date_that_was_corrected_meanwhile_is_not_taken_back_with_the_one_before() -> None:
    robin, ines = factories.person(Role.REGISTRAR), factories.person()
    seen = factories.finish(ines, "module-ii", date(2026, 3, 2))
    recording.complete(ines, seen.module, date(2026, 3, 5), by=robin, now=NOW, why="A slip.", correct=True)
    assert recording.take_back_completion(seen, why="Another person's.", by=robin, now=NOW) is False
    assert ines.completions.get().completed_on == date(2026, 3, 5)


def test_days_that_cannot_be_are_no_fact() -> None:
    robin, ines = factories.person(Role.REGISTRAR), factories.person()
    ten_years_before_this_there_is_no_calendar = date(5, 1, 1)
    for day in (ten_years_before_this_there_is_no_calendar, date(1949, 12, 31)):
        with pytest.raises(BadFact, match="is too long ago"):
            recording.accept_days(ines, [day, date(2026, 3, 2)], production="X", role="", proof="", by=robin, now=NOW)
    recording.accept_days(ines, [EARLIEST], production="X", role="", proof="", by=robin, now=NOW)
