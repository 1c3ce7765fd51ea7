"""What a trainee is asked on the way to a seat."""

from datetime import date, timedelta

from django import forms
from django.core.validators import MaxValueValidator

from workshops.clock import days_in_words, with_weekday

MOST_NOTICE_DAYS = 180


class ReserveForm(forms.Form):
    """Agreeing to the conduct text. The page shows it above."""

    conduct_version = forms.IntegerField(widget=forms.HiddenInput)
    accept_conduct = forms.BooleanField(
        label="I have read this and agree to it",
        error_messages={"required": "Please read the text above and agree to it before you reserve."},
    )


class ShownCents(forms.IntegerField):
    """A figure that the page showed, which comes back with its form: nothing is done when another one holds by then.

    What cannot be read equals no figure, so it is answered with the one that holds.
    """

    widget = forms.HiddenInput

    def clean(self, value: object) -> int:
        """The figure in cents, or one that nothing costs."""
        try:
            return int(super().clean(value))
        except forms.ValidationError:
            return -1


class CancelForm(forms.Form):
    """Giving a seat back, for the money that the page showed."""

    expected_cents = ShownCents()
    reason = forms.CharField(
        label="Would you tell us why?", required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )


class MoveForm(forms.Form):
    """Moving to another cohort, for the fee that the page showed."""

    expected_fee_cents = ShownCents()


class PlanForm(forms.Form):
    """Agreeing to what may be charged in monthly parts, in the words that the page showed."""

    digest = forms.CharField(widget=forms.HiddenInput, max_length=40)
    agree = forms.BooleanField(
        label="I have read this and allow it",
        error_messages={"required": "Please read what may be charged and allow it, or go back."},
    )


class CardForm(forms.Form):
    """Agreeing that another card is charged what remains of the parts."""

    agree = forms.BooleanField(
        label="This card may be charged these parts and nothing else",
        error_messages={"required": "Please allow these charges, or keep the card as it is."},
    )


class NoticeForm(forms.Form):
    """How many days before the first day someone in line can no longer come."""

    notice_days = forms.IntegerField(
        label="Days' notice I need",
        required=False,
        min_value=0,
        error_messages={
            "invalid": "Please write a whole number of days, or leave it empty.",
            "min_value": "Please write 0 or more, or leave it empty.",
        },
    )

    def __init__(self, starts_on: date, today: date, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        days_left = max((starts_on - today).days, 0)
        most, field = min(MOST_NOTICE_DAYS, days_left), self.fields["notice_days"]
        assert isinstance(field, forms.IntegerField)
        why = f"Please write {most} or less."
        if days_left < MOST_NOTICE_DAYS:
            begins = f"The cohort begins in {days_in_words(most)}"
            why = f"{begins}: with more notice than that, no seat could be offered to you."
        example = min(14, most)
        # No `max` for the browser to refuse by: it would not say why.
        field.max_value = most
        field.validators.append(MaxValueValidator(most, why))
        field.widget.attrs["inputmode"] = "numeric"
        field.help_text = (
            f"The first day is {with_weekday(starts_on)}. With {example} days' notice, a seat that becomes free after "
            f"{with_weekday(starts_on - timedelta(days=example))} would pass you over; you keep your place. "
            f"At most {days_in_words(most)}. Leave it empty if you can come at any time."
        )

    @property
    def days(self) -> int:
        """What they said, once it is valid."""
        return self.cleaned_data["notice_days"] or 0


class AcceptOfferForm(forms.Form):
    """Saying yes to an offer, and agreeing to the conduct text that it names. The page shows it above."""

    accept_conduct = forms.BooleanField(
        label="I have read this and agree to it",
        error_messages={"required": "Please read the text above and agree to it before you accept."},
    )


class AcceptMoveForm(forms.Form):
    """Saying yes to an offer that moves them: which seat they leave for it, and the fee, as they were shown."""

    leaving = forms.CharField(widget=forms.HiddenInput, max_length=20)
    fee_cents = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
