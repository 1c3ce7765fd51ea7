"""What the registrar is asked before someone gets a seat, or a place in line."""

from datetime import date
from typing import Any

from django import forms

from booking.desk.fields import THEY_READ_IT, a_reason, offer
from workshops.clock import in_words
from workshops.cohorts.models import Cohort, CohortStatus, Seat, SeatStatus


class SeatForm(forms.Form):
    """What each of the roads to a seat asks: where, and why. The first form that is posted says by its prefix which."""

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(today)

    def offer(self, today: date) -> None:
        """Fill in what there is to choose from: by default, cohorts that are published and have not ended."""
        self.fields["cohort"].queryset = Cohort.objects.not_over(today).filter(status=CohortStatus.PUBLISHED)  # type: ignore[attr-defined]


def agreed() -> forms.BooleanField:
    """That they know what they agree to."""
    return forms.BooleanField(
        label="They have read the conduct text in force and agree to it",
        error_messages={"required": "Nobody takes a seat without agreeing to the conduct text. Ask them first."},
    )


class ReserveForm(SeatForm):
    """A seat for a trainee, taken by the registrar."""

    prefix = "reserve"
    cohort = forms.ModelChoiceField(Cohort.objects.none(), empty_label=None)
    why = a_reason("Why do you reserve it for them?", f"For example: they asked by telephone. {THEY_READ_IT}")
    accepted = agreed()


class LineForm(SeatForm):
    """A place in the line of a cohort that is full, for a trainee who asked for it."""

    prefix = "line"
    cohort = forms.ModelChoiceField(Cohort.objects.none(), empty_label=None)
    why = a_reason("Why are they added to the line?", f"For example: they asked by telephone. {THEY_READ_IT}")


class KeptBackField(forms.ModelChoiceField[Seat]):
    """One of the seats that the school keeps back."""

    def label_from_instance(self, obj: Seat) -> str:
        """The seat and its cohort."""
        return f"Seat {obj.number} of {obj.cohort}, from {in_words(obj.cohort.starts_on)}"


class PlaceForm(SeatForm):
    """A seat that is kept back, for one person: the one road past the line."""

    prefix = "place"
    seat = KeptBackField(
        Seat.objects.none(),
        empty_label=None,
        help_text="Seats that are kept back. Whoever waits in line is not asked.",
        error_messages={"invalid_choice": "That seat is not kept back any more. Choose another."},
    )
    why = a_reason("Why do they get it?", THEY_READ_IT)
    accepted = agreed()

    def offer(self, today: date) -> None:
        """Seats that are kept back in cohorts which have not begun."""
        kept_back = Seat.objects.filter(
            status=SeatStatus.BLOCKED,
            cohort__in=Cohort.objects.not_over(today).exclude(status=CohortStatus.DRAFT).filter(starts_on__gt=today),
        )
        field = self.fields["seat"]
        assert isinstance(field, KeptBackField)
        field.queryset = kept_back.select_related("cohort").order_by("cohort__starts_on", "number")
        offer(self, "seat", field.queryset)

    @property
    def has_seats(self) -> bool:
        """Whether any seat is kept back."""
        field = self.fields["seat"]
        assert isinstance(field, KeptBackField)
        return bool(field.choices)
