"""What the registrar is asked about money and holds."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.timezone import localtime

from booking.desk.fields import DAYS_KNOWN, DayInput, MomentField, a_reason
from booking.payments.forms import what_is_missing
from booking.reservations.models import Reservation
from workshops.clock import moment_in_words


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


class HoldLongerForm(forms.Form):
    """A later end for a hold."""

    prefix = "longer"
    until = MomentField(label="Hold until", help_text="Los Angeles time.")
    why = a_reason("Why does it wait longer?")

    def __init__(self, *args: Any, reservation: Reservation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reservation = reservation

    def clean_until(self) -> datetime:
        """Later than it is now, and before the cohort begins."""
        until: datetime = self.cleaned_data["until"]
        ends = self.reservation.held_until
        if ends and until <= ends:
            raise forms.ValidationError(f"The hold lasts until {moment_in_words(ends)} already. Choose a later time.")
        if localtime(until).date() >= self.reservation.cohort.starts_on:
            raise forms.ValidationError("The cohort begins by then. Choose a time before its first day.")
        return until


class CancelHoldForm(forms.Form):
    """Giving back a seat that nobody has paid for."""

    prefix = "cancel"
    why = a_reason("Why is it cancelled?")
