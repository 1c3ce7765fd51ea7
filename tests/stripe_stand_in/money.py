"""What moves the account's balance: its transactions with their fees, and the payouts that carry them to the bank."""

from datetime import timedelta

from tests.stripe_stand_in.account import Account
from tests.stripe_stand_in.errors import JSON, Refusal
from tests.stripe_stand_in.lists import listed

DISPUTE_FEE = 1500
CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payout": "payout",
    "payout_failure": "payout_reversal",
}
DAY = int(timedelta(days=1).total_seconds())


class NothingToPayOut(Exception):
    """No money is available, or less than was taken back."""


def processing_fee(amount: int) -> int:
    """What Stripe keeps of a payment: 2.9 % and 30 cents, halves up. Whole cents."""
    return (amount * 29 + 500) // 1000 + 30


def move(
    account: Account, kind: str, amount: int, source: str, *, fee: int = 0, description: str = "", category: str = ""
) -> JSON:
    """A balance transaction. Payments wait two days before they are available, everything else counts at once."""
    waits = account.days_until_available * DAY if kind in ("charge", "payment") else 0
    label = "Dispute fee" if kind == "adjustment" else "Stripe processing fees"
    details = [{"amount": fee, "application": None, "currency": "usd", "description": label, "type": "stripe_fee"}]
    return account.keep(
        {
            "id": account.new_id("txn_3", 23),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": account.seconds() + waits,
            "balance_type": "payments",
            "created": account.seconds(),
            "currency": "usd",
            "description": description or None,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": details if fee else [],
            "net": amount - fee,
            "reporting_category": category or CATEGORIES[kind],
            "source": source,
            "status": "pending" if waits else "available",
            "type": kind,
        },
        payout=None,
    )


def mature(account: Account) -> None:
    """Money that has waited long enough becomes available."""
    now = account.seconds()
    for one in account.kinds.get("balance_transaction", []):
        if account.objects[one]["status"] == "pending" and account.objects[one]["available_on"] <= now:
            account.objects[one]["status"] = "available"


def pay_out(account: Account, *, paid: bool, everything: bool) -> JSON:
    """An automatic payout of what is available and went out with none before. Raises NothingToPayOut."""
    bundle = [
        one
        for one in account.all("balance_transaction")
        if account.hidden[one["id"]]["payout"] is None and (everything or one["status"] == "available")
    ]
    total = sum(one["net"] for one in bundle)
    if total <= 0:
        raise NothingToPayOut(f"{len(bundle)} transactions come to {total} cents")
    payout: JSON = {
        "id": account.new_id("po_1", 23),
        "object": "payout",
        "amount": total,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": account.seconds() // DAY * DAY,
        "automatic": True,
        "balance_transaction": None,
        "created": account.seconds(),
        "currency": "usd",
        "description": "STRIPE PAYOUT",
        "destination": "ba_1StandInBank",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": account.livemode,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "in_transit",
        "trace_id": None,
        "type": "bank_account",
    }
    account.keep(payout)
    own = move(account, "payout", -total, payout["id"], description="STRIPE PAYOUT")
    payout["balance_transaction"] = own["id"]
    for one in (*bundle, own):
        account.hidden[one["id"]]["payout"] = payout["id"]
        one["status"] = "available"
    account.emit("payout.created", payout)
    account.emit("payout.reconciliation_completed", payout)
    if paid:
        finish_payout(account, payout, ok=True)
    return payout


def finish_payout(account: Account, payout: JSON, *, ok: bool) -> JSON:
    """A payout arrives, or the bank sends it back: then the money returns by a transaction of its own."""
    if ok:
        payout["status"] = "paid"
        account.emit("payout.paid", payout)
        return payout
    returned = move(account, "payout_failure", payout["amount"], payout["id"], description="Payout failure")
    payout |= {
        "status": "failed",
        "failure_code": "account_closed",
        "failure_message": "The bank account has been closed.",
        "failure_balance_transaction": returned["id"],
    }
    account.emit("payout.failed", payout)
    return payout


def list_transactions(account: Account, params: JSON) -> JSON:
    """GET /v1/balance_transactions; by payout, it lists what the payout carried and the payout's own transaction."""
    among = account.all("balance_transaction")
    if "payout" in params:
        account.find("payout", params["payout"], "payout")
        among = [one for one in among if account.hidden[one["id"]]["payout"] == params["payout"]]
    return listed(
        account,
        "balance_transaction",
        params,
        "/v1/balance_transactions",
        "type",
        "source",
        "currency",
        among=among,
    )


def retrieve_transaction(account: Account, params: JSON, transaction_id: str) -> JSON:
    """GET /v1/balance_transactions/{id}."""
    return account.find("balance_transaction", transaction_id)


def list_payouts(account: Account, params: JSON) -> JSON:
    """GET /v1/payouts."""
    return listed(account, "payout", params, "/v1/payouts", "status")


def retrieve_payout(account: Account, params: JSON, payout_id: str) -> JSON:
    """GET /v1/payouts/{id}."""
    return account.find("payout", payout_id)


def retrieve_balance(account: Account, params: JSON) -> JSON:
    """GET /v1/balance: what is available, and what still waits."""
    moved = account.all("balance_transaction")
    sums = {status: sum(one["net"] for one in moved if one["status"] == status) for status in ("available", "pending")}
    return {
        "object": "balance",
        **{
            name: [{"amount": amount, "currency": "usd", "source_types": {"card": amount}}]
            for name, amount in sums.items()
        },
        "livemode": account.livemode,
    }


def retrieve_event(account: Account, params: JSON, event_id: str) -> JSON:
    """GET /v1/events/{id}; after thirty days an event is gone."""
    event = account.find("event", event_id)
    if event["created"] < account.seconds() - 30 * DAY:
        raise Refusal(404, f"No such event: '{event_id}'", param="id", code="resource_missing")
    return event


def list_events(account: Account, params: JSON) -> JSON:
    """GET /v1/events of the last thirty days, by `type` (which may end in .*) or `types`."""
    oldest = account.seconds() - 30 * DAY
    among = [one for one in account.all("event") if one["created"] >= oldest]
    wanted = params.get("types") or ([params["type"]] if "type" in params else [])
    if wanted:
        among = [one for one in among if any(of_type(one["type"], type_) for type_ in wanted)]
    return listed(account, "event", params, "/v1/events", among=among)


def of_type(kind: str, wanted: str) -> bool:
    return kind.startswith(wanted[:-1]) if wanted.endswith("*") else kind == wanted
