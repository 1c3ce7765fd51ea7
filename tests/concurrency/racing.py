"""People who act at the same moment, in threads with real commits: what the attacks on the commands share."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from django.db import connection, connections, transaction

from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import reserving, waiting
from booking.reservations.models import Reservation, State, WaitlistEntry
from tests import factories
from tests.factories import NOW
from workshops.cohorts.models import Cohort
from workshops.people.models import User

LATER = NOW + timedelta(hours=2)
"""When a hold of NOW has run out."""


# -- people and where they stand ---------------------------------------------------------------------------------------
@transaction.atomic
def people(count: int) -> list[User]:
    """So many trainees who qualify."""
    return [factories.trainee() for _ in range(count)]


@transaction.atomic
def seated(cohort: Cohort, count: int, *, paid: Purpose | None = None, now: datetime = NOW) -> list[Reservation]:
    """So many people with a seat in this cohort: held, or paid so far."""
    made = [reserving.hold(cohort, person, now=now) for person in people(count)]
    return [pay(each, paid, now=now) if paid else each for each in made]


def pay(reservation: Reservation, purpose: Purpose, *, now: datetime = NOW) -> Reservation:
    """The same reservation after a payment with play money."""
    paying.begin(reservation, purpose, "sandbox", by=reservation.trainee, now=now)
    return again(reservation)


def full(cohort: Cohort, *, paid: Purpose | None = None, now: datetime = NOW) -> list[Reservation]:
    """People in every seat of this cohort."""
    return seated(cohort, cohort.seats.count(), paid=paid, now=now)


def in_line(cohort: Cohort, *who: User, now: datetime = NOW) -> list[WaitlistEntry]:
    """These people in the line of a full cohort, in this order."""
    return [waiting.join(cohort, person, now=now)[0] for person in who]


def offers_in(cohort: Cohort) -> list[Reservation]:
    """The open offers of this cohort, as a page reads them."""
    found = Reservation.objects.filter(cohort=cohort, state=State.OFFERED).order_by("pk")
    return list(found.select_related("cohort__venue", "cohort__module", "trainee"))


def again(reservation: Reservation) -> Reservation:
    """The same reservation as it is now, read as a page reads it."""
    return Reservation.objects.select_related("cohort__venue", "cohort__module", "trainee").get(pk=reservation.pk)


# -- what they were told -----------------------------------------------------------------------------------------------
def heard(answers: Sequence[object], *expected: type[Exception]) -> dict[str, int]:
    """How often each thing was said: the name of the exception or of what was returned.

    Fails with the first answer that is an exception nobody expected: a fault, or Busy.
    """
    for each in answers:
        if isinstance(each, Exception) and not isinstance(each, expected):
            raise AssertionError(f"{type(each).__name__} was not expected among {names(answers)}") from each
    return names(answers)


def names(answers: Sequence[object]) -> dict[str, int]:
    """How often each thing was said, faults included."""
    return dict(Counter(type(each).__name__ for each in answers))


# -- two whose paths cross for certain ---------------------------------------------------------------------------------
def cross(
    monkeypatch: pytest.MonkeyPatch,
    first: Callable[[], object],
    second: Callable[[], object],
    *,
    after: tuple[ModuleType, str],
    patience: float,
    inside: bool = False,
    until: tuple[ModuleType, str] | None = None,
) -> list[object]:
    """Run `first` until it has called this function once, then all of `second`, then the rest of `first`.

    `inside`: what it calls before its transaction begins does not count.

    Where a guard keeps `second` waiting for `first`, it cannot end meanwhile; then `first` goes on after `patience`
    seconds, or once `second` has called the function `until`. Only for tests with a database of their own. Answers each
    one's result or exception.
    """
    module, name = after
    original: Callable[..., object] = getattr(module, name)
    first_runs, there, go_on = threading.local(), threading.Event(), threading.Event()

    def wait_there(*given: Any, **named: Any) -> object:
        answer = original(*given, **named)
        counts = connection.in_atomic_block or not inside
        if getattr(first_runs, "yes", False) and counts and not there.is_set():
            there.set()
            go_on.wait(patience)
        return answer

    monkeypatch.setattr(module, name, wait_there)
    if until:
        reached: Callable[..., object] = getattr(*until)

        def has_come(*given: Any, **named: Any) -> object:
            answer = reached(*given, **named)
            go_on.set()
            return answer

        monkeypatch.setattr(*until, has_come)
    answers: list[object] = [None, None]

    def run(index: int, call: Callable[[], object]) -> None:
        first_runs.yes = index == 0
        try:
            answers[index] = call()
        except Exception as problem:
            answers[index] = problem
        finally:
            connections.close_all()

    one = threading.Thread(target=run, args=(0, first))
    other = threading.Thread(target=run, args=(1, second))
    one.start()
    assert there.wait(30), f"{name} was never reached: {answers[0]!r}"
    other.start()
    other.join(patience)
    go_on.set()
    one.join()
    other.join()
    return answers
