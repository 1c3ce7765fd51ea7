"""What goes by the clock: rows that the registry says are old enough."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from booking.rights.registry import KEPT
from workshops.transactions import writes

AT_ONCE = 500


def forget_due(now: datetime) -> int:
    """Delete what has been kept long enough, some of it in each round; return how many rows went."""
    return sum(_forget(rows) for kept in KEPT for rows in kept.due(now))


def _forget(rows: QuerySet[Any]) -> int:
    # Most rounds of the worker find none, and then need not stand in line to write.
    old = list(rows.values_list("pk", flat=True)[:AT_ONCE])
    return writes(lambda: rows.filter(pk__in=old).delete()[0])() if old else 0
