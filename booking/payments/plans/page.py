"""What pages show of a plan: its parts, and how each of them stands."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from booking.payments import ledger
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.models import Plan, PlanState, Trouble
from booking.payments.plans.rules import due_cents, to_pay_now
from booking.reservations.deadlines import end_of_grace
from booking.reservations.models import ChargeKind, Reservation
from booking.reservations.owing import Part
from workshops.clock import end_of_school_day, school_day

How = Literal["paid", "next", "late", "later"]
IN_WORDS: dict[How, str] = {"paid": "paid", "next": "next", "late": "late", "later": "to come"}
PILLS: dict[How, str] = {"paid": "good", "next": "wait", "late": "stop", "later": ""}


@dataclass(frozen=True)
class ShownPart:
    """One part: what it was, what is left of it, and how it stands."""

    number: int
    cents: int
    left_cents: int
    due_on: date
    how: How

    @property
    def in_words(self) -> str:
        """How it stands, in a word."""
        return IN_WORDS[self.how]

    @property
    def pill(self) -> str:
        """The colour of that word; empty for none."""
        return PILLS[self.how]


@dataclass(frozen=True)
class ShownPlan:
    """A plan as it stands, for its owner and for the school."""

    plan: Plan
    parts: list[ShownPart]
    left_cents: int
    due_cents: int
    """What is due by today and not here."""
    pay_now_cents: int
    """What its owner would pay who pays a part now."""
    next_on: date | None
    grace_until: date | None
    """Until when the school waits for what is late; None when nothing is."""

    @property
    def trouble(self) -> str:
        """Why the last part could not be charged, as a code; empty when nothing stands against it."""
        return self.plan.trouble

    @property
    def needs_card(self) -> bool:
        """Whether another card has to be saved before anything can be charged."""
        return self.plan.trouble in (Trouble.EXPIRED, Trouble.NO_CARD)


def about(reservation: Reservation, now: datetime) -> ShownPlan | None:
    """The plan that a reservation is or was paid by; None where it has none. What was ended early is none."""
    plan = Plan.objects.filter(reservation=reservation, state__in=(PlanState.ACTIVE, PlanState.PAID)).first()
    if plan is None:
        return None
    plan.reservation = reservation
    charges, kept, today = list(reservation.charges.all()), ledger.kept_cents(reservation), school_day(now)
    left = plans.left_of(reservation, kept)
    left_on = {part.due_on: part.cents for part in left}
    parts = []
    for charge in sorted(
        (each for each in charges if each.kind == ChargeKind.INSTALMENT), key=lambda each: each.number
    ):
        due_on = school_day(charge.due_at)
        missing = left_on.get(due_on, 0)
        parts.append(ShownPart(charge.number, charge.amount_cents, missing, due_on, _how(missing, due_on, left, today)))
    late = left[0].due_on if left and left[0].due_on < today else None
    return ShownPlan(
        plan=plan,
        parts=parts,
        left_cents=sum(part.cents for part in left),
        due_cents=due_cents(left, today),
        pay_now_cents=to_pay_now(left, today),
        next_on=left[0].due_on if left else None,
        grace_until=school_day(end_of_grace(end_of_school_day(late), reservation.terms)) if late else None,
    )


def _how(missing: int, due_on: date, left: list[Part], today: date) -> How:
    if not missing:
        return "paid"
    if due_on < today:
        return "late"
    return "next" if left[0].due_on == due_on else "later"
