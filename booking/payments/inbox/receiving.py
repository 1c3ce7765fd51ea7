"""Taking in what the card processor tells: each event once, under its own number, before it hears that we have it."""

from datetime import datetime

from booking.payments.gateways.base import Told
from booking.payments.inbox.kinds import of_interest
from booking.payments.inbox.models import EventState, InboxEvent
from workshops.transactions import writes


@writes
def receive(told: Told, *, now: datetime) -> tuple[InboxEvent, bool]:
    """Store an event, and say whether it is new; one that is here already stays as it is.

    What nobody here asks for is stored as of no interest, so that it can be seen that it came.
    """
    waits = of_interest(told.kind)
    return InboxEvent.objects.get_or_create(
        event_id=told.event_id,
        defaults={
            "kind": told.kind,
            "object_id": told.object_id,
            "intent_id": told.intent_id,
            "ours": told.ours,
            "happened_at": told.happened_at,
            "received_at": now,
            "state": EventState.WAITING if waits else EventState.IGNORED,
            "due_at": now,
            "done_at": None if waits else now,
        },
    )
