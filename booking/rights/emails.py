"""What people and registrars are told about erasure. Queued in the transaction that causes it."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from workshops.messages.outbox import queue, queue_last_word
from workshops.people.models import ErasureRequest, Role, User


def asked(request: ErasureRequest, *, now: datetime) -> None:
    """Tell the person that it has arrived, in case it was not them; and every other registrar that they are asked.

    The message to registrars names nobody: it stays in their mailboxes.
    """
    person, about = request.user, ("erasure", str(request.pk))
    queue("erasure-asked", about, person, {"link": f"{settings.SITE_URL}{reverse('your-data')}"}, now=now)
    link = f"{settings.SITE_URL}{reverse('desk:person-erase', args=[person.public_id])}"
    for registrar in User.objects.with_role(Role.REGISTRAR).exclude(pk=person.pk):
        queue(
            "erasure-to-decide", ("erasure", f"{request.pk}:{registrar.public_id}"), registrar, {"link": link}, now=now
        )


def declined(request: ErasureRequest, *, now: datetime) -> None:
    """Tell the person why it cannot be done as things are."""
    link = f"{settings.SITE_URL}{reverse('your-data')}"
    context = {"reason": request.answer, "link": link}
    queue("erasure-declined", ("erasure", str(request.pk)), request.user, context, now=now)


def done(person: User, *, now: datetime) -> None:
    """Tell the person, as they were, that nothing has their name any more. It is the last message they get."""
    link = f"{settings.SITE_URL}{reverse('what-is-kept')}"
    queue_last_word("erasure-done", ("erased", person.public_id), person, {"link": link}, now=now)
