"""Forms for the line of a cohort."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms

from booking.desk.fields import a_reason
from booking.desk.planning.places import Place, rearranged
from booking.reservations.models import WaitlistEntry
from workshops.people.addresses import account_at

KEPT = "Kept in the history."


class OrderForm(forms.Form):
    """A place for everyone who waits, and one reason. It carries the order that was shown."""

    shown = forms.CharField(widget=forms.HiddenInput, required=False)
    why = a_reason("Why is the order changed?", f"{KEPT} Those who move read this.")

    def __init__(self, places: Sequence[Place], data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.places = places
        self.fields["shown"].initial = ",".join(place.entry.public_id for place in places)
        for place in places:
            self.fields[_name(place)] = forms.IntegerField(
                label=f"Place of {place.entry.trainee}",
                min_value=1,
                max_value=len(places),
                initial=place.number,
                widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
            )

    @classmethod
    def again(cls, places: Sequence[Place], data: Mapping[str, Any]) -> "OrderForm":
        """The form for a line that has changed meanwhile, with the places and the reason that were typed."""
        shown = str(data.get("shown", "")).split(",")
        fresh = {"why": data.get("why", ""), "shown": ",".join(place.entry.public_id for place in places)}
        for place in places:
            who, typed = place.entry.public_id, str(data.get(_name(place), ""))
            was = str(shown.index(who) + 1) if who in shown else ""
            fresh[_name(place)] = typed if typed not in ("", was) else str(place.number)
        return cls(places, fresh)

    @property
    def rows(self) -> list[tuple[Place, forms.BoundField]]:
        """Everyone who waits with the field for their place."""
        return [(place, self[_name(place)]) for place in self.places]

    def clean(self) -> dict[str, Any]:
        """Nobody shares a place."""
        cleaned = super().clean() or self.cleaned_data
        taken: dict[int, Place] = {}
        for place in self.places:
            number = cleaned.get(_name(place))
            if number is None or number == place.number:
                continue
            if other := taken.get(number):
                self.add_error(_name(place), f"{other.entry.trainee} is to have place {number} already.")
            taken[number] = place
        return cleaned

    @property
    def order(self) -> list[str]:
        """Everyone who waits, by their public ids, in the order that was asked for."""
        asked = {
            place.entry.public_id: self.cleaned_data[_name(place)]
            for place in self.places
            if self.cleaned_data[_name(place)] != place.number
        }
        return rearranged([place.entry.public_id for place in self.places], asked)


def _name(place: Place) -> str:
    return f"place-{place.entry.public_id}"


class JoinForm(forms.Form):
    """Someone who is put at the end of the line."""

    prefix = "join"
    email = forms.EmailField(
        label="E-mail address of their account", max_length=254, help_text="As the list of people has it."
    )
    notice_days = forms.IntegerField(
        label="Days' notice they need",
        min_value=0,
        max_value=365,
        initial=0,
        help_text="A seat that is free later than that goes to the next; they keep their place.",
    )
    why = a_reason("Why do you put them in line?", f"{KEPT} The trainee reads this.")

    def clean_email(self) -> str:
        """Someone who is known here."""
        found = account_at(self.cleaned_data["email"])
        if found is None:
            raise forms.ValidationError("Nobody has an account with this address. Add them to the people first.")
        if not found.is_active:
            raise forms.ValidationError("This account is closed, so nothing could be offered to them.")
        self.person = found
        return found.email


class TakeOutForm(forms.Form):
    """Someone who is taken out of the line."""

    prefix = "out"
    entry = forms.CharField(label="Who", max_length=20, widget=forms.Select)
    why = a_reason("Why?", f"{KEPT} The trainee reads this. They keep any seat they have elsewhere.")

    def offer(self, waiting: Iterable[WaitlistEntry], offers: Iterable[WaitlistEntry]) -> None:
        """Show these people to choose from. Whoever has left by now is refused by a sentence, not as no choice."""
        self.fields["entry"].widget.choices = [
            *((entry.public_id, f"{entry.trainee}, who waits") for entry in waiting),
            *((entry.public_id, f"{entry.trainee}, who has an offer; it ends with this") for entry in offers),
        ]
