"""Choosing a plan: what its owner reads and allows, word for word, and that the same words are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from booking.payments import ledger
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.models import Plan
from booking.payments.plans.rules import Choice, choices
from booking.reservations import lifecycle
from booking.reservations.models import Reservation, State
from booking.reservations.owing import Part
from workshops import money
from workshops.clock import school_day, with_weekday
from workshops.transactions import writes


class NotOffered(Exception):
    """There is no such plan for this reservation (any more). The message says why."""


class Changed(Exception):
    """The parts are not what was shown: a day has passed, or money has come. Nothing has been done."""


@dataclass(frozen=True)
class Shown:
    """One plan as its owner sees it before choosing."""

    choice: Choice
    consent: str

    @property
    def digest(self) -> str:
        """What the page sends back, so that nobody agrees to other words than they have read."""
        return sha256(self.consent.encode()).hexdigest()[:20]


def to_choose(reservation: Reservation, now: datetime) -> list[Shown]:
    """Every plan for what remains after the deposit, with its parts, or with why it is not offered."""
    kept = ledger.kept_cents(reservation)
    remaining = reservation.owed_cents - max(kept, reservation.deposit_cents)
    found = choices(
        max(remaining, 0),
        today=school_day(now),
        balance_due_on=reservation.balance_due_on,
        allowed=reservation.terms.instalment_plans,
    )
    return [Shown(each, consent_to(each.parts, reservation) if each.is_offered else "") for each in found]


def consent_to(parts: Sequence[Part], reservation: Reservation) -> str:
    """What the owner of the card allows, to the cent and the day."""
    what = "; ".join(
        f"{money.in_words(part.cents, reservation.currency)} on {with_weekday(part.due_on)}" for part in parts
    )
    return (
        f"CINTIMA may save the card that I enter on the next page and charge it for my seat in "
        f"{reservation.cohort.title}, without asking me each time: {what}. If a charge does not go through, the same "
        "amount may be tried again in the days after. The card is charged for nothing else. I can pay sooner or change "
        "the card at any time. This ends when everything is paid, or when I no longer have the seat."
    )


@writes
def choose(reservation: Reservation, months: int, *, digest: str, now: datetime) -> Plan:
    """Write down the plan that somebody has chosen and agreed to. It runs once the card is saved. Locks the seat.

    Raises:
        NotOffered: when it does not fit, or another plan runs already.
        Changed: when its words are not those that `digest` stands for.
    """
    fresh = lifecycle.lock(reservation)
    if fresh.state_at(now) not in (State.HELD, State.RESERVED):
        raise NotOffered("There is nothing to pay in parts on this reservation any more.")
    if plans.running(fresh):
        raise NotOffered("You pay in monthly parts already.")
    shown = next((each for each in to_choose(fresh, now) if each.choice.months == months), None)
    if shown is None or not shown.choice.is_offered:
        raise NotOffered(shown.choice.why_not if shown else "There is no such plan.")
    if shown.digest != digest:
        raise Changed
    return plans.propose(fresh, shown.choice.parts, consent=shown.consent, now=now)
