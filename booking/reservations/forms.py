"""What a trainee is asked on the way to a seat."""

from django import forms


class ReserveForm(forms.Form):
    """Agreeing to the conduct text. The page shows it above."""

    conduct_version = forms.IntegerField(widget=forms.HiddenInput)
    accept_conduct = forms.BooleanField(
        label="I have read this and agree to it",
        error_messages={"required": "Please read the text above and agree to it before you reserve."},
    )


class CancelForm(forms.Form):
    """Giving a seat back."""

    reason = forms.CharField(
        label="Would you tell us why?", required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )
