"""What takes something off the price: vouchers with a code, scholarships by name, and who has used which."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from booking.reservations.models import Reservation
from workshops.cohorts.models import Cohort
from workshops.ids import new_id


class DiscountKind(models.TextChoices):
    """What it is called."""

    VOUCHER = "voucher", "Voucher"
    SCHOLARSHIP = "scholarship", "Scholarship"


class Discount(models.Model):
    """An amount or a part of the price, for whoever has the code or for one person by name, with a reason."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    kind = models.CharField(max_length=11, choices=DiscountKind.choices)
    code = models.CharField(max_length=40, null=True, unique=True, help_text="In capitals; none where it is by name.")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="discounts")
    cohort = models.ForeignKey(Cohort, models.PROTECT, null=True, related_name="discounts", help_text="None: any.")
    amount_cents = models.PositiveIntegerField(default=0)
    percent = models.PositiveSmallIntegerField(default=0)
    limit = models.PositiveSmallIntegerField(default=1, help_text="How many people may use it.")
    valid_from = models.DateField()
    valid_until = models.DateField()
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=DiscountKind.values), name="discount_kind"),
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0, percent=0) | Q(amount_cents=0, percent__gte=1, percent__lte=100),
                name="discount_amount_or_percent",
                violation_error_message="Give an amount or a percentage, not both.",
            ),
            models.CheckConstraint(
                condition=Q(code__isnull=False, person=None) | Q(code=None, person__isnull=False),
                name="discount_code_or_person",
                violation_error_message="Give a code or choose a person, not both.",
            ),
            models.CheckConstraint(condition=Q(limit__gte=1), name="discount_limit"),
            models.CheckConstraint(
                condition=Q(valid_until__gte=models.F("valid_from")),
                name="discount_days",
                violation_error_message="The last day is before the first.",
            ),
        )

    def __str__(self) -> str:
        return self.code or f"{self.get_kind_display()} by name"


class Redemption(models.Model):
    """A discount that one reservation has. It counts while that reservation has not ended: see `discounts.using`."""

    discount = models.ForeignKey(Discount, models.PROTECT, related_name="redemptions")
    reservation = models.OneToOneField(Reservation, models.PROTECT, related_name="redemption")
    amount_cents = models.PositiveIntegerField(help_text="What it took off the price.")
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at", "-id")
        constraints = (models.CheckConstraint(condition=Q(amount_cents__gte=1), name="redemption_amount"),)

    def __str__(self) -> str:
        return f"{self.discount} for {self.reservation}"
