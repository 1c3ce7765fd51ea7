"""The stand-in's HTTP side: one request after another through faults, keys, parameters, idempotency, to the work."""

import json
import socket
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from time import sleep
from traceback import format_exc
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from tests.stripe_stand_in import desk, lists, page, parameters, routes
from tests.stripe_stand_in.account import Account, Asking
from tests.stripe_stand_in.answers import Answer
from tests.stripe_stand_in.errors import JSON, Refusal
from tests.stripe_stand_in.faults import Faults, Kind
from tests.stripe_stand_in.idempotency import Idempotency

MODES = {"sk_test_": False, "rk_test_": False, "sk_live_": True, "rk_live_": True}
PAGES = "/c/pay/"
PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass
class Asked:
    """One request as it came, for a test to look at. `status`: what was answered, 0 where the connection was closed."""

    method: str
    path: str
    params: JSON
    idempotency_key: str | None
    key: str
    status: int = 0


class Front:
    """What answers requests. A test looks at `requests` and `unknown`, and orders `faults`, `down` and `latency`."""

    def __init__(self) -> None:
        self.account = Account()
        self.faults = Faults()
        self.idempotency = Idempotency()
        self.requests: list[Asked] = []
        self.unknown: list[tuple[str, str]] = []
        self.broken: list[str] = []
        self.down = False
        self.latency = 0.0
        self.api_keys: set[str] | None = None

    def respond(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer | None:
        """The answer to one request; None closes the connection without one."""
        address = urlsplit(target)
        if self.down:
            return None
        if not address.path.startswith("/v1/"):
            form = dict(parse_qsl(body.decode()))
            if address.path.startswith(PAGES):
                return page.respond(self.account, method, address.path.removeprefix(PAGES), form)
            return desk.respond(self.account, method, address.path, form)
        asking = "&".join(part for part in (address.query, body.decode() if method == "POST" else "") if part)
        key = key_of(headers.get("authorization", ""))
        asked = Asked(method, address.path, {}, headers.get("idempotency-key"), key)
        self.requests.append(asked)
        answer = self.answer(asked, asking, self.faults.next(method, address.path))
        asked.status = answer.status if answer else 0
        return answer

    def answer(self, asked: Asked, form: str, fault: Kind | None) -> Answer | None:
        """Through everything that may stop a request before the work."""
        request_id = self.account.new_id("req_", 14)
        if fault == "drop_before":
            return None
        if fault == "html":
            return Answer(502, PROXY_PAGE, {"Content-Type": "text/html"})
        try:
            asked.params = parameters.parse(form)
            if fault == "429":
                raise Refusal(429, "Request rate limit exceeded.", code="rate_limit", began=False)
            if fault == "503":
                raise Refusal(503, "Stripe is not available at the moment.", kind="api_error", began=False)
            livemode = self.mode_of(asked.key)
            found = routes.find(asked.method, asked.path)
            if found is None:
                self.unknown.append((asked.method, asked.path))
                raise Refusal(404, f"Unrecognized request URL ({asked.method}: {asked.path}).", began=False)
            route, ids = found
            params = parameters.read(parameters.definition(route.params), asked.params)
        except Refusal as refusal:
            return refused(refusal, request_id)
        asking = Asking(request_id, asked.idempotency_key)
        done = self.once(
            asked, form, livemode, lambda: self.work(route, ids, params, livemode, asking, fault), request_id
        )
        return None if fault == "drop_after" else done

    def mode_of(self, key: str) -> bool:
        """Whether a key is of live mode. Raises Refusal 401 for none, or one that is not the account's."""
        if not key:
            raise Refusal(
                401,
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                began=False,
            )
        known = key in self.api_keys if self.api_keys is not None else key[:8] in MODES and "wrong" not in key
        if not known:
            hidden = f"{key[:8]}{'*' * 8}{key[-4:]}"
            raise Refusal(401, f"Invalid API Key provided: {hidden}", began=False)
        return MODES.get(key[:8], False)

    def once(self, asked: Asked, form: str, livemode: bool, work: Callable[[], JSON], request_id: str) -> Answer:
        """Does the work, or gives the answer that its idempotency key already has."""
        if asked.method != "POST" or not asked.idempotency_key:
            try:
                return plain(200, work(), request_id)
            except Refusal as refusal:
                return refused(refusal, request_id)
        key = (livemode, asked.idempotency_key)
        pairs = tuple(sorted(parse_qsl(form, keep_blank_values=True)))
        try:
            earlier = self.idempotency.begin(key, (asked.method, asked.path, pairs), self.account.seconds(), request_id)
        except Refusal as refusal:
            return refused(refusal, request_id)
        if earlier is not None:
            assert earlier.answer is not None
            again = {"Idempotent-Replayed": "true", "Original-Request": earlier.request_id}
            return plain(*earlier.answer, request_id, again | should_retry(earlier.answer[0]))
        try:
            answer = 200, work()
        except Refusal as refusal:
            answer = refusal.status, {"error": refusal.error | {"request_log_url": log_url(request_id)}}
            if not refusal.began:
                self.idempotency.forget(key)
                return plain(*answer, request_id)
        except BaseException:
            self.idempotency.forget(key)
            raise
        self.idempotency.finish(key, answer)
        return plain(*answer, request_id, should_retry(answer[0]))

    def work(
        self,
        route: routes.Route,
        ids: tuple[str, ...],
        params: JSON,
        livemode: bool,
        asking: Asking,
        fault: Kind | None,
    ) -> JSON:
        """The request's own work, under the account's lock."""
        if self.latency:
            sleep(self.latency)
        if isinstance(fault, tuple):
            sleep(fault[1])
        broken = Refusal(500, "An unknown error occurred.", kind="api_error")
        if fault == "500":
            raise broken
        with self.account.acting(livemode, asking):
            done = route.work(self.account, params, *ids)
            # A copy, as it is now: what is remembered under an idempotency key does not change any more.
            answer = cast(JSON, json.loads(json.dumps(done)))
            lists.expand(self.account, answer, params.get("expand", []))
            if fault == "500_after":
                raise broken
            return cast(JSON, json.loads(json.dumps(answer)))


def key_of(authorization: str) -> str:
    """The API key of a request: as a bearer, or as the name of basic authentication."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        with suppress(NotBase64, UnicodeDecodeError):
            return b64decode(value).decode().partition(":")[0]
        return ""
    return value.strip() if scheme.lower() == "bearer" else ""


def log_url(request_id: str) -> str:
    return f"https://dashboard.stripe.com/test/logs/{request_id}"


def should_retry(status: int) -> dict[str, str]:
    """An error that its key answers for a day is not worth asking again."""
    return {"Stripe-Should-Retry": "false"} if status >= 400 else {}


def plain(status: int, body: JSON, request_id: str, headers: dict[str, str] | None = None) -> Answer:
    told = {"Content-Type": "application/json", "Request-Id": request_id, **(headers or {})}
    return Answer(status, json.dumps(body, indent=2).encode(), told)


def refused(refusal: Refusal, request_id: str) -> Answer:
    return plain(refusal.status, {"error": refusal.error | {"request_log_url": log_url(request_id)}}, request_id)


class Handler(BaseHTTPRequestHandler):
    """One connection, kept for as many requests as come."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def setup(self) -> None:
        super().setup()
        server = cast(Server, self.server)
        with server.connections_lock:
            server.connections.add(self.connection)

    def finish(self) -> None:
        server = cast(Server, self.server)
        with server.connections_lock:
            server.connections.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def answer(self) -> None:
        """Any method: reads the request whole, and writes what the front answers, or closes."""
        front = cast(Server, self.server).front
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = front.respond(
                self.command, self.path, body, {name.lower(): value for name, value in self.headers.items()}
            )
        except Exception:
            front.broken.append(format_exc())
            told = {"error": {"type": "api_error", "message": f"The stand-in itself is broken: {format_exc()}"}}
            answer = plain(500, told, "req_broken")
        if answer is None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = answer  # noqa: N815  (the library's names)

    def version_string(self) -> str:
        return "stripe-stand-in"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the library's name)
        """Nothing is written while tests run: `requests` has it all."""


class Server(ThreadingHTTPServer):
    """The stand-in's server on loopback, in a thread of its own."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, front: Front, port: int) -> None:
        self.front = front
        self.connections: set[socket.socket] = set()
        self.connections_lock = Lock()
        super().__init__(("127.0.0.1", port), Handler)
        self.thread = Thread(target=self.serve_forever, args=(0.02,), name="stripe-stand-in", daemon=True)

    def server_bind(self) -> None:
        """As the parent, without asking the network for this computer's name."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that went away: the product was told to close it, or the stand-in did."""

    def stop(self) -> None:
        """Ends the thread and every connection that is still open."""
        self.shutdown()
        self.thread.join(timeout=2)
        with self.connections_lock:
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
