"""The ground floor as Django sees it."""

from django.apps import AppConfig


class WorkshopsConfig(AppConfig):
    """What happens in the room."""

    name = "workshops"
    verbose_name = "Workshops"
