"""Test cards, and what the stand-in does with each. The numbers and meanings are those of docs.stripe.com/testing.

One differs on purpose: 4000000000000341 can also pay once on a page, with its owner there, and fails when it is charged
later without them. (At Stripe it can only be saved.) So a plan can be begun with it and its instalments fail.
"""

from dataclasses import dataclass
from typing import Literal

MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "lost_card": "Your card was declined.",
    "stolen_card": "Your card was declined.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


@dataclass(frozen=True)
class Decline:
    """Why no money came: Stripe's `code`, and the bank's `decline_code` where there is one."""

    code: str
    decline_code: str = ""

    @property
    def message(self) -> str:
        """What the person is told."""
        return MESSAGES[self.decline_code or self.code]


@dataclass(frozen=True)
class Card:
    """How one test card behaves.

    `asks`: when its bank wants its owner to authenticate. `never`; `until_set_up`: always with the owner there, and
    without them unless it was set up for that; `when_present`: always with the owner there, never without;
    `always`: every time, so that a charge without the owner fails.
    """

    brand: str = "visa"
    asks: Literal["never", "until_set_up", "when_present", "always"] = "never"
    decline: Decline | None = None
    decline_later: Decline | None = None
    disputed: str = ""
    refund: Literal["", "pending", "fail_later"] = ""

    def charged(
        self, *, off_session: bool, authenticated: bool, set_up: bool
    ) -> Decline | Literal["yes", "authenticate"]:
        """What the bank answers to a charge (or to saving the card, with its owner there)."""
        if off_session:
            if self.asks == "always" or (self.asks == "until_set_up" and not set_up):
                return Decline("authentication_required", "authentication_required")
        elif self.asks != "never" and not authenticated:
            return "authenticate"
        if off_session and self.decline_later:
            return self.decline_later
        return self.decline or "yes"


GENERIC = Decline("card_declined", "generic_decline")
CARDS = {
    "4242424242424242": Card(),
    "5555555555554444": Card(brand="mastercard"),
    "378282246310005": Card(brand="amex"),
    "4000000000000002": Card(decline=GENERIC),
    "4000000000009995": Card(decline=Decline("card_declined", "insufficient_funds")),
    "4000000000009987": Card(decline=Decline("card_declined", "lost_card")),
    "4000000000009979": Card(decline=Decline("card_declined", "stolen_card")),
    "4000000000000069": Card(decline=Decline("expired_card")),
    "4000000000000127": Card(decline=Decline("incorrect_cvc")),
    "4000000000000119": Card(decline=Decline("processing_error")),
    "4000000000000341": Card(decline_later=GENERIC),
    "4000002500003155": Card(asks="until_set_up"),
    "4000003800000446": Card(asks="when_present"),
    "4000002760003184": Card(asks="always"),
    "4000000000003220": Card(asks="always"),
    "4000008260003178": Card(asks="when_present", decline=Decline("card_declined", "insufficient_funds")),
    "4000000000000259": Card(disputed="fraudulent"),
    "4000000000002685": Card(disputed="product_not_received"),
    "4000000000007726": Card(refund="pending"),
    "4000000000005126": Card(refund="fail_later"),
}


def number_typed(text: str) -> str:
    """A card number as it was typed, without its spaces. Raises ValueError where it is no test card."""
    number = "".join(text.split()).replace("-", "")
    if number not in CARDS:
        raise ValueError("Your card number is invalid. The stand-in knows Stripe's test cards alone.")
    return number
