"""How many requests one token, or one person's browser, may make in a minute.

Counted in the memory of each serving process: a limit that protects the machine must not cost it a write for every
request. With several processes a program may therefore get through that many times the limit; it never gets less.
Addresses are not counted, because a school or a whole campus may share one.
"""

import time
from collections.abc import Callable
from math import ceil
from threading import Lock

from django.conf import settings

from workshops.web.problems import Problem

_REMEMBERED = 10_000


class Limiter:
    """Lets through a burst of as many requests as a minute may have, and then as many as the minutes bring.

    With `seconds`, of that many instead of a minute.

    For each caller it keeps one number: the moment at which all that was let through would have been used up at an
    even pace (the generic cell rate algorithm).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, seconds: int = 60) -> None:
        self._clock, self._seconds = clock, seconds
        self._used_up: dict[str, float] = {}
        self._lock = Lock()

    def wait(self, caller: str, a_minute: int) -> int:
        """Count one request of `caller`. Return 0 when it may pass, else the whole seconds until one may."""
        pace = self._seconds / a_minute
        with self._lock:
            now = self._clock()
            if len(self._used_up) > _REMEMBERED:
                self._used_up = {key: moment for key, moment in self._used_up.items() if moment > now}
            used_up = max(self._used_up.get(caller, now), now)
            too_early = used_up + pace - now - self._seconds
            if too_early > 1e-9:
                return ceil(too_early)
            self._used_up[caller] = used_up + pace
            return 0


_limiter = Limiter()


def count(caller: str) -> None:
    """Count one request.

    Raises:
        Problem: ``slow-down``, with the seconds to wait, when the caller has made too many.
    """
    if seconds := _limiter.wait(caller, settings.API_REQUESTS_A_MINUTE):
        raise Problem("slow-down", retry_after=seconds)
