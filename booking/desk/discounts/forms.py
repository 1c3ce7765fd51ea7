"""Forms for making a discount and for ending it."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from booking.desk.fields import DAYS_KNOWN, DayInput, a_reason
from booking.desk.planning.programme_forms import MOST_CENTS
from booking.payments.discounts.making import Asked, suggested_code
from booking.payments.discounts.models import DiscountKind
from booking.payments.discounts.rules import as_code
from workshops.clock import in_words
from workshops.cohorts.models import Cohort
from workshops.people.addresses import account_at
from workshops.people.models import User
from workshops.web.fields import PlainField, WordsField

BY_CODE, BY_NAME = "code", "person"
_A_CODE = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*")
_SHORTEST, _LONGEST = 6, 40


class DiscountForm(forms.Form):
    """What it takes off, for whom, where, and until when."""

    kind = forms.ChoiceField(
        label="What is it?", choices=DiscountKind.choices, widget=forms.RadioSelect, initial=DiscountKind.VOUCHER
    )
    amount = forms.DecimalField(
        label="Amount off",
        required=False,
        min_value=Decimal("0.01"),
        max_value=Decimal(MOST_CENTS) / 100,
        decimal_places=2,
        help_text="In US dollars.",
    )
    percent = forms.IntegerField(
        label="Or percent off", required=False, min_value=1, max_value=100, help_text="Of the price."
    )
    whose = forms.ChoiceField(
        label="Who may use it?",
        choices=((BY_CODE, "Whoever has the code"), (BY_NAME, "One person, by name")),
        widget=forms.RadioSelect,
        initial=BY_CODE,
    )
    code = PlainField(
        required=False,
        max_length=_LONGEST,
        help_text="Six letters or digits at least.",
    )
    limit = forms.IntegerField(
        required=False, min_value=1, max_value=999, initial=1, label="How many people", help_text="Each uses it once."
    )
    email = forms.EmailField(
        required=False,
        max_length=254,
        label="E-mail address of their account",
        help_text="For one person by name: it comes off by itself when they reserve or accept an offer, once.",
    )
    cohort = forms.ModelChoiceField(Cohort.objects.none(), required=False, empty_label="Any cohort", label="For")
    valid_from = forms.DateField(label="First day", widget=DayInput, validators=DAYS_KNOWN)
    valid_until = forms.DateField(label="Last day", widget=DayInput, validators=DAYS_KNOWN)
    reason = WordsField(
        label="Why is it given?",
        help_text="Kept in the history. Whoever has it by name reads this.",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.person: User | None = None
        self.fields["cohort"].queryset = Cohort.objects.not_over(today)  # type: ignore[attr-defined]
        self.fields["code"].initial = suggested_code
        self.fields["valid_from"].initial = today

    def clean_code(self) -> str:
        """The code as it is kept."""
        return as_code(self.cleaned_data["code"])

    def clean_valid_until(self) -> date:
        """A discount that is over already helps nobody."""
        until: date = self.cleaned_data["valid_until"]
        if until < self.today:
            raise forms.ValidationError(f"{in_words(until)} is over. Choose today or a later day.")
        return until

    def clean(self) -> dict[str, Any]:
        """An amount or a percentage; a code or a person; days in order."""
        cleaned = super().clean() or self.cleaned_data
        if "amount" in cleaned and "percent" in cleaned and bool(cleaned["amount"]) == bool(cleaned["percent"]):
            self.add_error("amount", "Give an amount or a percentage: one of the two.")
        if cleaned.get("whose") == BY_CODE and "code" in cleaned:
            self._check_code(cleaned["code"])
        elif cleaned.get("whose") == BY_NAME and "email" in cleaned:
            self._check_person(cleaned["email"])
        first, last = cleaned.get("valid_from"), cleaned.get("valid_until")
        if first and last and last < first:
            self.add_error("valid_until", "This is before the first day. Choose the same day or a later one.")
        return cleaned

    def _check_code(self, code: str) -> None:
        if len(code) < _SHORTEST or not _A_CODE.fullmatch(code):
            self.add_error("code", "A code has letters, digits and hyphens between them, at least six in all.")

    def _check_person(self, email: str) -> None:
        self.person = account_at(email) if email else None
        if not email:
            self.add_error("email", "Say whose it is by the e-mail address of their account.")
        elif self.person is None:
            self.add_error("email", "Nobody has an account with this address. Add them to the people first.")
        elif not self.person.is_active:
            self.add_error("email", "This account is closed, so they could not use it.")

    @property
    def asked(self) -> Asked:
        """What was typed, once it is valid."""
        typed = self.cleaned_data
        by_code = typed["whose"] == BY_CODE
        return Asked(
            kind=DiscountKind(typed["kind"]),
            code=typed["code"] if by_code else None,
            person=None if by_code else self.person,
            cohort=typed["cohort"],
            amount_cents=int((typed["amount"] or 0) * 100),
            percent=typed["percent"] or 0,
            limit=typed["limit"] or 1,
            valid_from=typed["valid_from"],
            valid_until=typed["valid_until"],
            reason=typed["reason"],
        )


class EndForm(forms.Form):
    """Ending a discount."""

    why = a_reason("Why does it end?", "Kept in the history. Seats that have it keep their price.")
