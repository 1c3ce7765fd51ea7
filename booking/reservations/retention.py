"""What is kept of seats and places in line. Nothing in it is anybody's words, so all of it stays, without a name."""

from typing import Any

from workshops import money
from workshops.retention import FOR_GOOD, Keeping, Topic, keys, shown, unseen, workings

_BOOKS = "The books stand on it: what a seat cost, under which terms, and what became of it."


def cents(value: Any) -> str:
    """An amount in words."""
    return money.in_words(int(value))


KEEPS = (
    Keeping(
        "booking.Reservation",
        Topic.SEATS,
        "Your reservations: the cohort, the seat, the price and the terms",
        FOR_GOOD,
        of=("trainee",),
        stays=_BOOKS,
        fields={
            **keys("id trainee"),
            **workings("is_only_one"),
            "public_id": shown("Number", why="The books and the history name the reservation by it."),
            "cohort": shown("Cohort"),
            "seat_number": shown("Seat"),
            "state": shown("State"),
            "held_until": shown("Held until"),
            "price_cents": shown("Price", words=lambda row: cents(row.price_cents)),
            "deposit_cents": shown("Deposit", words=lambda row: cents(row.deposit_cents)),
            "currency": shown("Currency", why="A code such as USD."),
            "paid_elsewhere": shown("Paid elsewhere"),
            "balance_due_on": shown("Balance due on"),
            "terms_frozen": shown("Terms", why="The school's terms, which name nobody."),
            "conduct": shown("Conduct text"),
            "conduct_accepted_at": shown("Conduct text accepted"),
            "fee_cents": shown("Fee for moving", words=lambda row: cents(row.fee_cents)),
            "not_refundable_cents": shown("Not refundable", words=lambda row: cents(row.not_refundable_cents)),
            "moved_from": shown("Moved from"),
            "provisional_until": shown("Provisional until"),
            "may_leave_until": shown("Leaving costs nothing until"),
            "choose_until": shown("To choose until"),
            "created_at": shown("Made"),
            **workings("calendar_id sequence revised_at"),
        },
    ),
    Keeping(
        "booking.Charge",
        Topic.MONEY,
        "What you owe or owed, and when",
        FOR_GOOD,
        of=("reservation__trainee",),
        stays=_BOOKS,
        fields={
            **keys("id"),
            "reservation": shown("Reservation"),
            "kind": shown("For"),
            "number": shown("Which instalment"),
            "amount_cents": shown("Amount", words=lambda row: cents(row.amount_cents)),
            "due_at": shown("Due"),
            **workings("sequence revised_at"),
        },
    ),
    Keeping(
        "booking.WaitlistEntry",
        Topic.SEATS,
        "Your places in line",
        FOR_GOOD,
        of=("trainee",),
        stays="It shows that the line was fair to those who waited behind.",
        fields={
            **keys("id trainee"),
            "public_id": shown("Number", why="The history names the place by it."),
            "cohort": shown("Cohort"),
            "state": shown("State"),
            "rank": unseen("The order of a line that the school has changed; your place is in the history."),
            "joined_at": shown("Joined"),
            "notice_days": shown("Days' notice that you need"),
            "offer": shown("Seat offered"),
            "told_on": shown("Told last that a seat was free"),
            "ended_at": shown("Ended"),
            **workings("sequence revised_at"),
        },
    ),
)
