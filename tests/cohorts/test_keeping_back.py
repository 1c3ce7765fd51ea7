"""Seats that are kept back for nobody, and given out again."""

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import NOW
from workshops.cohorts import planning, seats
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.cohorts.planning import Refused
from workshops.history.models import HistoryLine
from workshops.history.words import sentence
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
SOON = NOW + timedelta(hours=1)


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR, name="Robin")


@pytest.fixture
def cohort() -> Cohort:
    return factories.cohort(capacity=2)


def states(cohort: Cohort) -> list[str]:
    return list(cohort.seats.order_by("number").values_list("status", flat=True))


def test_a_free_seat_is_kept_back_once_and_given_out_once(cohort: Cohort) -> None:
    assert seats.keep_back(cohort.pk, 1, now=NOW) == seats.Kept(1, None)
    assert seats.keep_back(cohort.pk, 1, now=NOW) is None
    assert states(cohort) == ["blocked", "free"]
    assert seats.give_out(cohort.pk, 1)
    assert not seats.give_out(cohort.pk, 1)
    assert states(cohort) == ["free", "free"]


def test_nobody_gets_a_seat_that_is_kept_back(cohort: Cohort) -> None:
    seats.keep_back(cohort.pk, 1, now=NOW)
    assert seats.claim(cohort.pk, factories.person().pk, until=None, now=NOW).number == 2
    with pytest.raises(seats.CohortFull):
        seats.claim(cohort.pk, factories.person().pk, until=None, now=NOW)


def test_a_seat_whose_hold_ran_out_is_kept_back_and_its_occupant_told_of(cohort: Cohort) -> None:
    anna = factories.person(name="Anna")
    seats.claim(cohort.pk, anna.pk, until=SOON, now=NOW)
    with pytest.raises(seats.SeatInUse) as refused:
        seats.keep_back(cohort.pk, 1, now=SOON - timedelta(seconds=1))
    assert (refused.value.number, refused.value.occupant) == (1, anna)
    assert seats.keep_back(cohort.pk, 1, now=SOON) == seats.Kept(1, anna.pk)
    assert states(cohort) == ["blocked", "free"]


def test_a_seat_that_someone_has_is_never_kept_back(cohort: Cohort, registrar: User) -> None:
    seats.claim(cohort.pk, factories.person(name="Anna").pk, until=None, now=NOW)
    with pytest.raises(Refused, match=r"Anna has seat 1\. Only a free seat can be kept back\."):
        planning.keep_seat_back(cohort, 1, by=registrar, now=NOW, why="For a guest.")
    assert states(cohort) == ["taken", "free"]
    assert not HistoryLine.objects.exists()


def test_both_leave_a_line_that_names_the_seat_and_the_reason(cohort: Cohort, registrar: User) -> None:
    assert planning.keep_seat_back(cohort, 2, by=registrar, now=NOW, why=" For a guest. ") is None
    planning.give_seat_out(cohort, 2, by=registrar, now=NOW, why="The guest is ill.")
    lines = HistoryLine.objects.filter(about_id=cohort.public_id)
    assert [(sentence(line), line.why, line.by) for line in lines] == [
        ("Seat 2 kept back", "For a guest.", registrar),
        ("Seat 2 given out again", "The guest is ill.", registrar),
    ]


def test_what_cannot_be_done_is_refused_in_words(cohort: Cohort, registrar: User) -> None:
    with pytest.raises(Refused, match="Seat 1 is not kept back, so there is nothing to give out"):
        planning.give_seat_out(cohort, 1, by=registrar, now=NOW, why="Because.")
    planning.keep_seat_back(cohort, 1, by=registrar, now=NOW, why="Because.")
    with pytest.raises(Refused, match="Seat 1 is kept back already"):
        planning.keep_seat_back(cohort, 1, by=registrar, now=NOW, why="Because.")
    for command in (planning.keep_seat_back, planning.give_seat_out):
        with pytest.raises(Refused, match=r"has no seat 3 \(any more\)"):
            command(cohort, 3, by=registrar, now=NOW, why="Because.")


def test_the_seats_of_a_cancelled_cohort_stay_as_they_were(registrar: User) -> None:
    cohort = factories.cohort(capacity=1, status=CohortStatus.CANCELLED)
    with pytest.raises(Refused, match="is cancelled and stays as it was"):
        planning.keep_seat_back(cohort, 1, by=registrar, now=NOW, why="Because.")
