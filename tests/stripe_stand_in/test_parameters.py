"""What may be asked is what the installed SDK's definitions know."""

from typing import Any

import pytest
import stripe

from tests.stripe_stand_in import StandIn, parameters, routes
from tests.stripe_stand_in.shop import asking_for, checkout, somebody


@pytest.mark.parametrize("route", routes.ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_address_has_a_definition_in_the_sdk(route: routes.Route) -> None:
    assert parameters.fields(parameters.definition(route.params)) is not None


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"payment_method_types": ["card"]}, "payment_method_types"),
        ({"payment_intent_data": {"colour": "red"}}, "payment_intent_data[colour]"),
        (
            {"line_items": [{"quantity": 1, "price_data": {"currency": "usd", "price": 1}}]},
            "line_items[0][price_data][price]",
        ),
    ],
)
def test_a_parameter_the_sdk_does_not_know_is_refused_by_name(
    client: stripe.StripeClient, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        checkout(client, **changes)
    assert (refused.value.code, refused.value.param) == ("parameter_unknown", param)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"mode": "donation"}, "mode"),
        ({"excluded_payment_method_types": ["klarna", "barter"]}, "excluded_payment_method_types[1]"),
        ({"payment_intent_data": {"setup_future_usage": "some_day"}}, "payment_intent_data[setup_future_usage]"),
        ({"line_items": [{"quantity": "two"}]}, "line_items[0][quantity]"),
        ({"metadata": {"note": "x" * 501}}, "metadata[note]"),
        ({"metadata": {"k" * 41: "x"}}, "metadata"),
        ({"metadata": {f"key{number}": "x" for number in range(51)}}, "metadata"),
        ({"metadata": "x"}, "metadata"),
        ({"success_url": ["x"]}, "success_url"),
        ({"payment_intent_data": "x"}, "payment_intent_data"),
    ],
)
def test_a_value_the_sdk_does_not_list_is_refused(
    client: stripe.StripeClient, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        checkout(client, **changes)
    assert refused.value.param == param


def test_what_must_be_given_is_missed(client: stripe.StripeClient) -> None:
    without: Any = {"currency": "usd"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create(without)
    assert (refused.value.code, refused.value.param) == ("parameter_missing", "amount")


ANSWERED: dict[str, type[stripe.StripeObject]] = {
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "payout": stripe.Payout,
    "refund": stripe.Refund,
    "setup_intent": stripe.SetupIntent,
}


def test_what_is_answered_has_no_field_that_the_sdk_does_not_know(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    data = {"setup_future_usage": "off_session"}
    paid = stand_in.pay(checkout(client, customer=somebody(client), payment_intent_data=data).id)
    stand_in.fail(checkout(client).id)
    stand_in.pay(checkout(client).id, method="us_bank_account")
    asked: Any = {"mode": "setup", "currency": "usd", "success_url": "http://localhost/saved"}
    stand_in.pay(client.v1.checkout.sessions.create(asked).id)
    stand_in.finish_refund(stand_in.dashboard_refund(paid["payment_intent"], 100)["id"], ok=False)
    stand_in.dispute(paid["payment_intent"])
    stand_in.other_sale(90_000)
    stand_in.pay_out(everything=True)
    for kind, known in ANSWERED.items():
        made = stand_in.all(kind)
        assert made
        assert {name for one in made for name in one if name not in known.__annotations__} == set()


def test_numbers_and_yes_and_no_arrive_as_themselves() -> None:
    read = parameters.read(
        parameters.definition("PaymentIntentCreateParams"),
        parameters.parse(
            "amount=500&currency=usd&confirm=true&off_session=one_off&metadata[n]=5&expand[]=a&expand[]=b"
        ),
    )
    assert read == {
        "amount": 500,
        "currency": "usd",
        "confirm": True,
        "off_session": "one_off",
        "metadata": {"n": "5"},
        "expand": ["a", "b"],
    }


def test_an_empty_value_takes_a_key_of_metadata_away(stand_in: StandIn, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(asking_for(metadata={"a": "1", "b": "2"}))
    changed = client.v1.checkout.sessions.update(session.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}


@pytest.mark.parametrize("path", ["metadata", "colour", "payment_intent.latest_charge.refunds.data.charge"])
def test_what_cannot_be_expanded_is_refused(stand_in: StandIn, client: stripe.StripeClient, path: str) -> None:
    session = checkout(client)
    stand_in.pay(session.id)
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        client.v1.checkout.sessions.retrieve(session.id, {"expand": [path]})
