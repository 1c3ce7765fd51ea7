"""What is kept of vouchers and scholarships. The price of a seat stands on them; why one was given does not."""

from django.db.models import Q

from booking.reservations.retention import cents
from workshops.retention import FOR_GOOD, Keeping, Person, Topic, emptied, keys, shown, where_there_is_some


def _naming(person: Person) -> Q:
    """Those whose reason or code gives them away, whoever may use them."""
    where = Q(pk=None)
    for name in person.names:
        where |= Q(reason__icontains=name)
    return where


KEEPS = (
    Keeping(
        "booking.Discount",
        Topic.MONEY,
        "What the school takes off the price for you by name, and why",
        FOR_GOOD,
        of=("person",),
        stays="The price of a seat stands on it, and what the school gave away in a year. Why it was given goes.",
        also=_naming,
        fields={
            **keys("id person"),
            "public_id": shown("Number", why="The history names it by it."),
            "kind": shown("What it is"),
            "code": shown("Code", why="A code that the school made up, by which a voucher is found."),
            "cohort": shown("For the cohort"),
            "amount_cents": shown("Amount", words=lambda row: cents(row.amount_cents)),
            "percent": shown("Part of the price, in percent"),
            "limit": shown("How many people may use it"),
            "valid_from": shown("From"),
            "valid_until": shown("Until"),
            "reason": emptied("Why", where_there_is_some("reason", "Erased.")),
            "created_at": shown("Made"),
            "created_by": shown("Made by"),
            "ended_at": shown("Ended"),
        },
    ),
    Keeping(
        "booking.Redemption",
        Topic.MONEY,
        "Which discount your reservation has, and what it took off the price",
        FOR_GOOD,
        of=("reservation__trainee",),
        stays="The books stand on it: what a seat cost. They name a reservation, not you.",
        fields={
            **keys("id"),
            "discount": shown("Discount"),
            "reservation": shown("Reservation"),
            "amount_cents": shown("Amount", words=lambda row: cents(row.amount_cents)),
            "at": shown("When"),
        },
    ),
)
