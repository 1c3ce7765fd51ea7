"""What a trainee types to use a discount."""

from django import forms

from booking.payments.discounts.rules import as_code
from workshops.web.fields import PlainField


class CodeForm(forms.Form):
    """A code."""

    code = PlainField(
        max_length=40,
        label="Code",
        help_text="As you were sent it. Capitals and spaces make no difference.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )

    def clean_code(self) -> str:
        """The code as it is kept."""
        return as_code(self.cleaned_data["code"])
