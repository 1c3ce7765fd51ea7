"""How much proof waits to be reviewed, for the desk's tabs."""

from django import template

from workshops.prerequisites.records.models import OnSetRecord, RecordState

register = template.Library()


@register.simple_tag
def reviews_waiting() -> int:
    """So many records wait for the school; one statement."""
    return OnSetRecord.objects.filter(state=RecordState.IN_REVIEW).count()
