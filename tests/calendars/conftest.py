"""Every reader there is, of calendars."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calendars.js import ical_js
from tests.calendars.readers import READERS, Reader
from tests.services.environment import unavailable
from tests.services.npm import NpmUnavailableError


@pytest.fixture(scope="session")
def readers(shared: Path) -> Iterator[dict[str, Reader]]:
    """Four programs that share no code, by name; one of them is written in another language."""
    try:
        reading = ical_js(shared)
        by_ical_js = reading.__enter__()
    except NpmUnavailableError as problem:
        unavailable("Node", str(problem))
    yield READERS | {"ical.js": by_ical_js}
    reading.__exit__(None, None, None)
