"""Payment intents and their charges: asking a bank for money, with its owner there or without."""

from copy import deepcopy

from tests.stripe_stand_in.account import Account, change_metadata, refuse_state
from tests.stripe_stand_in.cards import CARDS, Decline
from tests.stripe_stand_in.disputes import open_dispute
from tests.stripe_stand_in.errors import JSON, Refusal, invalid
from tests.stripe_stand_in.lists import listed, search
from tests.stripe_stand_in.methods import attach
from tests.stripe_stand_in.money import move, processing_fee

SMALLEST, LARGEST = 50, 99_999_999
REDIRECTING = {"klarna", "afterpay_clearpay", "affirm", "paypal", "cashapp", "amazon_pay"}
BEFORE_MONEY = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")


def check_amount(amount: int, param: str = "amount") -> None:
    """Raises Refusal for less than fifty cents or more than Stripe takes."""
    if amount < SMALLEST:
        raise invalid("Amount must be at least $0.50 usd", param, "amount_too_small")
    if amount > LARGEST:
        raise invalid("Amount must be no more than $999,999.99", param, "amount_too_large")


def new_intent(account: Account, amount: int, currency: str, customer: str | None, data: JSON) -> JSON:
    """An intent nothing was tried on yet."""
    made_id = account.new_id("pi_3", 23)
    made = account.keep(
        {
            "id": made_id,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": "automatic_async",
            "client_secret": f"{made_id}_secret_{account.new_id('')}",
            "confirmation_method": "automatic",
            "created": account.seconds(),
            "currency": currency,
            "customer": customer,
            "description": data.get("description"),
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": account.livemode,
            "metadata": dict(data.get("metadata") or {}),
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
            "payment_method_types": list(account.methods),
            "processing": None,
            "receipt_email": data.get("receipt_email"),
            "review": None,
            "setup_future_usage": data.get("setup_future_usage"),
            "shipping": data.get("shipping"),
            "source": None,
            "statement_descriptor": data.get("statement_descriptor"),
            "statement_descriptor_suffix": data.get("statement_descriptor_suffix"),
            "status": "requires_payment_method",
            "transfer_data": None,
            "transfer_group": None,
        },
        session=None,
        off_session=False,
    )
    account.emit("payment_intent.created", made)
    return made


def create_intent(account: Account, params: JSON) -> JSON:
    """POST /v1/payment_intents, and with `confirm=true` the attempt at once. Raises Refusal 402 for a decline."""
    check_amount(params["amount"])
    if "off_session" in params and not params.get("confirm"):
        raise invalid("off_session can only be set when confirm is true.", "off_session")
    if customer := params.get("customer"):
        account.customer(customer)
    if method := params.get("payment_method"):
        check_method(account, method, customer)
    if params.get("confirm"):
        check_return_url(params)
    intent = new_intent(account, params["amount"], params["currency"].lower(), customer, params)
    if method:
        intent |= {"payment_method": method, "status": "requires_confirmation"}
    if params.get("confirm"):
        confirm(account, intent, off_session=bool(params.get("off_session")))
    return intent


def check_method(account: Account, method_id: str, customer: str | None) -> None:
    """Raises Refusal for a method that belongs to somebody else, or to nobody any more."""
    method = account.find("payment_method", method_id, "payment_method")
    if method["customer"] and method["customer"] != customer:
        raise Refusal(
            400,
            f"The PaymentMethod supplied ({method_id}) belongs to a Customer. Please include the Customer in the "
            "`customer` parameter on the PaymentIntent."
            if customer is None
            else f"The customer does not have a payment method with the ID {method_id}.",
            param="payment_method",
        )
    if method["customer"] is None and account.hidden[method_id].get("used_up"):
        raise Refusal(
            400,
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be used "
            "again.",
            param="payment_method",
        )


def check_return_url(params: JSON) -> None:
    """Raises Refusal where a method could send the person elsewhere and there is no address to come back to."""
    automatic = params.get("automatic_payment_methods") or {}
    allowed = params.get("allowed_payment_method_types")
    stays = automatic.get("allow_redirects") == "never" or (allowed and not REDIRECTING & set(allowed))
    if not stays and not params.get("return_url"):
        raise invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. "
            "If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents.",
            "return_url",
        )


def confirm(account: Account, intent: JSON, *, off_session: bool) -> None:
    """Asks the bank. Raises Refusal 402 when it says no."""
    if intent["payment_method"] is None:
        raise refuse_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "payment_intent_unexpected_state",
            {"payment_intent": deepcopy(intent)},
        )
    attempt(account, intent, intent["payment_method"], off_session=off_session, authenticated=False)
    if intent["last_payment_error"] and intent["status"] == "requires_payment_method":
        error = {key: value for key, value in intent["last_payment_error"].items() if key not in ("message", "type")}
        raise Refusal(
            402,
            intent["last_payment_error"]["message"],
            kind="card_error",
            more={**error, "payment_intent": deepcopy(intent)},
        )
    disputes_of_its_card(account, intent)


def confirm_intent(account: Account, params: JSON, intent_id: str) -> JSON:
    """POST /v1/payment_intents/{id}/confirm."""
    intent = account.find("payment_intent", intent_id)
    check_not_checkouts(account, intent, "confirm")
    if intent["status"] not in BEFORE_MONEY:
        raise refuse_state(
            f"You cannot confirm this PaymentIntent because it has already {intent['status']} after being previously "
            "confirmed.",
            "payment_intent_unexpected_state",
            {"payment_intent": deepcopy(intent)},
        )
    if method := params.get("payment_method"):
        check_method(account, method, intent["customer"])
        intent["payment_method"] = method
    check_return_url({"automatic_payment_methods": intent["automatic_payment_methods"], **params})
    confirm(account, intent, off_session=bool(params.get("off_session")))
    return intent


def check_not_checkouts(account: Account, intent: JSON, what: str) -> None:
    """An intent that a Checkout session made is the session's to confirm or to cancel."""
    session = account.hidden[intent["id"]]["session"]
    if session and account.objects[session]["status"] == "open":
        raise refuse_state(
            f"You cannot {what} this PaymentIntent because it was created by a Checkout Session. To cancel, expire the "
            "Checkout Session instead.",
            "payment_intent_unexpected_state",
            {"payment_intent": deepcopy(intent)},
        )


def attempt(account: Account, intent: JSON, method_id: str, *, off_session: bool, authenticated: bool) -> None:
    """Tries to take the money: the intent is left succeeded, processing, requires_action or requires_payment_method."""
    method = account.objects[method_id]
    hidden = account.hidden[method_id]
    account.hidden[intent["id"]]["off_session"] = off_session
    intent |= {"payment_method": method_id, "next_action": None, "last_payment_error": None}
    if method["type"] == "card":
        answer = CARDS[hidden["number"]].charged(
            off_session=off_session, authenticated=authenticated, set_up=hidden["set_up"]
        )
        if answer == "authenticate":
            intent |= {"status": "requires_action", "next_action": next_action(account, intent)}
            account.emit("payment_intent.requires_action", intent)
            return
        if isinstance(answer, Decline):
            declined(account, intent, method, answer)
            return
    if intent["setup_future_usage"] == "off_session" and intent["customer"]:
        hidden["set_up"] = True
        attach(account, method, intent["customer"])
    elif method["customer"] is None:
        hidden["used_up"] = True
    if method["type"] == "us_bank_account":
        charge = new_charge(account, intent, method, status="pending")
        intent |= {"status": "processing", "latest_charge": charge["id"]}
        account.emit("payment_intent.processing", intent)
        account.emit("charge.pending", charge)
        return
    charge = new_charge(account, intent, method, status="succeeded")
    received(account, intent, charge)
    if method["type"] == "card" and (why := CARDS[hidden["number"]].disputed):
        account.hidden[charge["id"]]["disputes_soon"] = why


def next_action(account: Account, intent: JSON) -> JSON:
    """Where the person authenticates."""
    address = f"{account.base}/authenticate/{intent['id']}"
    return {"type": "redirect_to_url", "redirect_to_url": {"url": address, "return_url": None}}


def new_charge(account: Account, intent: JSON, method: JSON, *, status: str) -> JSON:
    """An attempt as the account shows it: `ch_` for cards, `py_` for other methods."""
    kind = method["type"]
    made_id = account.new_id("ch_3" if kind == "card" else "py_3", 23)
    return account.keep(
        {
            "id": made_id,
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": intent["amount"] if status == "succeeded" else 0,
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": deepcopy(method["billing_details"]),
            "calculated_statement_descriptor": "CINTIMA",
            "captured": status == "succeeded",
            "created": account.seconds(),
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "fraud_details": {},
            "livemode": account.livemode,
            "metadata": dict(intent["metadata"]),
            "on_behalf_of": None,
            "outcome": {"network_status": "approved_by_network", "type": "authorized", "reason": None},
            "paid": status == "succeeded",
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": {"type": kind, kind: deepcopy(method[kind])},
            "receipt_email": intent["receipt_email"],
            "receipt_number": None,
            "receipt_url": f"{account.base}/receipts/{made_id}",
            "refunded": False,
            "review": None,
            "shipping": None,
            "source_transfer": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "status": status,
            "transfer_data": None,
            "transfer_group": None,
        }
    )


def received(account: Account, intent: JSON, charge: JSON) -> None:
    """The money is there: less the fee, in the balance, now or a little later."""
    charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": charge["amount"]}
    if account.transactions == "now":
        bring_in(account, charge)
    intent |= {
        "status": "succeeded",
        "latest_charge": charge["id"],
        "amount_received": intent["amount"],
        "last_payment_error": None,
        "next_action": None,
        "processing": None,
    }
    account.emit("charge.succeeded", charge)
    account.emit("payment_intent.succeeded", intent)


def bring_in(account: Account, charge: JSON) -> None:
    """The balance transaction of a charge."""
    kind = "charge" if charge["payment_method_details"]["type"] == "card" else "payment"
    fee = processing_fee(charge["amount"])
    moved = move(account, kind, charge["amount"], charge["id"], fee=fee, description=charge["description"] or "")
    charge["balance_transaction"] = moved["id"]


def bring_in_late(account: Account) -> list[JSON]:
    """The balance transactions of charges that have none yet, and the event that says so."""
    late = [one for one in account.all("charge") if one["status"] == "succeeded" and not one["balance_transaction"]]
    for charge in late:
        bring_in(account, charge)
        account.emit("charge.updated", charge)
    return late


def disputes_of_its_card(account: Account, intent: JSON) -> None:
    """A card that is always disputed is disputed once all of its payment was told."""
    charge = intent["latest_charge"]
    if charge and (why := account.hidden[charge].pop("disputes_soon", "")):
        open_dispute(account, account.objects[charge], None, why)


def declined(account: Account, intent: JSON, method: JSON, why: Decline) -> None:
    """No money came: the failed charge stays to be seen, and the intent waits for another method."""
    charge = new_charge(account, intent, method, status="failed")
    charge |= {
        "failure_code": why.code,
        "failure_message": why.message,
        "outcome": {
            "network_status": "declined_by_network",
            "type": "issuer_declined",
            "reason": why.decline_code or why.code,
        },
    }
    error: JSON = {
        "type": "card_error",
        "code": why.code,
        "message": why.message,
        "charge": charge["id"],
        "doc_url": f"https://stripe.com/docs/error-codes/{why.code.replace('_', '-')}",
        "payment_method": deepcopy(method),
    }
    if why.decline_code:
        error["decline_code"] = why.decline_code
    intent |= {
        "status": "requires_payment_method",
        "latest_charge": charge["id"],
        "last_payment_error": error,
        "next_action": None,
        "payment_method": None,
    }
    account.emit("charge.failed", charge)
    account.emit("payment_intent.payment_failed", intent)


def authenticate(account: Account, intent: JSON, *, ok: bool) -> None:
    """The person has authenticated with their bank, or has failed to."""
    method = intent["payment_method"]
    if ok:
        attempt(account, intent, method, off_session=False, authenticated=True)
        return
    intent |= {
        "status": "requires_payment_method",
        "next_action": None,
        "payment_method": None,
        "last_payment_error": {
            "type": "invalid_request_error",
            "code": "payment_intent_authentication_failure",
            "message": "We are unable to authenticate your payment method. Please choose a different payment method "
            "and try again.",
            "payment_method": deepcopy(account.objects[method]),
        },
    }
    account.emit("payment_intent.payment_failed", intent)


def settle(account: Account, intent: JSON, *, ok: bool) -> None:
    """A bank debit that was processing arrives, or comes back unpaid."""
    charge = account.objects[intent["latest_charge"]]
    if ok:
        received(account, intent, charge)
        return
    why = "The customer's bank account could not be debited for lack of funds."
    charge |= {"status": "failed", "failure_code": "insufficient_funds", "failure_message": why}
    intent |= {
        "status": "requires_payment_method",
        "processing": None,
        "payment_method": None,
        "last_payment_error": {
            "type": "invalid_request_error",
            "code": "payment_intent_payment_attempt_failed",
            "decline_code": "insufficient_funds",
            "message": why,
            "charge": charge["id"],
            "payment_method": deepcopy(account.objects[charge["payment_method"]]),
        },
    }
    account.emit("charge.failed", charge)
    account.emit("payment_intent.payment_failed", intent)


def retrieve_intent(account: Account, params: JSON, intent_id: str) -> JSON:
    """GET /v1/payment_intents/{id}."""
    return account.find("payment_intent", intent_id)


def update_intent(account: Account, params: JSON, intent_id: str) -> JSON:
    """POST /v1/payment_intents/{id}: metadata and description at any time, the rest before the money."""
    intent = account.find("payment_intent", intent_id)
    if "metadata" in params:
        change_metadata(intent["metadata"], params["metadata"])
    for name in ("description", "receipt_email", "setup_future_usage"):
        if name in params:
            intent[name] = params[name] or None
    if "amount" in params:
        if intent["status"] not in BEFORE_MONEY:
            raise refuse_state(
                f"This PaymentIntent's amount could not be updated because it has a status of {intent['status']}.",
                "payment_intent_unexpected_state",
                {"payment_intent": deepcopy(intent)},
            )
        check_amount(params["amount"])
        intent["amount"] = params["amount"]
    return intent


def cancel_intent(account: Account, params: JSON, intent_id: str) -> JSON:
    """POST /v1/payment_intents/{id}/cancel."""
    intent = account.find("payment_intent", intent_id)
    check_not_checkouts(account, intent, "cancel")
    if intent["status"] not in BEFORE_MONEY:
        raise refuse_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {', '.join(BEFORE_MONEY)}.",
            "payment_intent_unexpected_state",
            {"payment_intent": deepcopy(intent)},
        )
    cancel(account, intent, params.get("cancellation_reason"))
    return intent


def cancel(account: Account, intent: JSON, reason: str | None, at: int | None = None) -> None:
    """An intent that will never take money."""
    at = account.seconds() if at is None else at
    intent |= {"status": "canceled", "canceled_at": at, "cancellation_reason": reason, "next_action": None}
    account.emit("payment_intent.canceled", intent, at)


def list_intents(account: Account, params: JSON) -> JSON:
    """GET /v1/payment_intents."""
    return listed(account, "payment_intent", params, "/v1/payment_intents", "customer")


def search_intents(account: Account, params: JSON) -> JSON:
    """GET /v1/payment_intents/search."""
    return search(account, "payment_intent", params, frozenset({"amount", "created", "currency", "customer", "status"}))


def retrieve_charge(account: Account, params: JSON, charge_id: str) -> JSON:
    """GET /v1/charges/{id}."""
    return account.find("charge", charge_id)


def list_charges(account: Account, params: JSON) -> JSON:
    """GET /v1/charges."""
    return listed(account, "charge", params, "/v1/charges", "customer", "payment_intent")


def search_charges(account: Account, params: JSON) -> JSON:
    """GET /v1/charges/search."""
    return search(account, "charge", params, frozenset({"amount", "created", "currency", "customer", "status"}))
