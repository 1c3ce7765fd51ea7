"""What the card processor pays out to the school's bank, and the line of the bank statement that it is."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from workshops.ids import new_id


class PayoutStatus(models.TextChoices):
    """How far a payout has come."""

    ON_ITS_WAY = "on-its-way", "On its way"
    PAID = "paid", "Paid"
    FAILED = "failed", "Failed"


class Payout(models.Model):
    """One payout. The school sells other things on the same account, so only a part of it may be for seats."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    processor_id = models.CharField(max_length=80, unique=True)
    status = models.CharField(max_length=10, choices=PayoutStatus.choices)
    amount_cents = models.IntegerField(help_text="What arrives at the bank, all sales together.")
    ours_cents = models.IntegerField(null=True, help_text="What of it is for seats; none while that is not known.")
    currency = models.CharField(max_length=3)
    arrives_on = models.DateField()
    bank_reference = models.CharField(max_length=80, blank=True, help_text="The line of the bank statement.")
    matched_at = models.DateTimeField(null=True)
    matched_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ("-arrives_on", "-id")
        constraints = (
            models.CheckConstraint(condition=Q(status__in=PayoutStatus.values), name="payout_status"),
            models.CheckConstraint(
                condition=Q(matched_at=None, bank_reference="") | (Q(matched_at__isnull=False) & ~Q(bank_reference="")),
                name="payout_matched",
            ),
        )

    def __str__(self) -> str:
        return f"{self.processor_id} {self.arrives_on}"
