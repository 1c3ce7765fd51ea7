"""Which part of the books is shown."""

from typing import Any

from django import forms

from booking.desk.fields import DAYS_KNOWN, DayInput


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
