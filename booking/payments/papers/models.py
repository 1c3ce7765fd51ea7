"""Receipts, invoices and credit notes: each numbered without gaps, each as it was on the day it was made."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from booking.payments.models import Payment, Refund
from booking.reservations.models import Reservation
from workshops.ids import new_id


class PaperKind(models.TextChoices):
    """What a paper is."""

    RECEIPT = "receipt", "Receipt"
    INVOICE = "invoice", "Invoice"
    CREDIT_NOTE = "credit-note", "Credit note"


class PaperSeries(models.Model):
    """The last number given out of a kind: its row is locked while the next is taken, so none is skipped or doubled."""

    kind = models.CharField(max_length=11, unique=True, choices=PaperKind.choices)
    last_number = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.kind} {self.last_number}"


class Paper(models.Model):
    """One paper. What it says was frozen when it was made; `papers.issuing` is the only writer."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    kind = models.CharField(max_length=11, choices=PaperKind.choices)
    number = models.PositiveIntegerField()
    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="papers")
    payment = models.OneToOneField(Payment, models.PROTECT, null=True, related_name="receipt")
    refund = models.OneToOneField(Refund, models.PROTECT, null=True, related_name="credit_note")
    payer = models.CharField(max_length=300, blank=True, help_text="Name and address as given; erasure empties it.")
    says = models.JSONField(help_text="Lines, totals and the school's details on that day. It names nobody.")
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ("-issued_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=("kind", "number"), name="paper_number_once"),
            models.CheckConstraint(
                condition=Q(kind="receipt", payment__isnull=False, refund=None)
                | Q(kind="invoice", payment=None, refund=None)
                | Q(kind="credit-note", payment=None, refund__isnull=False),
                name="paper_about",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number}"
