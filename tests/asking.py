"""How tests ask the API: a program with a token, and a clock that stands still until it is moved."""

import json
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone

from tests import factories
from workshops.people.models import Scope, User


class StoppedClock:
    """What `timezone.now()` says. It moves only when a test moves it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: datetime = factories.NOW) -> None:
        self.now = now
        # Libraries bind the real clock when they are imported: not while another one stands in for it.
        import_module(settings.ROOT_URLCONF)
        monkeypatch.setattr(timezone, "now", lambda: self.now)

    def move(self, **by: float) -> datetime:
        """Let so much time pass; return what it is now."""
        self.now += timedelta(**by)
        return self.now


class Answer:
    """What the API answered: its status, its headers and its JSON."""

    def __init__(self, response: HttpResponseBase) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.content = response.content  # type: ignore[attr-defined]
        self.json: Any = json.loads(self.content) if "json" in self.headers.get("Content-Type", "") else None

    @property
    def problem(self) -> tuple[int, str]:
        """The status and the slug of a problem, when it has the form of one."""
        assert self.headers["Content-Type"] == "application/problem+json", self.content
        assert self.json["status"] == self.status
        assert self.json["title"]
        assert self.json["detail"]
        return self.status, self.json["type"].removeprefix("/problems/")


class Program:
    """A program that calls the API with one token, or with none."""

    def __init__(self, key: str = "") -> None:
        self.client = Client(headers={"Authorization": f"Bearer {key}"} if key else None)

    @classmethod
    def of(cls, user: User, *scopes: Scope) -> "Program":
        """A program of this person, with a token of these scopes, or of all of them."""
        return cls(factories.token(user, *(scopes or tuple(Scope))))

    def get(self, path: str, **query: str | int) -> Answer:
        """GET a path beneath the root of the API."""
        return Answer(self.client.get(f"/api/v1{path}", query))

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Answer:
        """POST JSON, with an Idempotency-Key if one is given. A body of bytes is sent as it is."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = {} if key is None else {"Idempotency-Key": key}
        return Answer(self.client.post(f"/api/v1{path}", data, content_type="application/json", headers=headers))

    def delete(self, path: str) -> Answer:
        """DELETE a path beneath the root of the API."""
        return Answer(self.client.delete(f"/api/v1{path}"))


def invalid_fields(answer: Answer) -> list[str]:
    """The names of the fields that were found wrong."""
    assert answer.problem == (422, "invalid-input")
    return [error["field"] for error in answer.json["errors"]]
