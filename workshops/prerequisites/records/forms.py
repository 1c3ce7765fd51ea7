"""The form of an on-set record. A draft may leave anything empty; what cannot be kept as typed is named."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.core.validators import URLValidator
from django.http import QueryDict

from workshops.clock import range_in_words
from workshops.cohorts.models import Cohort
from workshops.prerequisites.records.dates import LONGEST_TEXT, Reading, read, typed
from workshops.prerequisites.records.models import OnSetRecord, ProductionKind, ProofKind
from workshops.prerequisites.records.writing import Lack
from workshops.text import plain, tidy
from workshops.web import fields

TOO_LONG = {"max_length": "Use %(limit_value)d characters at most. These are %(show_value)d."}
YES_OR_NO = {"yes": True, "no": False}


class NeededToSend:
    """A field that is asked for, and may still be empty in a draft: what is missing is said when it is sent."""

    def validate(self, value: Any) -> None:
        """Check only what is there."""
        if value not in (None, ""):
            super().validate(value)  # type: ignore[misc]


class LineField(NeededToSend, fields.PlainField):
    """One plain line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(error_messages=TOO_LONG, **kwargs)


class WordsField(NeededToSend, fields.WordsField):
    """Several lines."""

    def __init__(self, *, rows: int = 3, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows})
        super().__init__(error_messages=TOO_LONG, widget=widget, **kwargs)


class LinkField(forms.URLField):
    """An address of the web."""

    default_validators = (URLValidator(schemes=("http", "https")),)  # type: ignore[assignment]

    def __init__(self, **kwargs: Any) -> None:
        words = {"invalid": "This is not a web address. Copy it from your browser: https://…", **TOO_LONG}
        super().__init__(assume_scheme="https", error_messages=words, **kwargs)

    def to_python(self, value: object) -> str:
        """The address as one plain line."""
        return super().to_python(plain(str(value or ""))) or ""


class DraftChoice(NeededToSend, forms.ChoiceField):
    """One of several."""


class YesOrNo(NeededToSend, forms.TypedChoiceField):
    """Yes, no, or not said yet."""

    def __init__(self, *, yes: str, no: str, **kwargs: Any) -> None:
        super().__init__(
            choices=[("yes", yes), ("no", no)],
            coerce=YES_OR_NO.__getitem__,
            empty_value=None,
            widget=forms.RadioSelect,
            **kwargs,
        )


class RecordForm(forms.Form):
    """What a trainee says about their work on one production."""

    use_required_attribute = False

    production = LineField(max_length=160, help_text="Its title, or its working title.")
    kind = DraftChoice(label="What was being made", choices=[("", "Choose one"), *ProductionKind.choices])
    company = LineField(label="Production company", max_length=160)
    department = LineField(max_length=80, help_text="For example camera, wardrobe, cast.")
    role = LineField(label="Your role", max_length=160, help_text="What you did there.")
    is_paid = YesOrNo(label="Were you paid?", yes="Paid", no="Not paid", help_text="Both count.")
    is_union = YesOrNo(label="Was it a union production?", yes="Union", no="Not union", help_text="Both count.")
    as_coordinator = forms.BooleanField(
        label="I worked as an intimacy coordinator there",
        required=False,
        help_text="During the training nobody may work as one yet. If you did, say so here: the school will ask you "
        "about it before it decides.",
    )
    dates = WordsField(
        label="The days you worked",
        max_length=LONGEST_TEXT,
        rows=4,
        help_text="One a line, or with commas between them, as you would write them: 2 March 2026, March 2-6, 2026, "
        "or 2026-03-02 to 2026-03-06. With slashes the month comes first: 3/2/2026 is 2 March.",
    )
    proof_kind = DraftChoice(label="What shows that you worked there", choices=[("", "Choose one"), *ProofKind.choices])
    proof_link = LinkField(
        label="Link to the proof",
        required=False,
        max_length=500,
        help_text="Where it can be seen on the web. With files below you need no link.",
    )
    proof_reason = WordsField(
        label="Why there is no other proof",
        required=False,
        max_length=1_000,
        rows=2,
        help_text="Needed with an IMDb page, which is accepted in certain circumstances only.",
    )
    aims_for = forms.ChoiceField(
        label="The cohort you hope for",
        required=False,
        help_text="So that the school sees what is urgent. It reserves nothing.",
    )
    note = WordsField(label="Anything else we should know", required=False, max_length=2_000)

    def __init__(self, record: OnSetRecord, cohorts: Sequence[Cohort], today: date, data: QueryDict | None) -> None:
        super().__init__(data, initial=_said(record))
        self.today = today
        self.cohorts = {each.code: each for each in cohorts}
        aims_for = self.fields["aims_for"]
        assert isinstance(aims_for, forms.ChoiceField)
        aims_for.choices = [
            ("", "None in particular"),
            *((each.code, range_in_words(each.starts_on, each.ends_on)) for each in cohorts),
        ]
        self.fields["dates"].widget.attrs |= {"spellcheck": "false", "autocomplete": "off"}

    @property
    def reading(self) -> Reading:
        """The dates as far as they can be read, in what was typed or, before anything was, in what is kept."""
        text = self.cleaned_data.get("dates", "") if self.is_bound and self.is_valid() else self["dates"].value() or ""
        return read(tidy(text)[:LONGEST_TEXT], self.today)

    def kept(self) -> tuple[dict[str, Any], tuple[date, ...] | None]:
        """What can be kept of what was typed: the fields by name, and the days, None where the text is no list of them.

        A field with an error keeps what it said before; the others need not suffer for it. Dates that can be read are
        kept as days; the text itself is kept beside them only where it says more than they do.
        """
        self.full_clean()
        values = dict(self.cleaned_data)
        if "aims_for" in values:
            values["aims_for"] = self.cohorts.get(values["aims_for"])
        if "dates" not in values:
            return values, None
        text = values.pop("dates")
        reading = read(text, self.today)
        values["dates_typed"] = "" if text == typed(reading.days) else text
        return values, reading.days

    def name_lacks(self, lacks: Sequence[Lack]) -> None:
        """Say at its field what is still missing; what belongs to no field of this form is said above all of them."""
        for lack in lacks:
            self.add_error(lack.field if lack.field in self.fields else None, lack.words)


def _said(it: OnSetRecord) -> dict[str, Any]:
    said: dict[str, Any] = {name: getattr(it, name) for name in RecordForm.base_fields if hasattr(it, name)}
    answers = {given: name for name, given in YES_OR_NO.items()}
    said |= {name: answers.get(getattr(it, name), "") for name in ("is_paid", "is_union")}
    said["dates"] = it.dates_typed or typed(each.day for each in it.days.all())
    said["aims_for"] = it.aims_for.code if it.aims_for else ""
    return said
