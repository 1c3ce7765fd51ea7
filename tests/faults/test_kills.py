"""Kill -9 in the middle of a rush, thirty times: what was promised stays so, and nothing is left half done.

A crowd reserves, pays, moves, waits, accepts, declines and cancels through the real server while its processes are
killed: one that serves requests, the worker in the middle of sending, PostgreSQL with all its processes, or everything
at one moment. Whoever dies is started again on the same data, as a service manager would, and the rush goes on.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from booking.reservations.models import Reservation
from tests import factories
from tests.faults import promises
from tests.faults.conftest import Struck
from tests.faults.crowd import Rush, Trainee, gather, until
from tests.faults.house import House
from tests.invariants import broken
from tests.services.server import Product
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import LEASE

PEOPLE, SEATS = 16, 6
STRIKES_A_RUSH = 5
UNGUARDED = {"DJANGO_SETTINGS_MODULE": "tests.faults.unguarded"}
MISSES = 10
"""So many kills in a row do not miss what a negative control waits for."""


def rush_through(house: House, strikes: Sequence[Callable[[], None]], people: list[Trainee]) -> None:
    """A rush in which these strikes fall, each when it is in full swing again."""
    with Rush(house.product, people) as rush:
        for number, strike in enumerate(strikes):
            rush.goes_on(yeses=len(people) // 4 + number)
            strike()
        rush.goes_on(yeses=len(people) // 2)
    connection.close()


def damage(people: list[Trainee]) -> list[str]:
    """Everything that is not as it was promised, once a rush is over."""
    return [*promises.forgotten(people), *promises.half_done(), *broken(now())]


def come_to_rest(people: list[Trainee]) -> None:
    """What was in doubt has been found whole: everyone goes on from how it stands."""
    for each in people:
        each.is_settled(dict(Reservation.objects.filter(trainee=each.person_id).values_list("public_id", "state")))


def killed_again_and_again(house: House, strikes: Sequence[Callable[[], None]], seed: int) -> None:
    """Rush after rush on the same data until all these strikes have fallen, and then deliver every message."""
    people = gather(PEOPLE, seats=SEATS, seed=seed)
    cut_off = 0
    for begun in range(0, len(strikes), STRIKES_A_RUSH):
        rush_through(house, strikes[begun : begun + STRIKES_A_RUSH], people)
        assert damage(people) == []
        cut_off += sum(bool(each.may_be) for each in people)
        come_to_rest(people)
    assert cut_off, "nobody was in the middle of anything"
    assert house.interrupted, "no worker was in the middle of sending"
    house.product.stop()
    promises.send_what_is_left(house.product, now() + LEASE + timedelta(minutes=1))
    assert list(promises.astray(house.product)) == []


@pytest.mark.slow
@pytest.mark.sqlite
def test_every_yes_is_still_true_after_ten_kills_of_web_processes_worker_and_all(
    start_product: Callable[..., Product],
) -> None:
    house = House(start_product(worker=True))
    web, worker, everything = house.kill_a_web_process, house.kill_the_worker, house.kill_everything
    killed_again_and_again(house, [web, worker, web, worker, everything] * 2, seed=1)


@pytest.mark.slow
@pytest.mark.postgres
def test_every_yes_is_still_true_after_twenty_kills_of_web_processes_worker_and_postgres(
    start_struck: Callable[..., Struck],
) -> None:
    struck = start_struck(worker=True)
    house = House(struck.product, struck.database)
    database, web, worker = house.kill_the_database, house.kill_a_web_process, house.kill_the_worker
    kinds = [*[database, web, worker, database, web] * 2, *[database, worker, web, database, house.kill_everything] * 2]
    killed_again_and_again(house, kinds, seed=2)


# -- the negative controls ---------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.postgres
def test_the_same_kills_lose_what_was_promised_where_commits_do_not_wait_for_the_disk(
    start_struck: Callable[..., Struck],
) -> None:
    """With `synchronous_commit=off`, and nothing else changed, people lose what they were told.

    A kill can miss, where the last commits happen to have filled a page of the log.
    """
    struck = start_struck(waits=False, processes=1)
    house = House(struck.product, struck.database)
    people = gather(PEOPLE, seats=SEATS, seed=3)
    found: list[str] = []
    for _ in range(MISSES):
        rush_through(house, [house.kill_the_database], people)
        found = list(promises.forgotten(people))
        if found:
            break
        come_to_rest(people)
    assert found


@pytest.mark.slow
def test_where_messages_are_queued_after_the_commit_a_killed_web_server_leaves_someone_untold(
    start_product: Callable[..., Product],
) -> None:
    house = House(start_product(processes=1, environment=UNGUARDED))
    house.product.faults_expected = True
    people = gather(PEOPLE, seats=SEATS, seed=4)
    found: list[str] = []
    for _ in range(MISSES):
        rush_through(house, [house.kill_the_web_server], people)
        assert list(promises.forgotten(people)) == []
        found = list(promises.half_done())
        if found:
            break
        come_to_rest(people)
    assert found
    assert all("message was not queued" in each or "reader was told otherwise" in each for each in found)


@pytest.mark.slow
def test_where_messages_are_marked_before_they_are_sent_a_killed_worker_loses_some(
    start_product: Callable[..., Product],
) -> None:
    product = start_product(web=False, environment=UNGUARDED)
    with transaction.atomic():
        for _ in range(4):
            factories.reservation(now=now())
    product.start_worker()
    until(Message.objects.filter(state=MessageState.SENT).exists, "the worker sends nothing", product)
    product.kill_worker()
    connection.close()
    promises.send_what_is_left(product, now() + LEASE + timedelta(minutes=1))
    assert any("arrived 0 times" in each for each in promises.astray(product))
