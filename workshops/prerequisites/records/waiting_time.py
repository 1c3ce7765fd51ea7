"""How long a review takes, measured from the latest ones. Nothing is promised where there is nothing to measure."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import F

from workshops.prerequisites.records.models import Review

LATEST = 20
ENOUGH = 3
"""Fewer reviews than this say nothing about the next."""
_TOLD = "You get an e-mail as soon as it is decided."


def how_long_it_takes() -> str:
    """What a trainee who waits may expect, in a sentence or two. One statement."""
    days = days_of_half(latest_waits())
    if days is None:
        return _TOLD
    return f"Half of the latest reviews were done within {'a day' if days == 1 else f'{days} days'}. {_TOLD}"


def latest_waits() -> list[timedelta]:
    """From sending to decision, for the latest records that were decided once and for all. One statement."""
    decided = Review.objects.filter(record__sent_at__lte=F("at")).exclude(record__reviews__undone_at__isnull=False)
    waits = decided.order_by("-pk").values_list("at", "record__sent_at")[:LATEST]
    return [at - sent_at for at, sent_at in waits if sent_at is not None]


def days_of_half(waits: Sequence[timedelta]) -> int | None:
    """Within how many whole days at least half of these ended; None for too few. Pure."""
    if len(waits) < ENOUGH:
        return None
    half = sorted(waits)[(len(waits) - 1) // 2]
    return max(-(-half // timedelta(days=1)), 1)
