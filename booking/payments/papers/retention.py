"""What is kept of receipts, invoices and credit notes: all of them, for their numbers have no gaps; the name goes."""

from workshops.retention import FOR_GOOD, AboutNobody, Keeping, Topic, emptied, keys, shown

KEEPS = (
    Keeping(
        "booking.Paper",
        Topic.MONEY,
        "Your receipts, invoices and credit notes",
        FOR_GOOD,
        of=("reservation__trainee",),
        stays="Numbered papers stay, as bookkeeping asks. The name and the address of the payer go.",
        fields={
            **keys("id"),
            "public_id": shown("Address", why="The paper is found by it."),
            "kind": shown("What it is"),
            "number": shown("Number"),
            "reservation": shown("Reservation"),
            "payment": shown("Of the payment"),
            "refund": shown("Of the refund"),
            "payer": emptied("To"),
            "says": shown("What it says", why="Lines, totals and the school's details; it names nobody."),
            "issued_at": shown("Made"),
            "issued_by": shown("Made by"),
        },
    ),
    AboutNobody("booking.PaperSeries", "The last number of a kind of paper.", "id kind last_number"),
)
