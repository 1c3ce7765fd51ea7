"""What a registrar is asked when they do something with a record. Nothing is chosen beforehand."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from django import forms

from booking.desk.fields import THEY_READ_IT
from workshops.conversations.models import LONGEST
from workshops.prerequisites.records.flags import Flag
from workshops.prerequisites.records.models import RejectReason
from workshops.web.fields import WordsField

FOR_COLLEAGUES = "Your colleagues read this. The trainee meets it only in a copy of everything kept about them."


def _words(label: str, help_text: str = "", *, required: bool = True, most: int = 2_000, rows: int = 3) -> WordsField:
    return WordsField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=most,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class DecisionForm(forms.Form):
    """A form about one record. `flags` are what must be judged before any of it can count."""

    needs_judgement = False

    def __init__(self, data: Any = None, *, flags: Sequence[Flag] = ()) -> None:
        super().__init__(data, prefix=self.prefix)
        if self.needs_judgement and not flags:
            del self.fields["judgement"]

    @property
    def typed(self) -> list[tuple[str, str]]:
        """What was typed into it, by the labels of its fields: to show where the form itself cannot be shown again."""
        if not self.is_bound:
            return []
        said = [(str(self[name].label), self._said(name)) for name in self.fields if name != "days"]
        return [(label, text) for label, text in said if isinstance(text, str) and text.strip()]

    def _said(self, name: str) -> object:
        """What was typed, or of what was chosen the words that were to be read."""
        field, value = self.fields[name], self[name].value()
        if not isinstance(field, forms.ChoiceField):
            return value
        return dict(field.choices).get(value, value)  # type: ignore[arg-type]


class AcceptForm(DecisionForm):
    """All of its days count."""

    prefix = "all"
    needs_judgement = True
    judgement = _words("Why it counts", FOR_COLLEAGUES)
    words = _words("A word to the trainee", THEY_READ_IT, required=False, rows=2)


class TickedDays(forms.Field):
    """The days that were ticked, as dates."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> frozenset[date]:
        """Every date that reads like one; the command says which of them the record claims."""
        try:
            return frozenset(date.fromisoformat(str(each)) for each in value or ())
        except ValueError:
            raise forms.ValidationError("One of these is not a date. Open the page again.") from None


class AcceptSomeForm(DecisionForm):
    """Only the days that are ticked count."""

    prefix = "some"
    needs_judgement = True
    element = "review-some"
    """The form's own id in the page: its boxes stand with the dates, its other fields with the decisions."""
    days = TickedDays(required=False)
    judgement = _words("Why it counts", FOR_COLLEAGUES)
    words = _words("Why not the other days", f"{THEY_READ_IT} Say what would show that they were worked.")

    def __init__(self, data: Any = None, *, flags: Sequence[Flag] = ()) -> None:
        super().__init__(data, flags=flags)
        for field in self.fields.values():
            field.widget.attrs["form"] = self.element

    def clean_days(self) -> frozenset[date]:
        """At least one."""
        ticked: frozenset[date] = self.cleaned_data["days"]
        if not ticked:
            raise forms.ValidationError("Tick the days that count, in the list of dates.")
        return ticked

    @property
    def ticked(self) -> Collection[str]:
        """The days that were ticked when it came back, as they were sent."""
        return frozenset(self["days"].value() or ()) if self.is_bound else frozenset()


class AskForm(DecisionForm):
    """A question to the trainee."""

    prefix = "ask"
    words = _words(
        "Your question",
        "It stands in the conversation below, and an e-mail leads the trainee to it.",
        most=LONGEST,
    )


class RejectForm(DecisionForm):
    """None of it counts."""

    prefix = "reject"
    reason = forms.ChoiceField(
        label="Reason", choices=[("", "Choose the reason"), *RejectReason.choices], help_text=THEY_READ_IT
    )
    words = _words("In words", f"{THEY_READ_IT} Say what was missing, and what would help.")

    def clean_reason(self) -> RejectReason:
        """The reason itself."""
        return RejectReason(self.cleaned_data["reason"])


class SecondEyesForm(DecisionForm):
    """Another registrar is to decide."""

    prefix = "second"
    why = _words("What should somebody else look at?", FOR_COLLEAGUES, most=1_000, rows=2)


class NoSecondEyesForm(DecisionForm):
    """Nobody else needs to decide after all."""

    prefix = "alone"
    why = _words("Why is none needed any more?", FOR_COLLEAGUES, most=1_000, rows=2)


class UndoForm(DecisionForm):
    """A decision is taken back."""

    prefix = "undo"
    why = _words("Why is it taken back?", THEY_READ_IT, most=1_000, rows=2)
