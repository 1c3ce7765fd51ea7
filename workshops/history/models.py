"""One append-only table: who, what, when, why, about what."""

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models


class AppendOnly(Exception):
    """Someone tried to change what has happened."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Rows that are added and read, never changed and never deleted."""

    def update(self, **_kwargs: Any) -> NoReturn:
        """Refuse."""
        raise AppendOnly(f"{self.model.__name__} rows are never changed.")

    def delete(self) -> NoReturn:
        """Refuse."""
        raise AppendOnly(f"{self.model.__name__} rows are never deleted.")


class HistoryLine(models.Model):
    """One thing that happened. `history.record` is the only writer."""

    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    what = models.CharField(max_length=60)
    why = models.TextField(blank=True)
    about_kind = models.CharField(max_length=20)
    about_id = models.CharField(max_length=40)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="history")
    facts = models.JSONField(default=dict)

    objects: ClassVar[models.Manager["HistoryLine"]] = models.Manager.from_queryset(AppendOnlyQuerySet)()

    class Meta:
        ordering = ("at", "id")
        indexes = (models.Index(fields=("about_kind", "about_id", "at"), name="history_about"),)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.what} {self.about_kind} {self.about_id}"
