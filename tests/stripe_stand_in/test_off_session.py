"""Charging a saved card without its owner."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from tests.stripe_stand_in import StandIn
from tests.stripe_stand_in.shop import NOON, OURS, checkout, off_session, somebody


def saved_on_a_page(stand_in: StandIn, client: stripe.StripeClient, card: str) -> tuple[str, str]:
    """A customer who paid a deposit and let their card be charged later, and that card."""
    customer = somebody(client)
    data = {"setup_future_usage": "off_session", "metadata": OURS}
    stand_in.pay(checkout(client, customer=customer, payment_intent_data=data).id, card=card)
    (method,) = client.v1.payment_methods.list({"customer": customer}).data
    return customer, method.id


@pytest.mark.parametrize("card", ["4242424242424242", "4000002500003155", "4000003800000446"])
def test_a_card_that_was_set_up_pays_without_its_owner(
    stand_in: StandIn, client: stripe.StripeClient, card: str
) -> None:
    intent = off_session(client, *saved_on_a_page(stand_in, client, card))
    assert (intent.status, intent.amount_received) == ("succeeded", 20_000)
    assert intent.latest_charge.balance_transaction.fee == 610


@pytest.mark.parametrize(
    ("card", "code", "decline"),
    [
        ("4000002760003184", "authentication_required", "authentication_required"),
        ("4000000000000341", "card_declined", "generic_decline"),
    ],
)
def test_a_card_that_fails_without_its_owner_answers_402_with_the_intent(
    stand_in: StandIn, client: stripe.StripeClient, card: str, code: str, decline: str
) -> None:
    customer, method = saved_on_a_page(stand_in, client, card)
    with pytest.raises(stripe.CardError) as refused:
        off_session(client, customer, method)
    error: Any = refused.value.error
    assert (refused.value.http_status, refused.value.code, error.decline_code) == (402, code, decline)
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_intent.metadata.to_dict() == OURS
    assert client.v1.payment_intents.retrieve(error.payment_intent.id).last_payment_error is not None
    assert stand_in.pending[-1]["type"] == "payment_intent.payment_failed"


def test_a_card_that_was_never_set_up_wants_authentication(stand_in: StandIn, client: stripe.StripeClient) -> None:
    customer = somebody(client)
    method = stand_in.saved_card(customer, "4000002500003155", set_up=False)
    with pytest.raises(stripe.CardError) as refused:
        off_session(client, customer, method)
    assert refused.value.code == "authentication_required"


def test_a_saved_card_can_expire(stand_in: StandIn, client: stripe.StripeClient) -> None:
    customer = somebody(client)
    method = stand_in.saved_card(customer)
    assert off_session(client, customer, method).status == "succeeded"
    stand_in.card_becomes(method, "4000000000000069")
    with pytest.raises(stripe.CardError) as refused:
        off_session(client, customer, method)
    assert refused.value.code == "expired_card"


def test_a_card_that_was_taken_away_or_is_somebody_elses_is_refused(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    customer, other = somebody(client), somebody(client)
    method = stand_in.saved_card(customer)
    with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
        off_session(client, other, method)
    client.v1.payment_methods.detach(method)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        off_session(client, customer, method)
    client.v1.customers.delete(other)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        off_session(client, other, method)


def test_the_owner_comes_back_and_authenticates(stand_in: StandIn, client: stripe.StripeClient) -> None:
    customer, method = saved_on_a_page(stand_in, client, "4000002760003184")
    with pytest.raises(stripe.CardError) as refused:
        off_session(client, customer, method)
    intent: Any = refused.value.error
    confirmed = client.v1.payment_intents.confirm(
        intent.payment_intent.id, {"payment_method": method, "return_url": "http://localhost/back"}
    )
    assert confirmed.status == "requires_action"
    assert stand_in.authenticate(confirmed.id)["status"] == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="cannot cancel"):
        client.v1.payment_intents.cancel(confirmed.id)


def test_confirming_where_a_method_may_redirect_needs_somewhere_to_return_to(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    customer = somebody(client)
    asked: Any = {
        "amount": 5_000,
        "currency": "usd",
        "customer": customer,
        "payment_method": stand_in.saved_card(customer),
        "confirm": True,
        "off_session": True,
    }
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(asked)
    assert refused.value.param == "return_url"
    asked["return_url"] = "http://localhost/back"
    assert client.v1.payment_intents.create(asked).status == "succeeded"


def test_a_lost_answer_is_found_again_by_searching_metadata(stand_in: StandIn, client: stripe.StripeClient) -> None:
    customer = somebody(client)
    made = off_session(client, customer, stand_in.saved_card(customer))
    query = "metadata['reservation']:'17' AND status:'succeeded'"
    assert [one.id for one in client.v1.payment_intents.search({"query": query}).data] == [made.id]
    assert client.v1.payment_intents.search({"query": "metadata['reservation']:'18'"}).data == []
    found = client.v1.payment_intents.search({"query": "metadata['reservation']:'18' OR amount>19999"})
    assert [one.id for one in found.data] == [made.id]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.search({"query": "colour:'red'"})

    stand_in.account.search_lag = 60
    assert client.v1.payment_intents.search({"query": query}).data == []
    stand_in.now = NOON + timedelta(minutes=1)
    assert len(client.v1.payment_intents.search({"query": query}).data) == 1


def test_an_intent_that_took_no_money_can_be_canceled(client: stripe.StripeClient) -> None:
    made = client.v1.payment_intents.create({"amount": 5_000, "currency": "usd"})
    assert client.v1.payment_intents.cancel(made.id, {"cancellation_reason": "abandoned"}).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(made.id, {"return_url": "http://localhost/"})
    assert refused.value.code == "payment_intent_unexpected_state"
