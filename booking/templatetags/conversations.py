"""How many conversations wait for the school, for the desk's tabs."""

from django import template

from workshops.conversations.models import Post

register = template.Library()


@register.simple_tag
def conversations_waiting() -> int:
    """So many threads in which it is the school's turn; one statement."""
    return Post.objects.unanswered().count()
