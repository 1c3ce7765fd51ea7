"""First answers of the API, kept so that a repeat gets the same one."""

from django.conf import settings
from django.db import models


class KeptAnswer(models.Model):
    """The answer to one POST with an Idempotency-Key. Without a status it is still running. See `web.repeats`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="Hash of the method, path and body.")
    status = models.PositiveSmallIntegerField(null=True)
    content_type = models.CharField(max_length=80, blank=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "key"), name="kept_answer_once"),)
        indexes = (models.Index(fields=("created_at",), name="kept_answer_age"),)

    def __str__(self) -> str:
        return f"{self.key} of {self.user}"
