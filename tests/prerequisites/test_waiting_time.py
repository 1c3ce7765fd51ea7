"""How long a review takes is measured, and nothing is promised where there is nothing to measure."""

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import NOW
from workshops.people.models import Role
from workshops.prerequisites.records.models import OnSetRecord, RecordState, Review
from workshops.prerequisites.records.waiting_time import days_of_half, how_long_it_takes, latest_waits

TOLD = "You get an e-mail as soon as it is decided."


def decided(days: float, *, ago: int = 0, undone: bool = False) -> None:
    """A record that was decided so long after it was sent."""
    at = NOW - timedelta(days=ago)
    record = factories.prove_days(factories.person(Role.TRAINEE), 1, state=RecordState.ACCEPTED)
    OnSetRecord.objects.filter(pk=record.pk).update(sent_at=at - timedelta(days=days))
    undoing = {"undone_at": at, "undone_why": "By mistake."} if undone else {}
    Review.objects.create(record=record, outcome="accepted", accepted=1, of=1, rules="any", at=at, **undoing)


@pytest.mark.parametrize(
    ("waits", "expected"),
    [([], None), ([1, 1], None), ([0.1, 0.2, 0.3], 1), ([1, 2.5, 9], 3), ([1, 2, 3, 30], 2), ([3, 3, 3], 3)],
)
def test_half_of_them_were_done_within_so_many_whole_days(waits: list[float], expected: int | None) -> None:
    assert days_of_half([timedelta(days=days) for days in waits]) == expected


@pytest.mark.django_db
def test_nothing_is_invented_where_nothing_was_decided() -> None:
    decided(1)
    assert how_long_it_takes() == TOLD


@pytest.mark.django_db
def test_the_latest_twenty_reviews_say_how_long_it_takes() -> None:
    for _ in range(30):
        decided(40, ago=100)
    for number in reversed(range(20)):
        decided(3, ago=number)
    assert len(latest_waits()) == 20
    assert how_long_it_takes() == f"Half of the latest reviews were done within 3 days. {TOLD}"


@pytest.mark.django_db
def test_a_decision_that_was_taken_back_is_not_measured() -> None:
    for _ in range(3):
        decided(1)
    decided(30, undone=True)
    assert latest_waits() == [timedelta(days=1)] * 3
    assert how_long_it_takes() == f"Half of the latest reviews were done within a day. {TOLD}"
