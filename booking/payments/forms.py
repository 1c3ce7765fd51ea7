"""Choosing what to pay, and how."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django import forms

from booking.payments import gateways
from booking.payments.gateways.base import STRIPE
from booking.payments.gateways.stripe.methods import PAY_LATER, excluded
from booking.payments.models import Purpose
from booking.payments.paying import LEAST_BY_CARD, TOO_LITTLE_FOR_CARD, owed_for
from booking.reservations.models import Reservation
from workshops import money


class Missing(NamedTuple):
    """An amount that is missing: what paying it is for, words that say how much it is, and that in cents."""

    purpose: str
    words: str
    cents: int


def what_is_missing(reservation: Reservation, paid_cents: int) -> list[Missing]:
    """The amounts that are missing on a reservation, each once."""
    deposit = owed_for(reservation, Purpose.DEPOSIT, paid_cents=paid_cents)
    everything = owed_for(reservation, Purpose.FULL, paid_cents=paid_cents)
    choices = []
    if 0 < deposit < everything:
        amount = money.in_words(deposit, reservation.currency)
        choices.append(Missing(Purpose.DEPOSIT.value, f"The deposit, {amount}", deposit))
    if everything:
        purpose, words = (Purpose.BALANCE, "The balance") if paid_cents else (Purpose.FULL, "Everything")
        amount = money.in_words(everything, reservation.currency)
        choices.append(Missing(purpose.value, f"{words}, {amount}", everything))
    return choices


PAY_LATER_NAMES = {"klarna": "Klarna", "afterpay_clearpay": "Afterpay"}


def pay_later_for(reservation: Reservation, paid_cents: int) -> list[str]:
    """The pay-later services that Stripe may show for everything at once, by name; none where that is not what is owed.

    Stripe shows of them what serves the payer's country, so a page says no more than that they may be there.
    """
    if paid_cents or STRIPE not in gateways.offered():
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

    def __init__(self, purposes: Sequence[Missing], data: Mapping[str, object] | None = None) -> None:
        super().__init__(data)
        self.too_little_for_card = {each.purpose for each in purposes if each.cents < LEAST_BY_CARD}
        ways = [(name, gateway.title) for name, gateway in gateways.offered().items()]
        if len(self.too_little_for_card) == len(purposes) and STRIPE in gateways.offered():
            ways = [way for way in ways if way[0] != STRIPE]
            self.fields["gateway"].help_text = TOO_LITTLE_FOR_CARD
        asked = [(each.purpose, each.words) for each in purposes]
        for name, choices in (("purpose", asked), ("gateway", ways)):
            self.fields[name].choices = choices  # type: ignore[attr-defined]
            self.fields[name].initial = choices[0][0] if choices else None

    def clean(self) -> dict[str, Any]:
        """No card for what is too little for one."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("gateway") == STRIPE and cleaned.get("purpose") in self.too_little_for_card:
            self.add_error("gateway", TOO_LITTLE_FOR_CARD)
        return cleaned
