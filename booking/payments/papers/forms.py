"""What is asked before an invoice is made: whom it is for."""

from typing import Any

from django import forms

from booking.payments.papers.issuing import LONGEST_PAYER
from workshops.people.models import User
from workshops.web.fields import PlainField, WordsField

LONGEST_NAME = 120
MOST_LINES = 6


class InvoiceForm(forms.Form):
    """The name and the address as they are to stand on the invoice."""

    prefix = "invoice"
    name = PlainField(
        label="Made out to", max_length=LONGEST_NAME, help_text="A person, or a company that pays for the seat."
    )
    address = WordsField(
        label="Billing address",
        max_length=LONGEST_PAYER - LONGEST_NAME - 1,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "street-address"}),
        help_text=f"Up to {MOST_LINES} lines, as they stand on an envelope.",
    )

    @classmethod
    def of(cls, trainee: User, data: Any = None) -> "InvoiceForm":
        """The form for a seat of this person: their legal name stands in it until they write another."""
        return cls(data, initial={"name": (trainee.legal_name or str(trainee))[:LONGEST_NAME]})

    def clean_address(self) -> str:
        """No empty lines, and not more than there is room for."""
        lines = [line for line in str(self.cleaned_data["address"]).splitlines() if line.strip()]
        if len(lines) > MOST_LINES:
            raise forms.ValidationError(f"Please fit the address into {MOST_LINES} lines.")
        return "\n".join(lines)

    @property
    def payer(self) -> str:
        """Both together, as a paper keeps them. Once it is valid."""
        return "\n".join(filter(None, (self.cleaned_data["name"], self.cleaned_data["address"])))
