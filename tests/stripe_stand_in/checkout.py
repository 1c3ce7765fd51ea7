"""Checkout sessions: a page to pay on, or to save a card on, that is open for a while."""

from dataclasses import dataclass
from typing import Literal

from tests.stripe_stand_in.account import Account, change_metadata, refuse_state
from tests.stripe_stand_in.cards import CARDS, Decline, number_typed
from tests.stripe_stand_in.errors import JSON, invalid, missing
from tests.stripe_stand_in.intents import (
    attempt,
    authenticate,
    cancel,
    check_amount,
    disputes_of_its_card,
    new_intent,
    settle,
)
from tests.stripe_stand_in.lists import listed
from tests.stripe_stand_in.methods import attach, create_customer, new_method, new_setup

SOONEST, LATEST = 30 * 60, 24 * 60 * 60
MODES = ("payment", "setup")
# Between which amounts in cents a method is offered, and whether it can be saved and charged again.
LIMITS = {"klarna": (1_000, 1_000_000), "afterpay_clearpay": (100, 400_000)}
SAVED = ("card", "us_bank_account")


class SessionNotOpen(Exception):
    """Somebody pays on a session that is complete or has expired."""


@dataclass(frozen=True)
class Paying:
    """What somebody enters on the page. `authenticates`: what they answer their bank; None leaves the question open."""

    method: str = "card"
    card: str = "4242424242424242"
    authenticates: bool | None = True
    email: str = ""
    name: str = ""


def create_session(account: Account, params: JSON) -> JSON:
    """POST /v1/checkout/sessions, in mode `payment` or `setup`."""
    check_session(account, params)
    mode = params["mode"]
    made_id = account.new_id("cs_live_a1" if account.livemode else "cs_test_a1", 56)
    items = [line_item(account, one) for one in params.get("line_items", [])]
    total = sum(one["amount_total"] for one in items)
    session = session_json(account, params, made_id, total)
    account.keep(
        session,
        line_items=items,
        intent_data=params.get("payment_intent_data") or {},
        asked=None,
        expires_at=session["expires_at"],
    )
    if mode == "setup":
        setup = new_setup(account, params.get("customer"), params.get("setup_intent_data") or {})
        session["setup_intent"] = setup["id"]
    session["payment_method_types"] = offered(account, session)
    if not session["payment_method_types"]:
        raise invalid("No valid payment method types for this Checkout Session.", "excluded_payment_method_types")
    account.hidden[made_id]["open"] = True
    return session


def session_json(account: Account, params: JSON, made_id: str, total: int) -> JSON:
    payment = params["mode"] == "payment"
    first = (params.get("line_items") or [{}])[0].get("price_data", {})
    return {
        "id": made_id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": total if payment else None,
        "amount_total": total if payment else None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": account.seconds(),
        "currency": (params.get("currency") or first.get("currency") or "usd").lower(),
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
            **(params.get("custom_text") or {}),
        },
        "customer": params.get("customer"),
        "customer_creation": params.get("customer_creation", "if_required") if payment else None,
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "discounts": [],
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "expires_at": params.get("expires_at", account.seconds() + LATEST),
        "invoice": None,
        "invoice_creation": {"enabled": False, "invoice_data": {}} if payment else None,
        "livemode": account.livemode,
        "locale": params.get("locale"),
        "metadata": dict(params.get("metadata") or {}),
        "mode": params["mode"],
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always" if payment else "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": params.get("payment_method_options")
        or {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": [],
        "payment_status": "unpaid" if payment else "no_payment_required",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params.get("success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0} if payment else None,
        "ui_mode": "hosted_page",
        "url": f"{account.base}/c/pay/{made_id}",
        "wallet_options": None,
    }


def check_session(account: Account, params: JSON) -> None:
    """Raises Refusal for a session Stripe would not make."""
    mode = params.get("mode")
    if mode is None:
        raise invalid("Missing required param: mode.", "mode", "parameter_missing")
    if mode not in MODES:
        raise invalid(f"The stand-in knows no Checkout session of mode {mode}.", "mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise invalid("The stand-in knows hosted pages alone.", "ui_mode")
    if not params.get("success_url"):
        raise invalid("Missing required param: success_url.", "success_url", "parameter_missing")
    for name in ("success_url", "cancel_url"):
        if not params.get(name, "https://").startswith(("http://", "https://")):
            raise invalid("Not a valid URL", name, "url_invalid")
    check_expiry(account, params)
    check_person(account, params)
    if mode == "payment":
        check_items(params)
        if "setup_intent_data" in params:
            raise invalid("You can not pass `setup_intent_data` in `payment` mode.", "setup_intent_data")
    else:
        for name in ("line_items", "payment_intent_data", "customer_creation"):
            if name in params:
                raise invalid(f"You can not pass `{name}` in `setup` mode.", name)
        if "currency" not in params and "allowed_payment_method_types" not in params:
            raise invalid("Missing required param: currency.", "currency", "parameter_missing")


def check_person(account: Account, params: JSON) -> None:
    """Raises Refusal where it is not clear who pays."""
    if "customer" in params:
        account.customer(params["customer"])
        if "customer_email" in params:
            raise invalid("You may only specify one of these parameters: customer, customer_email.", "customer_email")
        if "customer_creation" in params:
            raise invalid("You may only specify one of these parameters: customer, customer_creation.", "customer")
    if len(params.get("client_reference_id", "")) > 200:
        raise invalid("Invalid string: must be at most 200 characters", "client_reference_id")


def check_expiry(account: Account, params: JSON) -> None:
    """Half an hour to a day from now. Raises Refusal."""
    if "expires_at" not in params:
        return
    left = params["expires_at"] - account.seconds()
    if left < SOONEST:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", "expires_at"
        )
    if left > LATEST:
        raise invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", "expires_at"
        )


def check_items(params: JSON) -> None:
    """What is sold: at least one item with a price, of one currency. Raises Refusal."""
    items = params.get("line_items")
    if not items:
        raise invalid("You must provide `line_items` in `payment` mode.", "line_items", "parameter_missing")
    total = 0
    for place, item in enumerate(items):
        param = f"line_items[{place}]"
        price = item.get("price_data")
        if price is None:
            raise invalid("The stand-in knows prices by `price_data` alone.", f"{param}[price]")
        if "unit_amount" not in price:
            raise invalid(
                "Missing required param: unit_amount.", f"{param}[price_data][unit_amount]", "parameter_missing"
            )
        if not (price.get("product_data") or {}).get("name"):
            raise invalid(
                "Missing required param: name.", f"{param}[price_data][product_data][name]", "parameter_missing"
            )
        if price["unit_amount"] < 0:
            raise invalid("Invalid non-negative integer", f"{param}[price_data][unit_amount]")
        if "quantity" not in item:
            raise invalid("Quantity is required. Add `quantity` to the line item.", f"{param}[quantity]")
        if price["currency"].lower() != items[0]["price_data"]["currency"].lower():
            raise invalid("All line items must have the same currency.", "line_items")
        total += price["unit_amount"] * item["quantity"]
    check_amount(total, "line_items")


def line_item(account: Account, item: JSON) -> JSON:
    price = item["price_data"]
    amount = price["unit_amount"] * item["quantity"]
    return {
        "id": account.new_id("li_1", 23),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"].lower(),
        "description": price["product_data"]["name"],
        "price": {
            "id": account.new_id("price_1", 23),
            "object": "price",
            "active": False,
            "currency": price["currency"].lower(),
            "unit_amount": price["unit_amount"],
            "type": "one_time",
        },
        "quantity": item["quantity"],
    }


def offered(account: Account, session: JSON) -> list[str]:
    """The methods the page shows: the account's, those allowed, less those excluded, within their limits."""
    allowed = session["allowed_payment_method_types"]
    excluded = session["excluded_payment_method_types"] or []
    saving = account.hidden[session["id"]]["intent_data"].get("setup_future_usage") or session["mode"] == "setup"
    amount = session["amount_total"]
    return [
        method
        for method in account.methods
        if (allowed is None or method in allowed)
        and method not in excluded
        and (not saving or method in SAVED)
        and (method not in LIMITS or LIMITS[method][0] <= amount <= LIMITS[method][1])
    ]


def pay(account: Account, session: JSON, how: Paying) -> JSON:
    """Somebody presses Pay. The session is complete afterwards, or still open with an error or a question of the bank.

    Raises SessionNotOpen; ValueError for a method the page does not show, or a number that is no test card.
    """
    if session["status"] != "open":
        raise SessionNotOpen(f"{session['id']} is {session['status']}")
    if how.method not in offered(account, session):
        raise ValueError(f"This page does not offer {how.method}: {', '.join(offered(account, session))}")
    number = number_typed(how.card) if how.method == "card" else ""
    customer = account.objects.get(session["customer"] or "", {})
    details = {
        "email": how.email or session["customer_email"] or customer.get("email"),
        "name": how.name or customer.get("name"),
    }
    account.hidden[session["id"]]["details"] = details
    method = new_method(account, how.method, number, details)
    if session["mode"] == "setup":
        save(account, session, method, authenticated=False)
    else:
        attempt(account, intent_of(account, session), method["id"], off_session=False, authenticated=False)
    after(account, session)
    if asks(account, session) and how.authenticates is not None:
        answer_bank(account, session, ok=how.authenticates)
    return session


def intent_of(account: Account, session: JSON) -> JSON:
    """The session's payment intent, made when somebody first tries to pay."""
    if session["payment_intent"]:
        return account.objects[session["payment_intent"]]
    hidden = account.hidden[session["id"]]
    data = hidden["intent_data"]
    if session["customer"] is None and (
        session["customer_creation"] == "always" or data.get("setup_future_usage") == "off_session"
    ):
        person = {name: value for name, value in hidden["details"].items() if value}
        session["customer"] = create_customer(account, person)["id"]
    intent = new_intent(account, session["amount_total"], session["currency"], session["customer"], data)
    intent["payment_method_types"] = list(session["payment_method_types"])
    account.hidden[intent["id"]]["session"] = session["id"]
    session["payment_intent"] = intent["id"]
    return intent


def asks(account: Account, session: JSON) -> bool:
    """Whether the page waits for the person to authenticate with their bank."""
    intent = account.objects.get(session["payment_intent"] or session["setup_intent"] or "")
    return session["status"] == "open" and intent is not None and intent["status"] == "requires_action"


def answer_bank(account: Account, session: JSON, *, ok: bool) -> None:
    """The person authenticates, or fails to. Raises SessionNotOpen where nothing is asked."""
    if not asks(account, session):
        raise SessionNotOpen(f"{session['id']} asks for no authentication")
    if session["mode"] == "setup":
        setup = account.objects[session["setup_intent"]]
        save(account, session, account.objects[setup["payment_method"]], authenticated=ok, refused=not ok)
    else:
        authenticate(account, account.objects[session["payment_intent"]], ok=ok)
    after(account, session)


def save(account: Account, session: JSON, method: JSON, *, authenticated: bool, refused: bool = False) -> None:
    """Saves a method without charging it."""
    setup = account.objects[session["setup_intent"]]
    hidden = account.hidden[method["id"]]
    answer: Decline | Literal["yes", "authenticate"] = "yes"
    if method["type"] == "card":
        card = CARDS[hidden["number"]]
        answer = card.charged(off_session=False, authenticated=authenticated, set_up=False)
    setup |= {"next_action": None, "last_setup_error": None, "payment_method": method["id"]}
    if isinstance(answer, Decline) or refused:
        code = answer.code if isinstance(answer, Decline) else "setup_intent_authentication_failure"
        message = (
            answer.message if isinstance(answer, Decline) else "We are unable to authenticate your payment method."
        )
        setup |= {
            "status": "requires_payment_method",
            "payment_method": None,
            "last_setup_error": {"type": "card_error", "code": code, "message": message},
        }
        account.emit("setup_intent.setup_failed", setup)
    elif answer == "authenticate":
        setup |= {"status": "requires_action", "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}}}
        account.emit("setup_intent.requires_action", setup)
    else:
        hidden["set_up"] = True
        setup["status"] = "succeeded"
        if session["customer"]:
            attach(account, method, session["customer"])
        account.emit("setup_intent.succeeded", setup)


def after(account: Account, session: JSON) -> None:
    """What the session becomes once its intent has moved."""
    intent = account.objects[session["setup_intent"] or session["payment_intent"]]
    if intent["status"] not in ("succeeded", "processing"):
        return
    account.hidden[session["id"]]["open"] = False
    details = account.hidden[session["id"]]["details"]
    session |= {
        "status": "complete",
        "url": None,
        "customer_details": {
            "address": {
                "city": None,
                "country": "US",
                "line1": None,
                "line2": None,
                "postal_code": "90028",
                "state": None,
            },
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
            **details,
        },
    }
    if session["mode"] == "payment" and intent["status"] == "succeeded":
        session["payment_status"] = "paid"
    account.emit("checkout.session.completed", session)
    if session["mode"] == "payment":
        disputes_of_its_card(account, intent)


def settle_intent(account: Account, intent: JSON, *, ok: bool) -> None:
    """A bank debit arrives or comes back, and its session says so. Raises ValueError where none is under way."""
    if intent["status"] != "processing":
        raise ValueError(f"{intent['id']} is {intent['status']}")
    settle(account, intent, ok=ok)
    if session_id := account.hidden[intent["id"]]["session"]:
        session = account.objects[session_id]
        if ok:
            session["payment_status"] = "paid"
        account.emit(f"checkout.session.async_payment_{'succeeded' if ok else 'failed'}", session)


def expire(account: Account, session: JSON, at: int) -> JSON:
    """Closes an open session; its intent, where somebody had tried, is canceled with it."""
    account.hidden[session["id"]]["open"] = False
    session |= {"status": "expired", "url": None}
    intent = account.objects.get(session["payment_intent"] or session["setup_intent"] or "")
    if intent and intent["object"] == "payment_intent":
        cancel(account, intent, "automatic", at)
    elif intent:
        intent |= {"status": "canceled", "next_action": None}
        account.emit("setup_intent.canceled", intent, at)
    account.emit("checkout.session.expired", session, at)
    return session


def expire_due(account: Account) -> None:
    """Sessions whose time is over expire, at the time they said."""
    now = account.seconds()
    for one in account.kinds.get("checkout.session", []):
        session, hidden = account.objects[one], account.hidden[one]
        if hidden.get("open") and session["expires_at"] <= now:
            before, account.livemode = account.livemode, hidden["livemode"]
            expire(account, session, session["expires_at"])
            account.livemode = before


def expire_session(account: Account, params: JSON, session_id: str) -> JSON:
    """POST /v1/checkout/sessions/{id}/expire."""
    session = account.find("checkout.session", session_id)
    if session["status"] != "open":
        raise refuse_state(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{session['status']}.",
            "",
        )
    return expire(account, session, account.seconds())


def retrieve_session(account: Account, params: JSON, session_id: str) -> JSON:
    """GET /v1/checkout/sessions/{id}."""
    return account.find("checkout.session", session_id)


def update_session(account: Account, params: JSON, session_id: str) -> JSON:
    """POST /v1/checkout/sessions/{id}: metadata."""
    session = account.find("checkout.session", session_id)
    if "metadata" in params:
        change_metadata(session["metadata"], params["metadata"])
    return session


def list_sessions(account: Account, params: JSON) -> JSON:
    """GET /v1/checkout/sessions."""
    among = account.all("checkout.session")
    if email := (params.get("customer_details") or {}).get("email"):
        among = [one for one in among if (one["customer_details"] or {}).get("email") == email]
    return listed(
        account,
        "checkout.session",
        params,
        "/v1/checkout/sessions",
        "customer",
        "payment_intent",
        "status",
        among=among,
    )


def list_items(account: Account, params: JSON, session_id: str) -> JSON:
    """GET /v1/checkout/sessions/{id}/line_items."""
    account.find("checkout.session", session_id)
    items = account.hidden[session_id]["line_items"]
    return listed(account, "item", params, f"/v1/checkout/sessions/{session_id}/line_items", among=items)


def find_open(account: Account, session_id: str) -> JSON:
    """The session a page shows, in whatever mode. Raises Refusal 404."""
    session = account.objects.get(session_id)
    if session is None or session["object"] != "checkout.session":
        raise missing("checkout.session", session_id)
    return session
