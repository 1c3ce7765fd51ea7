"""Forms for what the school says about itself: terms, prices, conduct, modules, requirements."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.forms.boundfield import BoundField

from booking.desk.fields import ClockInput, DayInput
from workshops.programme.changing import Value, fault_of, words_for
from workshops.programme.models import Module, PolicyTerm, Requirement, School, TrainingArea
from workshops.programme.terms import Term, Terms

MOST_CENTS = 10_000_000
_UNITS = {
    "minutes": "In minutes.",
    "hours": "In hours.",
    "business days": "In business days, Monday to Friday.",
    "days": "In days.",
    "percent": "In percent.",
    "people": "In people.",
    "cents": "In US dollars.",
}


def field_for(term: Term, *, required: bool = True, schools: Value | None = None) -> forms.Field:
    """The form field for one term; for a cohort it may be left empty, which means what the school says."""
    unit = _UNITS.get(term.unit, "")
    if schools is not None:
        unit = f"The school's: {words_for(term, schools)}."
    help_text = f"{term.help} {unit}".strip()
    common: dict[str, Any] = {"label": term.title, "help_text": help_text, "required": required}
    if term.unit == "yes or no":
        choices = [("yes", "Yes"), ("no", "No")]
        return forms.ChoiceField(choices=choices if required else [("", "As the school"), *choices], **common)
    if term.unit == "time of day":
        return forms.TimeField(widget=ClockInput, **common)
    if term.unit == "cents":
        most = Decimal(term.most) / 100
        return forms.DecimalField(min_value=Decimal(term.least) / 100, max_value=most, decimal_places=2, **common)
    return forms.IntegerField(min_value=term.least, max_value=term.most, **common)


def shown(term: Term, value: Value) -> Any:
    """A term's value as its form field wants it."""
    if term.unit == "yes or no":
        return "yes" if value else "no"
    return Decimal(int(value)) / 100 if term.unit == "cents" else value


def read(term: Term, cleaned: Any) -> Value:
    """The value that was typed, as the term keeps it."""
    if term.unit == "yes or no":
        return bool(cleaned == "yes")
    if term.unit == "time of day":
        return f"{cleaned:%H:%M}"
    return int(cleaned * 100) if term.unit == "cents" else int(cleaned)


def at_odds(terms: Terms) -> Iterator[tuple[str, str]]:
    """Terms that make no sense beside each other: the code of the one to change, and why. Pure."""
    if terms.rest_refundable_days > terms.deposit_refundable_days:
        until = f"which is until {terms.deposit_refundable_days} days before the first day"
        yield "rest_refundable_days", f"The rest must be refundable for at least as long as the deposit, {until}."
    if terms.moving_until_days > terms.moving_free_days:
        free = f"Moving is free until {terms.moving_free_days} days before the first day"
        yield "moving_until_days", f"{free}, so it must be possible until then at least. Change one of the two."
    if terms.release_overdue and terms.balance_grace_days >= terms.balance_due_days:
        due = f"The balance is due {terms.balance_due_days} days before the first day"
        yield "balance_grace_days", f"{due}: with this grace the cohort begins before any seat is released."


@dataclass(frozen=True)
class TermRow:
    """One term on the page: its field, the tick, and who confirmed it."""

    term: Term
    field: BoundField
    tick: BoundField
    confirmed: PolicyTerm | None


class TermsForm(forms.Form):
    """Every term with its value and a tick; to change a value is to confirm it."""

    def __init__(self, data: Any = None, *, terms: Terms, known: Mapping[str, PolicyTerm]) -> None:
        super().__init__(data)
        self.values, self.known, self.catalogue = terms.as_json(), known, Terms.catalogue()
        for term in self.catalogue:
            field = field_for(term)
            field.initial = shown(term, self.values[term.code])
            field.disabled = _is_fixed(term)
            self.fields[term.code] = field
            self.fields[f"confirm-{term.code}"] = forms.BooleanField(required=False, label="This is how we do it")

    @property
    def rows(self) -> list[TermRow]:
        """The page's rows."""
        return [
            TermRow(term, self[term.code], self[f"confirm-{term.code}"], self._confirmed(term))
            for term in self.catalogue
        ]

    def _confirmed(self, term: Term) -> PolicyTerm | None:
        row = self.known.get(term.code)
        return row if row and row.confirmed_at else None

    def clean(self) -> dict[str, Any]:
        """Refuse what makes no sense together."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            typed = {term.code: read(term, cleaned[term.code]) for term in self.catalogue}
            for code, words in at_odds(Terms.from_json(typed)):
                self.add_error(code, words)
        return cleaned

    def decided(self) -> dict[str, Value]:
        """The terms that were changed or ticked."""
        found = {}
        for term in self.catalogue:
            value = read(term, self.cleaned_data[term.code])
            if self.cleaned_data[f"confirm-{term.code}"] or value != self.values[term.code]:
                found[term.code] = value
        return found


class CohortTermsForm(forms.Form):
    """The terms of one cohort; whatever is left empty is as the school has it."""

    def __init__(self, data: Any = None, *, schools: Terms, own: Mapping[str, Value]) -> None:
        super().__init__(data)
        self.schools = schools
        self.catalogue = [term for term in Terms.catalogue() if term.by_cohort and not _is_fixed(term)]
        for term in self.catalogue:
            field = field_for(term, required=False, schools=schools.as_json()[term.code])
            if term.code in own:
                field.initial = shown(term, own[term.code])
            self.fields[term.code] = field

    def decided(self) -> dict[str, Value]:
        """The terms that differ here."""
        return {
            term.code: read(term, self.cleaned_data[term.code])
            for term in self.catalogue
            if self.cleaned_data[term.code] not in (None, "")
        }

    def clean(self) -> dict[str, Any]:
        """A last look with the rule that the command asks, and at what makes no sense beside the school's terms."""
        cleaned = super().clean() or self.cleaned_data
        for term in self.catalogue:
            value = cleaned.get(term.code)
            if value not in (None, "") and (fault := fault_of(term, read(term, value))):
                self.add_error(term.code, fault)
        if not self.errors:
            for code, words in at_odds(self.schools.but(self.decided())):
                self.add_error(code, words)
        return cleaned


def _is_fixed(term: Term) -> bool:
    """Whether the school can only confirm it, not change it."""
    return term.unit not in {"yes or no", "time of day"} and term.least == term.most


class PriceForm(forms.Form):
    """A price from a day on."""

    item = forms.ChoiceField(label="What for")
    amount = forms.DecimalField(
        label="Price in US dollars", min_value=Decimal(0), max_value=Decimal(MOST_CENTS) / 100, decimal_places=2
    )
    effective_from = forms.DateField(
        label="From",
        widget=DayInput,
        validators=[MaxValueValidator(date(2100, 12, 31), "Choose a year up to 2100.")],
        help_text="Whoever reserved before keeps the price they were given.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["item"].choices = list(items().items())  # type: ignore[attr-defined]

    @property
    def cents(self) -> int:
        """The price in whole cents."""
        return int(self.cleaned_data["amount"] * 100)


def items() -> dict[str, str]:
    """What has a price, by its code: the modules, what is sold with them, and the package."""
    modules = {module.code: module.title for module in Module.objects.all()}
    return {**modules, "certification": "Certification", "package": "The complete package"}


class ConductForm(forms.Form):
    """A new version of the conduct text."""

    body = forms.CharField(
        label="The text", widget=forms.Textarea(attrs={"rows": 12}), max_length=20_000,
        help_text="Everyone who reserves from now on accepts this version; who reserved before, the old one.",
    )  # fmt: skip


class SchoolForm(forms.ModelForm):  # type: ignore[type-arg]
    """What the school says about itself."""

    class Meta:
        model = School
        fields = (
            "name", "does", "accreditation", "email", "bank_details", "learning_url",
            "what_to_bring", "legal_name", "address", "tax_number",
        )  # fmt: skip
        labels = {  # noqa: RUF012  (Django reads it once)
            "does": "What it does",
            "email": "E-mail address",
            "learning_url": "Where Modules I to III are",
            "legal_name": "Legal name",
            "tax_number": "Tax number",
        }
        help_texts = {  # noqa: RUF012
            "what_to_bring": "To every workshop, one thing a line. Reservations and the reminders before it say this.",
            "legal_name": "The name that receipts, invoices and credit notes come from. Those that exist keep theirs.",
            "address": "Beneath the legal name on receipts and invoices, as on an envelope.",
            "tax_number": "Beneath the address on receipts and invoices, where there is one.",
        }
        widgets = {  # noqa: RUF012
            "bank_details": forms.Textarea(attrs={"rows": 4}),
            "address": forms.Textarea(attrs={"rows": 3}),
            "what_to_bring": forms.Textarea(attrs={"rows": 4}),
        }

    learning_url = forms.URLField(
        label="Where Modules I to III are",
        required=False,
        assume_scheme="https",
        help_text="The address where trainees take Modules I to III online.",
    )


class ModuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """How a module is described."""

    taught = forms.CharField(
        label="What is taught",
        widget=forms.Textarea(attrs={"rows": 5}),
        required=False,
        max_length=4000,
        help_text="One topic a line.",
    )

    class Meta:
        model = Module
        fields = ("title", "delivery", "note", "days")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        least = 1 if self.instance.days else 0
        self.fields["days"].validators += [MinValueValidator(least), MaxValueValidator(14)]
        self.initial["taught"] = "\n".join(self.instance.taught)

    def clean_taught(self) -> list[str]:
        """One topic a line."""
        return _lines(self.cleaned_data["taught"])


class RequirementForm(forms.ModelForm):  # type: ignore[type-arg]
    """The numbers of a requirement."""

    needed = forms.IntegerField(label="Days on professional sets", min_value=1, max_value=365)
    within_years = forms.IntegerField(label="Within the last years", min_value=1, max_value=50)

    class Meta:
        model = Requirement
        fields = ("needed", "within_years")


class AreasForm(forms.Form):
    """The training areas."""

    areas = forms.CharField(
        label="Training areas",
        widget=forms.Textarea(attrs={"rows": 10}),
        max_length=4000,
        help_text="One area a line, in the order in which they are shown.",
    )

    @classmethod
    def of_now(cls) -> "AreasForm":
        """The form as things are."""
        return cls(initial={"areas": "\n".join(TrainingArea.objects.values_list("title", flat=True))})

    def clean_areas(self) -> list[str]:
        """Each once, and short enough to be read."""
        titles = _lines(self.cleaned_data["areas"])
        if too_long := [title for title in titles if len(title) > 120]:
            raise forms.ValidationError(f"“{too_long[0][:40]}…” is longer than 120 characters.")
        if len({title.lower() for title in titles}) < len(titles):
            raise forms.ValidationError("One of the areas is there twice.")
        if len(titles) > 40:
            raise forms.ValidationError("No more than 40 areas, please.")
        return titles


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
