"""The upper floor as Django sees it."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

APPEND_ONLY: dict[str, dict[str, str | None]] = {
    "booking_ledgerentry": {},
    "booking_posting": {},
    "booking_closedperiod": {"closed_by_id": None},
}
"""Tables of this floor that are only ever added to, and the columns that erasing a person empties."""


class BookingConfig(AppConfig):
    """How a person gets into the room."""

    name = "booking"
    verbose_name = "Booking"

    def ready(self) -> None:
        """Guard the books, after every migration."""
        post_migrate.connect(guard, sender=self)


def guard(using: str, **_: Any) -> None:
    """Have the database refuse changes to the books."""
    from booking.payments.closing import keep_closed
    from workshops.history.triggers import make_append_only

    for table, may_be_emptied in APPEND_ONLY.items():
        make_append_only(table, may_be_emptied=may_be_emptied, using=using)
    keep_closed(using=using)
