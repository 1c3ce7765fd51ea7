"""A Chromium for the journeys: the machine's own, else the one Playwright downloads.

The machine's own comes first because Playwright's download is refused on some networks.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Playwright

from tests.services.environment import once

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
)
MAC_APPLICATIONS = ("Google Chrome", "Chromium", "Microsoft Edge")
DOWNLOAD_SECONDS = 300


class ChromiumUnavailableError(Exception):
    """No Chromium can run here; the message says why in words for whoever runs the tests."""


def installed() -> Path | None:
    """The first Chromium on this machine that really starts: Ubuntu installs a stub that only says to use snap."""
    for candidate in _machine_candidates():
        try:
            answer = subprocess.run([candidate, "--version"], capture_output=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if answer.returncode == 0:
            return candidate
    return None


def _machine_candidates() -> Iterator[Path]:
    for name in NAMES:
        if found := shutil.which(name):
            yield Path(found)
    for root in (Path("/Applications"), Path.home() / "Applications"):
        for name in MAC_APPLICATIONS:
            program = root / f"{name}.app" / "Contents" / "MacOS" / name
            if program.is_file():
                yield program


def launch(playwright: Playwright, shared: Path) -> Browser:
    """Start a Chromium without a window. Raises ChromiumUnavailableError.

    `shared` is where the processes of one run remember that a download was tried.
    """
    program = installed() or _downloaded(playwright, shared)
    return playwright.chromium.launch(executable_path=program, args=_arguments())


def _arguments() -> list[str]:
    """A browser that asks the network for nothing but the pages under test."""
    quiet = ("gpu", "quic", "background-networking", "component-update", "sync")
    arguments = [*(f"--disable-{name}" for name in quiet), "--no-first-run"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox refuses root
    return arguments


def _downloaded(playwright: Playwright, shared: Path) -> Path | None:
    """None, which is Playwright's word for its own browser, once that is there."""
    if not Path(playwright.chromium.executable_path).exists():
        once(shared, "chromium-download", _download)
        if not Path(playwright.chromium.executable_path).exists():
            problem = (shared / "chromium-download" / "problem").read_text()
            raise ChromiumUnavailableError(
                f"no Chromium on this machine, and Playwright could not download one: {problem}"
            )
    return None


def _download(draft: Path) -> None:
    """Try once, and leave in `draft` what went wrong, for every process of this run to read."""
    problem = "it reported success but the browser is not there"
    try:
        done = subprocess.run(
            [sys.executable, "-m", "playwright", "install", "chromium"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
        )
        if done.returncode:
            lines = [line.strip() for line in (done.stderr + done.stdout).splitlines()]
            problem = next((line for line in lines if "Error:" in line), lines[-1] if lines else "no reason given")[
                :200
            ]
    except subprocess.TimeoutExpired:
        problem = f"no answer within {DOWNLOAD_SECONDS} seconds"
    (draft / "problem").write_text(problem)
