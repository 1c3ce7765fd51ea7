"""Disputes: a bank takes a payment back, with a fee, and gives it again or not."""

from tests.stripe_stand_in.account import Account, change_metadata, refuse_state
from tests.stripe_stand_in.errors import JSON
from tests.stripe_stand_in.lists import listed
from tests.stripe_stand_in.money import DAY, DISPUTE_FEE, move

OPEN = ("needs_response", "under_review")


def open_dispute(account: Account, charge: JSON, amount: int | None, reason: str) -> JSON:
    """The bank takes the money (all of it, or `amount` cents) and Stripe takes its fee."""
    amount = charge["amount"] if amount is None else amount
    made_id = account.new_id("du_1", 23)
    withdrawn = move(
        account,
        "adjustment",
        -amount,
        made_id,
        fee=DISPUTE_FEE,
        description=f"Chargeback withdrawal for {charge['id']}",
        category="dispute",
    )
    dispute = account.keep(
        {
            "id": made_id,
            "object": "dispute",
            "amount": amount,
            "balance_transactions": [dict(withdrawn)],
            "charge": charge["id"],
            "created": account.seconds(),
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": {
                "due_by": account.seconds() + 9 * DAY,
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": False,
            "livemode": account.livemode,
            "metadata": {},
            "network_reason_code": "10.4",
            "payment_intent": charge["payment_intent"],
            "payment_method_details": {"type": "card", "card": {"brand": "visa", "network_reason_code": "10.4"}},
            "reason": reason,
            "status": "needs_response",
        }
    )
    charge["disputed"] = True
    account.emit("charge.dispute.created", dispute)
    account.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close_dispute(account: Account, dispute: JSON, *, won: bool) -> JSON:
    """The bank decides. A won dispute gives the money again; the fee stays with Stripe either way."""
    dispute["status"] = "won" if won else "lost"
    if won:
        again = move(
            account,
            "adjustment",
            dispute["amount"],
            dispute["id"],
            description=f"Chargeback reversal for {dispute['charge']}",
            category="dispute_reversal",
        )
        dispute["balance_transactions"].append(dict(again))
        account.emit("charge.dispute.funds_reinstated", dispute)
    account.emit("charge.dispute.closed", dispute)
    return dispute


def of_charge(account: Account, charge_id: str) -> list[JSON]:
    """The disputes of a charge, newest first."""
    return [one for one in account.all("dispute") if one["charge"] == charge_id]


def retrieve_dispute(account: Account, params: JSON, dispute_id: str) -> JSON:
    """GET /v1/disputes/{id}."""
    return account.find("dispute", dispute_id)


def list_disputes(account: Account, params: JSON) -> JSON:
    """GET /v1/disputes."""
    return listed(account, "dispute", params, "/v1/disputes", "charge", "payment_intent")


def update_dispute(account: Account, params: JSON, dispute_id: str) -> JSON:
    """POST /v1/disputes/{id}: evidence, and with `submit` the bank has it under review."""
    dispute = account.find("dispute", dispute_id)
    if dispute["status"] not in OPEN:
        raise refuse_state("This dispute is already closed", "dispute_already_closed")
    dispute["evidence"] |= params.get("evidence") or {}
    if "metadata" in params:
        change_metadata(dispute["metadata"], params["metadata"])
    if params.get("submit", True) and params.get("evidence"):
        dispute["status"] = "under_review"
        dispute["evidence_details"] |= {"has_evidence": True, "submission_count": 1}
    account.emit("charge.dispute.updated", dispute)
    return dispute


def give_up_dispute(account: Account, params: JSON, dispute_id: str) -> JSON:
    """POST /v1/disputes/{id}/close: the school accepts the loss."""
    dispute = account.find("dispute", dispute_id)
    if dispute["status"] not in OPEN:
        raise refuse_state("This dispute is already closed", "dispute_already_closed")
    return close_dispute(account, dispute, won=False)
