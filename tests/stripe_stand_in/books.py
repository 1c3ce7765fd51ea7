"""The stand-in's own books, to be compared with the product's ledger. Whole cents."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.stripe_stand_in.account import Account
from tests.stripe_stand_in.disputes import OPEN
from tests.stripe_stand_in.errors import JSON

Ours = Callable[[JSON], bool]


@dataclass
class Book:
    """What became of one payment. `disputed`: taken back, not decided yet. `fee`, `dispute_fee`: kept by Stripe."""

    received: int = 0
    refunded: int = 0
    refund_pending: int = 0
    disputed: int = 0
    dispute_lost: int = 0
    fee: int = 0
    dispute_fee: int = 0

    @property
    def net(self) -> int:
        """What of this payment is the account's."""
        back = self.refunded + self.refund_pending + self.disputed + self.dispute_lost
        return self.received - back - self.fee - self.dispute_fee


def books(account: Account, ours: Ours | None) -> dict[str, Book]:
    """By payment intent, those whose metadata are `ours`; intents that never took money are not in it."""
    kept: dict[str, Book] = {}
    for intent in account.all("payment_intent"):
        if intent["amount_received"] and (ours is None or ours(intent["metadata"])):
            kept[intent["id"]] = Book(received=intent["amount_received"])
    for refund in account.all("refund"):
        if book := kept.get(refund["payment_intent"]):
            book.refunded += refund["amount"] if refund["status"] == "succeeded" else 0
            book.refund_pending += refund["amount"] if refund["status"] == "pending" else 0
    for dispute in account.all("dispute"):
        if book := kept.get(dispute["payment_intent"]):
            book.disputed += dispute["amount"] if dispute["status"] in OPEN else 0
            book.dispute_lost += dispute["amount"] if dispute["status"] == "lost" else 0
    for moved in account.all("balance_transaction"):
        if book := kept.get(intent_of(account, moved)):
            if moved["type"] == "adjustment":
                book.dispute_fee += moved["fee"]
            else:
                book.fee += moved["fee"]
    return kept


def intent_of(account: Account, moved: JSON) -> str:
    """The payment intent a balance transaction belongs to; empty for payouts."""
    return account.objects[moved["source"]].get("payment_intent") or ""


def balance(account: Account, ours: Ours | None) -> int:
    """What is in the account, payouts taken off; with `ours`, what those payments brought, whether paid out or not."""
    moved = account.all("balance_transaction")
    if ours is None:
        return sum(one["net"] for one in moved)
    intents = {one["id"] for one in account.all("payment_intent") if ours(one["metadata"])}
    return sum(one["net"] for one in moved if intent_of(account, one) in intents)
