"""Who comes to the desk's doors: browsers of people with each role."""

import csv
import io
from datetime import datetime

from django.db import connection
from django.http.response import HttpResponseBase
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import factories
from workshops.people.models import Role


def browser(*roles: Role, **fields: str) -> Client:
    """A browser of someone with these roles, signed in."""
    client = Client()
    client.force_login(factories.person(*roles, **fields))
    return client


def rows(page: HttpResponseBase) -> list[list[str]]:
    """The cells of a CSV answer."""
    return list(csv.reader(io.StringIO(page.content.decode("utf-8-sig"))))  # type: ignore[attr-defined]


def minutes(moment: datetime) -> str:
    """A moment as a browser's field sends it, in Los Angeles."""
    return moment.astimezone(factories.LOS_ANGELES).strftime("%Y-%m-%dT%H:%M")


def statements(client: Client, path: str, query: dict[str, str] | None = None) -> int:
    """How many statements a page takes, apart from what a process reads once."""
    client.get(path, query)
    with CaptureQueriesContext(connection) as taken:
        assert client.get(path, query).status_code == 200
    return len(taken)
