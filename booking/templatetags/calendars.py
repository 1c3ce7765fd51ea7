"""How to subscribe, on pages of other rooms."""

from django import template
from django.conf import settings

from booking.calendars.clients import Ways

register = template.Library()


@register.simple_tag
def ways_to_subscribe(path: str, name: str) -> Ways:
    """How to subscribe to the public calendar at this path, which calendar programs then call by this name."""
    return Ways(settings.SITE_URL + path, name)
