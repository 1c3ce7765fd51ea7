"""The stand-in's account: every object it knows, under one lock, with a clock to set, and an event of every change."""

import secrets
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import RLock

import stripe

from tests.stripe_stand_in.errors import JSON, Refusal, missing

LETTERS = string.ascii_letters + string.digits
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Asking:
    """The request under which something changes: events name it."""

    id: str
    idempotency_key: str | None


def real_time() -> datetime:
    """The computer's clock."""
    return datetime.now(UTC)


class Account:
    """What one Stripe account holds. Objects are kept as the JSON that is answered, ids unexpanded.

    `hidden` keeps what the API never tells: a card's number, which intent a session's page is asking about. Whoever
    reads or changes anything does so inside `acting`, which holds the lock and first lets happen what is due (sessions
    expire, money becomes available).
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self.clock: Clock = real_time
        self.objects: dict[str, JSON] = {}
        self.hidden: dict[str, JSON] = {}
        self.kinds: dict[str, list[str]] = {}
        self.livemode = False
        self.asking: Asking | None = None
        self.api_version: str = stripe.api_version
        self.due: list[Callable[[Account], None]] = []
        self.on_event: Callable[[JSON], None] = lambda _: None
        # How the test wants things to go; see StandIn.
        self.refunds = "succeed"
        self.methods: tuple[str, ...] = ("card", "klarna", "afterpay_clearpay", "us_bank_account")
        self.days_until_available = 2
        self.search_lag = 0
        self.transactions = "now"
        self.base = ""
        self.business = "CINTIMA"

    @contextmanager
    def acting(self, livemode: bool = False, asking: Asking | None = None) -> Iterator[None]:
        """Holds the lock; what is made inside is of this mode, and its events name this request."""
        with self.lock:
            before = self.livemode, self.asking
            self.livemode, self.asking = livemode, asking
            try:
                for happen in self.due:
                    happen(self)
                yield
            finally:
                self.livemode, self.asking = before

    @contextmanager
    def acting_on(self, object_id: str) -> Iterator[JSON]:
        """As `acting`, in the mode of this object, which is handed over. Raises KeyError where there is none."""
        with self.acting(livemode=self.hidden[object_id]["livemode"]):
            yield self.objects[object_id]

    def seconds(self) -> int:
        """Now, as Stripe counts: whole seconds since 1970."""
        return int(self.clock().timestamp())

    def new_id(self, prefix: str, length: int = 24) -> str:
        """An id as Stripe makes them: `pi_` and letters nobody can guess."""
        return prefix + "".join(secrets.choice(LETTERS) for _ in range(length))

    def keep(self, made: JSON, **hidden: object) -> JSON:
        """Takes a new object in."""
        self.objects[made["id"]] = made
        self.hidden[made["id"]] = {"livemode": self.livemode, **hidden}
        self.kinds.setdefault(made["object"], []).append(made["id"])
        return made

    def find(self, kind: str, object_id: str, param: str = "id") -> JSON:
        """The object of this kind and id that the key in use may see. Raises Refusal as Stripe words it."""
        found = self.objects.get(object_id)
        if found is None or found["object"] != kind:
            raise missing(kind, object_id, param)
        if self.hidden[object_id]["livemode"] != self.livemode:
            theirs, ours = ("test", "live") if self.livemode else ("live", "test")
            words = f"a similar object exists in {theirs} mode, but a {ours} mode key was used to make this request."
            refusal = missing(kind, object_id, param)
            refusal.error["message"] += f"; {words}"
            raise refusal
        return found

    def customer(self, object_id: str) -> JSON:
        """A customer that was not deleted, named by a parameter."""
        found = self.find("customer", object_id, "customer")
        if found.get("deleted"):
            raise missing("customer", object_id, "customer")
        return found

    def all(self, kind: str) -> list[JSON]:
        """Everything of a kind in the mode in use, newest first."""
        ids = [one for one in reversed(self.kinds.get(kind, [])) if self.hidden[one]["livemode"] == self.livemode]
        return sorted((self.objects[one] for one in ids), key=lambda one: -int(one["created"]))

    def emit(self, kind: str, about: JSON, at: int | None = None) -> JSON:
        """Makes the event of a change, with the object as it is now, and hands it to delivery."""
        event = self.keep(
            {
                "id": self.new_id("evt_1", 23),
                "object": "event",
                "api_version": self.api_version,
                "created": self.seconds() if at is None else at,
                "data": {"object": deepcopy(about)},
                "livemode": about.get("livemode", self.livemode),
                "pending_webhooks": 1,
                "request": {
                    "id": self.asking.id if self.asking else None,
                    "idempotency_key": self.asking.idempotency_key if self.asking else None,
                },
                "type": kind,
            }
        )
        self.on_event(event)
        return event


def change_metadata(metadata: JSON, wanted: JSON | str) -> None:
    """As Stripe merges metadata: given keys replace, an empty value removes its key, an empty whole removes all."""
    if wanted == "":
        metadata.clear()
        return
    assert isinstance(wanted, dict)
    metadata.update(wanted)
    for key in [key for key, value in metadata.items() if value == ""]:
        del metadata[key]


def refuse_state(message: str, code: str, more: JSON | None = None) -> Refusal:
    """400 for a thing that cannot be done with an object as it stands."""
    return Refusal(400, message, code=code, more=more)
