"""The outbox: every e-mail is a row written in the transaction that causes it."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q


class MessageState(models.TextChoices):
    """Where a message is on its way."""

    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"


class MessageQuerySet(models.QuerySet["Message"]):
    """Questions the worker and the registrar ask."""

    def due(self, now: datetime) -> "MessageQuerySet":
        """Queued, its time has come, and nobody alive is sending it."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lte=now), state=MessageState.QUEUED, due_at__lte=now)


class Message(models.Model):
    """One e-mail to one person about one thing. Unique by (kind, subject, step), so that nothing is said twice."""

    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=60, help_text="What it is about, for example reservation:4f…")
    step = models.PositiveSmallIntegerField(default=0, help_text="Which rung of a ladder of reminders.")
    to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        related_name="messages",
        help_text="Nobody where it goes to an address without an account, which it carries.",
    )
    context = models.JSONField(default=dict)
    calendar = models.TextField(
        blank=True, help_text="An invitation or its cancellation (RFC 5546), for the reader's calendar."
    )
    state = models.CharField(max_length=8, choices=MessageState.choices, default=MessageState.QUEUED)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True, help_text="When it was noted that it came back.")
    bounce = models.CharField(max_length=300, blank=True, help_text="What the other mail server said.")

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("kind", "subject", "step"), name="message_once"),
            models.CheckConstraint(condition=Q(state__in=MessageState.values), name="message_state"),
            models.CheckConstraint(
                condition=Q(state=MessageState.SENT, sent_at__isnull=False)
                | (~Q(state=MessageState.SENT) & Q(sent_at=None)),
                name="message_sent_at",
            ),
        )
        indexes = (models.Index(fields=("due_at",), condition=Q(state="queued"), name="message_due"),)

    def __str__(self) -> str:
        return f"{self.kind} about {self.subject}"


class Wording(models.Model):
    """The school's own words for one kind of message, in place of the shipped ones. `wording` is the only writer."""

    kind = models.CharField(max_length=60, unique=True)
    source = models.TextField(max_length=6000)
    revised_at = models.DateTimeField()
    revised_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    failed_at = models.DateTimeField(null=True, help_text="When it last could not be used and the shipped words were.")

    def __str__(self) -> str:
        return self.kind
