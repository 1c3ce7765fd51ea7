"""The project's own stand-in for Stripe. It is ours, and it is not Stripe.

It answers the part of Stripe's API that this product uses, over real HTTP on loopback, to the real SDK, as Stripe's
documentation and the SDK's own definitions describe it. What it gets wrong, the product's tests get wrong with it:
docs/ has a list of what to run against a Stripe sandbox before real money moves.

In a test::

    with StandIn() as stripe_stand_in:
        client = stripe_stand_in.client()          # a stripe.StripeClient that speaks to it
        session = client.v1.checkout.sessions.create({...})
        stripe_stand_in.pay(session.id, card="4000000000000002")    # somebody pays on the page
        stripe_stand_in.deliver_to(post)           # hands the signed events to the product

As a process, to try the product with: ``python -m tests.stripe_stand_in --port 8912 --webhook
http://localhost:8000/stripe/webhook --secret whsec_test``. Its own page ``/`` does what Stripe's dashboard would.

README.md beside this file has the whole of it in short.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self

import stripe

from tests.stripe_stand_in import books, checkout, disputes, intents, methods, money, refunds
from tests.stripe_stand_in.account import real_time
from tests.stripe_stand_in.books import Book, Ours
from tests.stripe_stand_in.cards import number_typed
from tests.stripe_stand_in.checkout import Paying, SessionNotOpen
from tests.stripe_stand_in.errors import JSON
from tests.stripe_stand_in.events import Deliveries, Delivery, Post
from tests.stripe_stand_in.money import NothingToPayOut, mature
from tests.stripe_stand_in.server import Asked, Front, Server

__all__ = ["Asked", "Book", "NothingToPayOut", "SessionNotOpen", "StandIn"]

KEY = "sk_test_stand_in"
LIVE_KEY = "sk_live_stand_in"


class StandIn(Front):
    """One Stripe account on a free port of loopback, and everything a test can make happen to it.

    Objects come back as copies of the JSON the API answers. Amounts are whole cents. `faults`, `requests`, `unknown`,
    `down`, `latency` and `api_keys` are those of the HTTP side.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        webhook_url: str = "",
        secrets: Sequence[str] = ("whsec_test",),
        deliver: Delivery = "manual",
        now: datetime | Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__()
        self.port = port
        self.server: Server | None = None
        self.speaking: list[stripe.HTTPClient] = []
        self.account.due = [checkout.expire_due, mature]
        self.deliveries = Deliveries(self.account.seconds)
        self.account.on_event = self.deliveries.take
        self.deliveries.webhook_url = webhook_url
        self.deliveries.secrets = list(secrets)
        self.deliveries.mode = deliver
        self.now = now

    # It runs.

    def start(self) -> None:
        """Opens the port and answers from a thread."""
        self.server = Server(self, self.port)
        self.port = self.server.server_port
        self.account.base = self.url
        self.server.thread.start()

    def stop(self) -> None:
        """Closes the port, every connection and the webhooks' thread."""
        if self.server is not None:
            self.server.stop()
            self.server = None
        self.deliveries.stop()
        while self.speaking:
            close: Callable[[], object] = self.speaking.pop().close
            close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it is: what `STRIPE_API_BASE` is set to."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, key: str = KEY, max_network_retries: int = 0, **options: Any) -> stripe.StripeClient:
        """The real SDK, speaking to this stand-in. Its connections are closed when the stand-in stops."""
        speaks = options.pop("http_client", None) or stripe.new_default_http_client()
        self.speaking.append(speaks)
        return stripe.StripeClient(
            key,
            base_addresses={"api": self.url},
            max_network_retries=max_network_retries,
            http_client=speaks,
            **options,
        )

    @property
    def now(self) -> datetime:
        """What time it is for the stand-in. Set a moment, something to ask, or None for the computer's clock."""
        return self.account.clock()

    @now.setter
    def now(self, wanted: datetime | Callable[[], datetime] | None) -> None:
        if isinstance(wanted, datetime):
            moment = wanted.astimezone(UTC)
            self.account.clock = lambda: moment
        else:
            self.account.clock = wanted or real_time

    # It is looked at.

    def object(self, object_id: str) -> JSON:
        """Any object as it is now. Raises KeyError."""
        with self.account.acting_on(object_id) as one:
            return deepcopy(one)

    def all(self, kind: str, livemode: bool = False) -> list[JSON]:
        """Every object of a kind (`payment_intent`, `checkout.session`, `event`), newest first."""
        with self.account.acting(livemode):
            return deepcopy(self.account.all(kind))

    def books(self, ours: Ours | None = None) -> dict[str, Book]:
        """By payment intent that received money: received, refunded, pending, disputed, lost, fees."""
        with self.account.acting():
            return books.books(self.account, ours)

    def balance(self, ours: Ours | None = None) -> int:
        """Cents in the account after payouts; with `ours`, what the payments of such metadata brought in all."""
        with self.account.acting():
            return books.balance(self.account, ours)

    # People pay, on the page and with what was saved.

    def pay(
        self,
        session_id: str,
        card: str = "4242424242424242",
        method: str = "card",
        *,
        authenticate: bool | None = True,
        email: str = "",
        name: str = "",
    ) -> JSON:
        """Somebody presses Pay (or Save) on a session's page; afterwards the session is complete, or open still.

        `authenticate`: what they do when their bank asks; None leaves the question open. Raises SessionNotOpen.
        """
        with self.account.acting_on(session_id) as session:
            how = Paying(method=method, card=card, authenticates=authenticate, email=email, name=name)
            return deepcopy(checkout.pay(self.account, session, how))

    def fail(self, session_id: str) -> JSON:
        """Somebody pays with a card that is declined: the session stays open."""
        return self.pay(session_id, card="4000000000000002")

    def expire(self, session_id: str) -> JSON:
        """The session's time is over now. Raises SessionNotOpen."""
        with self.account.acting_on(session_id) as session:
            if session["status"] != "open":
                raise SessionNotOpen(f"{session_id} is {session['status']}")
            return deepcopy(checkout.expire(self.account, session, self.account.seconds()))

    def authenticate(self, intent_id: str, ok: bool = True) -> JSON:
        """Somebody answers their bank about a payment intent that asks (`requires_action`)."""
        with self.account.acting_on(intent_id) as intent:
            if session := self.account.hidden[intent_id]["session"]:
                checkout.answer_bank(self.account, self.account.objects[session], ok=ok)
            else:
                intents.authenticate(self.account, intent, ok=ok)
            return deepcopy(intent)

    def settle_bank_debit(self, intent_id: str, ok: bool = True) -> JSON:
        """A bank debit that was processing arrives, or comes back unpaid."""
        with self.account.acting_on(intent_id) as intent:
            checkout.settle_intent(self.account, intent, ok=ok)
            return deepcopy(intent)

    def saved_card(self, customer_id: str, card: str = "4242424242424242", set_up: bool = True) -> str:
        """Saves a card with a customer, as though on a page; its id. `set_up`: for charges without its owner."""
        with self.account.acting_on(customer_id):
            made = methods.new_method(self.account, "card", number_typed(card), {})
            self.account.hidden[made["id"]]["set_up"] = set_up
            methods.attach(self.account, made, customer_id)
            return str(made["id"])

    def card_becomes(self, method_id: str, card: str) -> None:
        """A saved card behaves like another from now on: it has expired, has no money left, wants authentication."""
        with self.account.acting_on(method_id):
            self.account.hidden[method_id]["number"] = number_typed(card)

    def other_sale(
        self,
        amount: int,
        metadata: JSON | None = None,
        description: str = "Online course",
        *,
        on_a_page: bool = False,
    ) -> JSON:
        """The school sells something else on the same account: a payment with nothing of ours on it. The intent.

        `on_a_page`: through a Checkout session, so that its events come too.
        """
        with self.account.acting():
            data = {"metadata": metadata or {}, "description": description}
            if on_a_page:
                price = {"currency": "usd", "unit_amount": amount, "product_data": {"name": description}}
                asked = {
                    "mode": "payment",
                    "success_url": "https://elsewhere.example.org/thanks",
                    "line_items": [{"price_data": price, "quantity": 1}],
                    "metadata": metadata or {},
                    "payment_intent_data": data,
                }
                session = checkout.create_session(self.account, asked)
                checkout.pay(self.account, session, Paying())
                return deepcopy(self.account.objects[session["payment_intent"]])
            intent = intents.new_intent(self.account, amount, "usd", None, data)
            method = methods.new_method(self.account, "card", "4242424242424242", {})
            intents.attempt(self.account, intent, method["id"], off_session=False, authenticated=True)
            return deepcopy(intent)

    @property
    def transactions(self) -> str:
        """When a charge has its balance transaction, and so its fee: "now", or "later" by `make_transactions`."""
        return self.account.transactions

    @transactions.setter
    def transactions(self, wanted: Literal["now", "later"]) -> None:
        self.account.transactions = wanted

    def make_transactions(self) -> list[JSON]:
        """The charges that had none get their balance transaction, with an event `charge.updated` each."""
        with self.account.acting():
            return deepcopy(intents.bring_in_late(self.account))

    # Money goes back.

    @property
    def refunds(self) -> str:
        """What becomes of refunds: "succeed", "pending" or "fail_later"; `finish_refund` does the rest."""
        return self.account.refunds

    @refunds.setter
    def refunds(self, wanted: Literal["succeed", "pending", "fail_later"]) -> None:
        self.account.refunds = wanted

    def finish_refund(self, refund_id: str, ok: bool = True) -> JSON:
        """A pending refund arrives; or one comes back, even after it was said to have succeeded. Raises ValueError."""
        with self.account.acting_on(refund_id) as made:
            return deepcopy(refunds.finish(self.account, made, ok=ok))

    def dashboard_refund(self, intent_id: str, amount: int | None = None) -> JSON:
        """Somebody refunds in Stripe's dashboard: no metadata, and no request of ours behind it."""
        with self.account.acting_on(intent_id):
            params: JSON = {"payment_intent": intent_id} | ({} if amount is None else {"amount": amount})
            return deepcopy(refunds.create_refund(self.account, params))

    def dispute(self, intent_id: str, amount: int | None = None, reason: str = "fraudulent") -> JSON:
        """The payer's bank takes a payment back, or `amount` of it."""
        with self.account.acting_on(intent_id) as intent:
            charge = self.account.objects[intent["latest_charge"]]
            return deepcopy(disputes.open_dispute(self.account, charge, amount, reason))

    def close_dispute(self, dispute_id: str, won: bool = True) -> JSON:
        """The bank decides. Raises ValueError for a dispute that is decided."""
        with self.account.acting_on(dispute_id) as one:
            if one["status"] not in disputes.OPEN:
                raise ValueError(f"{dispute_id} is {one['status']}")
            return deepcopy(disputes.close_dispute(self.account, one, won=won))

    # Money goes to the bank.

    @property
    def days_until_available(self) -> int:
        """How long a payment waits before it can be paid out: two days unless set."""
        return self.account.days_until_available

    @days_until_available.setter
    def days_until_available(self, days: int) -> None:
        self.account.days_until_available = days

    def pay_out(self, *, paid: bool = True, everything: bool = False, livemode: bool = False) -> JSON:
        """An automatic payout of what is available (or `everything`). Raises NothingToPayOut.

        `paid=False` leaves it in transit, for `finish_payout`.
        """
        with self.account.acting(livemode):
            return deepcopy(money.pay_out(self.account, paid=paid, everything=everything))

    def finish_payout(self, payout_id: str, ok: bool = True) -> JSON:
        """A payout arrives at the bank, or is sent back."""
        with self.account.acting_on(payout_id) as payout:
            return deepcopy(money.finish_payout(self.account, payout, ok=ok))

    # Events reach the product, or do not.

    @property
    def deliver(self) -> Delivery:
        """ "manual": kept in `pending` for `deliver_to`; "now": posted to `webhook_url`; "never": lost."""
        return self.deliveries.mode

    @deliver.setter
    def deliver(self, wanted: Delivery) -> None:
        self.deliveries.mode = wanted

    @property
    def pending(self) -> list[JSON]:
        """Events that wait to be handed over, oldest first. The list itself: a test may take from it and add to it."""
        return self.deliveries.pending

    @property
    def secrets(self) -> list[str]:
        """What deliveries are signed with: one signature each. The list itself."""
        return self.deliveries.secrets

    @property
    def webhook_url(self) -> str:
        """Where "now" posts to."""
        return self.deliveries.webhook_url

    @webhook_url.setter
    def webhook_url(self, address: str) -> None:
        self.deliveries.webhook_url = address

    def signed(
        self, event: JSON, secrets: Sequence[str] | None = None, at: int | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of one delivery; signed now, with `secrets`, unless told otherwise (`at`: unix seconds)."""
        return self.deliveries.signed(event, secrets, at)

    def deliver_to(self, post: Post) -> list[int]:
        """Hands over what is pending, in the order it happened. `post(body, headers)` gives the product's status.

        What is not taken with 2xx stays pending. Events that come of it wait for the next call.
        """
        return self.deliveries.deliver_to(post)

    def deliver_twice(self, post: Post, times: int = 2) -> list[int]:
        """Every event twice (or more often)."""
        return self.deliveries.deliver_to(post, times=times)

    def deliver_reversed(self, post: Post) -> list[int]:
        """The latest event first."""
        return self.deliveries.deliver_to(post, order="reversed")

    def deliver_shuffled(self, post: Post, seed: int = 0) -> list[int]:
        """In an order that this seed gives every time."""
        return self.deliveries.deliver_to(post, order="shuffled", seed=seed)

    def deliver_late(self, post: Post, by: timedelta) -> list[int]:
        """As Stripe's later tries: the same events, signed so much later."""
        return self.deliveries.deliver_to(post, late=by)

    def wait_delivered(self, seconds: float = 10) -> bool:
        """Until "now" has nothing under way; False when it takes longer."""
        return self.deliveries.wait(seconds)
