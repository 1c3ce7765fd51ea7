"""Whose calendars are fetched under a secret address, and who without an account wants to hear of new dates."""

import hashlib

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from workshops.ids import new_id


class FeedKind(models.TextChoices):
    """Whose days a private calendar shows. Each is named as the role that may have it."""

    TRAINEE = "trainee", "Your days"
    INSTRUCTOR = "instructor", "Days you teach"
    MENTOR = "mentor", "Your mentoring meetings"
    REGISTRAR = "registrar", "The school's year"


class Client(models.TextChoices):
    """What kind of program fetched a calendar last: as much as anyone needs to know that it works."""

    APPLE = "apple", "Apple Calendar"
    GOOGLE = "google", "Google Calendar"
    OUTLOOK = "outlook", "Outlook"
    THUNDERBIRD = "thunderbird", "Thunderbird"
    OTHER = "other", "Another program"


class FeedToken(models.Model):
    """The secret in the address of one private calendar. Only its hash is kept. `calendars.tokens` is the only writer.

    Making a new address replaces the hash, so the old one is nobody's from that moment; revoking deletes the row.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="feed_tokens")
    kind = models.CharField(max_length=10, choices=FeedKind.choices)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    with_due_dates = models.BooleanField(
        default=True, help_text="Whether dates by which something is due stand in it as entries of a whole day."
    )
    last_fetched_at = models.DateTimeField(null=True)
    last_client = models.CharField(max_length=12, choices=Client.choices, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "kind"), name="feed_token_one_a_kind"),
            models.CheckConstraint(condition=Q(kind__in=FeedKind.values), name="feed_token_kind"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, of {self.user}"

    @staticmethod
    def digest_of(secret: str) -> str:
        """The hash under which a secret is kept. It has 256 random bits, so a plain hash is enough."""
        return hashlib.sha256(secret.encode()).hexdigest()


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    """Who is to hear of new dates."""

    def confirmed(self) -> "SubscriberQuerySet":
        """Those who said so from the address itself."""
        return self.filter(confirmed_at__isnull=False)


class Subscriber(models.Model):
    """An address without an account that wants to hear of new dates. `calendars.subscribers` is the only writer.

    Whoever stops is deleted: nothing is left to write to.
    """

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    email = models.EmailField(max_length=254)
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="subscriber_once"),)

    def __str__(self) -> str:
        return f"subscriber {self.public_id}"
