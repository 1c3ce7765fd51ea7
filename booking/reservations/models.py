"""A trainee's claim on a seat and its whole story, kept for ever."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from workshops.ids import new_id
from workshops.models import Cohort, ConductText
from workshops.programme.terms import Terms


class State(models.TextChoices):
    """Where a reservation is in its life. `reservations.lifecycle` is the only writer."""

    OFFERED = "offered", "Offered"
    HELD = "held", "Held"
    RESERVED = "reserved", "Reserved"
    CONFIRMED = "confirmed", "Confirmed"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"
    TRANSFERRED = "transferred", "Moved to another cohort"


LIVE = (State.OFFERED, State.HELD, State.RESERVED, State.CONFIRMED)
WAITING = (State.OFFERED, State.HELD)
OWING = (State.HELD, State.RESERVED, State.CONFIRMED)
"""States in which its charges are owed."""


class ReservationQuerySet(models.QuerySet["Reservation"]):
    """Questions that pages, the API and the worker ask."""

    def holding_a_seat(self, now: datetime) -> "ReservationQuerySet":
        """Reservations with a seat as of `now`: a hold that ran out has none, whether or not a worker has noticed."""
        return self.filter(state__in=LIVE).exclude(state__in=WAITING, held_until__lte=now)

    def run_out(self, now: datetime) -> "ReservationQuerySet":
        """Holds that ran out and have not been marked so."""
        return self.filter(state__in=WAITING, held_until__lte=now)


class Reservation(models.Model):
    """One trainee, one cohort, one seat, with the price, terms and conduct text it was made under."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    trainee = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="reservations")
    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="reservations")
    seat_number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=State.choices)
    held_until = models.DateTimeField(null=True)
    price_cents = models.PositiveIntegerField(help_text="What this person owes in all; 0 when it was paid elsewhere.")
    deposit_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    paid_elsewhere = models.BooleanField(default=False, help_text="Covered by an entitlement.")
    balance_due_on = models.DateField()
    terms_frozen = models.JSONField()
    conduct = models.ForeignKey(ConductText, models.PROTECT, related_name="+")
    conduct_accepted_at = models.DateTimeField()
    is_only_one = models.BooleanField(help_text="Made under the term that a person has one active seat.")
    created_at = models.DateTimeField()

    objects = ReservationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("trainee", "cohort"), condition=Q(state__in=LIVE), name="reservation_one_a_cohort"
            ),
            models.UniqueConstraint(
                fields=("trainee",), condition=Q(state__in=LIVE, is_only_one=True), name="reservation_one_active"
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="reservation_state"),
            models.CheckConstraint(
                condition=Q(state__in=WAITING, held_until__isnull=False) | (~Q(state__in=WAITING) & Q(held_until=None)),
                name="reservation_held_until",
            ),
            models.CheckConstraint(
                condition=Q(deposit_cents__lte=models.F("price_cents")), name="reservation_deposit_within_price"
            ),
        )
        indexes = (models.Index(fields=("held_until",), condition=Q(state__in=WAITING), name="reservation_due"),)

    def __str__(self) -> str:
        return f"{self.trainee}, seat {self.seat_number} of {self.cohort}"

    def get_absolute_url(self) -> str:
        """The trainee's page about it."""
        return reverse("reservation", args=[self.public_id])

    @property
    def balance_cents(self) -> int:
        """What is due after the deposit."""
        return self.price_cents - self.deposit_cents

    @property
    def terms(self) -> Terms:
        """The terms it was made under."""
        return Terms.from_json(self.terms_frozen)

    def state_at(self, now: datetime) -> State:
        """Its state as of `now`: a hold that ran out has expired, whether or not a worker has noticed."""
        if self.state in WAITING and self.held_until is not None and self.held_until <= now:
            return State.EXPIRED
        return State(self.state)


class ChargeKind(models.TextChoices):
    """What a charge is for."""

    DEPOSIT = "deposit", "Deposit"
    BALANCE = "balance", "Balance"


class Charge(models.Model):
    """Something owed on a reservation, and when. Payments cover charges in the order of their due dates."""

    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="charges")
    kind = models.CharField(max_length=8, choices=ChargeKind.choices)
    amount_cents = models.PositiveIntegerField()
    due_at = models.DateTimeField()

    class Meta:
        ordering = ("due_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("reservation", "kind"), name="charge_once"),
            models.CheckConstraint(condition=Q(amount_cents__gte=1), name="charge_amount"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.reservation}"
