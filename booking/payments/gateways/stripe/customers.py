"""One customer a person at Stripe."""

from hashlib import sha256

from booking.payments.gateways.stripe.client import asking, client
from booking.payments.models import Customer
from workshops.clock import current_time
from workshops.people.models import User
from workshops.transactions import writes


def customer_id(person: User) -> str:
    """Stripe's number of this person, who is made known to it the first time. Not inside a transaction.

    Two requests at once ask under one key, so Stripe makes one customer; the row is written once.

    Raises:
        Unavailable, Refused
    """
    known = Customer.objects.filter(person=person).first()
    if known:
        return known.processor_id
    # A key goes with what is asked under it: whoever changed their name after an answer was lost is another question.
    asked = sha256(f"{person.email} {person.name}".encode()).hexdigest()[:12]
    with asking():
        made = client().v1.customers.create(
            {"email": person.email, "name": person.name, "metadata": {"cintima_person": person.public_id}},
            {"idempotency_key": f"customer-{person.public_id}-{asked}"},
        )
    return _written(person, made.id)


@writes
def _written(person: User, processor_id: str) -> str:
    row, _ = Customer.objects.get_or_create(
        person=person, defaults={"processor_id": processor_id, "created_at": current_time()}
    )
    return row.processor_id
