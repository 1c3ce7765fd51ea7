"""A small desk for a person who tries the product with the stand-in: what Stripe's dashboard, or the bank, would do."""

from collections.abc import Callable
from html import escape

from tests.stripe_stand_in import checkout, disputes, money, page, refunds
from tests.stripe_stand_in.account import Account
from tests.stripe_stand_in.answers import Answer
from tests.stripe_stand_in.errors import JSON, Refusal
from tests.stripe_stand_in.money import NothingToPayOut

ON_INTENTS = {"succeeded": ("refund", "dispute"), "processing": ("arrives", "returns")}
ON_REFUNDS: dict[str, tuple[str, ...]] = {"pending": ("refund arrives", "refund fails"), "succeeded": ("refund fails",)}


def respond(account: Account, method: str, path: str, form: dict[str, str]) -> Answer:
    """The list of payments with its buttons at `/`; 404 anywhere else."""
    if path != "/":
        return page.html(404, "<p>There is nothing here.</p>")
    told = ""
    with account.acting():
        if method == "POST":
            try:
                do(account, form.get("do", ""), form.get("id", ""))
                return Answer(303, b"", {"Location": "/"})
            except (Refusal, ValueError, NothingToPayOut, KeyError) as problem:
                told = f'<p class="error" role="alert">{escape(str(problem))}</p>'
        return page.html(422 if told else 200, told + listing(account))


def do(account: Account, what: str, object_id: str) -> None:
    """What a button does. Raises as the work itself does; KeyError for a button there is not."""
    one = account.objects.get(object_id, {})
    works: dict[str, Callable[[], object]] = {
        "refund": lambda: refunds.create_refund(account, {"payment_intent": object_id}),
        "dispute": lambda: disputes.open_dispute(account, account.objects[one["latest_charge"]], None, "fraudulent"),
        "won": lambda: disputes.close_dispute(account, one, won=True),
        "lost": lambda: disputes.close_dispute(account, one, won=False),
        "arrives": lambda: checkout.settle_intent(account, one, ok=True),
        "returns": lambda: checkout.settle_intent(account, one, ok=False),
        "refund arrives": lambda: refunds.finish(account, one, ok=True),
        "refund fails": lambda: refunds.finish(account, one, ok=False),
        "pay out": lambda: money.pay_out(account, paid=True, everything=True),
    }
    works[what]()


def listing(account: Account) -> str:
    """Payments, refunds and disputes, newest first, with what can happen to each."""
    rows = [row(one, ON_INTENTS.get(one["status"], ())) for one in account.all("payment_intent")]
    rows += [row(one, ON_REFUNDS.get(one["status"], ())) for one in account.all("refund")]
    rows += [row(one, ("won", "lost") if one["status"] in disputes.OPEN else ()) for one in account.all("dispute")]
    everything = button("", "pay out")
    return f"<h1>Payments</h1><ul>{''.join(rows) or '<li>None yet.</li>'}</ul>{everything}"


def row(one: JSON, choices: tuple[str, ...]) -> str:
    buttons = "".join(button(one["id"], what) for what in choices)
    return f"<li>{escape(one['id'])}: US ${one['amount'] / 100:,.2f}, {escape(one['status'])} {buttons}</li>"


def button(object_id: str, what: str) -> str:
    return f"""<form method="post"><input type="hidden" name="id" value="{escape(object_id)}">
        <button name="do" value="{what}">{what.capitalize()}</button></form>"""
