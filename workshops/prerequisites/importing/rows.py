"""The rows of a file of facts: what one says, and what becomes of it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

Kind = Literal["completion", "access", "entitlement", "set-day"]


class OnRecord(StrEnum):
    """What the school has said of a day on set."""

    ACCEPTED = "accepted"
    UNDECIDED = "undecided"
    REFUSED = "refused"
    TAKEN_BACK = "taken-back"


@dataclass(frozen=True)
class Entry:
    """One row that could be read: one fact about one person."""

    line: int
    email: str
    name: str
    kind: Kind
    module: str = ""
    days: tuple[date, ...] = ()
    source: str = ""
    production: str = ""
    role: str = ""
    proof: str = ""
