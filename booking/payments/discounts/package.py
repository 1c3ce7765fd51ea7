"""What remains of the complete package after Module I, beside what its courses cost one by one. Pure.

The school sells the package, and Modules I to III one by one, elsewhere. What somebody paid for Module I counts towards
the package, so the rest of it may cost less than the courses they still need.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from workshops.programme.in_force import Programme
from workshops.programme.models import MODULE_IV

PACKAGE, FIRST = "package", "module-i"
STILL_NEEDED = ("module-ii", "module-iii", MODULE_IV, "certification")


@dataclass(frozen=True)
class Remains:
    """The rest of the package, and the same courses one by one, in cents of one currency."""

    cents: int
    one_by_one_cents: int
    currency: str

    @property
    def saved_cents(self) -> int:
        """What the rest of the package costs less."""
        return self.one_by_one_cents - self.cents


def is_for(finished: Collection[str], paid_elsewhere: Collection[str], *, has_seat: bool) -> bool:
    """Whether it helps someone: they have finished Module I and have nothing of what comes after.

    Whoever has paid for a later module, here or elsewhere, or has finished one, would pay for it twice.
    """
    return FIRST in finished and not has_seat and not {*finished, *paid_elsewhere}.intersection(STILL_NEEDED)


def remains(programme: Programme, today: date) -> Remains | None:
    """What is left of the package after Module I by the price list of this day; None where nothing is saved by it."""
    prices = {item: programme.price_on(item, today) for item in (PACKAGE, FIRST, *STILL_NEEDED)}
    amounts: Mapping[str, int] = {item: price.amount_cents for item, price in prices.items() if price is not None}
    currencies = {price.currency for price in prices.values() if price is not None}
    if len(amounts) < len(prices) or len(currencies) != 1:
        return None
    found = Remains(
        cents=amounts[PACKAGE] - amounts[FIRST],
        one_by_one_cents=sum(amounts[item] for item in STILL_NEEDED),
        currency=currencies.pop(),
    )
    return found if 0 < found.cents < found.one_by_one_cents else None
