"""What the registrar is asked before something is done to one reservation."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.timezone import localtime

from booking.desk.fields import DAYS_KNOWN, THEY_READ_IT, DayInput, MomentField, a_reason
from booking.desk.reservations.previews import Destination, Partner, Release
from booking.payments.forms import what_is_missing
from booking.reservations.models import Reservation
from workshops import money
from workshops.clock import moment_in_words, with_weekday

POLICY, ALL_OF_IT = "policy", "all"


class HoldLongerForm(forms.Form):
    """A later end for a hold."""

    prefix = "longer"
    until = MomentField(label="Hold until", help_text="Los Angeles time.")
    why = a_reason("Why does it wait longer?", THEY_READ_IT)

    def __init__(self, *args: Any, reservation: Reservation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reservation = reservation

    def clean_until(self) -> datetime:
        """Later than it is now, and before the cohort begins."""
        until: datetime = self.cleaned_data["until"]
        ends = self.reservation.held_until
        if ends and until <= ends:
            raise forms.ValidationError(f"The hold lasts until {moment_in_words(ends)} already. Choose a later time.")
        if localtime(until).date() >= self.reservation.cohort.starts_on:
            raise forms.ValidationError("The cohort begins by then. Choose a time before its first day.")
        return until


class LaterDayForm(forms.Form):
    """A later day for something that is due on `due_on`, and not after `last`."""

    label = ""
    until = forms.DateField(widget=DayInput, validators=DAYS_KNOWN)
    why = a_reason("Why do they have longer?", THEY_READ_IT)

    def __init__(self, *args: Any, due_on: date, last: date, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.due_on, self.last, self.today = due_on, last, today
        self.fields["until"].label = self.label
        self.fields["until"].help_text = f"Now {with_weekday(due_on)}. The latest is {with_weekday(last)}."

    def clean_until(self) -> date:
        """Later than it is now, not over already, and in time for the cohort."""
        until: date = self.cleaned_data["until"]
        if until <= self.due_on:
            raise forms.ValidationError(f"It is {with_weekday(self.due_on)} already. Choose a later day.")
        if until < self.today:
            raise forms.ValidationError(f"{with_weekday(until)} is over. Choose today or a later day.")
        if until > self.last:
            raise forms.ValidationError(f"The latest that is possible here is {with_weekday(self.last)}.")
        return until


class PayLaterForm(LaterDayForm):
    """A later day for the balance: the cohort's first day at the latest."""

    prefix = "balance"
    label = "The balance is due by"


class PromiseLongerForm(LaterDayForm):
    """More time for the prerequisites that someone promised: until the day before the cohort at the latest."""

    prefix = "promise"
    label = "It may come until"


class WaiveFeeForm(forms.Form):
    """Letting someone off the fee for moving."""

    prefix = "fee"
    why = a_reason("Why is it waived?", THEY_READ_IT)


class MoneyBackForm(forms.Form):
    """Ending the choice that a cancelled cohort left someone with."""

    prefix = "money"


class ReleaseForm(forms.Form):
    """Giving a seat back: what goes back with it, as it was shown, and why.

    The page writes what it shows into the two hidden fields itself: a form that came back must not expect what held
    before.
    """

    expected_cents = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    expected_all_cents = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    back = forms.ChoiceField(label="What comes back", widget=forms.RadioSelect, initial=POLICY)
    why = a_reason("Why is it released?", THEY_READ_IT)

    def __init__(self, *args: Any, release: Release, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(release)

    def offer(self, release: Release) -> None:
        """Say what comes back; there is a choice only where the policy keeps something."""
        currency = release.reservation.currency
        policy, everything = (
            money.in_words(cents, currency) for cents in (release.by_policy.cents, release.all_of_it.cents)
        )
        self.fields["back"].choices = [  # type: ignore[attr-defined]
            (POLICY, f"By the policy: {policy} of {everything}"),
            (ALL_OF_IT, f"All of it: {everything}, as the school's goodwill"),
        ]
        self.fields["back"].required = release.has_choice

    @property
    def is_all_of_it(self) -> bool:
        """Whether goodwill was chosen rather than the policy."""
        return bool(self.cleaned_data["back"] == ALL_OF_IT)

    @property
    def expected(self) -> int:
        """What the page said would come back, in cents."""
        return int(self.cleaned_data["expected_all_cents" if self.is_all_of_it else "expected_cents"])


class DestinationForm(forms.Form):
    """Which cohort."""

    to = forms.ChoiceField(label="Another cohort", error_messages={"invalid_choice": "Choose one of these cohorts."})

    def __init__(self, *args: Any, destinations: Sequence[Destination], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = [(each.cohort.code, each.label) for each in destinations]  # type: ignore[attr-defined]


class PartnerForm(forms.Form):
    """Whose seat in another cohort."""

    other = forms.ChoiceField(
        label="Change places with", error_messages={"invalid_choice": "They have no such seat any more. Choose again."}
    )

    def __init__(self, *args: Any, partners: Sequence[Partner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups: dict[str, list[tuple[str, str]]] = {}
        for each in partners:
            groups.setdefault(each.group, []).append((each.reservation.public_id, each.label))
        self.fields["other"].choices = list(groups.items())  # type: ignore[attr-defined]


class MoveForm(forms.Form):
    """Why someone moves."""

    why = a_reason("Why do they move?", THEY_READ_IT)


class WaitForm(forms.Form):
    """Why someone is put in line."""

    why = a_reason("Why are they added to the line?", THEY_READ_IT)


class SwapForm(forms.Form):
    """Why two people change places."""

    why = a_reason("Why do they change places?", "Both of them read this.")


class TransferForm(forms.Form):
    """A bank transfer or cheque that arrived."""

    prefix = "transfer"
    purpose = forms.ChoiceField(label="What arrived", widget=forms.RadioSelect)
    reference = forms.CharField(
        max_length=80, help_text="What the bank calls it, or the number of the cheque. Each is recorded once."
    )

    def __init__(self, *args: Any, reservation: Reservation, paid_cents: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = what_is_missing(reservation, paid_cents)
        self.fields["purpose"].choices = choices  # type: ignore[attr-defined]
        if len(choices) == 1:
            self.fields["purpose"].initial = choices[0][0]


class RefundSentForm(forms.Form):
    """Money that has been sent back."""

    reference = forms.CharField(max_length=80, help_text="What the bank calls the transfer back.")
