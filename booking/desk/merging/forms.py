"""What the registrar is asked before two accounts are merged."""

from typing import Any

from django import forms

from booking.desk.fields import a_reason
from booking.desk.merging.carrying_out import Decided
from booking.desk.merging.what import Choice, Comparison
from workshops.people.models import Role

_STAYS, _GOES = "this", "other"


class OtherAccountForm(forms.Form):
    """Which account is the same person's."""

    q = forms.CharField(
        label="E-mail or name of the other account", required=False, max_length=120, widget=forms.SearchInput
    )


class MergeForm(forms.Form):
    """Which of two differing things stays, which roles come along, and why."""

    def __init__(self, data: Any, found: Comparison) -> None:
        super().__init__(data)
        self.found = found
        for choice in found.choices:
            self.fields[choice.name] = _one_of(choice)
        if found.privileges:
            self.fields["given"] = forms.MultipleChoiceField(
                label="Roles of the other account that it gets as well",
                choices=[(role.value, role.label) for role in found.privileges],
                widget=forms.CheckboxSelectMultiple,
                required=False,
                help_text="Each shows what belongs to others. Tick only what you give on purpose.",
            )
        self.fields["why"] = a_reason(
            "How do you know that this is one person?", "Kept in the history of the account that stays."
        )

    def clean_given(self) -> list[str]:
        """Whoever teaches is an instructor, or cannot read the roster."""
        given: list[str] = self.cleaned_data["given"]
        if self.found.other.teaches and Role.INSTRUCTOR in self.found.privileges and Role.INSTRUCTOR not in given:
            raise forms.ValidationError(
                f"The other account teaches {', '.join(self.found.other.teaches)}. Give the role, or take it off first."
            )
        return given

    def decided(self) -> Decided:
        """What was chosen. Only for a form that is valid."""
        dates = [
            {(each.kind, each.module): each.on for each in account.dates}
            for account in (self.found.survivor, self.found.other)
        ]
        kept = {}
        profile = {
            name: mine or theirs
            for (name, _, mine), (_, _, theirs) in zip(
                self.found.survivor.profile, self.found.other.profile, strict=True
            )
        }
        for choice in self.found.choices:
            kind, _, name = choice.name.partition(":")
            is_other = self.cleaned_data[choice.name] == _GOES
            if choice.is_fact:
                kept[kind, name] = dates[is_other][kind, name]
            elif is_other:
                profile[name] = choice.other
        return Decided(kept, profile, frozenset(Role(role) for role in self.cleaned_data.get("given", ())))


def _one_of(choice: Choice) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=choice.title,
        choices=[(_STAYS, f"{choice.survivor} (the account that stays)"), (_GOES, f"{choice.other} (the other)")],
        widget=forms.RadioSelect,
        initial=None if choice.is_fact else _STAYS,
        help_text="What does not stay is written to the history, with your reason." if choice.is_fact else "",
    )
