"""The product's settings with the guard of the last seat taken out: the negative control of the rushes.

Seats are chosen before the transaction begins, without a lock, and taken whoever has them by then: the way a
booking system is written that has never met two people at once. Only tests name this module.
"""

import threading
import time
from datetime import datetime
from typing import Any

from django.apps import AppConfig

from booking.site.settings import *  # noqa: F403
from booking.site.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.concurrency.unguarded.Unguarded"]


class Unguarded(AppConfig):
    """Replaces the one function that claims seats by a naive one."""

    name = "tests.concurrency"
    label = "unguarded"

    def ready(self) -> None:
        """Take the guard out."""
        from booking.reservations import reserving
        from workshops.cohorts import seats
        from workshops.cohorts.models import Seat, SeatStatus, seat_is_free

        guarded = reserving.hold
        chosen = threading.local()

        def choose_first(cohort: Any, trainee: Any, *, now: datetime, by: Any = None, why: str = "") -> Any:
            chosen.seat = Seat.objects.filter(seat_is_free(now), cohort=cohort).order_by("number").first()
            time.sleep(0.05)
            return guarded(cohort, trainee, now=now, by=by, why=why)

        def take_what_was_chosen(
            cohort_id: int,
            occupant_id: int,
            *,
            until: datetime | None,
            now: datetime,
            number: int | None = None,
            keeping_open: bool = False,
        ) -> seats.Claimed:
            if chosen.seat is None:
                raise seats.CohortFull
            status = SeatStatus.HELD if until else SeatStatus.TAKEN
            Seat.objects.filter(pk=chosen.seat.pk).update(status=status, occupant_id=occupant_id, held_until=until)
            return seats.Claimed(chosen.seat.number, None)

        reserving.hold = choose_first
        seats.claim = take_what_was_chosen
