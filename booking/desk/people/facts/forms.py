"""What the registrar is asked before a fact is written down or taken back."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms

from booking.desk.fields import DayInput, a_reason
from workshops.clock import in_words
from workshops.cohorts.models import Cohort
from workshops.prerequisites.check import Rule
from workshops.prerequisites.records.dates import LONGEST_TEXT, read
from workshops.programme.models import Module
from workshops.web.fields import PlainField, WordsField


class DatedForm(forms.Form):
    """A module and a date. Correcting what is on record needs a reason."""

    module = forms.ModelChoiceField(Module.objects.all(), empty_label=None)
    on = forms.DateField(label="On", widget=DayInput)
    why = PlainField(
        label="Why it is corrected",
        required=False,
        max_length=1_000,
        help_text="Only where the record says another date already.",
    )


class CompletionForm(DatedForm):
    """A module finished on a date."""

    prefix = "completion"


class AccessForm(DatedForm):
    """The day the school let someone into a module."""

    prefix = "access"


class EntitlementForm(forms.Form):
    """A module already paid for."""

    prefix = "entitlement"
    module = forms.ModelChoiceField(Module.objects.all(), empty_label=None)
    source = PlainField(
        max_length=120, label="Where it was paid", help_text="For example Complete Package, order 1042."
    )


class DaysForm(forms.Form):
    """Days on set whose proof the registrar has seen."""

    prefix = "days"
    dates = WordsField(
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One a line, or with commas between them: 2 March 2026, March 2-6, 2026, or 2026-03-02 to "
        "2026-03-06. With slashes the month comes first: 3/2/2026 is 2 March.",
    )
    production = PlainField(max_length=160)
    role = PlainField(max_length=160, required=False, label="Department and role")
    proof = PlainField(max_length=200, label="Proof you have seen", help_text="For example call sheets, a deal memo.")

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_dates(self) -> tuple[date, ...]:
        """The distinct dates, in order, read as the trainees' own are. What cannot be read is named."""
        reading = read(self.cleaned_data["dates"], self.today)
        if reading.faults:
            raise forms.ValidationError([str(fault) for fault in reading.faults[:10]])
        return reading.days


class TakeBackForm(forms.Form):
    """Taking back a decision."""

    why = a_reason("Why is it taken back?")


class FactBackForm(forms.Form):
    """Taking one fact off the record, because it should not be there."""

    prefix = "fact"
    fact = forms.ChoiceField(
        label="What is taken off the record",
        error_messages={"invalid_choice": "That is not on record any more. Choose another."},
    )
    why = a_reason("Why is it taken off?", "A date that is wrong is better corrected above. Seats are not taken away.")

    def __init__(self, *args: Any, known: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fact"].choices = known  # type: ignore[attr-defined]


class AuditForm(forms.Form):
    """Keeping somebody's proof for an audit, or no longer."""

    prefix = "audit"
    why = a_reason("Why")


class RequirementForm(forms.Form):
    """One requirement of the way to Module IV, and why it counts as met."""

    requirement = forms.ChoiceField()
    reason = a_reason("Why")

    def __init__(self, *args: Any, rules: Sequence[Rule], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["requirement"].choices = [(rule.code, rule.title) for rule in rules]  # type: ignore[attr-defined]


class WaiverForm(RequirementForm):
    """An exception: for one cohort or for all, for good or until a day."""

    prefix = "waiver"
    cohort = forms.ModelChoiceField(
        Cohort.objects.none(),
        required=False,
        empty_label="Every cohort",
        label="For",
        help_text="An exception may be for one cohort.",
    )
    until = forms.DateField(
        required=False, widget=DayInput, label="Holds until", help_text="Its last day; empty for good."
    )

    def __init__(self, *args: Any, rules: Sequence[Rule], today: date, **kwargs: Any) -> None:
        super().__init__(*args, rules=rules, **kwargs)
        self.today = today
        self.fields["cohort"].queryset = Cohort.objects.not_over(today)  # type: ignore[attr-defined]

    def clean_until(self) -> date | None:
        """An exception that is over already helps nobody."""
        until: date | None = self.cleaned_data["until"]
        if until and until < self.today:
            raise forms.ValidationError(f"{in_words(until)} is over. Choose a later day, or none.")
        return until


class AcceptedBeforeForm(RequirementForm):
    """Proof that the school accepted before this system existed."""

    prefix = "before"
    reason = a_reason(
        "What was accepted, and when", "For example: 14 days, accepted by Ana in May 2024, letter on file."
    )
