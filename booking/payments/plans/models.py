"""A plan: what remains in monthly parts, charged to a card that its owner let us save for this and nothing else."""

from django.db import models
from django.db.models import Q

from booking.reservations.models import Reservation
from workshops.ids import new_id


class PlanState(models.TextChoices):
    """How a plan stands. `plans.lifecycle` is the only writer."""

    PROPOSED = "proposed", "Chosen, the card is not saved yet"
    ACTIVE = "active", "Running"
    PAID = "paid", "Paid in full"
    CLOSED = "closed", "Ended"


class Trouble(models.TextChoices):
    """Why the last part could not be charged."""

    NONE = "", "None"
    AUTHENTICATION = "authentication", "The bank wants to hear from the owner of the card"
    DECLINED = "declined", "The card was declined"
    EXPIRED = "expired", "The card has expired"
    NO_CARD = "no-card", "No card is saved"


class Plan(models.Model):
    """One reservation's plan. Its parts are charges of kind instalment; this says how they are charged."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="plans")
    months = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=8, choices=PlanState.choices, default=PlanState.PROPOSED)
    parts = models.JSONField(help_text="What was agreed to: a list of cents and due_on.")
    consent = models.TextField(help_text="The words that the owner of the card agreed to.")
    consented_at = models.DateTimeField()
    payer_id = models.CharField(max_length=80, blank=True, help_text="Whose card it is: cus_… at Stripe.")
    card_id = models.CharField(max_length=80, blank=True, help_text="The saved card: pm_… at Stripe.")
    card_words = models.CharField(max_length=60, blank=True, help_text="Such as Visa ending in 4242, until 12/2027.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="How often the part that is due was tried in vain.")
    next_try_at = models.DateTimeField(null=True, help_text="Not before then; none: when the next part falls due.")
    trouble = models.CharField(max_length=14, choices=Trouble.choices, default=Trouble.NONE, blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    why_ended = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("reservation",), condition=Q(state__in=("proposed", "active")), name="plan_one_a_reservation"
            ),
            models.CheckConstraint(condition=Q(state__in=PlanState.values), name="plan_state"),
            models.CheckConstraint(condition=Q(months__in=(3, 6)), name="plan_months"),
            models.CheckConstraint(
                condition=~Q(state="active") | ~Q(card_id="") | Q(trouble="no-card"), name="plan_card"
            ),
            models.CheckConstraint(
                condition=Q(state__in=("proposed", "active"), ended_at=None)
                | (~Q(state__in=("proposed", "active")) & Q(ended_at__isnull=False)),
                name="plan_ended_at",
            ),
        )

    def __str__(self) -> str:
        return f"{self.months} parts for {self.reservation}"


class CardSaving(models.Model):
    """One visit to the processor's page to save a card for a plan. Its number is the processor's key."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="savings")
    checkout_id = models.CharField(max_length=80, blank=True)
    checkout_url = models.TextField(blank=True)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=("plan",), condition=Q(settled_at=None), name="card_saving_one_a_plan"),
            models.UniqueConstraint(
                fields=("checkout_id",), condition=~Q(checkout_id=""), name="card_saving_checkout_once"
            ),
        )

    def __str__(self) -> str:
        return f"A card for {self.plan}"
