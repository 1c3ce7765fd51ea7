"""What the stand-in's own tests sell."""

from datetime import UTC, datetime
from typing import Any, cast

import stripe
from stripe.checkout import Session

NOON = datetime(2027, 3, 4, 12, tzinfo=UTC)
OURS = {"reservation": "17", "charge": "4"}


def asking_for(amount: int = 50_000, **changes: Any) -> Any:
    """What is sent for a session of mode payment."""
    return {
        "mode": "payment",
        "success_url": "http://localhost/paid?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://localhost/back",
        "line_items": [
            {
                "price_data": {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Deposit"}},
                "quantity": 1,
            }
        ],
        "metadata": OURS,
        "payment_intent_data": {"metadata": OURS, "description": "Deposit"},
        **changes,
    }


def checkout(client: stripe.StripeClient, amount: int = 50_000, **changes: Any) -> Session:
    """An open session."""
    return client.v1.checkout.sessions.create(asking_for(amount, **changes))


def somebody(client: stripe.StripeClient) -> str:
    """A customer's id."""
    return client.v1.customers.create({"email": "amara@example.org", "name": "Amara", "metadata": {"person": "9"}}).id


def off_session(client: stripe.StripeClient, customer: str, method: str, amount: int = 20_000, key: str = "") -> Any:
    """Charges a saved card without its owner."""
    asked: Any = {
        "amount": amount,
        "currency": "usd",
        "customer": customer,
        "payment_method": method,
        "confirm": True,
        "off_session": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": OURS,
        "expand": ["latest_charge.balance_transaction"],
    }
    return client.v1.payment_intents.create(asked, {"idempotency_key": key} if key else {})


def id_of(one: object) -> str:
    """The id of what may have been expanded."""
    return cast(str, one if isinstance(one, str) else cast(Any, one).id)
