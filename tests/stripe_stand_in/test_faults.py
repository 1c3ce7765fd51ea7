"""What goes wrong on the way, by order, and what the SDK makes of it."""

from time import perf_counter
from typing import Any

import pytest
import stripe

from tests.stripe_stand_in import StandIn
from tests.stripe_stand_in.shop import asking_for, checkout


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "503", "html"])
def test_the_sdk_asks_again_with_the_same_key_and_one_thing_is_made(
    stand_in: StandIn, client: stripe.StripeClient, kind: Any
) -> None:
    stand_in.faults.add("POST", "/v1/checkout/sessions", kind, times=2)
    session = checkout(client)
    assert [one.id for one in client.v1.checkout.sessions.list().data] == [session.id]
    assert len({asked.idempotency_key for asked in stand_in.requests if asked.method == "POST"}) == 1


@pytest.mark.parametrize(("kind", "done"), [("drop_before", 0), ("drop_after", 1)])
def test_an_answer_that_is_lost_for_good_leaves_the_work_done_or_not(
    stand_in: StandIn, client: stripe.StripeClient, kind: Any, done: int
) -> None:
    stand_in.faults.add("POST", "/v1/checkout/sessions", kind, times=3)
    with pytest.raises(stripe.APIConnectionError):
        client.v1.checkout.sessions.create(asking_for(), {"idempotency_key": "attempt-1"})
    assert len(stand_in.all("checkout.session")) == done
    assert [asked.status for asked in stand_in.requests] == [0, 0, 0]
    client.v1.checkout.sessions.create(asking_for(), {"idempotency_key": "attempt-1"})
    assert len(stand_in.all("checkout.session")) == 1


@pytest.mark.parametrize(("kind", "done"), [("500", 0), ("500_after", 1)])
def test_an_error_of_stripes_own_is_the_keys_answer_for_a_day(
    stand_in: StandIn, client: stripe.StripeClient, kind: Any, done: int
) -> None:
    stand_in.faults.add("POST", "/v1/checkout/sessions", kind)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            client.v1.checkout.sessions.create(asking_for(), {"idempotency_key": "attempt-1"})
        assert failed.value.http_status == 500
    assert len(stand_in.all("checkout.session")) == done
    assert checkout(client).status == "open"


def test_too_many_requests_are_said_to_be_so(stand_in: StandIn, client: stripe.StripeClient) -> None:
    stand_in.faults.add("GET", "/v1/customers", "429")
    with pytest.raises(stripe.RateLimitError):
        client.v1.customers.list()
    assert client.v1.customers.list().data == []


def test_a_slow_answer_comes_late(stand_in: StandIn, client: stripe.StripeClient) -> None:
    stand_in.faults.add("*", "/v1/customers", ("slow", 0.05))
    began = perf_counter()
    client.v1.customers.list()
    assert perf_counter() - began > 0.05


def test_an_outage_refuses_everything_and_ends(stand_in: StandIn, client: stripe.StripeClient) -> None:
    stand_in.down = True
    with pytest.raises(stripe.APIConnectionError):
        checkout(client)
    assert stand_in.requests == []
    stand_in.down = False
    assert checkout(client).status == "open"


@pytest.mark.parametrize("key", ["sk_test_wrong", "pk_test_1", "nothing"])
def test_a_wrong_key_is_refused(stand_in: StandIn, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError):
        stand_in.client(key).v1.customers.list()


def test_only_the_keys_that_are_named_are_good(stand_in: StandIn, client: stripe.StripeClient) -> None:
    stand_in.api_keys = {"sk_test_new"}
    with pytest.raises(stripe.AuthenticationError):
        client.v1.customers.list()
    assert stand_in.client("sk_test_new").v1.customers.list().data == []


def test_an_address_it_does_not_know_is_remembered(stand_in: StandIn, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        client.v1.products.list()
    assert stand_in.unknown == [("GET", "/v1/products")]
    stand_in.unknown.clear()


def test_what_was_asked_can_be_looked_at(stand_in: StandIn, client: stripe.StripeClient) -> None:
    client.v1.customers.create({"email": "amara@example.org", "metadata": {"person": "9"}}, {"idempotency_key": "k"})
    (asked,) = stand_in.requests
    assert (asked.method, asked.path, asked.status) == ("POST", "/v1/customers", 200)
    assert asked.params == {"email": "amara@example.org", "metadata": {"person": "9"}}
    assert (asked.idempotency_key, asked.key) == ("k", "sk_test_stand_in")
