"""What the registrar is asked about people."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms

from booking.desk.fields import DayInput, a_reason
from booking.desk.people.seat_forms import coming_cohorts
from workshops.clock import in_words
from workshops.cohorts.models import Cohort
from workshops.people.addresses import account_at
from workshops.people.forms import plain
from workshops.people.models import Role
from workshops.prerequisites.check import Rule
from workshops.prerequisites.set_days import days_in
from workshops.programme.models import Module

MOST_DAYS = 1_000


class PeopleFilter(forms.Form):
    """Whom to show."""

    q = forms.CharField(label="Name or e-mail", required=False, max_length=120, widget=forms.SearchInput)
    role = forms.ChoiceField(label="Role", required=False, choices=[("", "Every role"), *Role.choices])
    standing = forms.ChoiceField(
        label="Module IV",
        required=False,
        choices=[("", "Any standing"), ("eligible", "Has everything"), ("missing", "Something is missing")],
    )
    cohort = forms.CharField(required=False, max_length=50, widget=forms.HiddenInput)
    """The code of the cohort in which someone is to get a seat; it hides nobody."""


class NewPersonForm(forms.Form):
    """Someone who has no account yet."""

    name = forms.CharField(max_length=120, help_text="What we call them, in the room and in messages.")
    email = forms.EmailField(
        label="E-mail", max_length=254, help_text="They sign in with a code that is sent to this address."
    )
    roles = forms.MultipleChoiceField(
        choices=Role.choices, widget=forms.CheckboxSelectMultiple, initial=[Role.TRAINEE], label="What they are here"
    )

    def clean_name(self) -> str:
        """Keep it to one plain line."""
        name = plain(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError("Say what to call them.")
        return name

    def clean_email(self) -> str:
        """One account an address."""
        email = str(self.cleaned_data["email"]).lower()
        if account_at(email) is not None:
            raise forms.ValidationError(
                "Someone has an account with this address. Search for it in the list of people."
            )
        return email


class RoleForm(forms.Form):
    """One role, to be given or taken."""

    role = forms.ChoiceField(choices=Role.choices)
    verb = forms.ChoiceField(choices=[("give", "Give"), ("take", "Take")])


class DatedForm(forms.Form):
    """A module and a date. Correcting what is on record needs a reason."""

    module = forms.ModelChoiceField(Module.objects.all(), empty_label=None)
    on = forms.DateField(label="On", widget=DayInput)
    why = forms.CharField(
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


class PlainField(forms.CharField):
    """One line as it was meant: without control characters and marks that turn the reading direction."""

    def to_python(self, value: Any) -> str:
        """Tidy it before anything else looks at it."""
        return plain(super().to_python(value) or "")


class EntitlementForm(forms.Form):
    """A module already paid for."""

    prefix = "entitlement"
    module = forms.ModelChoiceField(Module.objects.all(), empty_label=None)
    source = PlainField(
        max_length=120, label="Where it was paid", help_text="For example Complete Package, order 1042."
    )


class DaysField(forms.CharField):
    """Dates, one or one range a line: 2026-03-02, or 2026-03-02 to 2026-03-06."""

    widget = forms.Textarea

    def clean(self, value: Any) -> list[date]:
        """The distinct dates, in order. Every line that cannot be read is named."""
        text = super().clean(value)
        days: set[date] = set()
        faults = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            try:
                days |= set(days_in(line.strip()))
            except ValueError as fault:
                faults.append(f"Line {number}: {fault}")
        if faults:
            raise forms.ValidationError(faults[:10])
        if len(days) > MOST_DAYS:
            raise forms.ValidationError(f"These are {len(days):,} days. Enter at most {MOST_DAYS:,} at once.")
        return sorted(days)


class DaysForm(forms.Form):
    """Days on set whose proof the registrar has seen."""

    prefix = "days"
    dates = DaysField(
        label="Dates",
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One a line, the year first: 2026-03-02, or several in a row: 2026-03-02 to 2026-03-06.",
    )
    production = PlainField(max_length=160)
    role = PlainField(max_length=160, required=False, label="Department and role")
    proof = PlainField(max_length=200, label="Proof you have seen", help_text="For example call sheets, a deal memo.")


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
        self.fields["cohort"].queryset = coming_cohorts(today)  # type: ignore[attr-defined]

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


class ImportForm(forms.Form):
    """A spreadsheet, as a file or pasted."""

    file = forms.FileField(
        label="CSV file",
        required=False,
        allow_empty_file=True,
        help_text="UTF-8, commas or semicolons, up to 2 MB and 10,000 rows.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )
    text = forms.CharField(
        label="Or paste the rows here, the line with the columns first",
        required=False,
        strip=False,
        max_length=900_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        """One of the two; a file goes before what stands in the box."""
        cleaned = super().clean() or {}
        if not self.errors and not cleaned.get("file") and not (cleaned.get("text") or "").strip():
            raise forms.ValidationError("Choose a file, or paste the rows.")
        return cleaned
