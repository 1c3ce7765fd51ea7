"""How this product writes: one short transaction, tried again where the database asks for it.

SQLite lets one writer in at a time, and whoever meets a busy database sleeps and polls, so the unlucky starve for
seconds. Writers therefore queue on a file lock, first come first served, before they begin. PostgreSQL lets many in
and aborts one of two that block each other, or one that waited too long for a lock: that one is simply done again.
"""

import fcntl
import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, OperationalError, connection, transaction

P = ParamSpec("P")
R = TypeVar("R")

TRIES = 4
# serialization_failure, deadlock_detected, lock_not_available (PostgreSQL, appendix A)
_AGAIN = {"40001", "40P01", "55P03"}


class Busy(Exception):
    """The database would not let this write through after several tries; the caller may come back in `seconds`."""

    seconds = 2


def writes(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` in one transaction of its own, again up to three times when the database asks for it.

    Inside a transaction that is already open, it takes part in that one, does all or nothing of its own work, and
    leaves trying again to whoever opened it.

    Raises:
        Busy: when no try went through.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            with transaction.atomic():
                return function(*args, **kwargs)
        for attempt in range(TRIES):
            try:
                with _turn_to_write(), transaction.atomic():
                    return function(*args, **kwargs)
            except DatabaseError as error:
                if not _worth_another_try(error):
                    raise
                if attempt == TRIES - 1:
                    raise Busy from error
                time.sleep(random.uniform(0.01, 0.05) * (attempt + 1))  # noqa: S311  (jitter is no secret)
        raise AssertionError("unreachable")

    return wrapper


def unless_busy(function: Callable[P, object]) -> Callable[P, bool]:
    """Run `function` in one transaction of its own if it may write at this very moment; say whether it did.

    For notes that nobody's work should wait for: another note will come. It waits for no lock of SQLite's, raises
    nothing where the database is busy or cannot be written, and does all of its work or nothing. On PostgreSQL it is
    for `function` to skip rows that are locked.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> bool:
        try:
            with _turn_without_waiting(), transaction.atomic():
                function(*args, **kwargs)
        except (OperationalError, BlockingIOError):
            return False
        return True

    return wrapper


def _worth_another_try(error: DatabaseError) -> bool:
    if connection.vendor == "postgresql":
        return getattr(error.__cause__, "sqlstate", None) in _AGAIN
    return isinstance(error, OperationalError) and "locked" in str(error)


@contextmanager
def _turn_to_write() -> Iterator[None]:
    """On SQLite, wait in line for the right to write. `flock` belongs to the open file: threads queue as well."""
    line = _line_of_writers()
    if line is None:
        yield
        return
    with open(line, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _turn_without_waiting() -> Iterator[None]:
    """On SQLite, the right to write if nobody else has it or waits for it.

    Raises:
        BlockingIOError: when somebody does.
    """
    line = _line_of_writers()
    if line is None or connection.in_atomic_block:
        yield
        return
    with open(line, "wb") as lock, connection.cursor() as cursor:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever writes outside the line is not waited for either.
        (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")


def _line_of_writers() -> str | None:
    """The file on which writers of SQLite queue; None where there is no need."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or ":memory:" in name or "mode=memory" in name:
        return None
    return f"{name}.lock"
