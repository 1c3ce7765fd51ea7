"""`manage.py serve`, which `make run` is: one command that sets up, serves, and stops without a trace."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.services.environment import PROJECT, clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.sqlite]
WAIT_SECONDS = 90


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Serving:
    """`manage.py serve` on a port of its own, with its data in `folder`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.port, self.log = free_port(), folder / "serve.log"
        environment = clean_environment(PORT=str(self.port), DATA_DIR=str(folder / "var"), EMAIL_URL="console:")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", *arguments],
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (OSError, urllib.error.URLError):
                time.sleep(0.2)
        pytest.fail(f"It did not come up:\n{self.said()}")

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


def children_left(data: Path) -> list[str]:
    """Processes that still carry this test's data folder in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(data).encode() in entry.read_bytes() and int(entry.parent.name) != os.getpid():
                found.append((entry.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_one_command_serves_with_sample_data_stops_on_ctrl_c_and_keeps_the_data(tmp_path: Path) -> None:
    first = Serving(tmp_path)
    first.wait_until_ready()
    said = first.said()
    assert f"Open http://localhost:{first.port}" in said
    assert re.search(r"registrar@example\.org +registrar", said)
    assert "Everyone's password:" in said
    assert first.stop() == 0
    assert "Stopped. The data is kept." in first.said()
    assert "Traceback" not in first.said()
    if Path("/proc").exists():
        assert children_left(tmp_path / "var") == []

    second = Serving(tmp_path)
    second.wait_until_ready()
    assert re.search(r"registrar@example\.org +registrar", second.said())
    assert second.stop() == 0
    assert "Spring" not in second.said().partition("Open http")[0]  # the season is made once


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "manage.py", "serve"],
            cwd=PROJECT,
            env=clean_environment(PORT=str(taken.getsockname()[1]), DATA_DIR=str(tmp_path)),
            capture_output=True,
            text=True,
        )
    port = done.stderr.split()[2] if done.returncode else ""
    assert (done.returncode, len(done.stderr.strip().splitlines()), port.isdigit()) == (1, 1, True)
    assert "is taken" in done.stderr


def test_an_empty_database_stays_empty_when_asked(tmp_path: Path) -> None:
    empty = Serving(tmp_path, "--no-sample")
    empty.wait_until_ready()
    assert "password" not in empty.said()
    assert empty.stop() == 0
