"""What a trainee is asked on the way to a seat."""

from django import forms

from booking.payments import gateways
from booking.payments.models import Purpose


class ReserveForm(forms.Form):
    """Agreeing to the conduct text. The page shows it above."""

    conduct_version = forms.IntegerField(widget=forms.HiddenInput)
    accept_conduct = forms.BooleanField(
        label="I have read this and agree to it",
        error_messages={"required": "Please read the text above and agree to it before you reserve."},
    )


class PayForm(forms.Form):
    """How much, and how."""

    purpose = forms.ChoiceField(label="What would you like to pay?", widget=forms.RadioSelect)
    gateway = forms.ChoiceField(label="How?", widget=forms.RadioSelect)

    def __init__(self, purposes: list[tuple[Purpose, str]], data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        ways = [(name, gateway.title) for name, gateway in gateways.offered().items()]
        for name, choices in (("purpose", purposes), ("gateway", ways)):
            self.fields[name].choices = choices  # type: ignore[attr-defined]
            self.fields[name].initial = choices[0][0] if choices else None


class CancelForm(forms.Form):
    """Giving a seat back."""

    reason = forms.CharField(
        label="Would you tell us why?", required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )
