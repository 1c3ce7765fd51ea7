"""Forms for cohorts and venues."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.http import QueryDict

from booking.desk.fields import DAYS_KNOWN, ClockInput, DayInput, MomentField, a_reason
from workshops.clock import SCHOOL_ZONE, school_day
from workshops.cohorts.models import Venue
from workshops.cohorts.planning import Refused
from workshops.cohorts.plans import DAYS, LARGEST, Day, Objection, Plan
from workshops.people.models import Role, User
from workshops.programme.models import MODULE_IV, Module

MOST_DAYS = 14
SCHOOLS_TIME = "In the school's time, Los Angeles."
ROOMS_TIME = "In the time of the venue."
# Which field of a form an objection is about; any other is about the whole plan.
_FIELD_OF = {
    "code-taken": "code",
    "code-stays": "code",
    "capacity": "capacity",
    "days": "starts_on",
    "no-days": "starts_on",
    "year-full": "starts_on",
    "past": "starts_on",
    "clock-starts": "day_starts",
    "clock-ends": "day_ends",
    "hours": "day_ends",
    "hours-overlap": "day_ends",
    "bookings-order": "bookings_close_at",
    "bookings-late": "bookings_close_at",
    "venue-busy": "venue",
    "instructor-busy": "instructors",
    "not-instructor": "instructors",
    "instructor": "instructors",
    "lead": "lead",
    "seats-in-use": "capacity",
    "seat-in-use": "seat",
    "seat-kept": "seat",
    "seat-not-kept": "seat",
    "no-such-seat": "seat",
    "reason": "why",
}


class _Reason(forms.Textarea):
    """Asked for, but not by the browser: whoever changes the plan instead must be able to send it without one."""

    def use_required_attribute(self, initial: Any) -> bool:  # noqa: ARG002 - the signature is Django's
        """Leave it to the form."""
        return False


class Overridable(forms.Form):
    """A form whose plan the school's rules may object to, and which a reason may carry through.

    The reason is asked for only where it would be enough, and it overrides only the objections that were shown.
    """

    despite = forms.CharField(widget=forms.HiddenInput, required=False)
    reason = forms.CharField(
        label="Go ahead all the same, because",
        widget=_Reason(attrs={"rows": 3}),
        required=False,
        max_length=500,
        help_text="Kept in the history of the cohort, for whoever wonders in two years.",
    )

    @property
    def asks_reason(self) -> bool:
        """Whether the page shows the field for a reason."""
        return bool(self.data.get(self.add_prefix("despite")))

    @property
    def overriding(self) -> dict[str, Any]:
        """What a command needs to know of it."""
        codes = self.cleaned_data["despite"].split(",") if self.cleaned_data["despite"] else []
        return {"reason": self.cleaned_data["reason"], "despite": codes}

    def stands(self, objections: Iterable[Objection]) -> bool:
        """Whether one of these was not overridden, with a reason, by whoever sent this form."""
        despite = self.overriding["despite"] if self.overriding["reason"].strip() else []
        return any(not objection.overridable or objection.code not in despite for objection in objections)

    def refuse(self, refused: Refused) -> None:
        """Show the objections beside what they are about, and ask for a reason where one would be enough."""
        add_objections(self, refused)
        data = QueryDict(mutable=True)
        data.update(self.data)
        codes = [objection.code for objection in refused.objections] if refused.overridable else []
        data[self.add_prefix("despite")] = ",".join(codes)
        self.data = data
        if codes:
            self.fields["reason"].required = True  # said so on the page; it has been read already
            self.add_error(None, "This is against the school's rule. Change it, or say why at the end of this form.")


def add_objections(form: forms.BaseForm, refused: Refused) -> None:
    """Show each objection beside the field it is about."""
    for objection in refused.objections:
        field = _FIELD_OF.get(objection.code)
        form.add_error(field if field in form.fields else None, objection.message)


class InstructorsForm(forms.Form):
    """Who teaches, and who leads."""

    instructors = forms.ModelMultipleChoiceField(
        User.objects.none(),
        to_field_name="public_id",
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Anyone with the role of instructor.",
    )
    lead = forms.ModelChoiceField(
        User.objects.none(), to_field_name="public_id", required=False, empty_label="Nobody in particular"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        able = User.objects.with_role(Role.INSTRUCTOR)
        for name in ("instructors", "lead"):
            self.fields[name].queryset = able  # type: ignore[attr-defined]

    @classmethod
    def of(cls, plan: Plan) -> "InstructorsForm":
        """The form as things are."""
        return cls(
            initial={
                "instructors": [person.public_id for person in plan.instructors],
                "lead": plan.lead.public_id if plan.lead else None,
            }
        )


class CohortBasics(Overridable):
    """What new and existing cohorts have in common."""

    title = forms.CharField(max_length=120, help_text="As people say it, for example Spring 2027.")
    code = forms.SlugField(
        max_length=50, help_text="Part of its address, for example 2027-spring. It stays once published."
    )
    venue = forms.ModelChoiceField(Venue.objects.all(), empty_label="Choose a venue")
    bookings_open_at = MomentField(label="Bookings open", help_text=SCHOOLS_TIME)
    bookings_close_at = MomentField(label="Bookings close", help_text=SCHOOLS_TIME)

    def clean_code(self) -> str:
        """Leave out the one word that is the address of another page."""
        code = str(self.cleaned_data["code"])
        if code == "new":
            raise forms.ValidationError("This word is the address of another page. Choose one such as 2027-spring.")
        return code


class NewCohortForm(InstructorsForm, CohortBasics):
    """A cohort to be: one set of hours for all of its days, each of which can be changed later."""

    starts_on = forms.DateField(label="First day", widget=DayInput, validators=DAYS_KNOWN)
    days = forms.IntegerField(label="How many days", min_value=1, max_value=MOST_DAYS, initial=DAYS)
    day_starts = forms.TimeField(label="Each day starts", widget=ClockInput, initial=time(9, 30), help_text=ROOMS_TIME)
    day_ends = forms.TimeField(label="Each day ends", widget=ClockInput, initial=time(17, 30), help_text=ROOMS_TIME)
    topics = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        required=False,
        max_length=2000,
        help_text="One line for each day, the first day first. Separate the topics of a day with commas.",
    )
    capacity = forms.IntegerField(label="Seats", min_value=1, max_value=LARGEST, initial=12)

    field_order = (
        "title", "code", "venue", "starts_on", "days", "day_starts", "day_ends", "topics", "capacity",
        "bookings_open_at", "bookings_close_at", "instructors", "lead", "reason", "despite",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Say once what would else be said of every day."""
        cleaned = super().clean() or self.cleaned_data
        starts, ends = cleaned.get("day_starts"), cleaned.get("day_ends")
        if starts is not None and ends is not None and ends <= starts:
            self.add_error("day_ends", "Each day must end after it starts.")
        return cleaned

    @classmethod
    def suggested(cls, now: datetime) -> "NewCohortForm":
        """The form with what is usual: the programme's days and topics, bookings from tomorrow morning."""
        module = Module.objects.get(code=MODULE_IV)
        count = module.days or DAYS
        opens = datetime.combine(school_day(now) + timedelta(days=1), time(10, 0), SCHOOL_ZONE)
        topics = "\n".join(", ".join(module.taught[index::count]) for index in range(count))
        return cls(initial={"days": count, "topics": topics.strip(), "bookings_open_at": opens})

    def plan(self) -> Plan:
        """What was asked for."""
        data = self.cleaned_data
        topics = [_listed(text) for text in data["topics"].splitlines()]
        days = tuple(
            Day(
                starts_at=datetime.combine(on, data["day_starts"], SCHOOL_ZONE),
                ends_at=datetime.combine(on, data["day_ends"], SCHOOL_ZONE),
                topics=topics[index] if index < len(topics) else (),
            )
            for index, on in ((index, data["starts_on"] + timedelta(days=index)) for index in range(data["days"]))
        )
        return Plan(
            title=data["title"],
            code=data["code"],
            venue=data["venue"],
            days=days,
            capacity=data["capacity"],
            bookings_open_at=data["bookings_open_at"],
            bookings_close_at=data["bookings_close_at"],
            instructors=tuple(data["instructors"]),
            lead=data["lead"],
        )


class DayForm(forms.Form):
    """One day of an existing cohort."""

    on = forms.DateField(label="Date", widget=DayInput, validators=DAYS_KNOWN)
    starts = forms.TimeField(label="Starts", widget=ClockInput)
    ends = forms.TimeField(label="Ends", widget=ClockInput)
    topics = forms.CharField(required=False, max_length=500)


class DaySet(forms.BaseFormSet[DayForm]):
    """The days of a cohort, each of which can be taken out, and room for one more."""

    def add_fields(self, form: DayForm, index: int | None) -> None:
        """Give the tick that takes a day out words of its own."""
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].label = "Take this day out"


DayForms = forms.formset_factory(
    DayForm,
    formset=DaySet,
    extra=1,
    max_num=MOST_DAYS,
    absolute_max=MOST_DAYS,
    validate_max=True,
    can_delete=True,
    can_delete_extra=False,
)


class CohortForm(CohortBasics):
    """An existing cohort, day by day. Its seats and instructors have pages of their own."""

    field_order = ("title", "code", "venue", "bookings_open_at", "bookings_close_at", "reason", "despite")

    def __init__(self, data: Any = None, *, plan: Plan) -> None:
        super().__init__(
            data,
            initial={
                "title": plan.title,
                "code": plan.code,
                "venue": plan.venue.pk,
                "bookings_open_at": plan.bookings_open_at,
                "bookings_close_at": plan.bookings_close_at,
            },
        )
        self.before = plan
        self.days = DayForms(data, prefix="days", initial=[_row(day) for day in plan.days])

    def is_valid(self) -> bool:
        """The days count as well."""
        return all([super().is_valid(), self.days.is_valid()])

    def plan(self) -> Plan:
        """What was asked for, seats and instructors as they are."""
        data = self.cleaned_data
        kept = [day for day in self.days if day not in self.days.deleted_forms]
        rows = [day.cleaned_data for day in kept if "on" in day.cleaned_data]
        return Plan(
            title=data["title"],
            code=data["code"],
            venue=data["venue"],
            days=tuple(
                Day(
                    starts_at=datetime.combine(row["on"], row["starts"], SCHOOL_ZONE),
                    ends_at=datetime.combine(row["on"], row["ends"], SCHOOL_ZONE),
                    topics=_listed(row["topics"]),
                )
                for row in rows
            ),
            capacity=self.before.capacity,
            bookings_open_at=data["bookings_open_at"],
            bookings_close_at=data["bookings_close_at"],
            instructors=self.before.instructors,
            lead=self.before.lead,
        )


class SeatsForm(forms.Form):
    """How many seats."""

    capacity = forms.IntegerField(label="Seats", min_value=1, max_value=LARGEST)


class OneSeatForm(forms.Form):
    """One seat, and why something is decided about it."""

    seat = forms.IntegerField(min_value=1, max_value=LARGEST, widget=forms.Select)
    why = a_reason("Why?", "Kept in the history of the cohort.")

    def offer(self, numbers: Iterable[int]) -> None:
        """Show these seats to choose from. One that is in another state by now is refused by name, not as no choice."""
        choices = [(number, f"Seat {number}") for number in numbers]
        self.fields["seat"].widget.choices = choices


class RunsForm(forms.Form):
    """Saying that a cohort runs, whatever comes."""

    prefix = "runs"
    why = a_reason("Why does it run?", "Kept in the history of the cohort. Everyone with a seat is told that it runs.")


class CallOffForm(forms.Form):
    """Why a cohort does not take place."""

    why = a_reason("Why does it not take place?", "Everyone on this page reads it, just as you write it.")


class MoveForm(forms.Form):
    """Why a cohort that people are in takes place on other days, or elsewhere. It stands for any rule it is against."""

    reason = forms.CharField(
        label="Why does it change?",
        help_text="Everyone on this page reads it, just as you write it.",
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=500,
    )


class VenueChangeForm(forms.Form):
    """Why what calendars say of a place changes, and whether people travel somewhere else from now on."""

    prefix = "change"
    is_elsewhere = forms.BooleanField(
        label="The place has moved: people travel somewhere else than they were told",
        help_text="Then everyone with a seat may leave at no cost for a while, as when you move a cohort. Calendars "
        "show the new address for past days, too: to keep the old one there, add a venue and move cohorts to it.",
        required=False,
    )
    why = a_reason("Why does it change?", "Everyone on this page reads it, just as you write it.")


class TeachersChangeForm(forms.Form):
    """Why other people teach. Where nobody goes and nobody else leads, it needs no explanation."""

    prefix = "change"
    why = a_reason("Why?", "Everyone who is told reads it, just as you write it.")

    def __init__(self, *args: Any, must_say_why: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["why"].required = must_say_why


class VenueForm(forms.ModelForm[Venue]):
    """A place, with everything people need to get there and be well there."""

    class Meta:
        model = Venue
        fields = ("name", "address", "city", "transit", "step_free", "toilets", "quiet_room", "staying")
        help_texts = {  # noqa: RUF012  (Django reads it once)
            "transit": "Public transport, the walk from it, parking, where to ring.",
            "step_free": "From the street to the room: ramps, lifts and their size, doors, parking bays.",
            "toilets": "Where they are, which are accessible, which are all-gender.",
            "quiet_room": "Where someone can be alone for a while, and whether they need to ask.",
            "staying": "Places nearby, how far, and which have step-free rooms.",
        }
        error_messages = {"name": {"unique": "Another venue has this name."}}  # noqa: RUF012
        widgets = {  # noqa: RUF012
            name: forms.Textarea(attrs={"rows": 3})
            for name in ("transit", "step_free", "toilets", "quiet_room", "staying")
        }


def _row(day: Day) -> dict[str, Any]:
    begins, ends = day.starts_at.astimezone(SCHOOL_ZONE), day.ends_at.astimezone(SCHOOL_ZONE)
    return {"on": begins.date(), "starts": begins.time(), "ends": ends.time(), "topics": ", ".join(day.topics)}


def _listed(text: str) -> tuple[str, ...]:
    return tuple(topic.strip() for topic in text.split(",") if topic.strip())
