"""A person pays on the stand-in's page, is declined, authenticates, saves a card, or lets the page run out."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from tests.stripe_stand_in import SessionNotOpen, StandIn
from tests.stripe_stand_in.shop import NOON, OURS, asking_for, checkout, id_of, somebody


def kinds(stand_in: StandIn) -> list[str]:
    return [event["type"] for event in stand_in.pending]


def test_a_session_that_is_paid_is_complete_and_its_money_is_in_the_balance_less_the_fee(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    session = checkout(client, client_reference_id="res-17")
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert (session.amount_total, session.currency, session.livemode) == (50_000, "usd", False)

    stand_in.pay(session.id)

    paid: Any = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction", "line_items"]}
    )
    assert (paid.status, paid.payment_status, paid.client_reference_id) == ("complete", "paid", "res-17")
    assert (paid.payment_intent.status, paid.payment_intent.metadata.to_dict()) == ("succeeded", OURS)
    assert paid.line_items.data[0].description == "Deposit"
    moved = paid.payment_intent.latest_charge.balance_transaction
    assert (moved.amount, moved.fee, moved.net) == (50_000, 1_480, 48_520)
    assert kinds(stand_in) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_a_fee_may_be_known_only_later(stand_in: StandIn, client: stripe.StripeClient) -> None:
    stand_in.transactions = "later"
    session = stand_in.pay(checkout(client).id)
    inside: Any = {"expand": ["latest_charge.balance_transaction"]}
    intent: Any = client.v1.payment_intents.retrieve(session["payment_intent"], inside)
    assert (intent.status, intent.latest_charge.balance_transaction) == ("succeeded", None)

    stand_in.make_transactions()

    intent = client.v1.payment_intents.retrieve(session["payment_intent"], inside)
    assert intent.latest_charge.balance_transaction.fee == 1_480
    assert kinds(stand_in)[-1] == "charge.updated"
    assert stand_in.make_transactions() == []


@pytest.mark.parametrize(
    ("card", "code", "decline"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", None),
    ],
)
def test_a_declined_card_leaves_the_session_open_for_another(
    stand_in: StandIn, client: stripe.StripeClient, card: str, code: str, decline: str | None
) -> None:
    session = checkout(client)
    stand_in.pay(session.id, card=card)

    tried: Any = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (tried.status, tried.payment_status) == ("open", "unpaid")
    error = tried.payment_intent.last_payment_error.to_dict()
    assert (error["code"], error.get("decline_code")) == (code, decline)
    assert kinds(stand_in)[-1] == "payment_intent.payment_failed"
    assert stand_in.books() == {}

    stand_in.pay(session.id)
    paid = client.v1.checkout.sessions.retrieve(session.id)
    assert paid.payment_status == "paid"
    assert paid.payment_intent == tried.payment_intent.id


def test_a_session_expires_at_its_time_and_can_then_not_be_paid(stand_in: StandIn, client: stripe.StripeClient) -> None:
    until = int((NOON + timedelta(minutes=30)).timestamp())
    session = checkout(client, expires_at=until)
    stand_in.fail(session.id)
    stand_in.now = NOON + timedelta(hours=3)

    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    last = stand_in.pending[-1]
    assert (last["type"], last["created"]) == ("checkout.session.expired", until)
    assert kinds(stand_in)[-2] == "payment_intent.canceled"
    with pytest.raises(SessionNotOpen):
        stand_in.pay(session.id)
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        client.v1.checkout.sessions.expire(session.id)


def test_a_session_can_be_expired_while_it_is_open_and_not_once_it_is_paid(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    assert client.v1.checkout.sessions.expire(checkout(client).id).status == "expired"
    paid = checkout(client)
    stand_in.pay(paid.id)
    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        client.v1.checkout.sessions.expire(paid.id)


@pytest.mark.parametrize("minutes", [29, 24 * 60 + 1])
def test_a_session_lasts_half_an_hour_to_a_day(client: stripe.StripeClient, minutes: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        checkout(client, expires_at=int((NOON + timedelta(minutes=minutes)).timestamp()))
    assert refused.value.param == "expires_at"


def test_a_card_that_wants_authentication_waits_for_it(stand_in: StandIn, client: stripe.StripeClient) -> None:
    session = checkout(client)
    asked = stand_in.pay(session.id, card="4000002760003184", authenticate=None)
    assert asked["status"] == "open"
    assert client.v1.payment_intents.retrieve(asked["payment_intent"]).status == "requires_action"

    refused = stand_in.pay(session.id, card="4000002760003184", authenticate=False)
    assert refused["status"] == "open"
    assert kinds(stand_in)[-1] == "payment_intent.payment_failed"

    assert stand_in.pay(session.id, card="4000002760003184")["payment_status"] == "paid"


def test_klarna_pays_at_once_and_only_where_it_is_offered(stand_in: StandIn, client: stripe.StripeClient) -> None:
    whole = checkout(client, 209_900)
    assert whole.payment_method_types == ["card", "klarna", "afterpay_clearpay", "us_bank_account"]
    assert stand_in.pay(whole.id, method="klarna")["payment_status"] == "paid"

    deposit = checkout(client, excluded_payment_method_types=["klarna", "afterpay_clearpay", "us_bank_account"])
    assert deposit.payment_method_types == ["card"]
    with pytest.raises(ValueError, match="does not offer klarna"):
        stand_in.pay(deposit.id, method="klarna")
    assert checkout(client, allowed_payment_method_types=["klarna"]).payment_method_types == ["klarna"]
    assert "afterpay_clearpay" not in checkout(client, 400_001).payment_method_types


@pytest.mark.parametrize(
    ("ok", "status", "event"),
    [(True, "paid", "async_payment_succeeded"), (False, "unpaid", "async_payment_failed")],
)
def test_a_bank_debit_completes_the_session_and_arrives_or_not_days_later(
    stand_in: StandIn, client: stripe.StripeClient, ok: bool, status: str, event: str
) -> None:
    session = stand_in.pay(checkout(client).id, method="us_bank_account")
    assert (session["status"], session["payment_status"]) == ("complete", "unpaid")
    assert client.v1.payment_intents.retrieve(session["payment_intent"]).status == "processing"
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        client.v1.refunds.create({"payment_intent": session["payment_intent"]})

    stand_in.settle_bank_debit(session["payment_intent"], ok=ok)

    assert client.v1.checkout.sessions.retrieve(session["id"]).payment_status == status
    assert kinds(stand_in)[-1] == f"checkout.session.{event}"
    assert bool(stand_in.books()) is ok


def test_a_card_is_saved_without_a_payment(stand_in: StandIn, client: stripe.StripeClient) -> None:
    customer = somebody(client)
    asked: Any = {
        "mode": "setup",
        "currency": "usd",
        "customer": customer,
        "success_url": "http://localhost/saved",
        "setup_intent_data": {"metadata": OURS},
    }
    session = client.v1.checkout.sessions.create(asked)
    assert session.payment_status == "no_payment_required"
    stand_in.pay(session.id, card="4000000000000002")
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"

    stand_in.pay(session.id, card="4000002500003155")

    saved: Any = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent.payment_method"]})
    assert (saved.status, saved.setup_intent.status) == ("complete", "succeeded")
    assert saved.setup_intent.metadata.to_dict() == OURS
    assert saved.setup_intent.payment_method.customer == customer
    listed = client.v1.customers.payment_methods.list(customer)
    assert [one.id for one in listed.data] == [saved.setup_intent.payment_method.id]


def test_paying_with_setup_future_usage_saves_the_card_and_without_it_does_not(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    customer = somebody(client)
    stand_in.pay(checkout(client, customer=customer).id)
    assert client.v1.payment_methods.list({"customer": customer}).data == []

    data = {"setup_future_usage": "off_session", "metadata": OURS}
    session = checkout(client, customer=customer, payment_intent_data=data)
    assert session.payment_method_types == ["card", "us_bank_account"]
    stand_in.pay(session.id)

    (method,) = client.v1.payment_methods.list({"customer": customer, "type": "card"}).data
    assert method.card is not None
    assert method.card.last4 == "4242"


def test_sessions_are_listed_by_customer_intent_status_and_time(stand_in: StandIn, client: stripe.StripeClient) -> None:
    customer = somebody(client)
    paid, still_open = checkout(client, customer=customer), checkout(client, customer=customer)
    checkout(client)
    stand_in.pay(paid.id)

    def found(**asked: Any) -> list[str]:
        params: Any = asked
        return [one.id for one in client.v1.checkout.sessions.list(params).data]

    assert found(customer=customer) == [still_open.id, paid.id]
    assert found(customer=customer, status="complete") == [paid.id]
    intent = id_of(client.v1.checkout.sessions.retrieve(paid.id).payment_intent)
    assert found(payment_intent=intent) == [paid.id]
    assert found(customer=customer, created={"gt": int(NOON.timestamp())}) == []


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"customer": "cus_nobody"}, "customer"),
        ({"line_items": []}, "line_items"),
        ({"success_url": "elsewhere"}, "success_url"),
        ({"setup_intent_data": {"metadata": OURS}}, "setup_intent_data"),
        ({"client_reference_id": "x" * 201}, "client_reference_id"),
    ],
)
def test_a_session_stripe_would_not_make_is_refused(
    client: stripe.StripeClient, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.checkout.sessions.create(asking_for(**changes))
    assert refused.value.param == param


def test_an_intent_of_an_open_session_is_neither_confirmed_nor_canceled_by_the_api(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    intent = stand_in.fail(checkout(client).id)["payment_intent"]
    with pytest.raises(stripe.InvalidRequestError, match="created by a Checkout Session"):
        client.v1.payment_intents.cancel(intent)
