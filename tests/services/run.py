"""`make test`: the whole suite on SQLite, then what touches a database on PostgreSQL, then both results together."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field

from tests.services.environment import clean_environment
from tests.services.postgres_run import leave, patiently

NOTHING_SELECTED = 5  # pytest's own exit status when no test fits what was asked for
INTERRUPTED = 2
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
SKIPPED = re.compile(r"^(PostgreSQL|Browser|Node): \d+ tests? skipped because ")


@dataclass
class Result:
    """How one run ended: its status, what it skipped for want of a service, and pytest's closing line."""

    name: str
    status: int = 0
    skipped: list[str] = field(default_factory=list)
    closing: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing failed; that nothing was selected is judged over both runs."""
        return self.status in {0, NOTHING_SELECTED}


def main(arguments: list[str]) -> int:
    """Run both and return what `make` should exit with: the first failure's status, or 0."""
    signal.signal(signal.SIGTERM, leave)
    processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    spread = ["-n", str(processes), "--dist", "worksteal"]
    results = [_run("SQLite and the browser", [*spread, *arguments])]
    if results[0].status != INTERRUPTED:
        results.append(_run("PostgreSQL", ["--postgres", *spread, *arguments]))

    print("", *(line for result in results for line in result.skipped), sep="\n", flush=True)
    # A failure comes last, where it is read first; and pytest's own words come last of all.
    for result in sorted(results, key=lambda result: (bool(result.closing), not result.good)):
        print(f"On {result.name}:\n{result.closing or 'nothing was run, for the reason above'}")
    failures = [result.status for result in results if not result.good]
    if failures:
        return failures[0]
    return NOTHING_SELECTED if all(result.status == NOTHING_SELECTED for result in results) else 0


def _run(name: str, arguments: list[str]) -> Result:
    """Run pytest, show what it says as it says it, and keep its last words."""
    result = Result(name)
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *colour, *arguments],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    unfinished, interrupted = b"", False
    leaving: SystemExit | None = None
    while True:
        try:
            part = os.read(process.stdout.fileno(), 65536)
        except KeyboardInterrupt:  # pytest received it too and has more to say
            interrupted = True
            continue
        except SystemExit as told:
            process.send_signal(signal.SIGINT)  # what pytest tidies up after
            leaving = told
            continue
        if not part:
            break
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        *lines, unfinished = (unfinished + part).split(b"\n")
        for line in lines:
            _remember(result, line.decode(errors="replace").rstrip())
    if leaving is not None:
        process.wait()
        raise leaving
    result.status = INTERRUPTED if interrupted else patiently(process)
    return result


def _remember(result: Result, line: str) -> None:
    plain = COLOURS.sub("", line)
    if SKIPPED.match(plain):
        result.skipped.append(plain)
    if plain.startswith("=") and plain.endswith("="):
        result.closing = line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
