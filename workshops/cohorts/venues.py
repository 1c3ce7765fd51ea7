"""Places: the only writer of venues."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from workshops.cohorts.models import Venue
from workshops.cohorts.planning import notice_venue
from workshops.history.record import record
from workshops.people.models import User
from workshops.transactions import writes

PART_OF_THE_EVENT = frozenset({"name", "address", "city"})
"""What a calendar event says about the place; the practical notes are on the page."""


class NameTaken(Exception):
    """Another venue has this name."""


@writes
def add_venue(values: Mapping[str, str], *, by: User, now: datetime) -> Venue:
    """Put a venue on file.

    Raises:
        NameTaken: when there is one of this name.
    """
    try:
        with transaction.atomic():
            venue = Venue.objects.create(**values)
    except IntegrityError:
        raise NameTaken from None
    record("venue-added", about=("venue", str(venue.pk)), by=by, now=now, name=venue.name)
    return venue


@writes
def change_venue(venue: Venue, values: Mapping[str, str], *, by: User, now: datetime, why: str = "") -> bool:
    """Change what is known about a venue. False when that was known already.

    A new name or address is noticed by every calendar that has a session there, past ones too; practical notes are not.
    Whoever wants past days to stay where they were puts the new place on file as a venue of its own.
    Whoever calls this tells the people whom it touches: see `reservations.changing`. Locks the venue.

    Raises:
        NameTaken: when another venue has this name.
    """
    it = Venue.objects.select_for_update().get(pk=venue.pk)
    differing = {name: value for name, value in values.items() if getattr(it, name) != value}
    if not differing:
        return False
    facts: dict[str, Any] = {name: f"{getattr(it, name)} → {value}" for name, value in differing.items()}
    for name, value in differing.items():
        setattr(it, name, value)
    try:
        with transaction.atomic():
            it.save(update_fields=list(differing))
    except IntegrityError:
        raise NameTaken from None
    if PART_OF_THE_EVENT & differing.keys():
        notice_venue(it, now=now)
    record("venue-changed", about=("venue", str(it.pk)), by=by, now=now, why=why.strip(), **facts)
    return True
