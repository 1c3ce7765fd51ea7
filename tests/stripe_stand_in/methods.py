"""Customers, and what they pay with: cards and other methods, saved or used once, and the intents that save them."""

from hashlib import sha256

from tests.stripe_stand_in.account import Account, change_metadata
from tests.stripe_stand_in.cards import CARDS
from tests.stripe_stand_in.errors import JSON, Refusal
from tests.stripe_stand_in.lists import listed, search

CUSTOMER_FIELDS = ("address", "description", "email", "name", "phone", "shipping", "preferred_locales", "tax_exempt")


def create_customer(account: Account, params: JSON) -> JSON:
    """POST /v1/customers."""
    made = account.keep(
        {
            "id": account.new_id("cus_", 14),
            "object": "customer",
            "address": None,
            "balance": 0,
            "created": account.seconds(),
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "description": None,
            "discount": None,
            "email": None,
            "invoice_prefix": account.new_id("", 8).upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": account.livemode,
            "metadata": {},
            "name": None,
            "next_invoice_sequence": 1,
            "phone": None,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        }
    )
    change_customer(account, made, params)
    account.emit("customer.created", made)
    return made


def change_customer(account: Account, customer: JSON, params: JSON) -> None:
    """Sets what was given; an empty text removes."""
    for name in CUSTOMER_FIELDS:
        if name in params:
            customer[name] = params[name] if params[name] != "" else None
    if "metadata" in params:
        change_metadata(customer["metadata"], params["metadata"])
    if "default_payment_method" in (settings := params.get("invoice_settings") or {}):
        method = settings["default_payment_method"]
        if method:
            account.find("payment_method", method, "invoice_settings[default_payment_method]")
        customer["invoice_settings"]["default_payment_method"] = method or None


def retrieve_customer(account: Account, params: JSON, customer_id: str) -> JSON:
    """GET /v1/customers/{id}; one that was deleted is answered as deleted."""
    return account.find("customer", customer_id)


def update_customer(account: Account, params: JSON, customer_id: str) -> JSON:
    """POST /v1/customers/{id}."""
    customer = account.find("customer", customer_id)
    if customer.get("deleted"):
        raise Refusal(404, f"No such customer: '{customer_id}'", param="id", code="resource_missing")
    change_customer(account, customer, params)
    account.emit("customer.updated", customer)
    return customer


def delete_customer(account: Account, params: JSON, customer_id: str) -> JSON:
    """DELETE /v1/customers/{id}: what was saved with it goes too."""
    customer = account.customer(customer_id)
    account.emit("customer.deleted", customer)
    for method in account.all("payment_method"):
        if method["customer"] == customer_id:
            method["customer"] = None
    customer.clear()
    customer |= {"id": customer_id, "object": "customer", "deleted": True}
    account.kinds["customer"].remove(customer_id)
    return customer


def list_customers(account: Account, params: JSON) -> JSON:
    """GET /v1/customers, by e-mail as it was written."""
    return listed(account, "customer", params, "/v1/customers", "email")


def search_customers(account: Account, params: JSON) -> JSON:
    """GET /v1/customers/search."""
    return search(account, "customer", params, frozenset({"created", "email", "name", "phone"}))


def new_method(account: Account, kind: str, number: str, details: JSON) -> JSON:
    """A method of payment as typed on a page: a card by its number, or another kind."""
    made: JSON = {
        "id": account.new_id("pm_1", 23),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None, **details},
        "created": account.seconds(),
        "customer": None,
        "livemode": account.livemode,
        "metadata": {},
        "type": kind,
        kind: card_details(account, number) if kind == "card" else {},
    }
    if kind == "us_bank_account":
        made[kind] = {"bank_name": "STRIPE TEST BANK", "last4": "6789", "account_type": "checking"}
    return account.keep(made, number=number, set_up=False)


def card_details(account: Account, number: str) -> JSON:
    """What may be told of a card."""
    return {
        "brand": CARDS[number].brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": CARDS[number].brand,
        "exp_month": 12,
        "exp_year": account.clock().year + 3,
        "fingerprint": sha256(number.encode()).hexdigest()[:16],
        "funding": "credit",
        "last4": number[-4:],
        "networks": {"available": [CARDS[number].brand], "preferred": None},
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def attach(account: Account, method: JSON, customer_id: str) -> None:
    """Saves a method with a customer."""
    if method["customer"] != customer_id:
        method["customer"] = customer_id
        account.emit("payment_method.attached", method)


def retrieve_method(account: Account, params: JSON, method_id: str) -> JSON:
    """GET /v1/payment_methods/{id}."""
    return account.find("payment_method", method_id)


def list_methods(account: Account, params: JSON, customer_id: str = "") -> JSON:
    """GET /v1/payment_methods?customer= and /v1/customers/{id}/payment_methods: what is saved with a customer."""
    whose = customer_id or params.get("customer", "")
    among = []
    if whose:
        account.customer(whose)
        among = [one for one in account.all("payment_method") if one["customer"] == whose]
    return listed(account, "payment_method", params, "/v1/payment_methods", "type", among=among)


def attach_method(account: Account, params: JSON, method_id: str) -> JSON:
    """POST /v1/payment_methods/{id}/attach. A method once detached, or used once unsaved, cannot be saved again."""
    method = account.find("payment_method", method_id)
    account.customer(params["customer"])
    hidden = account.hidden[method_id]
    if hidden.get("used_up") or (method["customer"] or params["customer"]) != params["customer"]:
        raise Refusal(
            400,
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again.",
        )
    attach(account, method, params["customer"])
    return method


def detach_method(account: Account, params: JSON, method_id: str) -> JSON:
    """POST /v1/payment_methods/{id}/detach: it can be charged no more."""
    method = account.find("payment_method", method_id)
    if method["customer"] is None:
        raise Refusal(400, "The payment method you provided is not attached to a customer so detachment is impossible.")
    method["customer"] = None
    account.hidden[method_id]["used_up"] = True
    account.emit("payment_method.detached", method)
    return method


def retrieve_setup(account: Account, params: JSON, setup_id: str) -> JSON:
    """GET /v1/setup_intents/{id}."""
    return account.find("setup_intent", setup_id)


def list_setups(account: Account, params: JSON) -> JSON:
    """GET /v1/setup_intents."""
    return listed(account, "setup_intent", params, "/v1/setup_intents", "customer", "payment_method")


def new_setup(account: Account, customer: str | None, data: JSON) -> JSON:
    """The intent of a session that saves a method."""
    made_id = account.new_id("seti_1", 23)
    made = account.keep(
        {
            "id": made_id,
            "object": "setup_intent",
            "application": None,
            "automatic_payment_methods": None,
            "cancellation_reason": None,
            "client_secret": f"{made_id}_secret_{account.new_id('')}",
            "created": account.seconds(),
            "customer": customer,
            "description": data.get("description"),
            "flow_directions": None,
            "last_setup_error": None,
            "latest_attempt": None,
            "livemode": account.livemode,
            "mandate": None,
            "metadata": dict(data.get("metadata") or {}),
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
            "payment_method_types": ["card"],
            "single_use_mandate": None,
            "status": "requires_payment_method",
            "usage": "off_session",
        }
    )
    account.emit("setup_intent.created", made)
    return made
