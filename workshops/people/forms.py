"""Forms about oneself."""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import available_timezones

from django import forms

from workshops.people.models import Scope, User
from workshops.text import plain


@cache
def countries() -> list[tuple[str, str]]:
    """Every country's ISO 3166 code and name, from the time zone database, by name."""
    table = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8")
    pairs = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return sorted(((code, name) for code, name in pairs), key=lambda pair: pair[1])


@cache
def time_zones() -> list[tuple[str, str]]:
    """Every time zone a person may live in, by name."""
    regions = (
        "Africa/",
        "America/",
        "Antarctica/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    )
    names = sorted(name for name in available_timezones() if name.startswith(regions))
    return [(name, name.replace("_", " ")) for name in names]


_WHAT_FOR = {
    Scope.READ: "Read what you can see",
    Scope.BOOK: "Reserve, pay and cancel for you",
    Scope.TEACH: "Read the rosters of cohorts you teach",
    Scope.REGISTRAR: "Do what a registrar does",
}


class SignupForm(forms.Form):
    """What allauth asks in addition when someone signs up."""

    name = forms.CharField(max_length=120, help_text="What we call you, in the room and in messages.")

    def clean_name(self) -> str:
        """Keep it to one plain line."""
        return plain(self.cleaned_data["name"])

    def signup(self, _request: object, user: User) -> None:
        """Keep the name."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])


class ProfileForm(forms.ModelForm[User]):
    """What a person says about themselves."""

    country = forms.ChoiceField(required=False)
    time_zone = forms.ChoiceField(
        required=False, help_text="Pages and messages add your own time to Los Angeles time where they differ."
    )

    class Meta:
        model = User
        fields = ("name", "pronouns", "phone", "time_zone", "country", "legal_name")
        labels = {"legal_name": "Legal name"}  # noqa: RUF012

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = True
        self.fields["country"].choices = [("", "Not said"), *countries()]  # type: ignore[attr-defined]
        self.fields["time_zone"].choices = [("", "Los Angeles, as the school"), *time_zones()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Keep every line plain; a phone number has digits in it."""
        cleaned = super().clean() or {}
        for field in ("name", "pronouns", "phone", "legal_name"):
            if field in cleaned:
                cleaned[field] = plain(cleaned[field])
        if "name" in cleaned and not cleaned["name"]:
            self.add_error("name", "Tell us what to call you.")
        if cleaned.get("phone") and not re.fullmatch(r"\+?[\d\s().-]{6,}", cleaned["phone"]):
            self.add_error("phone", "Enter a phone number with its country code, for example +1 213 555 0147.")
        return cleaned


class OwnProfileForm(ProfileForm):
    """The same on a person's own page, with what only they decide."""

    wants_reminders = forms.BooleanField(
        label="Remind me before a workshop",
        required=False,
        help_text="Four weeks, one week and one day before it. What a seat depends on reaches you either way.",
    )

    class Meta(ProfileForm.Meta):
        fields: tuple[str, ...] = (*ProfileForm.Meta.fields, "wants_reminders")  # type: ignore[assignment]


class TokenForm(forms.Form):
    """A key for one program."""

    name = forms.CharField(max_length=80, help_text="What the program is, so that you know it again.")
    scopes = forms.MultipleChoiceField(
        label="What it may do", widget=forms.CheckboxSelectMultiple, help_text="Never more than you may do yourself."
    )
    days = forms.TypedChoiceField(
        label="It lasts", choices=[(30, "30 days"), (90, "90 days"), (365, "A year")], coerce=int, initial=90
    )

    def __init__(self, scopes: Iterable[Scope], data: Any = None) -> None:
        super().__init__(data)
        self.fields["scopes"].choices = [(scope.value, _WHAT_FOR[scope]) for scope in scopes]  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        """Keep it to one plain line."""
        return plain(self.cleaned_data["name"])

    def clean_scopes(self) -> list[Scope]:
        """The scopes that were chosen."""
        return [Scope(value) for value in self.cleaned_data["scopes"]]
