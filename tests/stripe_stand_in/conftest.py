"""One stand-in and one client of the real SDK a test."""

from collections.abc import Iterator

import pytest
import stripe

from tests.stripe_stand_in import StandIn
from tests.stripe_stand_in.shop import NOON


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """It is noon there until the test says otherwise. Nothing may be asked that it does not know."""
    with StandIn(now=NOON) as running:
        yield running
        assert not running.broken
        assert not running.unknown


@pytest.fixture
def client(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> stripe.StripeClient:
    """The SDK as the product uses it, which tries again twice, without the pauses between."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.001)
    return stand_in.client(max_network_retries=2)
