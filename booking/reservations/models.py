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
SEATED = (State.RESERVED, State.CONFIRMED)
"""States in which the deposit is here, or none was asked for: the seat is theirs."""
OWING = (State.HELD, State.RESERVED, State.CONFIRMED)
"""States in which its charges are owed: the person has said yes."""


def in_calendar(state: str) -> str:
    """What a calendar says of days under a reservation in this state (RFC 5545, 3.8.1.11)."""
    return "TENTATIVE" if state in WAITING else "CONFIRMED" if state in SEATED else "CANCELLED"


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
    conduct_accepted_at = models.DateTimeField(null=True, help_text="Nobody has agreed to anything in an offer.")
    fee_cents = models.PositiveIntegerField(default=0, help_text="Owed beside the price, for moving late.")
    not_refundable_cents = models.PositiveIntegerField(
        default=0, help_text="What had stopped being refundable before it moved here; moving does not bring it back."
    )
    moved_from = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="moved_to", help_text="The story so far, in another cohort."
    )
    provisional_until = models.DateField(
        null=True, help_text="The seat is held on a promise: the prerequisites must be met by then."
    )
    may_leave_until = models.DateTimeField(
        null=True, help_text="The school moved the cohort: until then leaving or moving costs nothing."
    )
    choose_until = models.DateTimeField(
        null=True, help_text="The school cancelled the cohort: until then its money may go to another cohort."
    )
    is_only_one = models.BooleanField(help_text="Made under the term that a person has one active seat.")
    created_at = models.DateTimeField()
    calendar_id = models.CharField(
        max_length=20, default=new_id, help_text="Under which its invitation stays in a calendar; moving keeps it."
    )
    sequence = models.PositiveIntegerField(
        default=0, help_text="Raised by each change that its person's calendar must notice."
    )
    revised_at = models.DateTimeField(help_text="When that was last.")

    objects = ReservationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("trainee", "cohort"), condition=Q(state__in=LIVE), name="reservation_one_a_cohort"
            ),
            models.UniqueConstraint(
                fields=("trainee",), condition=Q(state__in=OWING, is_only_one=True), name="reservation_one_active"
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="reservation_state"),
            models.CheckConstraint(
                condition=Q(state__in=WAITING, held_until__isnull=False) | (~Q(state__in=WAITING) & Q(held_until=None)),
                name="reservation_held_until",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=OWING) | Q(conduct_accepted_at__isnull=False), name="reservation_conduct"
            ),
            models.CheckConstraint(
                condition=Q(choose_until=None) | Q(state=State.CANCELLED), name="reservation_choose_until"
            ),
            models.CheckConstraint(
                condition=Q(deposit_cents__lte=models.F("price_cents")), name="reservation_deposit_within_price"
            ),
        )
        indexes = (
            models.Index(fields=("held_until",), condition=Q(state__in=WAITING), name="reservation_due"),
            models.Index(fields=("choose_until",), condition=Q(choose_until__isnull=False), name="reservation_choice"),
            models.Index(
                fields=("provisional_until",), condition=Q(provisional_until__isnull=False), name="reservation_promise"
            ),
        )

    def __str__(self) -> str:
        return f"{self.trainee}, seat {self.seat_number} of {self.cohort}"

    def get_absolute_url(self) -> str:
        """The trainee's page about it."""
        return reverse("reservation", args=[self.public_id])

    @property
    def owed_cents(self) -> int:
        """What it costs in all, whatever has been paid: the price, and a fee where one is owed."""
        return self.price_cents + self.fee_cents

    def remaining_cents(self, paid_cents: int) -> int:
        """What is left to pay, when so much has been paid."""
        return max(self.owed_cents - paid_cents, 0)

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
    INSTALMENT = "instalment", "Instalment"
    FEE = "fee", "Fee for moving"


class Charge(models.Model):
    """Something owed on a reservation, and when. Payments cover charges in the order of their due dates.

    All charges of a reservation add up to what it costs: `Reservation.owed_cents`.
    """

    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="charges")
    kind = models.CharField(max_length=10, choices=ChargeKind.choices)
    number = models.PositiveSmallIntegerField(default=0, help_text="Which instalment, from 1; 0 for everything else.")
    amount_cents = models.PositiveIntegerField()
    due_at = models.DateTimeField()
    sequence = models.PositiveIntegerField(default=0, help_text="Raised when it becomes due on another day.")
    revised_at = models.DateTimeField()

    class Meta:
        ordering = ("due_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("reservation", "kind", "number"), name="charge_once"),
            models.CheckConstraint(condition=Q(amount_cents__gte=1), name="charge_amount"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.reservation}"


class EntryState(models.TextChoices):
    """Where someone is in the line. `reservations.waitlist` is the only writer."""

    WAITING = "waiting", "Waiting"
    OFFERED = "offered", "Offered a seat"
    SEATED = "seated", "Has a seat"
    LAPSED = "lapsed", "Offer ran out"
    WITHDRAWN = "withdrawn", "Left the line"


IN_LINE = (EntryState.WAITING, EntryState.OFFERED)


class WaitlistQuerySet(models.QuerySet["WaitlistEntry"]):
    """Questions about the line."""

    def waiting(self) -> "WaitlistQuerySet":
        """Those who wait for a seat; whoever has an offer does not wait any more."""
        return self.filter(state=EntryState.WAITING)

    def in_turn(self) -> "WaitlistQuerySet":
        """Whose turn comes first. This is the whole rule.

        1. `rank`: 0 for everyone who just joined. A registrar who reorders a line, for a reason that is on record,
           numbers it from 1; whoever joins after that gets the last number and so comes behind them.
        2. Who joined earlier.
        3. Where that was the same moment, whose entry was written first.

        Being eligible, and needing notice, do not change the order: whoever cannot take a seat today is passed over
        and keeps their place.
        """
        return self.order_by("rank", "joined_at", "pk")


class WaitlistEntry(models.Model):
    """Someone's place in the line for a cohort."""

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="line")
    trainee = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="places_in_line")
    state = models.CharField(max_length=9, choices=EntryState.choices, default=EntryState.WAITING)
    rank = models.PositiveSmallIntegerField(default=0)
    joined_at = models.DateTimeField()
    notice_days = models.PositiveSmallIntegerField(
        default=0, help_text="Passed over when the cohort begins sooner than in so many days."
    )
    offer = models.OneToOneField(Reservation, models.PROTECT, null=True, related_name="place_in_line")
    told_on = models.DateField(null=True, help_text="When they last heard that a seat was free and why it passed them.")
    ended_at = models.DateTimeField(null=True)
    sequence = models.PositiveIntegerField(
        default=0, help_text="Raised by each change that its person's calendar must notice."
    )
    revised_at = models.DateTimeField()

    objects = WaitlistQuerySet.as_manager()

    class Meta:
        ordering = ("-joined_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("cohort", "trainee"), condition=Q(state__in=IN_LINE), name="waitlist_one_a_cohort"
            ),
            models.CheckConstraint(condition=Q(state__in=EntryState.values), name="waitlist_state"),
            models.CheckConstraint(
                condition=(Q(state=EntryState.WAITING, offer=None) | ~Q(state=EntryState.WAITING))
                & (Q(state=EntryState.OFFERED, offer__isnull=False) | ~Q(state=EntryState.OFFERED)),
                name="waitlist_offer",
            ),
            models.CheckConstraint(
                condition=Q(state__in=IN_LINE, ended_at=None) | (~Q(state__in=IN_LINE) & Q(ended_at__isnull=False)),
                name="waitlist_ended_at",
            ),
        )
        indexes = (
            models.Index(fields=("cohort", "rank", "joined_at"), condition=Q(state="waiting"), name="waitlist_turn"),
        )

    def __str__(self) -> str:
        return f"{self.trainee}, in line for {self.cohort}"

    def get_absolute_url(self) -> str:
        """The trainee's page about it."""
        return reverse("place-in-line", args=[self.public_id])
