"""What the registrar is asked before something is done to one reservation."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.timezone import localtime

from booking.desk.fields import DAYS_KNOWN, THEY_READ_IT, DayInput, MomentField, a_reason
from booking.desk.reservations.previews import Destination, Partner, Release
from booking.desk.spreadsheet import amount as in_units
from booking.payments.forms import what_is_missing
from booking.payments.models import Purpose
from booking.payments.paying import owed_for, reference_of
from booking.reservations.models import Reservation
from workshops import money
from workshops.clock import moment_in_words, with_weekday

POLICY, ALL_OF_IT = "policy", "all"
NAMES = {"USD": "US dollars"}
MOST_CENTS = 10_000_000


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


class AmountField(forms.DecimalField):
    """An amount of money as people type it; `cents` of what it gives is what programs use."""

    def __init__(self, **kwargs: Any) -> None:
        most = Decimal(MOST_CENTS) / 100
        super().__init__(min_value=Decimal("0.01"), max_value=most, max_digits=12, decimal_places=2, **kwargs)


def cents_of(amount: Decimal) -> int:
    """A typed amount, which has two places at most, in whole cents."""
    return int(amount.scaleb(2))


class TransferForm(forms.Form):
    """A bank transfer or cheque that arrived."""

    prefix = "transfer"
    amount = AmountField(label="Amount that arrived, in US dollars")
    reference = forms.CharField(
        max_length=80, help_text="What the bank calls it, or the number of the cheque. Each is recorded once."
    )
    is_enough = forms.BooleanField(
        label="Take it as the deposit if it is less",
        required=False,
        help_text="The seat is theirs all the same, and the rest is due with the balance.",
    )
    is_too_much = forms.BooleanField(
        label="More came than is owed; the rest goes back",
        required=False,
        help_text="Without it, an amount beyond what is owed is taken for a slip.",
    )

    def __init__(self, *args: Any, reservation: Reservation, paid_cents: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reservation, self.paid_cents = reservation, paid_cents
        missing = what_is_missing(reservation, paid_cents)
        self.deposit_cents = owed_for(reservation, Purpose.DEPOSIT, paid_cents=paid_cents)
        self.everything_cents = owed_for(reservation, Purpose.FULL, paid_cents=paid_cents)
        words = " or ".join(each.words[0].lower() + each.words[1:] for each in missing)
        amount = self.fields["amount"]
        amount.label = f"Amount that arrived, in {NAMES.get(reservation.currency, reservation.currency)}"
        if missing:
            amount.initial = in_units(self.deposit_cents or self.everything_cents)
            amount.help_text = f"Awaited: {words}."
        if not self.deposit_cents:
            del self.fields["is_enough"]

    def clean_reference(self) -> str:
        """As it is kept: the same transfer typed in small letters is the same."""
        return reference_of(self.cleaned_data["reference"])

    def clean(self) -> dict[str, Any]:
        """No more than is owed, unless that is what came."""
        cleaned = super().clean() or self.cleaned_data
        beyond = "amount" in cleaned and cents_of(cleaned["amount"]) > self.everything_cents > 0
        if beyond and not cleaned["is_too_much"]:
            owed = money.in_words(self.everything_cents, self.reservation.currency)
            self.add_error(
                "amount", f"No more than {owed} is owed. Look again, or say with the last box that more came."
            )
        return cleaned

    @property
    def cents(self) -> int:
        """What arrived."""
        return cents_of(self.cleaned_data["amount"])

    @property
    def purpose(self) -> Purpose:
        """What it pays for: the deposit while that is missing, unless everything came at once."""
        if self.deposit_cents and self.cents < self.everything_cents:
            return Purpose.DEPOSIT
        return Purpose.BALANCE if self.paid_cents else Purpose.FULL

    @property
    def short_is_enough(self) -> bool:
        """Whether less than the deposit is taken as the deposit."""
        return bool(self.cleaned_data.get("is_enough"))


class RefundSentForm(forms.Form):
    """Money that has been sent back."""

    reference = forms.CharField(max_length=80, help_text="What the bank calls the transfer back.")


LOWER, OWE = "lower", "owe"


class RefundForm(forms.Form):
    """Sending back a part of what was paid, or all of it, by the school's own decision.

    The page writes what is possible into the hidden field itself: a form that came back must not expect what held
    before.
    """

    prefix = "back"
    expected_cents = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    amount = AmountField(label="How much goes back, in US dollars")
    then = forms.ChoiceField(
        label="And the seat",
        widget=forms.RadioSelect,
        initial=LOWER,
        choices=[
            (LOWER, "costs so much less: nothing is owed again"),
            (OWE, "costs what it did: so much is owed again, by the date of the balance"),
        ],
    )
    why = a_reason("Why does it go back?", THEY_READ_IT)

    def __init__(self, *args: Any, possible_cents: int, currency: str, has_choice: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.fields["amount"].label = f"How much goes back, in {NAMES.get(currency, currency)}"
        self.offer(possible_cents)
        if not has_choice:
            del self.fields["then"]

    def offer(self, possible_cents: int) -> None:
        """Say how much can go back."""
        self.possible_cents = possible_cents
        most = money.in_words(possible_cents, self.currency)
        self.fields["amount"].help_text = f"Up to {most} can go back, the way it came."

    def clean_amount(self) -> Decimal:
        """No more than can go back."""
        amount: Decimal = self.cleaned_data["amount"]
        if cents_of(amount) > self.possible_cents:
            raise forms.ValidationError("That is more than can go back. Choose a smaller amount.")
        return amount

    @property
    def lowers_price(self) -> bool:
        """Whether the seat costs less from now on."""
        return bool(self.cleaned_data.get("then", LOWER) == LOWER)


AGAIN, BY_HAND = "again", "by-hand"


class RefundFailedForm(forms.Form):
    """What is done about a refund that failed."""

    how = forms.ChoiceField(
        label="How does it go back?",
        widget=forms.RadioSelect,
        choices=[(AGAIN, "Ask for it again the same way"), (BY_HAND, "A person sends it by bank transfer instead")],
    )
    why = a_reason("Why that way?")


class ReverseForm(forms.Form):
    """Undoing the record of a transfer or cheque."""

    why = a_reason("Why is the record wrong?")
