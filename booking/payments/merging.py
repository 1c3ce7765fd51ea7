"""What becomes of money's own ties to a person when two accounts of theirs become one. Seats take their money along."""

from booking.payments.discounts import making as discounts
from booking.payments.models import Customer
from workshops.people.models import User


def hand_over(other: User, to: User) -> None:
    """Give what is theirs by name to the account that stays: discounts, and their number with the card processor.

    Where both have such a number, each keeps its own: payments of either are found by themselves, and new ones go under
    the number of the account that stays. The caller has locked both accounts.
    """
    discounts.hand_over(other, to)
    if not Customer.objects.filter(person=to).exists():
        Customer.objects.filter(person=other).update(person=to)
