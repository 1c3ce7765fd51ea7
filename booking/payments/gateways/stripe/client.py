"""Speaking to Stripe: one client, short waits, and errors in words of our own."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import stripe
from django.conf import settings
from django.db import connection
from stripe import RequestsClient, StripeClient

from booking.payments.gateways.base import Refused, Unavailable

# The library waits 80 s by default and does not try again. People wait for these answers.
ANSWER_WITHIN_SECONDS = 12
TRIES_AGAIN = 2

OURS = "cintima_payment"
"""The key under which the number of a payment of ours stands in Stripe's metadata; other sales do not have it."""
OUR_REFUND = "cintima_refund"
OUR_ATTEMPT = "cintima_attempt"
"""Which try of a refund it is: one that failed may be asked for again."""


def client() -> StripeClient:
    """The client for the key in force.

    Nobody may wait for Stripe while holding locks of ours, so this refuses to work inside a transaction; the one that a
    test runs in and rolls back does not count, as with Django's own `durable`.
    """
    if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        raise AssertionError("Stripe must not be asked inside a database transaction.")
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE)


@functools.cache
def _client(key: str, base: str) -> StripeClient:
    return StripeClient(
        key,
        max_network_retries=TRIES_AGAIN,
        http_client=RequestsClient(timeout=ANSWER_WITHIN_SECONDS),
        base_addresses={"api": base} if base else None,
    )


@contextmanager
def asking() -> Iterator[None]:
    """Turn Stripe's errors into ours.

    Raises:
        Unavailable: when it did not answer, was too busy, had an error, or does not know our key.
        Refused: when it will not do this.
    """
    try:
        yield
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        raise Refused(error.code or "refused", str(error.user_message or error)) from error
    except stripe.StripeError as error:
        raise Unavailable(f"{type(error).__name__}: {error}"[:300]) from error
