"""What the faults need: a PostgreSQL of their own that may be killed, and the product on it."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pytest_django import DjangoDbBlocker

from tests.services import postgres
from tests.services.databases import connected_to, migrate
from tests.services.server import Product, running_product

TEMPLATE = "template_faults"


@dataclass
class Struck:
    """The product on a PostgreSQL that nobody else uses."""

    product: Product
    database: postgres.PostgresServer


@pytest.fixture(scope="session")
def mortal_postgres() -> Iterator[postgres.PostgresServer]:
    """A server that may be killed, with a migrated template.

    Nobody but a commit itself brings the write-ahead log to disk for ten seconds, the longest that PostgreSQL allows:
    a commit that did not wait for it would be lost for certain.
    """
    with postgres.running(durable=True, settings={"wal_writer_delay": "10s"}) as server:
        migrate(server.address.create(TEMPLATE), server.folder / "files")
        yield server


@pytest.fixture
def start_struck(
    mortal_postgres: postgres.PostgresServer, shared: Path, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[..., Struck]]:
    """Start the product on a database of its own; takes `worker` and `processes` as `running_product` does.

    With `waits=False` one setting is changed: a commit is acknowledged before it is on disk.
    """
    with ExitStack() as running:

        def start(*, worker: bool = False, processes: int = 2, waits: bool = True) -> Struck:
            running.enter_context(django_db_blocker.unblock())
            url = running.enter_context(_database(mortal_postgres, waits=waits))
            running.enter_context(connected_to(url))
            context = running_product(tmp_path / "product", url, shared, worker=worker, processes=processes)
            product = running.enter_context(context)
            product.faults_expected = True  # while the database is dead
            return Struck(product, mortal_postgres)

        yield start


@contextmanager
def _database(server: postgres.PostgresServer, *, waits: bool) -> Iterator[str]:
    name, setting = f"struck_{uuid.uuid4().hex}", "on" if waits else "off"
    url = server.address.create(name, TEMPLATE)
    try:
        change = sql.SQL("ALTER DATABASE {} SET synchronous_commit TO {}")
        server.address.execute(change.format(sql.Identifier(name), sql.Identifier(setting)))
        with psycopg.connect(url) as session:
            assert session.execute("SHOW synchronous_commit").fetchone() == (setting,)
        yield url
    finally:
        server.address.drop(name)
