"""`python -m tests.benchmarks.feeds`: how long a calendar takes that has changed, and one that has not.

A fresh calendar of 100 events is made in this process: read, and written; beside it the same calendar written by
icalendar. For one that has not changed, clients on connections that stay open ask the real server with the tag they
have, and, taking turns with that, for its plainest answer. They do little more than send and read bytes, so that it is
the server that is measured.
"""

import argparse
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from tests.services import postgres
from tests.services.databases import migrate

EVENTS = 100
PLAINEST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


def main() -> int:
    """Measure as asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.feeds", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds; the median of them is printed")
    parser.add_argument("--each", type=int, default=1600, help="requests in one round")
    parser.add_argument("--clients", type=int, default=4, help="processes that ask at once")
    parser.add_argument("--only", choices=("postgres", "sqlite"), help="measure on one of the databases only")
    options = parser.parse_args()
    if options.only is None:  # settings are read once, so each database needs a process of its own
        given = [f"--{name}={getattr(options, name)}" for name in ("rounds", "each", "clients")]
        command = [sys.executable, "-m", "tests.benchmarks.feeds", *given]
        return max(subprocess.run([*command, "--only", name]).returncode for name in ("sqlite", "postgres"))
    with tempfile.TemporaryDirectory(prefix="cintima-bench-") as folder:
        if options.only == "sqlite":
            measure(options, Path(folder), f"sqlite:///{folder}/bench.sqlite3")
        else:
            with postgres.running(durable=True) as server:
                measure(options, Path(folder), server.address.create("bench"))
    return 0


def measure(options: argparse.Namespace, folder: Path, url: str) -> None:
    """Prepare the product on this database, and measure both."""
    migrate(url, folder)
    data = {"DATABASE_URL": url, "DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "booking.site.settings"}
    os.environ |= data
    import django

    django.setup()
    print(f"{options.only}:")
    paths = _year(options)
    _fresh(options, paths)
    _unchanged(options, folder, url, paths)


# -- what is measured --------------------------------------------------------------------------------------------------
def _year(options: argparse.Namespace) -> dict[str, list[str]]:
    """Twenty cohorts of five entries, someone who is in all of them, and a crowd that subscribed. Paths by feed."""
    from booking.calendars import tokens
    from booking.calendars.models import FeedKind, FeedToken
    from booking.reservations.models import Reservation
    from tests import factories
    from workshops.clock import current_time
    from workshops.people.models import Role, User

    now = current_time()
    teacher = factories.person(Role.INSTRUCTOR)
    terms: dict[str, Any] = {"terms_changed": {"one_active_seat": False}}
    first = (now + timedelta(days=60)).date()
    cohorts = [
        factories.cohort(starts_on=first + timedelta(days=20 * number), now=now, instructors=(teacher,), **terms)
        for number in range(25)
    ]
    busy = factories.trainee()
    for cohort in cohorts:
        made = factories.reservation(cohort=cohort, trainee=busy, now=now)
        Reservation.objects.filter(pk=made.pk).update(is_only_one=False)

    def path(user: User, kind: FeedKind) -> str:
        return "/" + tokens.make(user, kind, now=now)[1].split("/", 3)[3]

    # One calendar may be fetched so often in a minute; a crowd's are.
    crowd = factories.trainees(max(400, options.each // 4))
    secrets = [f"bench-{person.pk}" for person in crowd]
    FeedToken.objects.bulk_create(
        FeedToken(user=person, kind=FeedKind.TRAINEE, digest=FeedToken.digest_of(secret), created_at=now)
        for person, secret in zip(crowd, secrets, strict=True)
    )
    return {
        "all cohorts": ["/calendar/cohorts.ics"],
        "trainee": [path(busy, FeedKind.TRAINEE)],
        "instructor": [path(teacher, FeedKind.INSTRUCTOR)],
        "trainees": [f"/calendar/trainee/{secret}.ics" for secret in secrets],
    }


def _fresh(options: argparse.Namespace, paths: dict[str, list[str]]) -> None:
    """How long each calendar of a hundred events takes, from its stamp to its bytes."""
    from booking.calendars import building, stamps
    from booking.calendars.feeds import Feed, as_bytes
    from booking.calendars.models import FeedKind
    from tests.calendars.written_by_icalendar import written
    from workshops.clock import current_time

    now = current_time()

    def public() -> Feed:
        return building.all_cohorts(stamps.all_cohorts(now))

    def private(kind: FeedKind) -> Callable[[], Feed]:
        secret = paths[kind][0].rpartition("/")[2].removesuffix(".ics")

        def read() -> Feed:
            found = stamps.private(kind, secret, now)
            assert found is not None
            return building.private(found[0])

        return read

    for name, read in (
        ("all cohorts", public),
        ("trainee", private(FeedKind.TRAINEE)),
        ("instructor", private(FeedKind.INSTRUCTOR)),
    ):
        feed = read()
        feed = Feed(feed.name, feed.entries[:EVENTS])
        assert as_bytes(feed) == written(feed)
        share = EVENTS / len(read().entries)
        reading, writing, by_icalendar = _timed(
            options.rounds * 10, read, partial(as_bytes, feed), partial(written, feed)
        )
        whole = reading * share + writing
        print(
            f"  fresh, {name}, {len(feed.entries)} events: {whole:5.1f} ms "
            f"(read {reading * share:.1f}, written {writing:.1f}; "
            f"written by icalendar {by_icalendar:.1f}, so {reading * share + by_icalendar:.1f} in all)"
        )


def _timed(times: int, *work: Callable[[], object]) -> list[float]:
    """The median of each, in milliseconds, taking turns."""
    took: list[list[float]] = [[] for _ in work]
    for _ in range(times):
        for each, do in zip(took, work, strict=True):
            begin = time.perf_counter()
            do()
            each.append((time.perf_counter() - begin) * 1000)
    return [statistics.median(each) for each in took]


def _unchanged(options: argparse.Namespace, folder: Path, url: str, paths: dict[str, list[str]]) -> None:
    """How many a second have it already, beside the plainest answer of the same server."""
    from django.db import connections

    from tests.services.server import running_product

    connections.close_all()
    with running_product(folder / "product", url, folder, processes=2, threads=4) as product:
        asked = {
            name: [_asking(path, _tag(product.port, path)) for path in paths[key]]
            for name, key in (("all cohorts", "all cohorts"), ("trainees'", "trainees"))
        }
        rates: dict[str, list[float]] = {"plainest": [], **{name: [] for name in asked}}
        for _ in range(options.rounds):
            for name in rates:
                requests = [PLAINEST] if name == "plainest" else asked[name]
                status = b"200" if name == "plainest" else b"304"
                rates[name].append(_rate(product.port, options, requests, status))
    plainest = statistics.median(rates.pop("plainest"))
    for name, measured in rates.items():
        rate = statistics.median(measured)
        print(f"  unchanged, {name}: {rate:6.0f}/s, {rate / plainest:.2f} of the plainest answer ({plainest:.0f}/s)")


# -- a client that stays connected ------------------------------------------------------------------------------------
def _asking(path: str, tag: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {tag}\r\n"
        "Accept-Encoding: gzip\r\nUser-Agent: bench\r\n\r\n"
    ).encode()


def _tag(port: int, path: str) -> str:
    import http.client

    channel = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    channel.request("GET", path, headers={"Accept-Encoding": "gzip", "User-Agent": "bench", "Host": "localhost"})
    answer = channel.getresponse()
    answer.read()
    channel.close()
    assert answer.status == 200, f"{path}: {answer.status}"
    tag = answer.getheader("ETag")
    assert tag is not None
    return tag


def _rate(port: int, options: argparse.Namespace, requests: Sequence[bytes], status: bytes) -> float:
    """Answers a second to so many requests, shared among processes that begin at the same moment."""
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(options.clients + 1)
    work = [requests[number % len(requests)] for number in range(options.each)]
    processes = [
        context.Process(target=_ask, args=(port, gate, work[number :: options.clients], status))
        for number in range(options.clients)
    ]
    for process in processes:
        process.start()
    gate.wait()
    begin = time.perf_counter()
    gate.wait()
    elapsed = time.perf_counter() - begin
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return float(options.each / elapsed)


def _ask(port: int, gate: Barrier, requests: Sequence[bytes], status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as channel:
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _answer(channel, PLAINEST)
        gate.wait()
        for request in requests:
            got = _answer(channel, request)
            if not got.startswith(b"HTTP/1.1 " + status):
                raise AssertionError(got)
        gate.wait()


def _answer(channel: socket.socket, request: bytes) -> bytes:
    channel.sendall(request)
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(channel)
    head = received[:end].lower()
    at = head.find(b"content-length: ")
    length = 0 if received.startswith(b"HTTP/1.1 304") or at < 0 else int(head[at + 16 :].split(b"\r\n", 1)[0])
    while len(received) < end + 4 + length:
        received += _more(channel)
    return received


def _more(channel: socket.socket) -> bytes:
    received = channel.recv(65536)
    if not received:
        raise ConnectionError("The server hung up.")
    return received


if __name__ == "__main__":
    sys.exit(main())
