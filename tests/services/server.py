"""The product as it runs in production, for tests that go through its front door: granian, and the worker if asked."""

import email
import email.policy
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from booking.site.serving import granian_arguments
from tests.services.environment import PROJECT, clean_environment, once

READY_SECONDS = 60
ACCESS_FORMAT = "[%(time)s] %(method)s %(path)s %(status)d %(dt_ms).0fms"
SPAWNED = re.compile(r"Spawning worker-(\d+) with PID: (\d+)")
FAULT = re.compile(r"Traceback \(most recent call last\)| 500 ")


@dataclass
class Product:
    """One running installation of the product, with its own database, files, mail and log, all in `folder`."""

    url: str
    port: int
    database_url: str
    folder: Path
    environment: dict[str, str]
    processes: int
    threads: int
    faults_expected: bool = False
    """Set by a test that breaks things on purpose; otherwise a fault in the logs fails it."""
    _web: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    _worker: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def manage(self, *arguments: str) -> str:
        """Run one `manage.py` command in this installation and return what it printed. Raises with its errors."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"manage.py {arguments[0]} failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    def status(self, path: str) -> int:
        """The status of the answer to a plain GET, not followed anywhere. Raises OSError when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def start(self) -> None:
        """Start the web server and wait until it says that it is ready."""
        command = granian_arguments(self.port, self.processes, self.threads, "127.0.0.1")
        self._web = self._start([*command, "--access-log", "--access-log-fmt", ACCESS_FORMAT], self.web_log)
        self._wait_until_ready(self._web)

    def start_worker(self) -> None:
        """Start `manage.py worker` beside the web server."""
        self._worker = self._start([sys.executable, "manage.py", "worker"], self.worker_log)

    def stop(self) -> None:
        """Stop everything as a service manager would: ask, and only then insist."""
        if self._worker is not None:
            self._worker.terminate()
        if self._web is not None:
            _ask_until_it_ends(self._web)
        self._reap(patience=25)

    def kill(self) -> None:
        """End everything at once with SIGKILL, as a power cut would; `start` and `start_worker` bring it back."""
        self._reap(patience=0)

    def kill_worker(self) -> None:
        """End only the worker with SIGKILL."""
        assert self._worker is not None
        _kill_group(self._worker)
        self._worker = None

    def web_processes(self) -> list[int]:
        """The pids of the processes that serve requests, as the server last said."""
        spawned = dict(SPAWNED.findall(self.web_log.read_text(errors="replace")))
        return [int(spawned[number]) for number in sorted(spawned, key=int)]

    def kill_web_process(self, number: int) -> None:
        """End one of the processes that serve requests with SIGKILL; the server replaces it by itself.

        One that was replaced less than six seconds ago must not be killed again: the server would give up.
        """
        os.kill(self.web_processes()[number], signal.SIGKILL)

    @property
    def web_log(self) -> Path:
        """What the web server wrote, every request included."""
        return self.folder / "web.log"

    @property
    def worker_log(self) -> Path:
        """What the worker wrote."""
        return self.folder / "worker.log"

    @property
    def files(self) -> Path:
        """The installation's DATA_DIR."""
        return self.folder / "data"

    def mail(self) -> list[EmailMessage]:
        """Every message sent so far, oldest first."""
        files = sorted((self.folder / "mail").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        texts = [text for file in files for text in file.read_bytes().split(b"\n" + b"-" * 79 + b"\n") if text.strip()]
        return [email.message_from_bytes(text, policy=email.policy.default) for text in texts]

    def faults(self) -> list[str]:
        """The lines of both logs that tell of an exception or an answer of 500."""
        logs = [log for log in (self.web_log, self.worker_log) if log.exists()]
        return [line for log in logs for line in log.read_text(errors="replace").splitlines() if FAULT.search(line)]

    def assert_no_faults(self) -> None:
        """Fail with the end of both logs if anything went wrong that nobody meant to."""
        faults = self.faults()
        assert not faults, f"{faults}\n\n{self.last_words()}"

    def last_words(self) -> str:
        """The end of both logs, for a failure's message."""
        logs = [log for log in (self.web_log, self.worker_log) if log.exists()]
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-6000:]}" for log in logs)

    def _start(self, command: list[str], log: Path) -> "subprocess.Popen[bytes]":
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=PROJECT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # one group, so that `kill` reaches the processes it forked
            )

    def _wait_until_ready(self, web: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            with suppress(OSError, http.client.HTTPException):
                if self.status("/health/ready") == 200:
                    return
            assert web.poll() is None, f"the server ended before it was ready\n{self.last_words()}"
            assert time.monotonic() < deadline, f"the server was not ready in {READY_SECONDS} s\n{self.last_words()}"
            time.sleep(0.05)

    def _reap(self, patience: float) -> None:
        for process in (self._worker, self._web):
            if process is not None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=patience or 0.001)
                _kill_group(process)
        self._worker = self._web = None
        self._wait_until_gone()

    def _wait_until_gone(self) -> None:
        """The processes that the server forked die a moment after it, and until then still take connections."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except ConnectionRefusedError:
                return
            except OSError:
                pass
            time.sleep(0.01)
        raise AssertionError(f"something still listens on port {self.port}")


@contextmanager
def running_product(
    folder: Path,
    database_url: str,
    shared: Path,
    *,
    web: bool = True,
    worker: bool = False,
    processes: int = 2,
    threads: int = 4,
    environment: dict[str, str] | None = None,
) -> Iterator[Product]:
    """The product on a migrated database, ready for requests, stopped at the end; a fault in its logs is a failure.

    `folder` must be new. `shared` is where the processes of one run keep what they make once. Without `web` it is
    installed and not served: for what its commands do. `environment` adds to or replaces what the product is told.
    """
    for name in ("data", "mail"):
        (folder / name).mkdir(parents=True)
    if web:
        (folder / "data" / "static").symlink_to(once(shared, "collected-static", _collect_static) / "static")
    with _free_port() as port:
        url = f"http://localhost:{port}"
        told = clean_environment(
            CINTIMA_ENV="development",
            DATABASE_URL=database_url,
            DATA_DIR=str(folder / "data"),
            EMAIL_URL=f"file://{folder / 'mail'}",
            PORT=str(port),
            SITE_URL=url,
            PYTHONUNBUFFERED="1",
        )
        product = Product(url, port, database_url, folder, told | (environment or {}), processes, threads)
        try:
            if web:
                product.start()
            if worker:
                product.start_worker()
            yield product
        finally:
            product.stop()
    if not product.faults_expected:
        product.assert_no_faults()


def _collect_static(draft: Path) -> None:
    """What an installation does when it is deployed: gather and fingerprint the styles and scripts."""
    done = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=PROJECT,
        env=clean_environment(DATABASE_URL="sqlite://:memory:", DATA_DIR=str(draft)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"collectstatic failed:\n{done.stdout}{done.stderr}"


@contextmanager
def _free_port() -> Iterator[int]:
    """A port that nobody else is given meanwhile.

    The server shares its port with SO_REUSEPORT, so two tests that were given the same one would silently share it.
    This socket is bound to it and never listens, which keeps the kernel from handing it out again.
    """
    with socket.socket() as claim:
        claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        claim.bind(("127.0.0.1", 0))
        yield int(claim.getsockname()[1])


def _ask_until_it_ends(web: "subprocess.Popen[bytes]") -> None:
    """A granian process that is still starting when it is told to stop never hears it, so tell all of them again."""
    for _ in range(100):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(web.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            web.wait(timeout=0.25)
            return


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
