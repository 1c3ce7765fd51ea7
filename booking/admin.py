"""The upper floor's tables, for a registrar to look into. Nothing is changed here: see `workshops.admin`."""

from django.contrib import admin

from booking import models


@admin.register(models.Reservation)
class ReservationAdmin(admin.ModelAdmin[models.Reservation]):
    """Reservations."""

    list_display = ("public_id", "trainee", "cohort", "state", "seat_number", "held_until", "created_at")
    list_filter = ("state", "cohort")
    search_fields = ("public_id", "trainee__email", "trainee__name")
    list_select_related = ("trainee", "cohort")


@admin.register(models.Payment)
class PaymentAdmin(admin.ModelAdmin[models.Payment]):
    """Payments."""

    list_display = ("public_id", "reservation", "purpose", "gateway", "amount_cents", "status", "created_at")
    list_filter = ("status", "gateway")
    list_select_related = ("reservation__trainee", "reservation__cohort")


@admin.register(models.WaitlistEntry)
class WaitlistEntryAdmin(admin.ModelAdmin[models.WaitlistEntry]):
    """Places in line."""

    list_display = ("public_id", "trainee", "cohort", "state", "rank", "joined_at", "notice_days", "ended_at")
    list_filter = ("state", "cohort")
    search_fields = ("public_id", "trainee__email", "trainee__name")
    list_select_related = ("trainee", "cohort")


admin.site.register([models.Charge, models.LedgerEntry, models.Posting, models.Refund])
