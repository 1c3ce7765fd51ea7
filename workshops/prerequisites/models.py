"""What the school knows of a person's path: modules finished, access given, exceptions made. Days: see `records`."""

from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import Q

from workshops.programme.models import Module

PERSON = settings.AUTH_USER_MODEL


class Completion(models.Model):
    """A module finished on a date. Written by `recording` and, many at once, by `importing`."""

    user = models.ForeignKey(PERSON, models.CASCADE, related_name="completions")
    module = models.ForeignKey(Module, models.PROTECT)
    completed_on = models.DateField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(PERSON, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "module"), name="completion_once"),)

    def __str__(self) -> str:
        return f"{self.user} finished {self.module} on {self.completed_on}"


class Access(models.Model):
    """The day the school let someone into a module. It freezes the window of on-set days for good."""

    user = models.ForeignKey(PERSON, models.CASCADE, related_name="accesses")
    module = models.ForeignKey(Module, models.PROTECT)
    granted_on = models.DateField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(PERSON, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "module"), name="access_once"),)

    def __str__(self) -> str:
        return f"{self.user} may take {self.module} since {self.granted_on}"


class Entitlement(models.Model):
    """A module already paid for elsewhere: by itself, or with the package."""

    user = models.ForeignKey(PERSON, models.CASCADE, related_name="entitlements")
    module = models.ForeignKey(Module, models.PROTECT)
    source = models.CharField(max_length=120, help_text="Where it was paid, for example Complete Package, order 1042.")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(PERSON, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "module"), name="entitlement_once"),)

    def __str__(self) -> str:
        return f"{self.user} has paid for {self.module}"


class WaiverKind(models.TextChoices):
    """Why a requirement counts as met without the evidence being here."""

    WAIVER = "waiver", "An exception"
    BEFORE = "before", "Accepted before this system existed"


class WaiverQuerySet(models.QuerySet["Waiver"]):
    """Waivers that hold."""

    def in_force(self, today: date) -> "WaiverQuerySet":
        """Not taken back, and not past their last day."""
        return self.filter(Q(until=None) | Q(until__gte=today), revoked_at=None)


class Waiver(models.Model):
    """A registrar's decision that one requirement is met, with the reason. For one cohort, or for all."""

    user = models.ForeignKey(PERSON, models.CASCADE, related_name="waivers")
    requirement = models.SlugField()
    kind = models.CharField(max_length=8, choices=WaiverKind.choices, default=WaiverKind.WAIVER)
    cohort = models.ForeignKey("workshops.Cohort", models.CASCADE, null=True, blank=True, related_name="+")
    reason = models.TextField()
    until = models.DateField(null=True, blank=True, help_text="The last day it holds; empty for good.")
    given_at = models.DateTimeField()
    given_by = models.ForeignKey(PERSON, models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    objects = WaiverQuerySet.as_manager()

    class Meta:
        ordering = ("-given_at",)
        constraints = (
            models.CheckConstraint(condition=~Q(reason=""), name="waiver_reason"),
            models.CheckConstraint(condition=Q(kind__in=WaiverKind.values), name="waiver_kind"),
        )

    def __str__(self) -> str:
        return f"{self.requirement} for {self.user}"

    def holds_on(self, today: date) -> bool:
        """Whether it is in force: see `WaiverQuerySet.in_force`."""
        return self.revoked_at is None and (self.until is None or self.until >= today)
