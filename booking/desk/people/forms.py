"""Whom the list shows, somebody new, and a role."""

from django import forms

from workshops.people.addresses import account_at
from workshops.people.models import Role
from workshops.web.fields import PlainField


class PeopleFilter(forms.Form):
    """Whom to show."""

    q = forms.CharField(label="Name or e-mail", required=False, max_length=120, widget=forms.SearchInput)
    role = forms.ChoiceField(label="Role", required=False, choices=[("", "Every role"), *Role.choices])
    standing = forms.ChoiceField(
        label="Module IV",
        required=False,
        choices=[("", "Any standing"), ("eligible", "Has everything"), ("missing", "Something is missing")],
    )
    cohort = forms.CharField(required=False, max_length=50, widget=forms.HiddenInput)
    """The code of the cohort in which someone is to get a seat; it hides nobody."""


class NewPersonForm(forms.Form):
    """Someone who has no account yet."""

    name = PlainField(
        max_length=120,
        help_text="What we call them, in the room and in messages.",
        error_messages={"required": "Say what to call them."},
    )
    email = forms.EmailField(
        label="E-mail", max_length=254, help_text="They sign in with a code that is sent to this address."
    )
    roles = forms.MultipleChoiceField(
        choices=Role.choices, widget=forms.CheckboxSelectMultiple, initial=[Role.TRAINEE], label="What they are here"
    )

    def clean_email(self) -> str:
        """One account an address."""
        email = str(self.cleaned_data["email"]).lower()
        if account_at(email) is not None:
            raise forms.ValidationError(
                "Someone has an account with this address. Search for it in the list of people."
            )
        return email


class RoleForm(forms.Form):
    """One role, to be given or taken."""

    role = forms.ChoiceField(choices=Role.choices)
    verb = forms.ChoiceField(choices=[("give", "Give"), ("take", "Take")])
