"""Events on their way to the product: signed as Stripe signs them, and delivered as a test wants them delivered."""

import hmac
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from queue import SimpleQueue
from random import Random
from threading import Condition, Thread
from time import monotonic, sleep
from typing import Literal
from urllib.parse import urlsplit

from tests.stripe_stand_in.errors import JSON

Post = Callable[[bytes, dict[str, str]], int]
Delivery = Literal["manual", "now", "never"]
Order = Literal["made", "reversed", "shuffled"]
# How long "now" waits before it tries again what was not answered with 2xx. (Stripe tries for three days.)
TRIES_AGAIN_AFTER = (0.05, 0.2, 1.0)


def signature(body: bytes, secrets: Sequence[str], at: int) -> str:
    """The `Stripe-Signature` header: the moment, and one v1 for each secret in use."""
    signed = f"{at}.".encode() + body
    made = [hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={one}" for one in made)])


def body_of(event: JSON) -> bytes:
    """The event as it is sent: the same bytes every time."""
    return json.dumps(event, indent=2).encode()


class Deliveries:
    """What is sent to the product's webhook: kept for a test to hand over, posted at once, or lost."""

    def __init__(self, seconds: Callable[[], int]) -> None:
        self.seconds = seconds
        self.mode: Delivery = "manual"
        self.secrets: list[str] = ["whsec_test"]
        self.webhook_url = ""
        self.pending: list[JSON] = []
        self.answers: list[tuple[str, int]] = []
        self.queue: SimpleQueue[JSON | None] = SimpleQueue()
        self.idle = Condition()
        self.under_way = 0
        self.thread: Thread | None = None

    def take(self, event: JSON) -> None:
        """A new event. Called with the account's lock held, so that nothing is sent here."""
        if self.mode == "manual":
            self.pending.append(event)
        elif self.mode == "now" and self.webhook_url:
            with self.idle:
                self.under_way += 1
            if self.thread is None:
                self.thread = Thread(target=self.work, name="stripe-stand-in-webhooks", daemon=True)
                self.thread.start()
            self.queue.put(event)

    def signed(
        self, event: JSON, secrets: Sequence[str] | None = None, at: int | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a delivery, signed now with every secret, unless told otherwise."""
        body = body_of(event)
        return body, {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(body, secrets or self.secrets, self.seconds() if at is None else at),
        }

    def deliver_to(
        self,
        post: Post,
        *,
        order: Order = "made",
        times: int = 1,
        seed: int = 0,
        late: timedelta = timedelta(),
    ) -> list[int]:
        """Hands over everything pending, `times` times; the answers. What was not taken with 2xx stays pending.

        `late`: signed so much later than now, as a delivery that was tried again is. New events that come of it wait.
        """
        # The list stays the same one: others append to it meanwhile.
        batch = list(self.pending)
        del self.pending[: len(batch)]
        if order == "reversed":
            batch.reverse()
        elif order == "shuffled":
            Random(seed).shuffle(batch)  # noqa: S311  (dice are no secret)
        answers, refused = [], []
        at = self.seconds() + int(late.total_seconds())
        for event in batch:
            given = [post(*self.signed(event, at=at)) for _ in range(times)]
            answers += given
            self.answers += [(event["id"], status) for status in given]
            if not all(200 <= status < 300 for status in given):
                refused.append(event)
        self.pending[:0] = refused
        return answers

    def work(self) -> None:
        """The thread of "now": posts one event after another, again where it was not taken."""
        while (event := self.queue.get()) is not None:
            for wait in (*TRIES_AGAIN_AFTER, None):
                status = self.post(event)
                self.answers.append((event["id"], status))
                if 200 <= status < 300 or wait is None:
                    break
                sleep(wait)
            with self.idle:
                self.under_way -= 1
                self.idle.notify_all()

    def post(self, event: JSON) -> int:
        """One delivery over HTTP: the status, or 0 where nobody answered."""
        address = urlsplit(self.webhook_url)
        body, headers = self.signed(event)
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        connection = kind(address.hostname or "localhost", address.port, timeout=10)
        try:
            connection.request("POST", address.path or "/", body, headers)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()

    def wait(self, seconds: float = 10) -> bool:
        """Until "now" has nothing more under way; False when that takes too long."""
        until = monotonic() + seconds
        with self.idle:
            while self.under_way:
                if not self.idle.wait(max(0.0, until - monotonic())):
                    return False
        return True

    def stop(self) -> None:
        """Ends the thread after what it is doing."""
        if self.thread is not None:
            self.queue.put(None)
            self.thread.join(timeout=2)
            self.thread = None
