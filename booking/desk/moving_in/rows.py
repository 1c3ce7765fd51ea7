"""The rows of a file of what the school had before: what one says, and what becomes of it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, time
from typing import Literal

from booking.reservations.owing import Part
from workshops.tables import DryRun, Row

What = Literal["cohort", "reservation", "payment", "plan", "line"]
IN_TURN: tuple[What, ...] = ("cohort", "reservation", "payment", "plan", "line")
"""What is brought in before what, wherever it stands in the file."""


@dataclass(frozen=True)
class Entry:
    """One row that could be read. Cents are whole; what a row does not need is empty."""

    line: int
    what: What
    email: str
    cohort: str
    first: date
    last: date
    seat: int = 0
    price_cents: int = 0
    deposit_cents: int = 0
    amount_cents: int = 0
    by: str = ""
    reference: str = ""
    parts: tuple[Part, ...] = ()
    payer: str = ""
    card: str = ""
    title: str = ""
    venue: str = ""
    begins: time | None = None
    ends: time | None = None


@dataclass(frozen=True)
class Plan(DryRun):
    """What a file would do, row by row."""

    rows: tuple[Row, ...]

    @property
    def digest(self) -> str:
        """The same for two plans exactly when they would do the same."""
        told = [[row.line, row.email, row.fact, row.outcome, row.message] for row in self.rows]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()
