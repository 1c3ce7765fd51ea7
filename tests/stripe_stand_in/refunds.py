"""Refunds: money going back, at once or later, arriving or not."""

from tests.stripe_stand_in.account import Account, change_metadata, refuse_state
from tests.stripe_stand_in.cards import CARDS
from tests.stripe_stand_in.disputes import of_charge
from tests.stripe_stand_in.errors import JSON, Refusal, invalid
from tests.stripe_stand_in.lists import listed
from tests.stripe_stand_in.money import move


def create_refund(account: Account, params: JSON) -> JSON:
    """POST /v1/refunds, by payment intent or charge. Raises Refusal for more than is left, or disputed money."""
    charge = charge_to_refund(account, params)
    left = charge["amount"] - charge["amount_refunded"]
    if any(one["status"] != "won" for one in of_charge(account, charge["id"])):
        raise refuse_state(f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed")
    if left == 0:
        raise refuse_state(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    amount = params.get("amount", left)
    if amount < 1:
        raise invalid("Invalid positive integer", "amount", "parameter_invalid_integer")
    if amount > left:
        raise Refusal(
            400,
            f"Refund amount (${amount / 100:,.2f}) is greater than unrefunded amount on charge (${left / 100:,.2f})",
            param="amount",
        )
    return refund(account, charge, amount, params)


def charge_to_refund(account: Account, params: JSON) -> JSON:
    """The charge that is meant. Raises Refusal where none has succeeded."""
    if ("charge" in params) == ("payment_intent" in params):
        raise invalid("You must provide either `charge` or `payment_intent`, and not both.", "payment_intent")
    if "charge" in params:
        charge = account.find("charge", params["charge"], "charge")
    else:
        intent = account.find("payment_intent", params["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise refuse_state(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                "payment_intent_unexpected_state",
            )
        charge = account.objects[intent["latest_charge"]]
    if charge["status"] != "succeeded":
        raise refuse_state(f"Charge {charge['id']} has not succeeded; it cannot be refunded.", "charge_not_refundable")
    return charge


def how_it_goes(account: Account, charge: JSON) -> str:
    """What becomes of a refund: as its card always does, or as the stand-in was told."""
    number = account.hidden.get(charge["payment_method"], {}).get("number", "")
    return (CARDS[number].refund if number in CARDS else "") or account.refunds


def refund(account: Account, charge: JSON, amount: int, params: JSON) -> JSON:
    """The money leaves the balance at once, also while the refund is pending. Stripe keeps its fee."""
    kind = "refund" if charge["payment_method_details"]["type"] == "card" else "payment_refund"
    pending = how_it_goes(account, charge) == "pending"
    made_id = account.new_id("re_3" if kind == "refund" else "pyr_1", 23)
    moved = move(account, kind, -amount, made_id, description=f"REFUND FOR CHARGE ({charge['description'] or ''})")
    made = account.keep(
        {
            "id": made_id,
            "object": "refund",
            "amount": amount,
            "balance_transaction": moved["id"],
            "charge": charge["id"],
            "created": account.seconds(),
            "currency": charge["currency"],
            "destination_details": {"type": charge["payment_method_details"]["type"]},
            "metadata": dict(params.get("metadata") or {}),
            "payment_intent": charge["payment_intent"],
            "pending_reason": "processing" if pending else None,
            "reason": params.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "pending" if pending else "succeeded",
            "transfer_reversal": None,
        }
    )
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    account.emit("refund.created", made)
    account.emit("charge.refunded", charge)
    return made


def finish(account: Account, made: JSON, *, ok: bool) -> JSON:
    """What was pending arrives; or it comes back, even after it was said to have succeeded.

    Raises ValueError for a refund that is finished.
    """
    if made["status"] != "pending" and (ok or made["status"] != "succeeded"):
        raise ValueError(f"{made['id']} is {made['status']}")
    made["pending_reason"] = None
    if ok:
        made["status"] = "succeeded"
    else:
        back = move(account, "refund_failure", made["amount"], made["id"], description="REFUND FAILURE")
        made |= {
            "status": "failed",
            "failure_reason": "expired_or_canceled_card",
            "failure_balance_transaction": back["id"],
        }
        charge = account.objects[made["charge"]]
        charge["amount_refunded"] -= made["amount"]
        charge["refunded"] = False
        account.emit("refund.failed", made)
    account.emit("refund.updated", made)
    account.emit("charge.refund.updated", made)
    return made


def retrieve_refund(account: Account, params: JSON, refund_id: str) -> JSON:
    """GET /v1/refunds/{id}."""
    return account.find("refund", refund_id)


def update_refund(account: Account, params: JSON, refund_id: str) -> JSON:
    """POST /v1/refunds/{id}: metadata alone."""
    made = account.find("refund", refund_id)
    if "metadata" in params:
        change_metadata(made["metadata"], params["metadata"])
    account.emit("refund.updated", made)
    return made


def list_refunds(account: Account, params: JSON) -> JSON:
    """GET /v1/refunds."""
    return listed(account, "refund", params, "/v1/refunds", "charge", "payment_intent")
