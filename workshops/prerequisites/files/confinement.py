"""Programs that open what strangers sent: each runs alone, briefly, with little memory, and knows no secret.

Whatever goes wrong in a library that reads PDFs or images goes wrong there, and ends that program and nothing else.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from workshops.prerequisites.files.turns import Turns

MEMORY = 1_200 * 1024 * 1024
"""Bytes of address space: an image of the most pixels that are opened, three times over, and the libraries."""
LESS_MEMORY = 600 * 1024 * 1024
"""What is enough for a PDF, which can grow a thousandfold when it is opened."""
CPU_SECONDS = 20
LESS_CPU_SECONDS = 10
"""What is enough for a PDF, with all its pages."""
WALL_SECONDS = 40
A_MOMENT = 2
"""Seconds that one waits for a turn: a thread of the server waits with it."""
MOST_WRITTEN = 64 * 1024 * 1024
"""Bytes of one file that it writes."""
NICENESS = 5
"""Whoever reads a page goes before whoever sends a file."""
AT_ONCE = 2
"""So many run at a time for one process of the product; the others wait for a moment, and are told to come back."""

_ROOT = Path(__file__).resolve().parents[3]
_turns = Turns(AT_ONCE)


class Failed(Exception):
    """The program ended without an answer: killed, out of memory or time, or met by what it could not read."""


def confined(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module of ours as such a program, and return what it answers.

    Raises:
        Failed: when it ends without an answer.
        NoTurn: when it could not begin within `A_MOMENT`.
    """
    with _turns.turn(wait=A_MOMENT):
        try:
            ended = subprocess.run(  # noqa: S603  (our own program; what strangers sent is a file with a name of ours)
                [sys.executable, "-X", "utf8", "-m", module, *arguments],
                cwd=_ROOT,
                env={},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=WALL_SECONDS,
            )
            answer = json.loads(ended.stdout)
        except (subprocess.TimeoutExpired, ValueError) as problem:
            raise Failed(f"{module} gave no answer: {type(problem).__name__}") from None
    if ended.returncode or not isinstance(answer, dict):
        raise Failed(f"{module} ended with {ended.returncode}.")
    return answer


def answer(work: Callable[..., dict[str, Any]]) -> None:
    """What such a program does: bind itself, do its work with its arguments, and print the answer.

    What the work raises ends it without one: libraries that read hostile files raise whatever they like.
    """
    os.nice(NICENESS)
    bind(resource.RLIMIT_AS, MEMORY)
    bind(resource.RLIMIT_CPU, CPU_SECONDS)
    bind(resource.RLIMIT_FSIZE, MOST_WRITTEN)
    bind(resource.RLIMIT_CORE, 0)
    try:
        said = work(*sys.argv[1:])
    except Exception as problem:
        sys.exit(type(problem).__name__)
    print(json.dumps(said))  # noqa: T201  (its answer)


def bind(limit: int, most: int) -> None:
    """Let this program never again have more than this of something."""
    # A system may not know the limit; the time given still ends the program.
    with suppress(OSError, ValueError):
        resource.setrlimit(limit, (most, most))


def bind_for_pdf() -> None:
    """Leave this program what opening a PDF takes."""
    bind(resource.RLIMIT_AS, LESS_MEMORY)
    bind(resource.RLIMIT_CPU, LESS_CPU_SECONDS)


def end_after(cpu_seconds: float) -> None:
    """End this program when what comes next takes longer; called again, the time begins again. 0 stops the clock.

    By a signal that is not caught: the libraries that take long are not Python, and do not listen to it.
    """
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
