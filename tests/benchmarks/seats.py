"""Accepted reservations a second: through the ORM and through the HTTP API, beside pgbench writing the same rows.

pgbench is the floor: its clients update one seat each and insert the reservation, its two charges, the line of history
and the message, in one transaction, asking nothing first and meeting nobody. The product reads who may, on what terms,
and finds a seat among people who want the same ones. All run on the same server in the same run, taking turns.
"""

import argparse
import http.client
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from booking.reservations import reserving
from booking.reservations.models import Reservation
from tests import factories
from tests.benchmarks import floor, past
from tests.services.server import Product, running_product
from workshops.cohorts.models import Cohort
from workshops.people.models import ApiToken, Role, RoleGrant, User
from workshops.prerequisites.models import Completion
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState
from workshops.programme.models import Module


@dataclass
class Crowd:
    """People who qualify, with the keys of their tokens."""

    people: list[User]
    keys: list[str]


@dataclass
class Measured:
    """One measurement: how many a second, and how long each took, in seconds."""

    rate: float
    took: list[float]


def crowd(size: int) -> Crowd:
    """So many trainees who qualify and hold nothing, made in bulk."""
    moment, password = now(), make_password(None)
    start = User.objects.count()
    people = User.objects.bulk_create(
        User(email=f"bench{start + number}@example.org", name=f"Bench {number}", password=password)
        for number in range(size)
    )
    RoleGrant.objects.bulk_create(RoleGrant(user=each, role=Role.TRAINEE, granted_at=moment) for each in people)
    modules = Module.objects.filter(days=0)
    Completion.objects.bulk_create(
        Completion(user=each, module=module, completed_on=moment.date() - timedelta(days=90), recorded_at=moment)
        for each in people
        for module in modules
    )
    records = OnSetRecord.objects.bulk_create(
        OnSetRecord(user=each, production="Bench", state=RecordState.ACCEPTED, decided_at=moment) for each in people
    )
    OnSetDay.objects.bulk_create(
        OnSetDay(record=each, day=moment.date() - timedelta(days=100 + back)) for each in records for back in range(10)
    )
    keys = [f"bench-{start}-{number}" for number in range(size)]
    ApiToken.objects.bulk_create(
        ApiToken(
            user=each,
            name="bench",
            scopes=["read", "book"],
            digest=ApiToken.digest_of(key),
            created_at=moment,
            expires_at=moment + timedelta(days=1),
            last_used_at=moment,
        )
        for each, key in zip(people, keys, strict=True)
    )
    return Crowd(people, keys)


def rooms(count: int, capacity: int) -> list[Cohort]:
    """So many cohorts with so many free seats each."""
    return [factories.cohort(now=now(), capacity=capacity) for _ in range(count)]


# -- measuring ---------------------------------------------------------------------------------------------------------
def at_once(clients: int, work: list[Any], do: Callable[[Iterable[Any]], list[float]]) -> Measured:
    """Share `work` among processes that begin at the same moment, and time the whole."""
    connections.close_all()
    context = multiprocessing.get_context("fork")
    gate, times = context.Barrier(clients + 1), context.SimpleQueue()
    shares = [work[number::clients] for number in range(clients)]
    processes = [context.Process(target=_share, args=(gate, times, share, do)) for share in shares]
    for process in processes:
        process.start()
    gate.wait()
    begin = time.perf_counter()
    took = [duration for _ in processes for duration in times.get()]
    elapsed = time.perf_counter() - begin
    for process in processes:
        process.join()
    return Measured(len(took) / elapsed, took)


def _share(gate: Barrier, times: Any, share: list[Any], do: Callable[[Iterable[Any]], list[float]]) -> None:
    connection.ensure_connection()
    gate.wait()
    times.put(do(share))


def through_the_orm(jobs: Iterable[tuple[Cohort, User]]) -> list[float]:
    """Reserve, one after the other."""
    took = []
    for cohort, person in jobs:
        begin = time.perf_counter()
        reserving.hold(cohort, person, now=now())
        took.append(time.perf_counter() - begin)
    return took


def over_http(product: Product, expected: int, path: str, method: str) -> Callable[[Iterable[Any]], list[float]]:
    """Ask the API, one call after the other on one connection."""

    def ask(jobs: Iterable[tuple[str, str]]) -> list[float]:
        channel, took = http.client.HTTPConnection("127.0.0.1", product.port, timeout=60), []
        for cohort, key in jobs:
            body = json.dumps({"cohort": cohort}) if method == "POST" else None
            begin = time.perf_counter()
            channel.request(
                method,
                path,
                body,
                {"Authorization": f"Bearer {key}", "Content-Type": "application/json"} if key else {},
            )
            answer = channel.getresponse()
            answer.read()
            took.append(time.perf_counter() - begin)
            assert answer.status == expected, answer.status
        return took

    return ask


# -- the run -----------------------------------------------------------------------------------------------------------
def run(options: argparse.Namespace, folder: Path, url: str) -> None:
    """Measure everything on PostgreSQL, round by round, and print the medians and ratios."""
    sample, statements = _first()
    print(f"statements for one reservation: {statements}")
    script = floor.script_like(sample)
    with running_product(folder / "product", url, folder, processes=2, threads=8) as product:
        for clients in options.clients:
            for cohorts in (1, 12):
                _row(options, product, url, script, clients, cohorts)
            _sold_out(options, product, clients)
        if options.past:
            _before_and_after(options, product, sample)


def run_on_sqlite(options: argparse.Namespace) -> None:
    """Eight processes that write to one file: how many a second, and how long the unluckiest waited for their turn."""
    _first()  # a process that serves has loaded everything; here it is loaded once, before there are eight
    measured = []
    for _ in range(options.rounds):
        jobs = _jobs(12, options.each)
        measured.append(at_once(8, jobs, through_the_orm))
    longest = max(duration for each in measured for duration in each.took)
    print(
        f"SQLite, 8 processes, 12 cohorts: {statistics.median(each.rate for each in measured):6.0f}/s"
        f" {_percentiles(measured)}, the longest anyone waited for a seat {longest * 1000:.0f} ms"
    )


def _jobs(cohorts: int, size: int) -> list[tuple[Cohort, User]]:
    places = rooms(cohorts, size)
    return [(places[number % cohorts], person) for number, person in enumerate(crowd(size).people)]


def _row(options: argparse.Namespace, product: Product, url: str, script: str, clients: int, cohorts: int) -> None:
    size = options.each // clients * clients
    rates: dict[str, list[float]] = {"pgbench": [], "orm": [], "http": []}
    took: dict[str, list[Measured]] = {"orm": [], "http": []}
    for _ in range(options.rounds):
        for way in rates:
            places, people = rooms(cohorts, size), crowd(size)
            jobs = [(places[number % cohorts], person) for number, person in enumerate(people.people)]
            if way == "pgbench":
                if rate := floor.pgbench(url, clients, places, people.people, script):
                    rates[way].append(rate)
                continue
            if way == "orm":
                measured = at_once(clients, jobs, through_the_orm)
            else:
                calls = [(cohort.public_id, key) for (cohort, _), key in zip(jobs, people.keys, strict=True)]
                measured = at_once(clients, calls, over_http(product, 201, "/api/v1/reservations", "POST"))
            rates[way].append(measured.rate)
            took[way].append(measured)
    least, orm, api = (statistics.median(each) if each else 0.0 for each in rates.values())
    ratios = [f"({rate / least:.2f} of pgbench)" if least else "" for rate in (orm, api)]
    print(
        f"{clients:>3} clients, {cohorts:>2} cohorts: pgbench {least:5.0f}/s"
        f"   ORM {orm:5.0f}/s {ratios[0]} {_percentiles(took['orm'])}"
        f"   HTTP {api:5.0f}/s {ratios[1]} {_percentiles(took['http'])}"
    )


def _sold_out(options: argparse.Namespace, product: Product, clients: int) -> None:
    size = options.each // clients * clients
    full = rooms(1, 1)[0]
    reserving.hold(full, crowd(1).people[0], now=now())
    people = crowd(size)
    calls = [(full.public_id, key) for key in people.keys]
    refused, plain = [], []
    for _ in range(options.rounds):
        refused.append(at_once(clients, calls, over_http(product, 409, "/api/v1/reservations", "POST")))
        nothing = [("", "")] * size
        plain.append(at_once(clients, nothing, over_http(product, 200, "/health/live", "GET")))
    rate, plainest = (statistics.median(each.rate for each in several) for several in (refused, plain))
    print(
        f"{clients:>3} clients, sold out:   HTTP {rate:5.0f}/s ({rate / plainest:.2f} of the plainest answer,"
        f" {plainest:.0f}/s) {_percentiles(refused)}"
    )


def _before_and_after(options: argparse.Namespace, product: Product, sample: Reservation) -> None:
    """Whether the past weighs on the present: the same measurement before and after it is there."""

    def medians() -> list[float]:
        orm, api = [], []
        for _ in range(options.rounds):
            orm.append(at_once(8, _jobs(12, options.each), through_the_orm).rate)
            api.append(_over_http_once(product, options.each).rate)
        return [statistics.median(orm), statistics.median(api)]

    before = medians()
    past.add(options.past, sample)
    for way, without, with_past in zip(("ORM", "HTTP"), before, medians(), strict=True):
        print(
            f"  8 clients, 12 cohorts: {way} {without:.0f}/s, and with {options.past:,} past reservations"
            f" {with_past:.0f}/s ({with_past / without:.2f})"
        )


def _over_http_once(product: Product, size: int) -> Measured:
    places, people = rooms(12, size), crowd(size)
    calls = [(places[number % 12].public_id, key) for number, key in enumerate(people.keys)]
    return at_once(8, calls, over_http(product, 201, "/api/v1/reservations", "POST"))


def _percentiles(measured: list[Measured]) -> str:
    took = sorted(duration for each in measured for duration in each.took)
    middle, late = took[len(took) // 2], took[int(len(took) * 0.99)]
    return f"p50 {middle * 1000:.1f} ms, p99 {late * 1000:.1f} ms"


def _first() -> tuple[Reservation, int]:
    """One reservation, for its rows, and how many statements another one takes once the programme is known."""
    sample = reserving.hold(rooms(1, 1)[0], crowd(1).people[0], now=now())
    cohort, person = rooms(1, 1)[0], crowd(1).people[0]
    with CaptureQueriesContext(connection) as captured:
        reserving.hold(cohort, person, now=now())
    wrapping = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return sample, sum(not query["sql"].startswith(wrapping) for query in captured.captured_queries)
