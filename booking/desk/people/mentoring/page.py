"""What one person's page shows of mentoring."""

from dataclasses import dataclass

from django.db.models import Q

from workshops.mentors.models import Mentorship
from workshops.people.models import User


@dataclass(frozen=True)
class Mentoring:
    """Every mentorship of one person, the newest first: those in which they are mentored, and those they mentor in."""

    running: Mentorship | None
    """The one in which they are mentored now."""
    mentored: tuple[Mentorship, ...]
    mentors: tuple[Mentorship, ...]


def mentoring_of(person: User) -> Mentoring:
    """The mentorships of one person. One statement."""
    found = Mentorship.objects.filter(Q(mentor=person) | Q(trainee=person)).select_related("mentor", "trainee")
    mentored = tuple(each for each in found if each.trainee_id == person.pk)
    return Mentoring(
        running=next((each for each in mentored if each.ended_on is None), None),
        mentored=mentored,
        mentors=tuple(each for each in found if each.mentor_id == person.pk),
    )
