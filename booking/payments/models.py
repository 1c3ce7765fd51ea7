"""What was tried, what was received, and the ledger that adds it up. Whole cents everywhere."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from booking.reservations.models import Reservation
from workshops.history.models import AppendOnlyQuerySet
from workshops.ids import new_id


class Purpose(models.TextChoices):
    """What a payment is meant to cover."""

    DEPOSIT = "deposit", "Deposit"
    BALANCE = "balance", "Balance"
    FULL = "full", "Everything"


class PaymentStatus(models.TextChoices):
    """How far an attempt to pay has come."""

    OPEN = "open", "Open"
    PROCESSING = "processing", "Processing"
    SUCCEEDED = "succeeded", "Received"
    FAILED = "failed", "Failed"
    EXPIRED = "expired", "Expired"


UNDER_WAY = (PaymentStatus.OPEN, PaymentStatus.PROCESSING)


class Payment(models.Model):
    """One attempt to pay, through one gateway.

    `payments.settling` says what has come in; whoever begins another attempt, or moves, gives up the one under way.
    """

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="payments")
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    gateway = models.CharField(max_length=12)
    amount_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=10, choices=PaymentStatus.choices, default=PaymentStatus.OPEN)
    reference = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ("created_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("reservation",), condition=Q(status__in=UNDER_WAY), name="payment_one_under_way"
            ),
            models.UniqueConstraint(
                fields=("gateway", "reference"), condition=~Q(reference=""), name="payment_reference_once"
            ),
            models.CheckConstraint(condition=Q(status__in=PaymentStatus.values), name="payment_status"),
            models.CheckConstraint(condition=Q(amount_cents__gte=1), name="payment_amount"),
        )

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} by {self.gateway}"


class RefundStatus(models.TextChoices):
    """How far the way back has come."""

    REQUESTED = "requested", "To send"
    PENDING = "pending", "Under way"
    SUCCEEDED = "succeeded", "Sent back"
    FAILED = "failed", "Failed"


class Refund(models.Model):
    """Money on its way back, the way it came."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds")
    reservation = models.ForeignKey(
        Reservation,
        models.PROTECT,
        related_name="refunds",
        help_text="Whose money it was when it was asked back: after a move, not the one that the payment was made for.",
    )
    amount_cents = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=RefundStatus.choices, default=RefundStatus.REQUESTED)
    rule = models.SlugField(help_text="Why it is owed, for example late-no-seat.")
    reference = models.CharField(max_length=80, blank=True)
    requested_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ("requested_at", "id")
        constraints = (
            models.CheckConstraint(condition=Q(status__in=RefundStatus.values), name="refund_status"),
            models.CheckConstraint(condition=Q(amount_cents__gte=1), name="refund_amount"),
        )

    def __str__(self) -> str:
        return f"Refund of {self.payment}"


class Account(models.TextChoices):
    """The accounts of the ledger."""

    BANK = "bank", "Bank"
    SANDBOX = "sandbox", "Play money"
    TUITION_HELD = "tuition_held", "Tuition held until the cohort has run"
    CARRIED = "carried", "Carried to another cohort"


class LedgerEntry(models.Model):
    """One event of money, booked once. It names no person: a reservation can lose its name and the books stay."""

    source = models.CharField(max_length=60, unique=True, help_text="What caused it, for example payment:4f…")
    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="entries")
    at = models.DateTimeField()

    objects: ClassVar[models.Manager["LedgerEntry"]] = models.Manager.from_queryset(AppendOnlyQuerySet)()

    class Meta:
        ordering = ("at", "id")

    def __str__(self) -> str:
        return self.source


class Posting(models.Model):
    """One side of an entry. The postings of an entry add up to zero. `payments.ledger` is the only writer."""

    entry = models.ForeignKey(LedgerEntry, models.PROTECT, related_name="postings")
    account = models.CharField(max_length=16, choices=Account.choices)
    amount_cents = models.IntegerField(help_text="Debits are positive, credits negative.")

    objects: ClassVar[models.Manager["Posting"]] = models.Manager.from_queryset(AppendOnlyQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("entry", "account"), name="posting_once"),
            models.CheckConstraint(condition=~Q(amount_cents=0), name="posting_amount"),
            models.CheckConstraint(condition=Q(account__in=Account.values), name="posting_account"),
        )

    def __str__(self) -> str:
        return f"{self.account} {self.amount_cents}"
