"""What is asked of somebody who plans a meeting, on their own clock."""

from datetime import date
from typing import Any

from django import forms

from workshops.clock import NotOnTheClock, moment_at, zone_in_words
from workshops.mentors.meetings import Agreed, NotPossible
from workshops.mentors.models import Meeting
from workshops.mentors.times import zone_of
from workshops.web.fields import PlainField

# No calendar of ours goes beyond these, and dates at the far ends of time cannot be moved between time zones.
_YEARS = range(2000, 2101)


class _DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class _ClockInput(forms.TimeInput):
    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


class MeetingForm(forms.Form):
    """When and where two people meet. Times are those of the reader's own clock."""

    day = forms.DateField(widget=_DayInput, error_messages={"required": "Choose a day."})
    clock = forms.TimeField(label="Begins at", widget=_ClockInput, error_messages={"required": "Choose a time."})
    minutes = forms.IntegerField(
        label="How many minutes",
        min_value=10,
        max_value=480,
        initial=60,
        error_messages={
            "min_value": "A meeting takes at least 10 minutes.",
            "max_value": "A meeting takes at most 480 minutes, which is 8 hours.",
        },
    )
    place = PlainField(
        label="Where",
        max_length=200,
        required=False,
        help_text="A place, or the address of a video call. You both see it.",
    )

    def __init__(self, data: Any, zone_name: str, meeting: Meeting | None = None) -> None:
        """A form for somebody in this time zone: for a new meeting, or for one as it is now."""
        self.zone, self.meeting = zone_of(zone_name), meeting
        super().__init__(data, initial=_as_it_is(meeting, zone_name) if meeting else None)
        self.place_of_clock = zone_in_words(self.zone)
        self.fields["clock"].help_text = f"{self.place_of_clock} time."

    def clean_day(self) -> date:
        """A day that calendars have."""
        day: date = self.cleaned_data["day"]
        if day.year not in _YEARS:
            raise forms.ValidationError("Choose a day in the next year and a half.")
        return day

    def clean(self) -> dict[str, Any]:
        """Find the moment that is meant."""
        cleaned = super().clean() or {}
        if "day" in cleaned and "clock" in cleaned:
            day, clock = cleaned["day"], cleaned["clock"].replace(second=0, microsecond=0)
            try:
                cleaned["starts_at"] = self._kept(day, clock) or moment_at(day, clock, self.zone)
            except NotOnTheClock as not_there:
                self.add_error("clock", str(not_there))
        return cleaned

    def _kept(self, day: date, clock: Any) -> Any:
        """The meeting's own moment where the time was left as it was: a clock may show it twice, and one is meant."""
        if self.meeting is None:
            return None
        local = self.meeting.starts_at.astimezone(self.zone)
        is_same = (day, clock) == (local.date(), local.time().replace(second=0, microsecond=0))
        return self.meeting.starts_at if is_same else None

    def agreed(self) -> Agreed:
        """What was asked for. Only for a form that is valid."""
        asked = self.cleaned_data
        return Agreed(asked["starts_at"], asked["minutes"], asked["place"])

    def refuse(self, refused: NotPossible) -> None:
        """Say at the right field why it cannot be done."""
        self.add_error(refused.field or None, str(refused))


def _as_it_is(meeting: Meeting, zone_name: str) -> dict[str, Any]:
    local = meeting.starts_at.astimezone(zone_of(zone_name))
    return {"day": local.date(), "clock": local.time(), "minutes": meeting.minutes, "place": meeting.place}
