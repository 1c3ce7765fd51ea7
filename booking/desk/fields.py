"""What the desk's forms ask with: dates and times as browsers pick them, and reasons."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Model

from workshops.web.fields import WordsField

# No school keeps a calendar beyond these, and dates at the far ends of time cannot be moved between time zones.
DAYS_KNOWN = [
    MinValueValidator(date(2000, 1, 1), "Choose a year from 2000 to 2100."),
    MaxValueValidator(date(2100, 12, 31), "Choose a year from 2000 to 2100."),
]

THEY_READ_IT = "The trainee reads this."


class DayInput(forms.DateInput):
    """A date as browsers ask for it."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class ClockInput(forms.TimeInput):
    """A time of day as browsers ask for it."""

    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


class MomentInput(forms.DateTimeInput):
    """A date and time as browsers ask for it."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class MomentField(forms.DateTimeField):
    """A moment in the school's time zone."""

    widget = MomentInput

    def clean(self, value: Any) -> Any:
        """Refuse years that no calendar can hold."""
        cleaned = super().clean(value)
        if cleaned is not None and not 2000 <= cleaned.year <= 2100:
            raise forms.ValidationError("Choose a year from 2000 to 2100.")
        return cleaned


def offer(form: forms.BaseForm, name: str, rows: Iterable[Model]) -> None:
    """Show these rows to choose from, which have been read. What comes back is looked up as the field says."""
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)
    none = [("", field.empty_label)] if field.empty_label is not None else []
    field.choices = [*none, *((row.pk, field.label_from_instance(row)) for row in rows)]


def a_reason(label: str, help_text: str = "") -> WordsField:
    """Why something is decided: a sentence that someone reads in two years."""
    return WordsField(label=label, help_text=help_text, max_length=1_000, widget=forms.Textarea(attrs={"rows": 2}))
