"""Every address the stand-in answers: what does the work, and the SDK's definition of what may be asked there."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from tests.stripe_stand_in import checkout, disputes, intents, methods, money, refunds
from tests.stripe_stand_in.errors import JSON

# Called with the account, the parameters as the SDK types them, and the ids of the path.
Work = Callable[..., JSON]


@dataclass(frozen=True)
class Route:
    """One address. `params`: the name of the SDK's definition in `stripe.params`."""

    method: str
    path: str
    work: Work
    params: str

    @property
    def pattern(self) -> str:
        """The path as an expression, with its ids to be taken out."""
        return self.path.replace("{id}", "([A-Za-z0-9_]+)")


ROUTES = (
    Route("POST", "/v1/checkout/sessions", checkout.create_session, "checkout.SessionCreateParams"),
    Route("GET", "/v1/checkout/sessions", checkout.list_sessions, "checkout.SessionListParams"),
    Route("GET", "/v1/checkout/sessions/{id}", checkout.retrieve_session, "checkout.SessionRetrieveParams"),
    Route("POST", "/v1/checkout/sessions/{id}", checkout.update_session, "checkout.SessionUpdateParams"),
    Route("POST", "/v1/checkout/sessions/{id}/expire", checkout.expire_session, "checkout.SessionExpireParams"),
    Route("GET", "/v1/checkout/sessions/{id}/line_items", checkout.list_items, "checkout.SessionLineItemListParams"),
    Route("POST", "/v1/payment_intents", intents.create_intent, "PaymentIntentCreateParams"),
    Route("GET", "/v1/payment_intents", intents.list_intents, "PaymentIntentListParams"),
    Route("GET", "/v1/payment_intents/search", intents.search_intents, "PaymentIntentSearchParams"),
    Route("GET", "/v1/payment_intents/{id}", intents.retrieve_intent, "PaymentIntentRetrieveParams"),
    Route("POST", "/v1/payment_intents/{id}", intents.update_intent, "PaymentIntentUpdateParams"),
    Route("POST", "/v1/payment_intents/{id}/confirm", intents.confirm_intent, "PaymentIntentConfirmParams"),
    Route("POST", "/v1/payment_intents/{id}/cancel", intents.cancel_intent, "PaymentIntentCancelParams"),
    Route("GET", "/v1/charges", intents.list_charges, "ChargeListParams"),
    Route("GET", "/v1/charges/search", intents.search_charges, "ChargeSearchParams"),
    Route("GET", "/v1/charges/{id}", intents.retrieve_charge, "ChargeRetrieveParams"),
    Route("POST", "/v1/customers", methods.create_customer, "CustomerCreateParams"),
    Route("GET", "/v1/customers", methods.list_customers, "CustomerListParams"),
    Route("GET", "/v1/customers/search", methods.search_customers, "CustomerSearchParams"),
    Route("GET", "/v1/customers/{id}", methods.retrieve_customer, "CustomerRetrieveParams"),
    Route("POST", "/v1/customers/{id}", methods.update_customer, "CustomerUpdateParams"),
    Route("DELETE", "/v1/customers/{id}", methods.delete_customer, "CustomerDeleteParams"),
    Route("GET", "/v1/customers/{id}/payment_methods", methods.list_methods, "CustomerPaymentMethodListParams"),
    Route("GET", "/v1/payment_methods", methods.list_methods, "PaymentMethodListParams"),
    Route("GET", "/v1/payment_methods/{id}", methods.retrieve_method, "PaymentMethodRetrieveParams"),
    Route("POST", "/v1/payment_methods/{id}/attach", methods.attach_method, "PaymentMethodAttachParams"),
    Route("POST", "/v1/payment_methods/{id}/detach", methods.detach_method, "PaymentMethodDetachParams"),
    Route("GET", "/v1/setup_intents", methods.list_setups, "SetupIntentListParams"),
    Route("GET", "/v1/setup_intents/{id}", methods.retrieve_setup, "SetupIntentRetrieveParams"),
    Route("POST", "/v1/refunds", refunds.create_refund, "RefundCreateParams"),
    Route("GET", "/v1/refunds", refunds.list_refunds, "RefundListParams"),
    Route("GET", "/v1/refunds/{id}", refunds.retrieve_refund, "RefundRetrieveParams"),
    Route("POST", "/v1/refunds/{id}", refunds.update_refund, "RefundUpdateParams"),
    Route("GET", "/v1/disputes", disputes.list_disputes, "DisputeListParams"),
    Route("GET", "/v1/disputes/{id}", disputes.retrieve_dispute, "DisputeRetrieveParams"),
    Route("POST", "/v1/disputes/{id}", disputes.update_dispute, "DisputeUpdateParams"),
    Route("POST", "/v1/disputes/{id}/close", disputes.give_up_dispute, "DisputeCloseParams"),
    Route("GET", "/v1/balance", money.retrieve_balance, "BalanceRetrieveParams"),
    Route("GET", "/v1/balance_transactions", money.list_transactions, "BalanceTransactionListParams"),
    Route("GET", "/v1/balance_transactions/{id}", money.retrieve_transaction, "BalanceTransactionRetrieveParams"),
    Route("GET", "/v1/payouts", money.list_payouts, "PayoutListParams"),
    Route("GET", "/v1/payouts/{id}", money.retrieve_payout, "PayoutRetrieveParams"),
    Route("GET", "/v1/events", money.list_events, "EventListParams"),
    Route("GET", "/v1/events/{id}", money.retrieve_event, "EventRetrieveParams"),
)


@cache
def compiled() -> tuple[tuple[Route, re.Pattern[str]], ...]:
    """The routes with their expressions, made once."""
    return tuple((route, re.compile(route.pattern)) for route in ROUTES)


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The route of an address and the ids in it, or None."""
    for route, pattern in compiled():
        if route.method == method and (found := pattern.fullmatch(path)):
            return route, found.groups()
    return None
