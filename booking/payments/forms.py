"""Choosing what to pay, and how."""

from collections.abc import Mapping

from django import forms

from booking.payments import gateways
from booking.payments.gateways.stripe.methods import PAY_LATER, excluded
from booking.payments.models import Purpose
from booking.payments.paying import owed_for
from booking.reservations.models import Reservation
from workshops import money


def what_is_missing(reservation: Reservation, paid_cents: int) -> list[tuple[str, str]]:
    """The amounts that are missing on a reservation, each once: its purpose, and words that say how much it is."""
    deposit = owed_for(reservation, Purpose.DEPOSIT, paid_cents=paid_cents)
    everything = owed_for(reservation, Purpose.FULL, paid_cents=paid_cents)
    choices = []
    if 0 < deposit < everything:
        choices.append((Purpose.DEPOSIT.value, f"The deposit, {money.in_words(deposit, reservation.currency)}"))
    if everything:
        purpose, words = (Purpose.BALANCE, "The balance") if paid_cents else (Purpose.FULL, "Everything")
        choices.append((purpose.value, f"{words}, {money.in_words(everything, reservation.currency)}"))
    return choices


PAY_LATER_NAMES = {"klarna": "Klarna", "afterpay_clearpay": "Afterpay"}


def pay_later_for(reservation: Reservation, paid_cents: int) -> list[str]:
    """The pay-later services that Stripe may show for everything at once, by name; none where that is not what is owed.

    Stripe shows of them what serves the payer's country, so a page says no more than that they may be there.
    """
    if paid_cents or "stripe" not in gateways.offered():
        return []
    out = excluded(
        Purpose.FULL,
        reservation.owed_cents,
        reservation.currency,
        pay_later=reservation.terms.pay_later,
        is_all_of_it=True,
    )
    return [PAY_LATER_NAMES[name] for name in PAY_LATER if name not in out]


class PayForm(forms.Form):
    """How much, and how."""

    purpose = forms.ChoiceField(label="What would you like to pay?", widget=forms.RadioSelect)
    gateway = forms.ChoiceField(label="How?", widget=forms.RadioSelect)

    def __init__(self, purposes: list[tuple[str, str]], data: Mapping[str, object] | None = None) -> None:
        super().__init__(data)
        ways = [(name, gateway.title) for name, gateway in gateways.offered().items()]
        for name, choices in (("purpose", purposes), ("gateway", ways)):
            self.fields[name].choices = choices  # type: ignore[attr-defined]
            self.fields[name].initial = choices[0][0] if choices else None
