"""What is kept of payouts: sums of many people's money, and nobody's name."""

from workshops.retention import AboutNobody

KEEPS = (
    AboutNobody(
        "booking.Payout",
        "What the card processor paid out to the school, many people's money in one sum.",
        "id public_id processor_id status amount_cents ours_cents currency arrives_on bank_reference matched_at "
        "seen_at",
        by="matched_by",
    ),
)
