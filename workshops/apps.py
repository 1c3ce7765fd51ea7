"""The ground floor as Django sees it."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

APPEND_ONLY: dict[str, dict[str, str | None]] = {"workshops_historyline": {"by_id": None, "person_id": None, "why": ""}}
"""Tables of this floor that are only ever added to, and the columns that erasing a person empties, and to what."""


class WorkshopsConfig(AppConfig):
    """What happens in the room."""

    name = "workshops"
    verbose_name = "Workshops"

    def ready(self) -> None:
        """Guard what happened, after every migration."""
        post_migrate.connect(guard, sender=self)


def guard(using: str, **_: Any) -> None:
    """Have the database guard what happened and accounts that are closed, and renew revisions."""
    from workshops.cohorts import revision as calendar
    from workshops.history.triggers import make_append_only
    from workshops.people.closing import keep_closed
    from workshops.programme import revision as programme

    for table, may_be_emptied in APPEND_ONLY.items():
        make_append_only(table, may_be_emptied=may_be_emptied, using=using)
    programme.renew_with_every_change(using=using)
    calendar.renew_with_every_change(using=using)
    keep_closed(using=using)
