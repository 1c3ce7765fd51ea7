"""What is kept of what the card processor told us: numbers alone, for good, so that nothing is booked twice."""

from workshops.retention import AboutNobody

KEEPS = (
    AboutNobody(
        "booking.InboxEvent",
        "That the card processor told us something, by numbers alone. No name, address or card is in it.",
        "id event_id kind object_id intent_id ours happened_at received_at state due_at lease_until attempts trouble "
        "done_at",
    ),
)
