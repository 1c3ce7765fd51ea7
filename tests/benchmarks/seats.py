"""Accepted reservations a second: through the ORM and through the HTTP API, beside pgbench writing the same rows.

pgbench is the floor: its clients update one seat each and insert the reservation, its two charges, the line of history
and the message, in one transaction, asking nothing first and meeting nobody. The product reads who may, on what terms,
and finds a seat among people who want the same ones. All run on the same server in the same run, taking turns.
"""

import argparse
import http.client
import json
import multiprocessing
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.contrib.auth.hashers import make_password
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from booking.reservations import lifecycle
from booking.reservations.admission import Refused
from booking.reservations.models import Reservation
from tests import factories
from tests.services.server import Product, running_product
from workshops.cohorts.models import Cohort, Seat
from workshops.people.models import ApiToken, Role, RoleGrant, User
from workshops.prerequisites.models import Completion, OnSetDay, OnSetRecord, RecordState
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
        lifecycle.hold(cohort, person, now=now())
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


def pgbench(url: str, clients: int, cohorts: list[Cohort], people: list[User]) -> Measured | None:
    """The same rows by pgbench: `len(people)` transactions, each with a seat and a person of its own."""
    program = shutil.which("pgbench")
    if program is None:
        return None
    each = len(people) // clients
    first_seat = min(Seat.objects.filter(cohort__in=cohorts).values_list("pk", flat=True))
    script = f"""
\\set i :i + 1
\\set n :client_id * {each} + :i
\\set seat {first_seat} + :n
\\set person {people[0].pk} + :n
BEGIN;
UPDATE workshops_seat SET status = 'held', occupant_id = :person, held_until = now() + interval '1 hour'
  WHERE id = :seat;
INSERT INTO booking_reservation (public_id, trainee_id, cohort_id, seat_number, state, held_until, price_cents,
  deposit_cents, currency, paid_elsewhere, balance_due_on, terms_frozen, conduct_id, conduct_accepted_at, is_only_one,
  created_at) SELECT substr(md5(random()::text), 1, 20), :person, cohort_id, number, 'held', held_until, 209900, 50000,
  'USD', false, current_date, '{{"deposit_cents": 50000}}', (SELECT max(id) FROM workshops_conducttext), now(), true,
  now() FROM workshops_seat WHERE id = :seat;
INSERT INTO booking_charge (reservation_id, kind, amount_cents, due_at) VALUES
  (currval('booking_reservation_id_seq'), 'deposit', 50000, now()), (currval('booking_reservation_id_seq'), 'balance',
  159900, now());
INSERT INTO workshops_historyline (at, by_id, what, why, about_kind, about_id, person_id, facts) VALUES
  (now(), :person, 'reservation-held', '', 'reservation', currval('booking_reservation_id_seq')::text, :person, '{{}}');
INSERT INTO workshops_message (kind, subject, step, to_id, context, state, created_at, due_at, attempts, last_error)
  VALUES ('reservation-held', 'reservation:' || currval('booking_reservation_id_seq'), 0, :person,
  '{{"name": "Bench"}}', 'queued', now(), now(), 0, '') ON CONFLICT DO NOTHING;
COMMIT;
"""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        parts = urlsplit(url)
        done = subprocess.run(
            [
                program,
                *("-n", "-M", "prepared", "-f", file.name, "-c", str(clients), "-t", str(each), "-D", "i=-1"),
                *("-h", unquote(parts.netloc.rpartition("@")[2]), "-U", str(parts.username), parts.path.lstrip("/")),
            ],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
    return Measured(float(line.split()[2]), [])


# -- the run -----------------------------------------------------------------------------------------------------------
def run(options: argparse.Namespace, folder: Path, url: str) -> None:
    """Measure everything, round by round, and print the medians and ratios."""
    print(f"statements for one reservation: {_statements()}")
    if options.past:
        _past(options.past)
    with running_product(folder / "product", url, folder, processes=2, threads=8) as product:
        for clients in options.clients:
            for cohorts in (1, 12):
                _row(options, product, url, clients, cohorts)
            _sold_out(options, product, clients)


def _row(options: argparse.Namespace, product: Product, url: str, clients: int, cohorts: int) -> None:
    size = options.each // clients * clients
    rounds: dict[str, list[Measured]] = {"pgbench": [], "orm": [], "http": []}
    for _ in range(options.rounds):
        for way in rounds:
            places, people = rooms(cohorts, size), crowd(size)
            jobs = [(places[number % cohorts], person) for number, person in enumerate(people.people)]
            if way == "pgbench":
                measured = pgbench(url, clients, places, people.people)
            elif way == "orm":
                measured = at_once(clients, jobs, through_the_orm)
            else:
                calls = [(cohort.public_id, key) for (cohort, _), key in zip(jobs, people.keys, strict=True)]
                measured = at_once(clients, calls, over_http(product, 201, "/api/v1/reservations", "POST"))
            if measured:
                rounds[way].append(measured)
    floor, orm, api = (statistics.median(m.rate for m in rounds[way]) if rounds[way] else 0.0 for way in rounds)
    print(
        f"{clients:>3} clients, {cohorts:>2} cohorts: pgbench {floor:7.0f}/s   ORM {orm:6.0f}/s"
        f" ({orm / floor if floor else 0:.2f} of pgbench) {_percentiles(rounds['orm'])}   HTTP {api:6.0f}/s"
        f" ({api / orm:.2f} of ORM) {_percentiles(rounds['http'])}"
    )


def _sold_out(options: argparse.Namespace, product: Product, clients: int) -> None:
    size = options.each // clients * clients
    full = rooms(1, 1)[0]
    lifecycle.hold(full, crowd(1).people[0], now=now())
    people = crowd(size)
    refused, plain = [], []
    for _ in range(options.rounds):
        calls = [(full.public_id, key) for key in people.keys]
        refused.append(at_once(clients, calls, over_http(product, 409, "/api/v1/reservations", "POST")).rate)
        nothing = [("", "")] * size
        plain.append(at_once(clients, nothing, over_http(product, 200, "/health/live", "GET")).rate)
    ratio = statistics.median(refused) / statistics.median(plain)
    print(
        f"{clients:>3} clients, sold out: {statistics.median(refused):6.0f}/s"
        f" ({ratio:.2f} of the plainest answer, {statistics.median(plain):.0f}/s)"
    )


def _percentiles(measured: list[Measured]) -> str:
    took = sorted(duration for each in measured for duration in each.took)
    middle, late = took[len(took) // 2], took[int(len(took) * 0.99)]
    return f"p50 {middle * 1000:5.1f} ms, p99 {late * 1000:5.1f} ms"


def _statements() -> int:
    cohort, person = rooms(1, 1)[0], crowd(1).people[0]
    with CaptureQueriesContext(connection) as captured:
        lifecycle.hold(cohort, person, now=now())
    wrapping = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return sum(not query["sql"].startswith(wrapping) for query in captured.captured_queries)


def _past(count: int) -> None:
    """So many reservations that ended long ago, of people who are not part of the measurement."""
    cohort, person = rooms(1, 1)[0], crowd(1).people[0]
    try:
        made = lifecycle.hold(cohort, person, now=now())
    except Refused as refused:
        raise AssertionError("The first reservation must be possible.") from refused
    Reservation.objects.filter(pk=made.pk).update(state="cancelled", held_until=None)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            "INSERT INTO booking_reservation (public_id, trainee_id, cohort_id, seat_number, state, price_cents,"
            " deposit_cents, currency, paid_elsewhere, balance_due_on, terms_frozen, conduct_id, conduct_accepted_at,"
            " is_only_one, created_at) SELECT substr(md5(n::text), 1, 20), trainee_id, cohort_id, seat_number, state,"
            " price_cents, deposit_cents, currency, paid_elsewhere, balance_due_on, terms_frozen, conduct_id,"
            " conduct_accepted_at, is_only_one, created_at - interval '1 year' FROM booking_reservation,"
            " generate_series(1, %s) n WHERE id = %s",
            [count, made.pk],
        )
        cursor.execute("ANALYZE")
    print(f"with {count} past reservations in the database")
