"""A registrar who is changing a cohort at this moment keeps nobody from a seat in it."""

import threading
from dataclasses import replace

import pytest
from django.db import connections, transaction

from booking.desk.planning import seating
from booking.reservations.models import Reservation
from tests import factories
from tests.factories import NOW
from tests.services.databases import at_once
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, Seat
from workshops.cohorts.planning import Refused
from workshops.people.models import Role

pytestmark = pytest.mark.usefixtures("fresh_database")


@pytest.mark.postgres
def test_someone_gets_a_seat_while_a_planner_holds_the_cohorts_lock() -> None:
    cohort, registrar, trainee = factories.cohort(), factories.person(Role.REGISTRAR), factories.trainee()
    changed, go_on = threading.Event(), threading.Event()

    def planner() -> None:
        try:
            with transaction.atomic():
                planning.set_cohort_terms(cohort, {"minimum_enrolment": 2}, by=registrar, now=NOW)
                changed.set()
                go_on.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=planner)
    thread.start()
    assert changed.wait(10)
    try:
        assert factories.reservation(cohort=cohort, trainee=trainee).seat_number == 1
    finally:
        go_on.set()
        thread.join()


@pytest.mark.postgres
def test_a_command_that_waited_for_a_change_of_venue_finds_the_cohort_in_its_new_place() -> None:
    cohort, venue, registrar = factories.cohort(), factories.venue(), factories.person(Role.REGISTRAR)
    changed, go_on = threading.Event(), threading.Event()

    def planner() -> None:
        try:
            with transaction.atomic():
                plan = replace(planning.plan_of(cohort), venue=venue)
                planning.change_cohort(cohort, plan, by=registrar, now=NOW)
                changed.set()
                go_on.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=planner)
    thread.start()
    assert changed.wait(10)
    threading.Timer(0.5, go_on.set).start()
    assert planning.close(cohort, by=registrar, now=NOW).venue == venue
    thread.join()


@pytest.mark.parametrize("trial", range(3))
def test_a_seat_is_kept_back_or_given_to_someone_never_both(trial: int) -> None:
    registrar = factories.person(Role.REGISTRAR)
    cohort, people = factories.cohort(capacity=4), [factories.trainee() for _ in range(4)]

    def keep(number: int) -> None:
        seating.keep_back(cohort, number, by=registrar, now=NOW, why="For a guest.")

    answers = at_once(
        *[lambda person=person: factories.reservation(cohort=cohort, trainee=person) for person in people],
        *[lambda number=number: keep(number) for number in (1, 2)],
    )
    assert not [each for each in answers[4:] if each is not None and not isinstance(each, Refused)]
    kept = Seat.objects.filter(cohort=cohort, status="blocked")
    promised = Reservation.objects.filter(cohort=cohort).holding_a_seat(NOW)
    assert kept.count() == answers[4:].count(None)
    assert not set(kept.values_list("number", flat=True)) & set(promised.values_list("seat_number", flat=True))
    assert promised.count() == sum(isinstance(each, Reservation) for each in answers)
    assert kept.count() + promised.count() <= 4
    assert Cohort.objects.get().seats.count() == 4
