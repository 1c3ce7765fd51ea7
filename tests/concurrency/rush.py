"""Many people at once through the real server: what the tests of rushes share."""

import http.client
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.services.server import Product


@dataclass(frozen=True)
class Answer:
    """What the API said to one call."""

    status: int
    body: dict[str, Any]

    @property
    def said(self) -> str:
        """The status, with the problem's slug where there is one: 409 cohort-full."""
        slug = str(self.body.get("type", "")).rpartition("/")[2]
        return f"{self.status} {slug}".strip()


def call(product: Product, method: str, path: str, token: str, body: object = None) -> Answer:
    """One call of the API."""
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=60)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        return Answer(response.status, json.loads(response.read() or b"{}"))
    finally:
        connection.close()


def all_at_once(product: Product, tokens: list[str], path: str, body: object) -> list[Answer]:
    """The same POST by everyone at the same moment, one thread a person."""
    gate = threading.Barrier(len(tokens))

    def one(token: str) -> Answer:
        gate.wait()
        return call(product, "POST", path, token, body)

    with ThreadPoolExecutor(len(tokens)) as people:
        return list(people.map(one, tokens))


def tally(answers: list[Answer]) -> dict[str, int]:
    """How often each thing was said."""
    return dict(Counter(answer.said for answer in answers))
