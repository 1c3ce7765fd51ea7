"""What the registrar is asked about money."""

from typing import Any

from django import forms

from booking.desk.fields import DAYS_KNOWN, DayInput
from booking.payments.forms import what_is_missing
from booking.reservations.models import Reservation


class PeriodForm(forms.Form):
    """From a day to a day, in Los Angeles."""

    first = forms.DateField(label="From", required=False, widget=DayInput, validators=DAYS_KNOWN)
    last = forms.DateField(label="To", required=False, widget=DayInput, validators=DAYS_KNOWN)

    def clean(self) -> dict[str, Any]:
        """The days must be in order."""
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", "This is before the first day. Choose the same day or a later one.")
        return cleaned


class TransferForm(forms.Form):
    """A bank transfer or cheque that arrived."""

    prefix = "transfer"
    purpose = forms.ChoiceField(label="What arrived", widget=forms.RadioSelect)
    reference = forms.CharField(
        max_length=80, help_text="What the bank calls it, or the number of the cheque. Each is recorded once."
    )

    def __init__(self, *args: Any, reservation: Reservation, paid_cents: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = what_is_missing(reservation, paid_cents)
        self.fields["purpose"].choices = choices  # type: ignore[attr-defined]
        if len(choices) == 1:
            self.fields["purpose"].initial = choices[0][0]


class RefundSentForm(forms.Form):
    """Money that has been sent back."""

    reference = forms.CharField(max_length=80, help_text="What the bank calls the transfer back.")
