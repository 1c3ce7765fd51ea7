"""The upper floor as Django sees it."""

from django.apps import AppConfig


class BookingConfig(AppConfig):
    """How a person gets into the room."""

    name = "booking"
    verbose_name = "Booking"
