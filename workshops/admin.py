"""The ground floor's tables, for a registrar to look into.

Nothing is changed here: every state has its one writer, and `User.has_perm` grants looking only. Password and token
hashes are not shown at all.
"""

from django.contrib import admin

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


admin.site.register(
    [
        models.Access,
        models.Completion,
        models.ConductText,
        models.Entitlement,
        models.Message,
        models.Module,
        models.OnSetDay,
        models.OnSetRecord,
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
