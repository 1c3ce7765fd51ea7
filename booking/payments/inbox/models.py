"""What the card processor told us, each event once. Only its numbers are kept: what it is about is fetched afresh."""

from datetime import datetime

from django.db import models
from django.db.models import Q


class EventState(models.TextChoices):
    """What has become of an event. `inbox.processing` is the only writer after it has been received."""

    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    IGNORED = "ignored", "Of no interest"
    NOT_OURS = "not-ours", "Of another sale"
    STUCK = "stuck", "Needs a person"


class EventQuerySet(models.QuerySet["InboxEvent"]):
    """What the worker asks."""

    def due(self, now: datetime) -> "EventQuerySet":
        """Waiting, its time has come, and nobody alive works on it."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lte=now), state=EventState.WAITING, due_at__lte=now)


class InboxEvent(models.Model):
    """One event, stored under its own number before the processor is told that we have it."""

    event_id = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=80, help_text="For example checkout.session.completed.")
    object_id = models.CharField(max_length=80, blank=True, help_text="What it is about, in the processor's numbers.")
    intent_id = models.CharField(max_length=80, blank=True, help_text="The payment it belongs to, where it says so.")
    ours = models.CharField(
        max_length=20, blank=True, help_text="Our own number of the payment or refund, where we had put it there."
    )
    happened_at = models.DateTimeField()
    received_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=EventState.choices, default=EventState.WAITING)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    trouble = models.CharField(max_length=300, blank=True, help_text="Why it is not done, in words for the registrar.")
    done_at = models.DateTimeField(null=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("received_at", "id")
        constraints = (
            models.CheckConstraint(condition=Q(state__in=EventState.values), name="inbox_state"),
            models.CheckConstraint(
                condition=Q(state__in=("waiting", "stuck"), done_at=None)
                | (~Q(state__in=("waiting", "stuck")) & Q(done_at__isnull=False)),
                name="inbox_done_at",
            ),
        )
        indexes = (models.Index(fields=("due_at",), condition=Q(state="waiting"), name="inbox_due"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"
