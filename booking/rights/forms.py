"""Forms about erasure."""

from typing import Any

from django import forms

from workshops.people.models import User
from workshops.web.fields import WordsField


class AskForm(forms.Form):
    """Asking to be erased. Nobody has to say why."""

    words = WordsField(
        label="Anything that you want to say about it",
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class EraseForm(forms.Form):
    """Carrying it out: the address is typed, so that it is this person and nobody else."""

    email = forms.CharField(label="Their e-mail address", max_length=254, help_text="Type it in full, to confirm.")
    sure = forms.BooleanField(label="They have asked the school for this, and I have made sure that it was them.")

    def __init__(self, person: User, *, has_asked: bool, data: Any = None) -> None:
        super().__init__(data, prefix="erase")
        self.person = person
        self.fields["email"].widget.attrs |= {"autocomplete": "off"}
        if has_asked:
            del self.fields["sure"]

    def clean_email(self) -> str:
        """Only theirs will do."""
        typed = str(self.cleaned_data["email"]).strip()
        if typed.lower() != self.person.email.lower():
            raise forms.ValidationError("This is not their address. Nothing has been done.")
        return typed


class DeclineForm(forms.Form):
    """Saying why it is not done."""

    reason = WordsField(
        label="Why, in words for them",
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="They get it by e-mail. Say what would have to be settled, and how.",
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, prefix="decline")
