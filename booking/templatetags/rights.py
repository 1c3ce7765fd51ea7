"""Who waits for the school to answer that they want to be erased, for the desk's front page."""

from django import template

from booking.rights.asking import open_requests
from workshops.people.models import ErasureRequest

register = template.Library()


@register.simple_tag
def erasures_waiting() -> list[ErasureRequest]:
    """Those requests, the longest wait first; one statement."""
    return list(open_requests())
