"""How many requests one caller may make."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tests import factories
from tests.asking import Answer, Program
from workshops.people.models import Scope
from workshops.web.limits import Limiter


class Seconds:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_of_a_minutes_worth_passes_and_the_next_one_waits() -> None:
    limiter = Limiter(Seconds())
    assert [limiter.wait("one", 60) for _ in range(60)] == [0] * 60
    assert limiter.wait("one", 60) == 1


def test_waiting_as_told_is_enough_and_waiting_less_is_not() -> None:
    clock = Seconds()
    limiter = Limiter(clock)
    for _ in range(10):
        limiter.wait("one", 10)
    assert limiter.wait("one", 10) == 6
    clock.now += 5.9
    assert limiter.wait("one", 10) == 1
    clock.now += 0.1
    assert limiter.wait("one", 10) == 0
    assert limiter.wait("one", 10) == 6


def test_nobody_pays_for_anothers_haste() -> None:
    limiter = Limiter(Seconds())
    for _ in range(10):
        limiter.wait("one", 10)
    assert limiter.wait("another", 10) == 0


def test_what_it_remembers_stays_small() -> None:
    clock = Seconds()
    limiter = Limiter(clock)
    for number in range(25_000):
        clock.now += 0.1
        limiter.wait(f"caller {number}", 60)
    assert len(limiter._used_up) <= 10_001


@pytest.mark.django_db
def test_a_hasty_program_is_told_when_to_come_back(settings: Settings) -> None:
    settings.API_REQUESTS_A_MINUTE = 3
    person = factories.person()
    hasty = Program.of(person, Scope.READ)
    assert [hasty.get("/me").status for _ in range(4)] == [200, 200, 200, 429]
    told = hasty.get("/me")
    assert told.problem == (429, "slow-down")
    assert 1 <= int(told.headers["Retry-After"]) <= 20
    assert Program.of(person, Scope.READ).get("/me").status == 200, "it is the token that is counted"


@pytest.mark.django_db
def test_a_browser_is_counted_by_its_person(settings: Settings, client: Client) -> None:
    settings.API_REQUESTS_A_MINUTE = 1
    client.force_login(factories.person())
    assert client.get("/api/v1/me").status_code == 200
    assert Answer(client.get("/api/v1/me")).problem == (429, "slow-down")


@pytest.mark.django_db
def test_counting_writes_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    program = Program.of(factories.person(), Scope.READ)
    program.get("/me")  # notes when the token was used
    with django_assert_num_queries(2):  # the token and the roles
        program.get("/me")
