"""The page a session's `url` shows: what is paid, to whom, by which methods, and the buttons of a person who pays."""

from html import escape

from tests.stripe_stand_in import checkout
from tests.stripe_stand_in.account import Account
from tests.stripe_stand_in.answers import Answer
from tests.stripe_stand_in.cards import CARDS
from tests.stripe_stand_in.checkout import Paying, SessionNotOpen
from tests.stripe_stand_in.errors import JSON, Refusal

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
.stand-in { background: #fff3cd; padding: .5rem .75rem; border-radius: .4rem; font-size: .9rem; }
.amount { font-size: 2rem; font-weight: 600; margin: .5rem 0; }
.error { background: #fde2e1; padding: .5rem .75rem; border-radius: .4rem; }
label { display: block; margin: .4rem 0; }
input[type=text] { font: inherit; padding: .4rem; width: 100%; box-sizing: border-box; }
button { font: inherit; padding: .6rem 1.2rem; margin: .5rem .5rem .5rem 0; } li form { display: inline; }
fieldset { border: 1px solid #ccc; }
"""
NAMES = {
    "card": "Card",
    "klarna": "Klarna",
    "afterpay_clearpay": "Afterpay",
    "us_bank_account": "US bank account",
}


def respond(account: Account, method: str, session_id: str, form: dict[str, str]) -> Answer:
    """The page of one session, shown or pressed on; 404 where there is none."""
    try:
        session = checkout.find_open(account, session_id)
    except Refusal as refusal:
        return html(404, f"<p>{escape(str(refusal))}</p>")
    with account.acting_on(session_id):
        if method == "POST":
            return pressed(account, session, form)
        return html(200, shown(account, session, ""))


def pressed(account: Account, session: JSON, form: dict[str, str]) -> Answer:
    """Somebody has pressed a button. Done: off to the success page. Otherwise the page again, saying why."""
    error = ""
    try:
        if form.get("action") in ("authenticate", "refuse"):
            checkout.answer_bank(account, session, ok=form["action"] == "authenticate")
        else:
            how = Paying(
                method=form.get("method", "card"),
                card=form.get("card", ""),
                authenticates=None,
                email=form.get("email", ""),
                name=form.get("name", ""),
            )
            checkout.pay(account, session, how)
    except (SessionNotOpen, ValueError) as problem:
        error = str(problem)
    if session["status"] == "complete":
        address = (session["success_url"] or "/").replace("{CHECKOUT_SESSION_ID}", session["id"])
        return Answer(303, b"", {"Location": address})
    return html(422, shown(account, session, error or last_error(account, session)))


def last_error(account: Account, session: JSON) -> str:
    """What the bank said the last time."""
    intent = account.objects.get(session["payment_intent"] or session["setup_intent"] or "", {})
    error = intent.get("last_payment_error") or intent.get("last_setup_error") or {}
    return str(error.get("message", ""))


def shown(account: Account, session: JSON, error: str) -> str:
    """The page's words and form."""
    business = escape(account.business)
    if session["status"] != "open":
        ends = {"complete": "You are all done here.", "expired": "This page has expired."}[session["status"]]
        return f"<h1>{business}</h1><p>{ends}</p>"
    amount = f"US ${session['amount_total'] / 100:,.2f}" if session["mode"] == "payment" else "Save your card"
    items = "".join(f"<li>{escape(one['description'])}</li>" for one in account.hidden[session["id"]]["line_items"])
    problem = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    back = f'<a href="{escape(session["cancel_url"])}">Back</a>' if session["cancel_url"] else ""
    head = f'<h1>{business}</h1><p class="amount">{amount}</p><ul>{items}</ul>{problem}'
    if checkout.asks(account, session):
        return f"""{head}<form method="post"><p>Your bank wants to know that it is you.</p>
            <button name="action" value="authenticate">Complete authentication</button>
            <button name="action" value="refuse">Fail authentication</button></form>{back}"""
    methods = "".join(
        f'<label><input type="radio" name="method" value="{one}"{" checked" if not place else ""}> {NAMES[one]}</label>'
        for place, one in enumerate(checkout.offered(account, session))
    )
    cards = "".join(f'<option value="{number}">' for number in CARDS)
    verb = "Pay" if session["mode"] == "payment" else "Save"
    return f"""{head}<form method="post"><fieldset><legend>Pay with</legend>{methods}</fieldset>
        <label>Card number
        <input type="text" name="card" list="cards" value="4242 4242 4242 4242" autocomplete="off"></label>
        <datalist id="cards">{cards}</datalist>
        <label>E-mail <input type="text" name="email" value="{escape(session["customer_email"] or "")}"></label>
        <button name="action" value="pay">{verb}</button></form>{back}"""


def html(status: int, body: str) -> Answer:
    """A whole page, which says on top what it is."""
    whole = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stripe stand-in</title>
        <meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>
        <body><p class="stand-in">This is the project's stand-in for Stripe. No money moves here.</p>
        {body}</body></html>"""
    return Answer(status, whole.encode(), {"Content-Type": "text/html; charset=utf-8"})
