"""Crowds at once for the last seats, through the real server, on SQLite and on PostgreSQL."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.utils.timezone import now

from booking.reservations import reserving
from booking.reservations.models import Reservation
from tests import factories
from tests.concurrency.rush import Answer, all_at_once, call, tally
from tests.invariants import assert_all_hold
from tests.services.databases import at_once
from tests.services.server import Product
from workshops.cohorts.models import Cohort, Seat
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Scope

SEATS, PEOPLE = 12, 60


def a_crowd(capacity: int, people: int) -> tuple[Cohort, list[str]]:
    """A cohort with so many free seats, and the keys of so many trainees who qualify."""
    with transaction.atomic():
        cohort = factories.cohort(capacity=capacity, now=now())
        crowd = [factories.token(each, Scope.BOOK, Scope.READ, now=now()) for each in factories.trainees(people)]
    return cohort, crowd


def seats_promised(cohort: Cohort) -> int:
    """How many people were told that they have a seat."""
    return Reservation.objects.filter(cohort=cohort).holding_a_seat(now()).count()


def test_sixty_at_once_for_twelve_seats_leave_exactly_twelve_seated(start_product: Callable[..., Product]) -> None:
    cohort, crowd = a_crowd(SEATS, PEOPLE)
    answers = all_at_once(start_product(), crowd, "/reservations", {"cohort": cohort.public_id})
    assert tally(answers) == {"201": SEATS, "409 cohort-full": PEOPLE - SEATS}
    assert seats_promised(cohort) == SEATS
    taken = Seat.objects.filter(cohort=cohort, status="held")
    promised = Reservation.objects.filter(cohort=cohort)
    assert {(seat.number, seat.occupant_id) for seat in taken} == {(r.seat_number, r.trainee_id) for r in promised}
    assert len({seat.occupant_id for seat in taken}) == SEATS
    assert HistoryLine.objects.filter(what="reservation-held").count() == SEATS
    assert Message.objects.filter(kind="reservation-held").count() == SEATS


def test_two_hundred_at_once_for_the_last_seat_leave_one_of_them_seated(start_product: Callable[..., Product]) -> None:
    cohort, crowd = a_crowd(1, 200)
    answers = all_at_once(start_product(), crowd, "/reservations", {"cohort": cohort.public_id})
    assert tally(answers) == {"201": 1, "409 cohort-full": 199}
    assert seats_promised(cohort) == 1
    assert_all_hold(now())


def test_two_hundred_for_twelve_seats_whose_holds_run_out_meanwhile_take_each_as_it_comes_free(
    start_product: Callable[..., Product],
) -> None:
    """Twelve people hold every seat, and their holds run out one by one while a crowd asks again and again.

    Whoever is told "full" asks until all have run out, and once more after that: then no seat is left over.
    """
    cohort, crowd = a_crowd(SEATS, 200)
    product = start_product(worker=True)
    with transaction.atomic():
        first = now() - timedelta(minutes=60) + timedelta(seconds=2)
        for step in range(SEATS):
            reserving.hold(cohort, factories.trainee(), now=first + timedelta(milliseconds=150 * step))
    over = first + timedelta(minutes=60, milliseconds=150 * SEATS)
    answers = everyone_until(over, partial(asks, product, cohort), crowd)
    assert tally(answers) == {"201": SEATS, "409 cohort-full": 200 - SEATS}
    assert seats_promised(cohort) == SEATS
    assert_all_hold(now())


def asks(product: Product, cohort: Cohort, token: str) -> Answer:
    """One person asks for a seat."""
    return call(product, "POST", "/reservations", token, {"cohort": cohort.public_id})


def everyone_until(over: datetime, ask: Callable[[str], Answer], crowd: list[str]) -> list[Answer]:
    """Everyone at once, and again whoever was told "full" before that moment; each one's last answer."""
    gate = threading.Barrier(len(crowd))

    def one(token: str) -> Answer:
        gate.wait()
        while True:
            too_early, answer = now() <= over, ask(token)
            if answer.status == 201 or not too_early:
                return answer
            time.sleep(1)

    with ThreadPoolExecutor(len(crowd)) as people:
        return list(people.map(one, crowd))


def test_the_same_rush_oversells_when_the_guard_is_taken_out(start_product: Callable[..., Product]) -> None:
    """The negative control: without the one function that claims seats, the rush above would not be harmless."""
    cohort, crowd = a_crowd(SEATS, PEOPLE)
    product = start_product(environment={"DJANGO_SETTINGS_MODULE": "tests.concurrency.unguarded"})
    product.faults_expected = True
    all_at_once(product, crowd, "/reservations", {"cohort": cohort.public_id})
    assert seats_promised(cohort) > SEATS


def test_one_person_in_twenty_tabs_gets_one_seat(start_product: Callable[..., Product]) -> None:
    cohort, crowd = a_crowd(SEATS, 1)
    answers = all_at_once(start_product(), crowd * 20, "/reservations", {"cohort": cohort.public_id})
    assert tally(answers) == {"201": 1, "409 already-reserved": 19}
    assert seats_promised(cohort) == 1


def test_one_person_reserving_in_two_cohorts_at_once_gets_one_seat(start_product: Callable[..., Product]) -> None:
    product, (first, crowd) = start_product(), a_crowd(SEATS, 1)
    second = factories.cohort(now=now())
    bodies = [{"cohort": cohort.public_id} for cohort in (first, second) * 5]
    at_once(*(partial(call, product, "POST", "/reservations", crowd[0], body) for body in bodies))
    assert seats_promised(first) + seats_promised(second) == 1
    assert Seat.objects.filter(occupant__isnull=False).count() == 1


def test_a_rush_of_people_who_lack_something_seats_nobody(product: Product) -> None:
    cohort = factories.cohort(now=now())
    lacking = ["module-i", "module-ii", "module-iii", "on-set-days"] * 4
    with transaction.atomic():
        crowd = [factories.token(factories.trainee(lacking=code), Scope.BOOK, now=now()) for code in lacking]
    answers = all_at_once(product, crowd, "/reservations", {"cohort": cohort.public_id})
    assert tally(answers) == {"409 prerequisites-unmet": len(crowd)}
    assert [[each["code"] for each in answer.body["requirements"] if not each["met"]] for answer in answers] == [
        [code] for code in lacking
    ]
    assert seats_promised(cohort) == 0
