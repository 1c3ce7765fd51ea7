"""A stand-in for Stripe that the product speaks to, for one test."""

from collections.abc import Iterator

import pytest
import stripe as sdk
from pytest_django import Settings

from booking.payments.gateways.stripe import client
from tests.factories import NOW
from tests.stripe_stand_in import KEY, StandIn

SECRET = "whsec_test"


@pytest.fixture
def stripe(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Stripe, at the moment that tests call now; the product has keys for it. Events wait to be handed over."""
    monkeypatch.setattr(sdk.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(sdk.HTTPClient, "MAX_DELAY", 0.001)
    with StandIn(now=NOW, secrets=[SECRET]) as running:
        settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRETS = KEY, [SECRET]
        settings.STRIPE_API_BASE, settings.STRIPE_LIVE = running.url, False
        client._client.cache_clear()
        yield running
        client._client.cache_clear()
        assert not running.broken
        assert not running.unknown
