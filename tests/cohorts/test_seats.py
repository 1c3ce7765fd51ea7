"""Seats: the one writer, and what the database refuses by itself."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from tests import factories
from tests.factories import NOW
from workshops.cohorts import seats
from workshops.cohorts.models import Seat, SeatStatus

pytestmark = pytest.mark.django_db
SOON = NOW + timedelta(hours=1)


def test_a_claim_takes_the_lowest_free_seat() -> None:
    cohort, anna, ben = factories.cohort(capacity=3), factories.person(), factories.person()
    assert seats.claim(cohort.pk, anna.pk, until=SOON, now=NOW) == seats.Claimed(1, None)
    assert seats.claim(cohort.pk, ben.pk, until=None, now=NOW) == seats.Claimed(2, None)
    assert [seat.status for seat in cohort.seats.all()] == ["held", "taken", "free"]


def test_a_full_cohort_says_so_and_changes_nothing() -> None:
    cohort = factories.cohort(capacity=1)
    seats.claim(cohort.pk, factories.person().pk, until=SOON, now=NOW)
    with pytest.raises(seats.CohortFull):
        seats.claim(cohort.pk, factories.person().pk, until=SOON, now=NOW)


def test_a_hold_that_ran_out_is_a_free_seat_at_once_and_its_occupant_is_told_of() -> None:
    cohort, anna, ben = factories.cohort(capacity=1), factories.person(), factories.person()
    seats.claim(cohort.pk, anna.pk, until=SOON, now=NOW)
    with pytest.raises(seats.CohortFull):
        seats.claim(cohort.pk, ben.pk, until=None, now=SOON - timedelta(seconds=1))
    assert seats.claim(cohort.pk, ben.pk, until=None, now=SOON) == seats.Claimed(1, anna.pk)


def test_ones_own_lapsed_seat_comes_first() -> None:
    cohort, anna = factories.cohort(capacity=3), factories.person()
    seats.claim(cohort.pk, factories.person().pk, until=NOW + timedelta(minutes=1), now=NOW)
    seats.claim(cohort.pk, anna.pk, until=SOON, now=NOW)
    assert seats.claim(cohort.pk, anna.pk, until=None, now=SOON) == seats.Claimed(2, anna.pk)


def test_a_free_seat_is_preferred_to_someone_elses_lapsed_one() -> None:
    cohort = factories.cohort(capacity=2)
    seats.claim(cohort.pk, factories.person().pk, until=NOW, now=NOW - timedelta(hours=1))
    assert seats.claim(cohort.pk, factories.person().pk, until=None, now=NOW) == seats.Claimed(2, None)


def test_blocked_seats_are_never_claimed() -> None:
    cohort = factories.cohort(capacity=1)
    Seat.objects.filter(cohort=cohort).update(status=SeatStatus.BLOCKED)
    with pytest.raises(seats.CohortFull):
        seats.claim(cohort.pk, factories.person().pk, until=SOON, now=NOW)


def test_more_capacity_adds_seats_and_less_removes_free_ones_from_the_end() -> None:
    cohort = factories.cohort(capacity=2)
    seats.claim(cohort.pk, factories.person().pk, until=None, now=NOW)
    assert seats.make(cohort, 5, now=NOW) == []
    assert list(cohort.seats.values_list("number", flat=True)) == [1, 2, 3, 4, 5]
    assert seats.make(cohort, 1, now=NOW) == []
    assert list(cohort.seats.values_list("number", flat=True)) == [1]


def test_capacity_does_not_shrink_below_who_is_in_the_seats() -> None:
    cohort, anna = factories.cohort(capacity=2), factories.person(name="Anna")
    seats.claim(cohort.pk, anna.pk, until=None, now=NOW)
    with pytest.raises(seats.SeatsInUse) as refused:
        seats.make(cohort, 0, now=NOW)
    assert (refused.value.free, refused.value.occupants) == (1, [anna])
    assert cohort.seats.count() == 2


def test_a_seat_whose_hold_ran_out_goes_after_the_free_ones_and_its_occupant_is_told_of() -> None:
    cohort, anna, ben = factories.cohort(capacity=4), factories.person(name="Anna"), factories.person(name="Ben")
    seats.claim(cohort.pk, anna.pk, until=SOON, now=NOW)
    seats.claim(cohort.pk, ben.pk, until=None, now=NOW)
    assert seats.make(cohort, 2, now=NOW) == []
    with pytest.raises(seats.SeatsInUse) as refused:
        seats.make(cohort, 1, now=SOON - timedelta(seconds=1))
    assert (refused.value.free, refused.value.occupants) == (0, [anna, ben])
    with pytest.raises(seats.SeatsInUse) as refused:
        seats.make(cohort, 0, now=SOON)
    assert (refused.value.free, refused.value.occupants) == (1, [ben])
    assert seats.make(cohort, 1, now=SOON) == [anna.pk]
    assert list(cohort.seats.values_list("number", "occupant")) == [(2, ben.pk)]


def test_only_a_held_seat_can_be_made_theirs_for_good() -> None:
    cohort, anna = factories.cohort(), factories.person()
    assert not seats.take(cohort.pk, anna.pk)
    seats.claim(cohort.pk, anna.pk, until=SOON, now=NOW)
    assert seats.take(cohort.pk, anna.pk)
    assert not seats.take(cohort.pk, anna.pk)


def test_a_hold_that_ran_out_cannot_be_prolonged() -> None:
    cohort, anna = factories.cohort(), factories.person()
    seats.claim(cohort.pk, anna.pk, until=SOON, now=NOW)
    assert seats.hold_longer(cohort.pk, anna.pk, until=SOON + timedelta(hours=1), now=NOW)
    assert not seats.hold_longer(cohort.pk, anna.pk, until=SOON, now=SOON + timedelta(hours=2))


def test_the_database_itself_refuses_one_person_in_two_seats() -> None:
    cohort, anna = factories.cohort(capacity=2), factories.person()
    seats.claim(cohort.pk, anna.pk, until=None, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Seat.objects.filter(cohort=cohort, number=2).update(status="taken", occupant=anna)


@pytest.mark.parametrize(
    "broken",
    [
        {"status": "free", "held_until": SOON},
        {"status": "held", "held_until": None},
        {"status": "taken", "held_until": SOON},
        {"status": "lost"},
    ],
)
def test_the_database_itself_refuses_a_status_that_does_not_fit(broken: dict[str, object]) -> None:
    cohort = factories.cohort(capacity=1)
    seats.claim(cohort.pk, factories.person().pk, until=SOON, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Seat.objects.filter(cohort=cohort).update(**broken)
