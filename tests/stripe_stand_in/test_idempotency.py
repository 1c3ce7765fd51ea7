"""Idempotency keys, as Stripe documents them for API v1."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import sleep
from typing import Any

import pytest
import stripe

from tests.stripe_stand_in import StandIn
from tests.stripe_stand_in.shop import NOON, asking_for, checkout, off_session, somebody


def test_the_same_key_and_parameters_get_the_same_answer_for_a_day_and_then_a_new_one(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    def ask() -> Any:
        return client.v1.checkout.sessions.create(asking_for(), {"idempotency_key": "attempt-1"})

    first = ask()
    stand_in.pay(first.id)
    again = ask()
    # As it was answered then, though it has been paid since.
    assert again.last_response.body == first.last_response.body
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers

    stand_in.now = NOON + timedelta(hours=23, minutes=59)
    assert ask().id == first.id
    stand_in.now = NOON + timedelta(hours=24)
    assert ask().id != first.id


def test_a_key_is_refused_with_other_parameters_or_elsewhere(client: stripe.StripeClient) -> None:
    client.v1.checkout.sessions.create(asking_for(50_000), {"idempotency_key": "attempt-1"})
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as refused:
        client.v1.checkout.sessions.create(asking_for(50_001), {"idempotency_key": "attempt-1"})
    assert refused.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.customers.create({}, {"idempotency_key": "attempt-1"})
    with pytest.raises(stripe.IdempotencyError, match="255"):
        client.v1.customers.create({}, {"idempotency_key": "x" * 256})


def test_a_decline_is_given_again_though_the_card_would_pay_now(stand_in: StandIn, client: stripe.StripeClient) -> None:
    customer = somebody(client)
    method = stand_in.saved_card(customer, "4000000000000341")
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            off_session(client, customer, method, key="instalment-1")
        stand_in.card_becomes(method, "4242424242424242")
    assert off_session(client, customer, method, key="instalment-2").status == "succeeded"
    assert len(stand_in.books()) == 1


def test_what_never_began_leaves_its_key_free(stand_in: StandIn, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.create(asking_for(colour="red"), {"idempotency_key": "attempt-1"})
    with pytest.raises(stripe.InvalidRequestError, match="at least 30 minutes"):
        client.v1.checkout.sessions.create(asking_for(expires_at=1), {"idempotency_key": "attempt-1"})
    stand_in.faults.add("POST", "/v1/checkout", "429")
    with pytest.raises(stripe.RateLimitError):
        client.v1.checkout.sessions.create(asking_for(), {"idempotency_key": "attempt-1"})
    assert client.v1.checkout.sessions.create(asking_for(), {"idempotency_key": "attempt-1"}).status == "open"


def test_a_key_in_use_is_a_conflict(stand_in: StandIn) -> None:
    stand_in.faults.add("POST", "/v1/customers", ("slow", 0.15))

    def ask(_: int) -> object:
        client = stand_in.client()
        try:
            return client.v1.customers.create({}, {"idempotency_key": "person-9"}).id
        except stripe.StripeError as refused:
            body: Any = refused.json_body
            return refused.http_status, body["error"]["code"]

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask, 1)
        while not stand_in.idempotency.keys:
            sleep(0.001)
        assert threads.submit(ask, 2).result() == (409, "idempotency_key_in_use")
        assert ask(3) in (first.result(), (409, "idempotency_key_in_use"))
    assert ask(4) == first.result()


def test_many_at_once_with_one_key_make_one_thing(stand_in: StandIn, client: stripe.StripeClient) -> None:
    def ask(_: int) -> str:
        mine = stand_in.client(max_network_retries=30)
        return mine.v1.customers.create({}, {"idempotency_key": "person-9"}).id

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(24)))) == 1
    assert len(stand_in.all("customer")) == 1


def test_keys_of_live_and_test_mode_are_apart(stand_in: StandIn, client: stripe.StripeClient) -> None:
    live = stand_in.client("sk_live_stand_in")
    ours = client.v1.customers.create({}, {"idempotency_key": "person-9"})
    theirs = live.v1.customers.create({}, {"idempotency_key": "person-9"})
    assert (ours.livemode, theirs.livemode) == (False, True)
    with pytest.raises(stripe.InvalidRequestError, match="a similar object exists in live mode"):
        client.v1.customers.retrieve(theirs.id)
    assert checkout(live).id.startswith("cs_live_")
    assert client.v1.customers.list().data[0].id == ours.id
