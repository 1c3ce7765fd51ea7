"""Events: listed, signed as the SDK verifies them, delivered by order."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import stripe

from tests.stripe_stand_in import StandIn
from tests.stripe_stand_in.shop import NOON, checkout, somebody


def test_the_sdk_verifies_what_is_signed(stand_in: StandIn, client: stripe.StripeClient) -> None:
    stand_in.now = datetime.now(UTC)
    session = checkout(client)
    stand_in.pay(session.id)
    stand_in.secrets[:] = ["whsec_old", "whsec_new"]
    body, headers = stand_in.signed(stand_in.pending[-1])
    for secret in stand_in.secrets:
        event = client.construct_event(body, headers["Stripe-Signature"], secret)
        assert (event.type, event.data.object["id"]) == ("checkout.session.completed", session.id)
        assert event.api_version == stripe.api_version
    for wrong in (
        (body + b" ", headers["Stripe-Signature"], "whsec_new"),
        (body, headers["Stripe-Signature"], "other"),
    ):
        with pytest.raises(stripe.SignatureVerificationError):
            client.construct_event(*wrong)
    stale = stand_in.signed(stand_in.pending[-1], at=int((stand_in.now - timedelta(minutes=6)).timestamp()))
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        client.construct_event(stale[0], stale[1]["Stripe-Signature"], "whsec_new")


class Inbox:
    """Somebody who takes deliveries, or not."""

    def __init__(self, *, refuses: int = 0) -> None:
        self.refuses = refuses
        self.types: list[str] = []
        self.moments: list[str] = []

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        if self.refuses:
            self.refuses -= 1
            return 500
        self.types.append(json.loads(body)["type"])
        self.moments.append(headers["Stripe-Signature"].split(",")[0])
        return 200


@pytest.fixture
def paid(stand_in: StandIn, client: stripe.StripeClient) -> list[str]:
    """The types of a payment's events."""
    stand_in.pay(checkout(client).id)
    return [event["type"] for event in stand_in.pending]


def test_deliveries_come_in_order_twice_reversed_shuffled_and_late(stand_in: StandIn, paid: list[str]) -> None:
    events = list(stand_in.pending)
    inbox = Inbox()
    assert stand_in.deliver_to(inbox.post) == [200] * 4
    assert (inbox.types, stand_in.pending) == (paid, [])

    stand_in.pending.extend(events)
    twice = Inbox()
    stand_in.deliver_twice(twice.post)
    assert twice.types == [kind for kind in paid for _ in range(2)]

    stand_in.pending.extend(events)
    backwards = Inbox()
    stand_in.deliver_reversed(backwards.post)
    assert backwards.types == paid[::-1]

    shuffled = []
    for _ in range(2):
        stand_in.pending.extend(events)
        inbox = Inbox()
        stand_in.deliver_shuffled(inbox.post, seed=3)
        shuffled.append(inbox.types)
    assert shuffled[0] == shuffled[1] != paid
    assert sorted(shuffled[0]) == sorted(paid)

    stand_in.pending.extend(events)
    late = Inbox()
    stand_in.deliver_late(late.post, timedelta(hours=2))
    assert set(late.moments) == {f"t={int(NOON.timestamp()) + 7200}"}


def test_what_is_not_taken_stays_pending(stand_in: StandIn, paid: list[str]) -> None:
    inbox = Inbox(refuses=1)
    assert stand_in.deliver_to(inbox.post) == [500, 200, 200, 200]
    assert [event["type"] for event in stand_in.pending] == paid[:1]
    assert stand_in.deliver_to(inbox.post) == [200]


def test_what_comes_of_a_delivery_waits_for_the_next(stand_in: StandIn, client: stripe.StripeClient) -> None:
    somebody(client)

    def post(body: bytes, headers: dict[str, str]) -> int:
        somebody(client)
        return 200

    assert len(stand_in.deliver_to(post)) == 1
    assert len(stand_in.pending) == 1


def test_events_that_are_never_delivered_are_still_listed(stand_in: StandIn, client: stripe.StripeClient) -> None:
    stand_in.deliver = "never"
    stand_in.pay(checkout(client).id)
    assert stand_in.pending == []
    found = client.v1.events.list({"types": ["checkout.session.completed", "charge.refunded"]})
    assert [event.type for event in found.data] == ["checkout.session.completed"]
    assert len(client.v1.events.list({"type": "payment_intent.*"}).data) == 2
    event = found.data[0]
    assert client.v1.events.retrieve(event.id).data.object["object"] == "checkout.session"
    assert client.v1.events.list({"created": {"gt": event.created}}).data == []


def test_events_are_gone_after_thirty_days(stand_in: StandIn, client: stripe.StripeClient) -> None:
    somebody(client)
    (event,) = client.v1.events.list().data
    stand_in.now = NOON + timedelta(days=31)
    assert client.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        client.v1.events.retrieve(event.id)


def test_an_event_names_the_request_and_its_key(stand_in: StandIn, client: stripe.StripeClient) -> None:
    client.v1.customers.create({}, {"idempotency_key": "person-9"})
    request = stand_in.pending[-1]["request"]
    assert request["id"].startswith("req_")
    assert request["idempotency_key"] == "person-9"


@pytest.fixture
def listening() -> Iterator[tuple[str, list[bytes]]]:
    """A webhook over real HTTP, which refuses the first delivery of all."""
    bodies: list[bytes] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(500 if len(bodies) == 1 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's name)
            """Nothing is written."""

    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/stripe/webhook", bodies
        server.shutdown()
        thread.join()


def test_now_posts_at_once_and_again_what_was_refused(
    stand_in: StandIn, client: stripe.StripeClient, listening: tuple[str, list[bytes]]
) -> None:
    stand_in.webhook_url, bodies = listening
    stand_in.deliver = "now"
    somebody(client)
    somebody(client)
    assert stand_in.wait_delivered()
    assert len(bodies) == 3
    assert bodies[0] == bodies[1] != bodies[2]
    assert [status for _, status in stand_in.deliveries.answers] == [500, 200, 200]
