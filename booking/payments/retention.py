"""What is kept of money. The books stay for good; a reference that gives a name away loses it."""

from booking.reservations.retention import cents
from workshops.retention import FOR_GOOD, Keeping, Topic, emptied, keys, shown, unless_it_names_them

_BOOKS = "Money that came and went stays in the books, as bookkeeping asks. They name a reservation, not you."

KEEPS = (
    Keeping(
        "booking.Payment",
        Topic.MONEY,
        "Your payments. Never the number of a card: no card is ever entered here",
        FOR_GOOD,
        of=("reservation__trainee",),
        stays=_BOOKS,
        fields={
            **keys("id"),
            "public_id": shown("Number", why="The books name the payment by it."),
            "reservation": shown("Reservation"),
            "purpose": shown("For"),
            "gateway": shown("By", why="A code such as offline."),
            "amount_cents": shown("Amount", words=lambda row: cents(row.amount_cents)),
            "currency": shown("Currency", why="A code such as USD."),
            "status": shown("State"),
            "reference": emptied("Reference", unless_it_names_them("reference")),
            "created_at": shown("Begun"),
            "settled_at": shown("Settled"),
            "recorded_by": shown("Recorded by"),
        },
    ),
    Keeping(
        "booking.Refund",
        Topic.MONEY,
        "Money that was sent back to you, or will be",
        FOR_GOOD,
        of=("reservation__trainee",),
        stays=_BOOKS,
        fields={
            **keys("id"),
            "public_id": shown("Number", why="The books name the refund by it."),
            "payment": shown("Of the payment"),
            "reservation": shown("Reservation"),
            "amount_cents": shown("Amount", words=lambda row: cents(row.amount_cents)),
            "status": shown("State"),
            "rule": shown("Why", why="A code such as late-no-seat."),
            "reference": emptied("Reference", unless_it_names_them("reference")),
            "requested_at": shown("Asked for"),
            "settled_at": shown("Sent"),
            "recorded_by": shown("Recorded by"),
        },
    ),
    Keeping(
        "booking.LedgerEntry",
        Topic.MONEY,
        "The ledger: each event of money",
        FOR_GOOD,
        of=("reservation__trainee",),
        stays=_BOOKS,
        fields={
            **keys("id"),
            "source": shown("What", why="A number such as payment:4f…, never words."),
            "reservation": shown("Reservation"),
            "at": shown("When"),
        },
    ),
    Keeping(
        "booking.Posting",
        Topic.MONEY,
        "The ledger: both sides of each event",
        FOR_GOOD,
        of=("entry__reservation__trainee",),
        stays=_BOOKS,
        fields={
            **keys("id"),
            "entry": shown("Of"),
            "account": shown("Account"),
            "amount_cents": shown("Amount", words=lambda row: cents(row.amount_cents)),
        },
    ),
)
