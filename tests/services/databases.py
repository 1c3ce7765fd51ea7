"""Databases made by copying: a whole migrated one for each test that needs real commits, several threads or a server.

Ordinary tests run in a transaction that is rolled back. A test whose commits must be real cannot be cleaned up after
(the triggers that keep history and the ledger refuse deletes), so it gets a database of its own and throws it away.
"""

import copy
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import dj_database_url
from django.db import connections

from tests.services.environment import POSTGRES_TEMPLATE, PROJECT, clean_environment, once
from tests.services.postgres import Address

T = TypeVar("T")


def on_postgres() -> bool:
    """Whether this run is the one on PostgreSQL."""
    return POSTGRES_TEMPLATE in os.environ


def migrate(database_url: str, data: Path) -> None:
    """Bring a database to the schema of this code, as an installation does. Raises with the output if that fails."""
    for command in (["migrate", "--verbosity", "0"], ["createcachetable"]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=PROJECT,
            env=clean_environment(DATABASE_URL=database_url, DATA_DIR=str(data)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {command[0]} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def fresh(shared: Path, folder: Path) -> Iterator[str]:
    """The URL of a migrated, empty database of this run's kind: a file in `folder`, or a database on its server.

    `shared` is where the processes of one run keep what they make once.
    """
    if on_postgres():
        server = Address.of(os.environ["DATABASE_URL"])
        name = f"fresh_{uuid.uuid4().hex}"
        try:
            yield server.create(name, os.environ[POSTGRES_TEMPLATE])
        finally:
            server.drop(name)
    else:
        template = once(shared, "sqlite-template", _make_sqlite_template)
        file = folder / f"fresh-{uuid.uuid4().hex}.sqlite3"
        shutil.copyfile(template / "database.sqlite3", file)
        yield f"sqlite:///{file}"


def _make_sqlite_template(draft: Path) -> None:
    migrate(f"sqlite:///{draft / 'database.sqlite3'}", draft)


@contextmanager
def connected_to(database_url: str) -> Iterator[None]:
    """Point Django's default connection, in this thread and every thread begun meanwhile, at another database."""
    kept_settings, kept_connection = connections.settings["default"], connections["default"]
    address = dj_database_url.parse(database_url)
    ours = copy.deepcopy(kept_settings)
    ours.update({key: address[key] for key in ("NAME", "HOST", "PORT", "USER", "PASSWORD")})
    connections.settings["default"] = ours
    connections["default"] = connections.create_connection("default")
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = kept_settings
        connections["default"] = kept_connection


def at_once(*calls: Callable[[], T]) -> list[T | Exception]:
    """Run each call in a thread of its own, all let go at the same moment; each answers its result or its exception.

    Only for tests with a database of their own (`fresh_database`).
    """
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | Exception:
        try:
            connections["default"].ensure_connection()  # so that they race for the row, not for the connection
            start.wait(timeout=30)
            return call()
        except Exception as problem:
            return problem
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(calls)) as threads:
        return list(threads.map(run, calls))
