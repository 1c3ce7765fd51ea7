"""The environment the tests hand to programs, and how they agree across processes.

Nothing leaks in from the shell that started the tests: a `DATABASE_URL` left over from an afternoon's work must never
decide which database the tests write to.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FORBID_SKIPS = "CI_FORBID_SKIPS"
"""Set where every service must be there: what would be skipped is then an error."""
POSTGRES_TEMPLATE = "CINTIMA_TEST_POSTGRES_TEMPLATE"
"""Set for the run on PostgreSQL: the migrated database on `DATABASE_URL`'s server that others are copied from."""
POSTGRES_MISSING = "CINTIMA_TEST_POSTGRES_MISSING"
"""Set for the run on PostgreSQL when there is none: why not."""
ASYNC_UNSAFE = "DJANGO_ALLOW_ASYNC_UNSAFE"
"""Set in a process that drives a browser, and in no program that it starts: production would refuse it."""


def product_variables() -> set[str]:
    """The variables that settings.py reads, taken from its text so that a new one is never forgotten here."""
    settings = (PROJECT / "booking" / "site" / "settings.py").read_text(encoding="utf-8")
    return set(re.findall(r'\benv\.\w+\(\s*"([A-Z][A-Z0-9_]*)"', settings))


def clean_environment(**additions: str) -> dict[str, str]:
    """This process's environment without anything that configures the product, and with `additions`."""
    ours = product_variables() | {POSTGRES_TEMPLATE, POSTGRES_MISSING, ASYNC_UNSAFE}
    return {name: value for name, value in os.environ.items() if name not in ours} | additions


def unavailable(service: str, reason: str) -> None:
    """Skip the test aloud because `service` cannot run here, or fail it where skipping is forbidden."""
    if os.environ.get(FORBID_SKIPS):
        pytest.fail(f"{service}: {reason} ({FORBID_SKIPS} is set, so this may not be skipped.)", pytrace=False)
    pytest.skip(f"{service}: {reason}")


def once(directory: Path, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first process to ask fills with `make`, while the others wait, and that all of them then share.

    A folder half made by a process that died is thrown away and made again.
    """
    made = directory / name
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            draft = directory / f"{name}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            make(draft)
            draft.rename(made)
    return made
