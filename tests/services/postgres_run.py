"""The run on PostgreSQL: one server and one migrated template for all its processes."""

import os
import signal
import subprocess
import sys
from types import FrameType

from tests.services.databases import migrate
from tests.services.environment import FORBID_SKIPS, POSTGRES_MISSING, POSTGRES_TEMPLATE, clean_environment
from tests.services.postgres import PostgresUnavailableError, running

TEMPLATE = "template_cintima"


def run(arguments: list[str]) -> int:
    """Run pytest with `arguments` on a temporary server and return its exit status.

    Without a server the same tests are collected and skipped, so that they are counted; where skipping is forbidden
    that is a failure.
    """
    signal.signal(signal.SIGTERM, leave)
    try:
        with running() as server:
            url = server.address.create(TEMPLATE)
            migrate(url, server.folder / "files")
            told = {"DATABASE_URL": server.address.url("cintima"), POSTGRES_TEMPLATE: TEMPLATE}
            return _pytest(arguments, told)
    except PostgresUnavailableError as problem:
        if os.environ.get(FORBID_SKIPS):
            print(f"PostgreSQL: {problem} ({FORBID_SKIPS} is set, so this may not be skipped.)", file=sys.stderr)
            return 1
        return _pytest(arguments, {POSTGRES_MISSING: str(problem)})


def _pytest(arguments: list[str], told: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    return patiently(subprocess.Popen(command, env=clean_environment(**told)))


def patiently(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a process to end by itself, also after a Ctrl-C, which it received as well and is tidying up after.

    Being told to leave is passed on to it.
    """
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue
        except SystemExit:
            process.send_signal(signal.SIGINT)  # what pytest tidies up after
            process.wait()
            raise


def leave(number: int, frame: FrameType | None) -> None:
    """Let SIGTERM unwind the stack, so that the server does not outlive the tests."""
    sys.exit(128 + number)
