"""What the registrar is asked before somebody gets a mentor, and before that ends."""

from collections.abc import Iterable

from django import forms

from booking.desk.fields import a_reason
from workshops.mentors.mentorships import mentors
from workshops.people.models import User


class MentorField(forms.ModelChoiceField[User]):
    """One of the mentors."""

    def label_from_instance(self, obj: User) -> str:
        """Their name, and how many they accompany now."""
        now = getattr(obj, "accompanies", 0)
        return f"{obj}, mentors {now}" if now else str(obj)


class MentorForm(forms.Form):
    """A mentor for a trainee."""

    prefix = "mentor"
    mentor = MentorField(
        User.objects.none(),
        empty_label=None,
        help_text="Both hear of it by e-mail, with the name of the other. Ask them before.",
        error_messages={"invalid_choice": "They are no mentor any more. Choose another."},
    )

    def __init__(self, data: object = None, *, without: Iterable[User] = ()) -> None:
        """A form that offers every mentor but those in `without`: nobody mentors themselves."""
        super().__init__(data)  # type: ignore[arg-type]
        field = self.fields["mentor"]
        assert isinstance(field, MentorField)
        field.queryset = mentors().exclude(pk__in=[each.pk for each in without])


class MentorEndForm(forms.Form):
    """The end of a mentorship."""

    prefix = "mentor_end"
    why = a_reason("Why does it end?", "Both read this. Meetings that are still to come are cancelled.")
