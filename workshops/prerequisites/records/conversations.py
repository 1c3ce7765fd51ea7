"""What a trainee and the school write to each other about an on-set record."""

from django.urls import reverse

from workshops.conversations.reading import Subject
from workshops.prerequisites.records.models import OnSetRecord, RecordState

KIND = "record"
ANSWERING = (
    "Your answer brings the record back to the school, if nothing in it is missing. It cannot be changed while it is "
    "in review, so change what it says and add files first."
)


def subject_of(it: OnSetRecord) -> Subject:
    """The conversation about a record, whose `user` is loaded already. No statement.

    Its title is read on both sides: it names no production while what the record says is its trainee's alone.
    """
    key = it.public_id
    return Subject(
        about=(KIND, key),
        person=it.user,
        title=f"days on {it}" if it.production and it.is_read_by_school else "days on set",
        page_of_person=reverse("record-conversation", args=[key]),
        page_of_school=reverse("desk:record-conversation", args=[key]),
        thing="record",
        answering=ANSWERING if it.state == RecordState.QUESTION else "",
    )
