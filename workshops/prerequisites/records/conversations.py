"""What a trainee and the school write to each other about an on-set record."""

from django.urls import reverse

from workshops.conversations.reading import Subject
from workshops.prerequisites.records.models import OnSetRecord

KIND = "record"


def subject_of(it: OnSetRecord) -> Subject:
    """The conversation about a record, whose `user` is loaded already. No statement."""
    key = it.public_id
    return Subject(
        about=(KIND, key),
        person=it.user,
        title=f"days on {it}" if it.production else "days on set",
        page_of_person=reverse("record-conversation", args=[key]),
        page_of_school=reverse("desk:record-conversation", args=[key]),
        thing="record",
    )
