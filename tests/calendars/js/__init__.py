"""A reader of calendars that was not written in Python: ical.js, which Thunderbird grew up with, run by Node."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from tests.calendars.readers import Read, Reader, in_order
from tests.services.environment import clean_environment
from tests.services.npm import Pinned, node, package

ICAL_JS = Pinned(
    name="ical.js",
    version="2.2.1",
    integrity="sha512-yK/UlPbEs316igb/tjRgbFA8ZV75rCsBJp/hWOatpyaPNlgw0dGDmU+FoicOcwX4xXkeXOkYiOmCqNPFpNPkQg==",
    files=("package/dist/ical.min.js", "package/LICENSE"),
)
_PROGRAM = Path(__file__).parent / "reading.mjs"


@contextmanager
def ical_js(shared: Path) -> Iterator[Reader]:
    """Start the reader and stop it at the end. Every day of an event that repeats is one.

    Raises:
        NpmUnavailableError: where Node or ical.js cannot be had.
    """
    module = package(ICAL_JS, shared) / "ical.min.js"
    process = subprocess.Popen(
        [node(), _PROGRAM, module],
        # Far from Los Angeles, so that an hour without a zone is not taken for the right one.
        env=clean_environment(TZ="Pacific/Kiritimati"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asking, answering = process.stdin, process.stdout

    def by_ical_js(feed: bytes) -> list[Read]:
        asking.write(json.dumps(feed.decode()).encode() + b"\n")
        asking.flush()
        answer = json.loads(answering.readline())
        assert "error" not in answer, answer["error"]
        return in_order(
            Read(_moment(event["starts_at"]), _moment(event["ends_at"]), event["uid"], event["title"])
            for event in answer["events"]
        )

    try:
        yield by_ical_js
    finally:
        asking.close()
        answering.close()
        process.wait(timeout=30)


def _moment(text: str) -> datetime | date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
