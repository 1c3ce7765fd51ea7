"""What a discount takes off a price, and whether it may be used. Pure functions of rows, cents and days."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from booking.payments.discounts.models import Discount
from workshops import money
from workshops.clock import in_words


class Why(StrEnum):
    """Why a discount is not used. The first that holds is said."""

    UNKNOWN = "unknown"
    NOT_HELD = "not-held"
    PAID = "paid"
    UNDER_WAY = "under-way"
    NO_ANSWER = "no-answer"
    HAS_ONE = "has-one"
    USED_BEFORE = "used-before"
    ENDED = "ended"
    NOT_YET = "not-yet"
    OVER = "over"
    ANOTHER_COHORT = "another-cohort"
    USED_UP = "used-up"
    NOTHING_OFF = "nothing-off"


WORDS = {
    # A code that is not there and one that is another person's are answered alike.
    Why.UNKNOWN: "We do not know this code. Please compare it with what you were sent, or write to the school.",
    Why.NOT_HELD: "A code can be used while your seat is held and its deposit is not paid. It is not held now.",
    Why.PAID: "Something has been paid on this seat already, and its price stays as it is then. Write to the school.",
    Why.UNDER_WAY: "A payment is on its way at this moment. Wait a few minutes, then look at your reservation again.",
    Why.NO_ANSWER: "The page that you opened to pay on could not be closed just now. Try again in a few minutes.",
    Why.HAS_ONE: "This seat has a discount already, and a seat has one at most. Remove that one first.",
    Why.USED_BEFORE: "You have used this code for another seat, and each person may use it once.",
    Why.ENDED: "This code is not in use any more. Write to the school if you counted on it.",
    Why.NOT_YET: "This code cannot be used yet.",
    Why.OVER: "The last day of this code has passed.",
    Why.ANOTHER_COHORT: "This code is for another cohort.",
    Why.USED_UP: "This code has been used as often as it may be.",
    Why.NOTHING_OFF: "This code would take nothing off your price.",
}
"""Each reason as a trainee reads it."""


def in_full(why: Why, discount: Discount | None = None) -> str:
    """The reason with the day or the cohort that it is about, where one is known."""
    if discount is not None and why == Why.NOT_YET:
        return f"This code can be used from {in_words(discount.valid_from)}."
    if discount is not None and why == Why.OVER:
        return f"The last day of this code was {in_words(discount.valid_until)}."
    if discount is not None and discount.cohort is not None and why == Why.ANOTHER_COHORT:
        return f"This code is for {discount.cohort.title} only."
    return WORDS[why]


def takes_off(discount: Discount, price_cents: int) -> int:
    """How many cents it takes off this price, and never more. A part of it is rounded half up to the cent."""
    part = (price_cents * discount.percent + 50) // 100
    return min(discount.amount_cents or part, price_cents)


def refusal(
    discount: Discount, *, person_id: int, cohort_id: int, price_cents: int, uses: int, today: date
) -> Why | None:
    """Why this person may not use it for a seat of this price in this cohort today; None when they may.

    `uses` counts those that count, without this one. The first and the last day are days on which it may be used.
    """
    if discount.person_id is not None and discount.person_id != person_id:
        return Why.UNKNOWN
    if discount.ended_at is not None:
        return Why.ENDED
    if today < discount.valid_from:
        return Why.NOT_YET
    if today > discount.valid_until:
        return Why.OVER
    if discount.cohort_id is not None and discount.cohort_id != cohort_id:
        return Why.ANOTHER_COHORT
    if uses >= discount.limit:
        return Why.USED_UP
    if not takes_off(discount, price_cents):
        return Why.NOTHING_OFF
    return None


def best(discounts: Iterable[Discount], price_cents: int) -> Discount | None:
    """The one that takes most off this price; of two that take the same, the one that was made first."""
    return max(discounts, key=lambda each: (takes_off(each, price_cents), -each.pk), default=None)


def as_code(typed: str) -> str:
    """A code as it is kept, from what somebody typed: capitals, without spaces."""
    return "".join(typed.split()).upper()


def worth(discount: Discount, currency: str = "USD") -> str:
    """What it takes off, in words: $500, or 25%."""
    return money.in_words(discount.amount_cents, currency) if discount.amount_cents else f"{discount.percent}%"
