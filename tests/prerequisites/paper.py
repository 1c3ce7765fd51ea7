"""On-set records as trainees make them: by the commands, finished enough to be sent."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from tests.factories import NOW
from workshops.people.models import User
from workshops.prerequisites.records import writing
from workshops.prerequisites.records.models import OnSetRecord

FILLED_IN: dict[str, Any] = {
    "production": "Harbour Lights",
    "kind": "series",
    "company": "Nightjar Pictures",
    "department": "Costume",
    "role": "Set costumer",
    "is_paid": True,
    "is_union": False,
    "proof_kind": "call-sheet",
    "proof_link": "https://proof.example/sheets",
}
"""All that a record needs but its dates."""
THREE_DAYS = (date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4))


def drafted(user: User, days: Collection[date] = THREE_DAYS, *, now: datetime = NOW, **fields: object) -> OnSetRecord:
    """A draft with these dates that could be sent as it is."""
    it = writing.begin(user, now=now)
    return writing.save(it, {**FILLED_IN, **fields}, days, revision=it.revision, now=now)


def sent(user: User, days: Collection[date] = THREE_DAYS, *, now: datetime = NOW, **fields: object) -> OnSetRecord:
    """A record that waits for the school."""
    it = drafted(user, days, now=now, **fields)
    return writing.send(it, revision=it.revision, by=user, now=now)
