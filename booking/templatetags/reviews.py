"""Records of days on set: the look of each state, and how many wait to be reviewed."""

from django import template

from workshops.prerequisites.check import rules_in_words as in_plain_words
from workshops.prerequisites.records.models import OnSetRecord, RecordState

register = template.Library()

PILLS = {
    RecordState.DRAFT: "",
    RecordState.QUESTION: "pill-warn",
    RecordState.IN_REVIEW: "pill-wait",
    RecordState.REJECTED: "pill-stop",
    RecordState.ACCEPTED: "pill-good",
    RecordState.WITHDRAWN: "",
}


@register.filter
def pill(state: str) -> str:
    """The look of a record's state, the same for its trainee and at the desk."""
    return PILLS[RecordState(state)]


@register.filter
def rules_in_words(version: str) -> str:
    """The rules that a decision was made by, for people."""
    return in_plain_words(version)


@register.simple_tag
def reviews_waiting() -> int:
    """So many records wait for the school; one statement."""
    return OnSetRecord.objects.filter(state=RecordState.IN_REVIEW).count()
