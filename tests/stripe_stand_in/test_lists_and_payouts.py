"""Pages of lists, the balance, payouts, the school's other sales, and the books."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from tests.stripe_stand_in import NothingToPayOut, StandIn
from tests.stripe_stand_in.money import processing_fee
from tests.stripe_stand_in.shop import NOON, OURS, checkout, somebody


def ours(metadata: dict[str, Any]) -> bool:
    return "reservation" in metadata


def test_lists_are_newest_first_and_come_in_pages(stand_in: StandIn, client: stripe.StripeClient) -> None:
    made = []
    for minute in range(7):
        stand_in.now = NOON + timedelta(minutes=minute)
        made.append(somebody(client))
    newest = made[::-1]
    first = client.v1.customers.list({"limit": 3})
    assert ([one.id for one in first.data], first.has_more) == (newest[:3], True)
    second = client.v1.customers.list({"limit": 4, "starting_after": newest[2]})
    assert ([one.id for one in second.data], second.has_more) == (newest[3:], False)
    before = client.v1.customers.list({"limit": 2, "ending_before": newest[4]})
    assert ([one.id for one in before.data], before.has_more) == (newest[2:4], True)
    assert [one.id for one in first.auto_paging_iter()] == newest
    since = int((NOON + timedelta(minutes=4)).timestamp())
    assert [one.id for one in client.v1.customers.list({"created": {"gte": since}}).data] == newest[:3]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.list({"limit": 101})
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.customers.list({"starting_after": "cus_nobody"})


def test_customers_are_found_by_email_and_gone_when_deleted(stand_in: StandIn, client: stripe.StripeClient) -> None:
    customer = somebody(client)
    stand_in.saved_card(customer)
    client.v1.customers.update(customer, {"name": "Amara O."})
    assert [one.name for one in client.v1.customers.list({"email": "amara@example.org"}).data] == ["Amara O."]
    assert client.v1.customers.search({"query": "metadata['person']:'9'"}).data[0].id == customer
    client.v1.customers.delete(customer)
    gone = client.v1.customers.retrieve(customer)
    assert gone.deleted
    assert client.v1.customers.list({"email": "amara@example.org"}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        checkout(client, customer=customer)


@pytest.mark.parametrize(
    ("amount", "fee"), [(50_000, 1_480), (209_900, 6_117), (159_900, 4_667), (50, 31), (500, 45), (10_050, 321)]
)
def test_the_fee_is_2_9_percent_and_30_cents_halves_up(amount: int, fee: int) -> None:
    assert processing_fee(amount) == fee


def test_a_payout_carries_what_is_available_and_lists_it(stand_in: StandIn, client: stripe.StripeClient) -> None:
    intent = stand_in.pay(checkout(client).id)["payment_intent"]
    other = stand_in.other_sale(12_000)
    with pytest.raises(NothingToPayOut):
        stand_in.pay_out()
    balance = client.v1.balance.retrieve()
    assert (balance.available[0].amount, balance.pending[0].amount) == (0, 48_520 + 11_622)

    stand_in.now = NOON + timedelta(days=2)
    late = stand_in.pay(checkout(client).id)["payment_intent"]
    stand_in.dashboard_refund(intent, 10_000)
    payout = stand_in.pay_out()

    assert payout["amount"] == 48_520 + 11_622 - 10_000
    assert client.v1.payouts.retrieve(payout["id"]).status == "paid"
    assert [one.id for one in client.v1.payouts.list({"status": "paid"}).data] == [payout["id"]]
    carried: Any = client.v1.balance_transactions.list({"payout": payout["id"], "expand": ["data.source"]}).data
    assert sum(one.net for one in carried) == 0
    assert {one.type for one in carried} == {"charge", "refund", "payout"}
    assert {one.source.payment_intent for one in carried if one.type == "charge"} == {intent, other["id"]}
    kinds = [event["type"] for event in stand_in.pending]
    assert kinds[-3:] == ["payout.created", "payout.reconciliation_completed", "payout.paid"]
    assert late in stand_in.books()
    assert stand_in.balance() == 48_520

    stand_in.now = NOON + timedelta(days=4)
    assert stand_in.pay_out()["amount"] == 48_520
    assert [one.amount for one in client.v1.payouts.list().data] == [48_520, payout["amount"]]
    with pytest.raises(NothingToPayOut):
        stand_in.pay_out()


def test_a_payout_that_fails_brings_the_money_back(stand_in: StandIn, client: stripe.StripeClient) -> None:
    stand_in.pay(checkout(client).id)
    payout = stand_in.pay_out(everything=True, paid=False)
    assert client.v1.payouts.retrieve(payout["id"]).status == "in_transit"
    stand_in.finish_payout(payout["id"], ok=False)
    failed: Any = client.v1.payouts.retrieve(payout["id"], {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_balance_transaction.amount) == ("failed", 48_520)
    assert stand_in.balance() == 48_520
    assert stand_in.pay_out()["amount"] == 48_520


def test_balance_transactions_are_listed_by_type_source_and_time(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    stand_in.pay(checkout(client, 209_900).id, method="klarna")
    stand_in.pay(checkout(client).id)
    (card,) = client.v1.balance_transactions.list({"type": "charge"}).data
    (klarna,) = client.v1.balance_transactions.list({"type": "payment"}).data
    assert (card.amount, klarna.amount) == (50_000, 209_900)
    assert str(klarna.source).startswith("py_")
    assert client.v1.balance_transactions.list({"source": str(card.source)}).data[0].id == card.id
    assert client.v1.balance_transactions.list({"created": {"lt": card.created}}).data == []
    assert client.v1.balance_transactions.retrieve(card.id).fee_details[0].amount == 1_480


def test_other_sales_are_in_the_account_and_not_in_our_books(stand_in: StandIn, client: stripe.StripeClient) -> None:
    mine = stand_in.pay(checkout(client).id)["payment_intent"]
    other = stand_in.other_sale(12_000, metadata={"order": "1007"})
    assert client.v1.payment_intents.retrieve(other["id"]).metadata.to_dict() == {"order": "1007"}
    assert set(stand_in.books()) == {mine, other["id"]}
    assert set(stand_in.books(ours)) == {mine}
    assert stand_in.balance(ours) == 48_520
    on_a_page = stand_in.other_sale(9_900, on_a_page=True)
    (session, _) = client.v1.checkout.sessions.list().data
    assert session.payment_intent == on_a_page["id"]
    assert session.metadata is not None
    assert session.metadata.to_dict() == {}
    assert stand_in.pending[-1]["type"] == "checkout.session.completed"
    stand_in.pay_out(everything=True)
    assert (stand_in.balance(), stand_in.balance(ours)) == (0, 48_520)


def test_the_books_come_to_the_balance(stand_in: StandIn, client: stripe.StripeClient) -> None:
    intents = [stand_in.pay(checkout(client, amount).id)["payment_intent"] for amount in (50_000, 159_900, 209_900)]
    stand_in.dashboard_refund(intents[0], 20_000)
    stand_in.refunds = "pending"
    client.v1.refunds.create({"payment_intent": intents[1], "amount": 1, "metadata": OURS})
    stand_in.dispute(intents[2])
    assert sum(book.net for book in stand_in.books().values()) == stand_in.balance()
