"""The ground floor's tables, for a registrar to look into.

Nothing is changed here: every state has its one writer, and `User.has_perm` grants looking only. Password and token
hashes are not shown at all.
"""

from django.contrib import admin
from django.db.models import QuerySet, URLField
from django.http import HttpRequest

from workshops import models


@admin.register(models.User)
class UserAdmin(admin.ModelAdmin[models.User]):
    """People, without their password's hash."""

    list_display = ("email", "name", "is_active", "created_at")
    search_fields = ("email", "name")
    exclude = ("password", "last_login")


@admin.register(models.Cohort)
class CohortAdmin(admin.ModelAdmin[models.Cohort]):
    """Cohorts."""

    list_display = ("code", "title", "status", "starts_on", "ends_on")
    list_filter = ("status",)


@admin.register(models.Seat)
class SeatAdmin(admin.ModelAdmin[models.Seat]):
    """Seats."""

    list_display = ("cohort", "number", "status", "occupant", "held_until")
    list_filter = ("status", "cohort")
    list_select_related = ("cohort", "occupant")


@admin.register(models.HistoryLine)
class HistoryLineAdmin(admin.ModelAdmin[models.HistoryLine]):
    """The history, newest first."""

    list_display = ("at", "what", "about_kind", "about_id", "by", "why")
    list_filter = ("what",)
    search_fields = ("about_id", "why")
    list_select_related = ("by",)
    ordering = ("-at", "-id")


@admin.register(models.OnSetRecord)
class OnSetRecordAdmin(admin.ModelAdmin[models.OnSetRecord]):
    """Records of days on set, as far as the school reads them: a draft is its trainee's alone."""

    formfield_overrides = {URLField: {"assume_scheme": "https"}}  # noqa: RUF012
    list_display = ("production", "user", "state", "sent_at", "decided_at")
    list_filter = ("state",)
    list_select_related = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.OnSetRecord]:
        """Those whose content the school reads."""
        return super().get_queryset(request).filter(pk__in=models.OnSetRecord.objects.read_by_school())


@admin.register(models.OnSetDay)
class OnSetDayAdmin(admin.ModelAdmin[models.OnSetDay]):
    """The days of those records."""

    list_display = ("day", "record", "is_refused")
    list_select_related = ("record",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.OnSetDay]:
        """Those of records whose content the school reads."""
        return super().get_queryset(request).filter(record__in=models.OnSetRecord.objects.read_by_school())


admin.site.register(
    [
        models.Access,
        models.Completion,
        models.ConductText,
        models.Entitlement,
        models.Message,
        models.Module,
        models.PolicyTerm,
        models.Post,
        models.Price,
        models.Requirement,
        models.RoleGrant,
        models.School,
        models.Session,
        models.Teaching,
        models.TrainingArea,
        models.Venue,
        models.Waiver,
    ]
)
