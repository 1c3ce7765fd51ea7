"""What goes wrong between the product and Stripe, by order of a test."""

import re
from dataclasses import dataclass
from threading import Lock
from typing import Literal

# drop_before: the connection closes and nothing was done. drop_after: it was done, and the answer is lost.
# 429 and 503: refused before anything began. 500: it had begun and was not done; its key answers 500 for a day.
# 500_after: the same, though it was done. html: a proxy's page in place of an answer. slow: seconds before it is done.
Kind = Literal["drop_before", "drop_after", "429", "500", "500_after", "503", "html"] | tuple[Literal["slow"], float]


@dataclass
class Fault:
    """One thing to go wrong, so many times."""

    method: str
    path: re.Pattern[str]
    kind: Kind
    times: int


class Faults:
    """The orders still open, first ordered first served."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.ordered: list[Fault] = []

    def add(self, method: str, path_pattern: str, kind: Kind, times: int = 1) -> None:
        """Lets the next `times` requests fail whose path the expression matches from its start. Method `*` is any."""
        with self.lock:
            self.ordered.append(Fault(method.upper(), re.compile(path_pattern), kind, times))

    def clear(self) -> None:
        """Nothing more goes wrong."""
        with self.lock:
            self.ordered.clear()

    def next(self, method: str, path: str) -> Kind | None:
        """What happens to this request, which uses the order up."""
        with self.lock:
            for fault in self.ordered:
                if fault.times > 0 and fault.method in ("*", method) and fault.path.match(path):
                    fault.times -= 1
                    return fault.kind
        return None
