"""Which part of the books is shown, and what the registrar is asked before something is written into them."""

from datetime import date, timedelta
from typing import Any

from django import forms

from booking.desk.fields import DAYS_KNOWN, DayInput, a_reason


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


class AsOfForm(forms.Form):
    """A day in Los Angeles; today where none is given."""

    on = forms.DateField(label="At the end of", required=False, widget=DayInput, validators=DAYS_KNOWN)


class MonthForm(forms.Form):
    """The first of the months that are shown."""

    first = forms.DateField(required=False, validators=DAYS_KNOWN)


THE_WORD = "close"


class CloseForm(forms.Form):
    """Closing the books through a day. The word is typed, because it cannot be undone."""

    through = forms.DateField(label="Through the end of", widget=DayInput, validators=DAYS_KNOWN)
    word = forms.CharField(
        label=f"Type the word {THE_WORD}",
        max_length=20,
        help_text="To confirm: this cannot be undone, by anybody.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["through"].initial = today.replace(day=1) - timedelta(days=1)
        self.fields["through"].help_text = "The last day that is closed, in Los Angeles. Usually the end of a month."

    def clean_word(self) -> str:
        """The word, however it is capitalised."""
        typed = str(self.cleaned_data["word"]).strip()
        if typed.lower() != THE_WORD:
            raise forms.ValidationError(f"Type the word {THE_WORD}, so that nothing is closed by mistake.")
        return typed


class MatchForm(forms.Form):
    """Which line of the bank statement a payout is."""

    reference = forms.CharField(label="Line of the bank statement", max_length=80)


TRY_AGAIN, SET_ASIDE = "again", "aside"


class EventForm(forms.Form):
    """What is done about an event of the card processor's that needs a person."""

    how = forms.ChoiceField(
        label="What is done about it?",
        widget=forms.RadioSelect,
        choices=[
            (TRY_AGAIN, "Look at it again: what stood against it has been mended"),
            (SET_ASIDE, "Set it aside: it has been seen to another way, and nothing is booked"),
        ],
    )
    why = a_reason("Why?")
