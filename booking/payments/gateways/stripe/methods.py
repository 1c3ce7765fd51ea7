"""Which ways to pay Stripe may offer for a payment. Pure functions.

Stripe itself shows of these only what the payer's country, currency and device allow ("dynamic payment methods"), so
what is decided here is what may never be shown. Limits for the United States, as Stripe publishes them:
docs.stripe.com/payments/klarna and docs.stripe.com/payments/afterpay-clearpay.
"""

from collections.abc import Mapping

from booking.payments.models import Purpose

PAY_LATER: Mapping[str, tuple[int, int]] = {
    "klarna": (1_000, 500_000),
    "afterpay_clearpay": (100, 400_000),
}
"""The least and the most, in cents of a dollar, that each takes."""

DELAYED = ("us_bank_account", "acss_debit", "sepa_debit", "bacs_debit", "au_becs_debit", "customer_balance")
"""Ways that say yes days later: a hold does not wait so long."""
OTHER_LENDERS = ("affirm", "zip", "sunbit")
"""Pay-later services that the school does not publish."""


def excluded(purpose: Purpose, cents: int, currency: str, *, pay_later: bool, is_all_of_it: bool) -> list[str]:
    """The ways that Stripe must not offer for this payment, in a fixed order.

    Klarna and Afterpay pay a seat in full, in dollars, within their limits, where the terms have them. Debits that
    take days are for balances: nobody's seat runs out while they are under way.
    """
    out = [*OTHER_LENDERS]
    for name, (least, most) in PAY_LATER.items():
        fits = currency == "USD" and least <= cents <= most
        if not (pay_later and is_all_of_it and fits):
            out.append(name)
    if purpose != Purpose.BALANCE:
        out += DELAYED
    return sorted(out)
