"""What was tried, what was received and what went back, and the ledger that adds it up. Whole cents everywhere."""

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
    INSTALMENT = "instalment", "Instalment"


class PaymentStatus(models.TextChoices):
    """How far an attempt to pay has come: only forward, see `settling.FORWARD`.

    `paying` begins and opens it, `giving_up` ends it for another, `settling` books what has become of it.
    """

    CREATED = "created", "Begun"
    OPEN = "open", "Open"
    PROCESSING = "processing", "Processing"
    SUCCEEDED = "succeeded", "Received"
    FAILED = "failed", "Failed"
    EXPIRED = "expired", "Expired"


UNDER_WAY = (PaymentStatus.CREATED, PaymentStatus.OPEN, PaymentStatus.PROCESSING)
"""An attempt that may still become money: one a reservation, and so one a charge."""


class Customer(models.Model):
    """A person as the card processor knows them: one each, so that their payments and card are found together."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, related_name="customer")
    processor_id = models.CharField(max_length=80, unique=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.processor_id


class Payment(models.Model):
    """One attempt to pay, through one gateway. Its number is the key under which the processor is asked, once or again.

    The row is written before the processor hears of it, so that an answer that is lost is found again.
    """

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="payments")
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    gateway = models.CharField(max_length=12)
    amount_cents = models.PositiveIntegerField(help_text="What was asked for; once received, what came.")
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=10, choices=PaymentStatus.choices, default=PaymentStatus.CREATED)
    reference = models.CharField(
        max_length=80, blank=True, help_text="What the bank or the processor calls the money: pi_… at Stripe."
    )
    checkout_id = models.CharField(max_length=80, blank=True, help_text="The page to pay on: cs_… at Stripe.")
    checkout_url = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True, help_text="When the processor's page closes.")
    prolonged_hold = models.BooleanField(default=False, help_text="The hold was made longer for it, once.")
    keeps_card = models.BooleanField(default=False, help_text="The card is saved for a plan, with consent.")
    failure = models.SlugField(max_length=60, blank=True, help_text="Why it failed, in the processor's code.")
    asked_at = models.DateTimeField(null=True, help_text="When the processor was last asked what became of it.")
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
            models.UniqueConstraint(
                fields=("checkout_id",), condition=~Q(checkout_id=""), name="payment_checkout_once"
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
    """Money on its way back, the way it came. `payments.returning` asks for it, `payments.sending` moves it on.

    What left by another road (`payments.outside`) is a refund that has gone.
    """

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds")
    reservation = models.ForeignKey(
        Reservation,
        models.PROTECT,
        related_name="refunds",
        help_text="Whose money it was when it was asked back: after a move, not the one that the payment was made for.",
    )
    amount_cents = models.PositiveIntegerField(help_text="None of it is left where all had gone another way.")
    status = models.CharField(max_length=10, choices=RefundStatus.choices, default=RefundStatus.REQUESTED)
    rule = models.SlugField(help_text="Why it is owed, for example late-no-seat.")
    reference = models.CharField(max_length=80, blank=True, help_text="What the bank calls the money that went.")
    by_hand = models.BooleanField(
        default=False, help_text="A person sends it by bank transfer, whichever way the money came."
    )
    attempt = models.PositiveSmallIntegerField(
        default=0, help_text="How often it had failed when it was asked for again; part of the processor's key."
    )
    processor_id = models.CharField(max_length=80, blank=True, help_text="re_… at Stripe.")
    failure = models.SlugField(max_length=60, blank=True, help_text="Why it failed, in the processor's code.")
    asked_at = models.DateTimeField(null=True, help_text="When the processor was last asked what became of it.")
    requested_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ("requested_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("processor_id",), condition=~Q(processor_id=""), name="refund_processor_id_once"
            ),
            models.CheckConstraint(condition=Q(status__in=RefundStatus.values), name="refund_status"),
            models.CheckConstraint(condition=Q(amount_cents__gte=1) | Q(status="succeeded"), name="refund_amount"),
        )

    def __str__(self) -> str:
        return f"Refund of {self.payment}"


class DisputeStatus(models.TextChoices):
    """How a dispute stands. An inquiry has taken no money yet."""

    INQUIRY = "inquiry", "Inquiry"
    OPEN = "open", "Open"
    WON = "won", "Won"
    LOST = "lost", "Lost"
    CLOSED = "closed", "Closed without loss"


class Dispute(models.Model):
    """Money that a payer asks back through their bank. It freezes refunds and the plan until it is decided.

    `payments.disputing` is the only writer.
    """

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="disputes")
    reservation = models.ForeignKey(
        Reservation, models.PROTECT, related_name="disputes", help_text="Where the money counted when it was disputed."
    )
    processor_id = models.CharField(max_length=80, unique=True)
    amount_cents = models.PositiveIntegerField()
    reason = models.SlugField(max_length=60, blank=True)
    status = models.CharField(max_length=8, choices=DisputeStatus.choices)
    opened_at = models.DateTimeField()
    answer_by = models.DateTimeField(null=True, help_text="Until when evidence can be sent in, at the processor.")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-opened_at", "-id")
        constraints = (models.CheckConstraint(condition=Q(status__in=DisputeStatus.values), name="dispute_status"),)

    def __str__(self) -> str:
        return f"Dispute of {self.payment}"


FROZEN = (DisputeStatus.INQUIRY, DisputeStatus.OPEN)
"""While a dispute is undecided, nothing of the payment goes back another way, and no instalment is charged."""


class Account(models.TextChoices):
    """The accounts of the ledger."""

    PROCESSOR = "processor", "Card processor"
    BANK = "bank", "Bank"
    SANDBOX = "sandbox", "Play money"
    DISPUTED = "disputed", "Held by the processor for disputes"
    FEES = "fees", "Processor fees"
    OWED = "owed", "Owed by trainees"
    TUITION_HELD = "tuition_held", "Tuition held until the cohort has run"
    TUITION_EARNED = "tuition_earned", "Tuition earned"
    DEPOSITS_KEPT = "deposits_kept", "Deposits kept"
    REFUNDS_UNDERWAY = "refunds_underway", "Refunds underway"
    CARRIED = "carried", "Carried to another cohort"
    OPENING = "opening", "Opening balances"


class LedgerEntry(models.Model):
    """One event of money, booked once. It names no person: a reservation can lose its name and the books stay."""

    source = models.CharField(max_length=80, unique=True, help_text="What caused it, for example payment:4f…")
    reservation = models.ForeignKey(
        Reservation, models.PROTECT, null=True, related_name="entries", help_text="None where it is about no seat."
    )
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


class ClosedPeriod(models.Model):
    """The books are closed through a day: the database takes no entry before its end any more."""

    through = models.DateField(unique=True)
    ends_at = models.DateTimeField(unique=True, help_text="The end of that day in Los Angeles.")
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects: ClassVar[models.Manager["ClosedPeriod"]] = models.Manager.from_queryset(AppendOnlyQuerySet)()

    class Meta:
        ordering = ("-through",)

    def __str__(self) -> str:
        return f"Closed through {self.through}"
