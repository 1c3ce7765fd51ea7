"""Shapes that many API calls share: money, dates and texts that come in, names of things."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from workshops.clock import SCHOOL_ZONE

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PUBLIC_ID = re.compile(r"[0-9a-z]{20}", re.ASCII)
# No database text may hold a NUL.
_STORABLE = r"^[^\x00]*$"


@dataclass(frozen=True)
class Money:
    """An amount in whole cents."""

    amount: int
    currency: str


def _in_los_angeles(moment: datetime) -> str:
    return moment.astimezone(SCHOOL_ZONE).isoformat()


Moment = Annotated[
    datetime, PlainSerializer(_in_los_angeles), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A moment that goes out, in the school's own time: RFC 3339 with its offset, the same wherever it was read from."""


def _only_a_day(value: Any) -> Any:
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    raise PydanticCustomError("date_form", "Write the date as YYYY-MM-DD.")


Word = Annotated[str, StringConstraints(max_length=254, pattern=_STORABLE)]
"""A short text that comes in: an id, a code, an address."""

Sentence = Annotated[str, StringConstraints(max_length=1000, pattern=_STORABLE)]
"""A longer text that comes in: a reason."""

Day = Annotated[date, BeforeValidator(_only_a_day)]
"""A date that comes in, as YYYY-MM-DD and nothing else (a number would be read as seconds since 1970)."""


def looks_like_an_id(text: str) -> bool:
    """Whether this could be a public id. Anything else needs no question to the database, which may choke on it."""
    return bool(_PUBLIC_ID.fullmatch(text))
