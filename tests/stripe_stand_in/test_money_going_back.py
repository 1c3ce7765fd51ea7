"""Refunds that arrive, wait or fail, and disputes."""

from typing import Any

import pytest
import stripe

from tests.stripe_stand_in import StandIn
from tests.stripe_stand_in.shop import checkout, off_session, somebody


def paid(stand_in: StandIn, client: stripe.StripeClient, amount: int = 50_000, **how: Any) -> str:
    """A payment's intent."""
    return str(stand_in.pay(checkout(client, amount).id, **how)["payment_intent"])


def kinds(stand_in: StandIn) -> list[str]:
    return [event["type"] for event in stand_in.pending]


def test_a_refund_arrives_and_takes_the_money_from_the_balance(stand_in: StandIn, client: stripe.StripeClient) -> None:
    intent = paid(stand_in, client)
    refund: Any = client.v1.refunds.create(
        {
            "payment_intent": intent,
            "amount": 20_000,
            "reason": "requested_by_customer",
            "metadata": {"refund": "3"},
            "expand": ["balance_transaction", "charge"],
        }
    )
    assert (refund.status, refund.amount, refund.metadata.to_dict()) == ("succeeded", 20_000, {"refund": "3"})
    assert (refund.balance_transaction.type, refund.balance_transaction.net) == ("refund", -20_000)
    assert (refund.charge.amount_refunded, refund.charge.refunded) == (20_000, False)
    assert kinds(stand_in)[-2:] == ["refund.created", "charge.refunded"]
    book = stand_in.books()[intent]
    assert (book.received, book.refunded, book.fee, book.net) == (50_000, 20_000, 1_480, 28_520)
    assert stand_in.balance() == book.net


def test_no_more_can_be_refunded_than_is_left(stand_in: StandIn, client: stripe.StripeClient) -> None:
    intent = paid(stand_in, client)
    client.v1.refunds.create({"payment_intent": intent, "amount": 30_000})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as refused:
        client.v1.refunds.create({"payment_intent": intent, "amount": 20_001})
    assert refused.value.param == "amount"
    client.v1.refunds.create({"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.refunds.create({"payment_intent": intent})
    assert again.value.code == "charge_already_refunded"
    assert [one.amount for one in client.v1.refunds.list({"payment_intent": intent}).data] == [20_000, 30_000]


def test_a_refund_waits_and_arrives(stand_in: StandIn, client: stripe.StripeClient) -> None:
    stand_in.refunds = "pending"
    intent = paid(stand_in, client)
    refund = client.v1.refunds.create({"payment_intent": intent})
    assert refund.status == "pending"
    assert stand_in.books()[intent].refund_pending == 50_000

    stand_in.finish_refund(refund.id)

    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert stand_in.books()[intent].refunded == 50_000
    with pytest.raises(ValueError, match="succeeded"):
        stand_in.finish_refund(refund.id)


@pytest.mark.parametrize("first", ["pending", "fail_later"])
def test_a_refund_that_fails_brings_the_money_back_by_a_transaction_of_its_own(
    stand_in: StandIn, client: stripe.StripeClient, first: Any
) -> None:
    stand_in.refunds = first
    intent = paid(stand_in, client)
    refund = client.v1.refunds.create({"payment_intent": intent})
    assert refund.status == ("pending" if first == "pending" else "succeeded")

    stand_in.finish_refund(refund.id, ok=False)

    failed: Any = client.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    back = failed.failure_balance_transaction
    assert (back.type, back.amount) == ("refund_failure", 50_000)
    assert "refund.failed" in kinds(stand_in)
    book = stand_in.books()[intent]
    assert (book.refunded, book.refund_pending, book.net) == (0, 0, 48_520)
    assert stand_in.balance() == 48_520
    stand_in.refunds = "succeed"
    assert client.v1.refunds.create({"payment_intent": intent}).status == "succeeded"


def test_cards_whose_refunds_wait_do_so_whatever_was_said(stand_in: StandIn, client: stripe.StripeClient) -> None:
    intent = paid(stand_in, client, card="4000000000007726")
    assert client.v1.refunds.create({"payment_intent": intent}).status == "pending"


def test_a_refund_made_in_the_dashboard_names_neither_us_nor_a_request(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    intent = paid(stand_in, client)
    stand_in.dashboard_refund(intent, 10_000)
    (refund,) = client.v1.refunds.list({"payment_intent": intent}).data
    assert refund.metadata is not None
    assert (refund.amount, refund.metadata.to_dict()) == (10_000, {})
    assert stand_in.pending[-1]["request"] == {"id": None, "idempotency_key": None}


@pytest.mark.parametrize("won", [True, False])
def test_a_dispute_takes_the_money_and_a_fee_and_gives_the_money_again_when_it_is_won(
    stand_in: StandIn, client: stripe.StripeClient, won: bool
) -> None:
    intent = paid(stand_in, client)
    dispute = stand_in.dispute(intent)
    assert kinds(stand_in)[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    read = client.v1.disputes.retrieve(dispute["id"])
    assert (read.status, read.amount, read.payment_intent) == ("needs_response", 50_000, intent)
    assert (read.balance_transactions[0].amount, read.balance_transactions[0].fee) == (-50_000, 1_500)
    assert stand_in.books()[intent].disputed == 50_000
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": intent})
    assert refused.value.code == "charge_disputed"

    stand_in.close_dispute(dispute["id"], won=won)

    assert client.v1.disputes.list({"payment_intent": intent}).data[0].status == ("won" if won else "lost")
    assert kinds(stand_in)[-1] == "charge.dispute.closed"
    assert ("charge.dispute.funds_reinstated" in kinds(stand_in)) is won
    book = stand_in.books()[intent]
    assert (book.disputed, book.dispute_lost, book.dispute_fee) == (0, 0 if won else 50_000, 1_500)
    assert stand_in.balance() == book.net == 48_520 - 1_500 - (0 if won else 50_000)
    with pytest.raises(ValueError, match="is"):
        stand_in.close_dispute(dispute["id"])


def test_part_of_a_payment_can_be_disputed_and_the_loss_accepted(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    intent = paid(stand_in, client)
    dispute = stand_in.dispute(intent, 12_345)
    assert client.v1.disputes.close(dispute["id"]).status == "lost"
    assert stand_in.books()[intent].dispute_lost == 12_345


def test_a_card_that_is_always_disputed_pays_first(stand_in: StandIn, client: stripe.StripeClient) -> None:
    intent = paid(stand_in, client, card="4000000000000259")
    assert kinds(stand_in)[-3:] == [
        "checkout.session.completed",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
    ]
    assert stand_in.books()[intent].disputed == 50_000


def test_a_dispute_of_a_charge_without_its_owner_comes_too(stand_in: StandIn, client: stripe.StripeClient) -> None:
    customer = somebody(client)
    intent = off_session(client, customer, stand_in.saved_card(customer, "4000000000000259"))
    assert stand_in.books()[intent.id].disputed == 20_000
