"""Whether and how what remains can be paid in monthly parts. Pure functions of cents and days."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from booking.reservations.owing import Part
from workshops.clock import in_words

MONTHS = (3, 6)
"""How many parts a plan may have. The school publishes these for its package, and its terms for the seat."""
LEAST_PART_CENTS = 50
"""Stripe takes no less than half a dollar: docs.stripe.com/currencies, minimum charge amounts."""


@dataclass(frozen=True)
class Choice:
    """One plan that a page may show: its parts, or why it is not offered."""

    months: int
    parts: tuple[Part, ...]
    why_not: str

    @property
    def is_offered(self) -> bool:
        """Whether it can be chosen."""
        return not self.why_not


def split(cents: int, months: int) -> list[int]:
    """`cents` in so many parts, equal to the cent, with what cannot be shared out in the last."""
    each = cents // months
    return [each] * (months - 1) + [cents - each * (months - 1)]


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day where it has no such day."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return day.replace(year=year, month=month, day=min(day.day, monthrange(year, month)[1]))


def choices(remaining_cents: int, *, today: date, balance_due_on: date, allowed: bool) -> list[Choice]:
    """Every plan, each with its parts from a month after `today`, or with why it is not offered."""
    found = []
    for months in MONTHS:
        days = [months_later(today, number) for number in range(1, months + 1)]
        parts = tuple(Part(cents, day) for cents, day in zip(split(remaining_cents, months), days, strict=True))
        why_not = ""
        if not allowed:
            why_not = "The terms of this cohort have no plans."
        elif today > balance_due_on:
            why_not = f"The balance was due by {in_words(balance_due_on)}."
        elif remaining_cents // months < LEAST_PART_CENTS:
            why_not = "Too little remains to share it out."
        elif days[-1] > balance_due_on:
            last, by = in_words(days[-1]), in_words(balance_due_on)
            why_not = f"The last part would be due on {last}, and the balance is due by {by}."
        found.append(Choice(months, parts if not why_not else (), why_not))
    return found


def carried(left: Sequence[Part], remaining_cents: int, balance_due_on: date) -> list[Part] | None:
    """The parts that are left where `remaining_cents` remain by another date; None when they do not fit.

    The days stay as they were agreed, and no part grows: nobody allowed more to be charged. What remains less than was
    agreed is taken off the last parts, of which none becomes smaller than a card can be charged.
    """
    if not left or remaining_cents < LEAST_PART_CENTS or remaining_cents > sum(part.cents for part in left):
        return None
    parts: list[Part] = []
    for part in left:
        if not remaining_cents:
            break
        cents = min(part.cents, remaining_cents)
        parts.append(Part(cents, part.due_on))
        remaining_cents -= cents
    missing = LEAST_PART_CENTS - parts[-1].cents
    if missing > 0 and len(parts) > 1:
        before, last = parts[-2:]
        parts[-2:] = [Part(before.cents - missing, before.due_on), Part(LEAST_PART_CENTS, last.due_on)]
    too_small = any(part.cents < LEAST_PART_CENTS for part in parts)
    return None if too_small or parts[-1].due_on > balance_due_on else parts


def due_cents(left: Sequence[Part], today: date) -> int:
    """What of the parts that are left is due by `today`."""
    return sum(part.cents for part in left if part.due_on <= today)


def to_pay_now(left: Sequence[Part], today: date) -> int:
    """What somebody pays who pays a part now: all that is due; before the next part is due, that part."""
    return due_cents(left, today) or (left[0].cents if left else 0)
