"""The upper floor as Django sees it."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

APPEND_ONLY = ("booking_ledgerentry", "booking_posting")
"""Tables of this floor that are only ever added to."""


class BookingConfig(AppConfig):
    """How a person gets into the room."""

    name = "booking"
    verbose_name = "Booking"

    def ready(self) -> None:
        """Guard the books, after every migration."""
        post_migrate.connect(guard, sender=self)


def guard(using: str, **_: Any) -> None:
    """Have the database refuse changes to the books."""
    from workshops.history.triggers import make_append_only

    for table in APPEND_ONLY:
        make_append_only(table, using=using)
