"""The secret of a private calendar reaches no log, whatever goes wrong where it stands in the address."""

import io
import logging
import logging.config
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.test import Client
from django.urls import Resolver404

from booking.calendars import tokens
from booking.calendars.clients import Ways
from booking.calendars.models import FeedKind
from booking.site.masking import MASK, MaskingFormatter, masked
from tests import factories
from tests.services.server import Product
from workshops.people.models import Role

SECRET = "Qv3-kf_8ZsXbA0q9L2mNtY7cUe5RwHdJ1gPoI4T6Vx_"
"""As long and of the same letters as those that are made."""
ADDRESS = f"https://booking.example.org/calendar/trainee/{SECRET}.ics"
WAYS = Ways(ADDRESS, "Your days")
SAID = [
    ADDRESS,
    f"/calendar/trainee/{SECRET}.ics",
    f"calendar/registrar/{SECRET}.ics",
    f"/calendar/trainee/{SECRET}",
    f"/calendar/trainee/{SECRET}.ics/",
    f"/calendar//trainee//{SECRET}.ics",
    f"/CALENDAR/Trainee/{SECRET}.ics",
    f"/calendars/trainee/{SECRET}.ics",
    f"/calendar/trainees/{SECRET}.ics",
    f"/calendar/trainee/{SECRET[:20]}",
    f"/calendar/trainee/{SECRET}x.ics?a=b",
    f"/calendar/trainee/{SECRET}.ics?next=/calendar/trainee/{SECRET}.ics",
    WAYS.webcal,
    WAYS.google,
    WAYS.outlook,
    WAYS.microsoft_365,
    quote(WAYS.google, safe=""),
    f"/accounts/login/?next={quote(f'/calendar/trainee/{SECRET}.ics', safe='')}",
    f"/calendar/trainee/{SECRET.replace('_', '%5F').replace('-', '%2D')}%2Eics",
    f"GET /%63alendar/trainee/{SECRET}.ics HTTP/1.1",
    f"<WSGIRequest: GET '/calendar/trainee/{SECRET}.ics'>",
    repr(Resolver404({"tried": [], "path": f"calendar/trainee/{SECRET}.ics"})),
    f"the secret {SECRET} by itself",
]


def tells(text: str) -> bool:
    """Whether any part of the secret that is worth having stands in a text."""
    return any(SECRET[start : start + 8] in text.replace("%5F", "_") for start in range(len(SECRET) - 8))


@pytest.mark.parametrize("said", SAID)
def test_however_the_address_is_written_its_secret_is_left_out(said: str) -> None:
    assert tells(said)
    assert not tells(masked(said))
    assert MASK in masked(said)


@pytest.mark.parametrize(
    "said",
    [
        "/calendar/cohorts.ics",
        "/calendar/cohorts/2027-spring.ics",
        "/calendars/yours/trainee/",
        "reservation 01jh0k5p2m8q3r7t9v4w",
        "a" * 64,
        "GET /api/v1/cohorts failed",
        "2026-11-24 03:04:00,123 ERROR booking.site.api: cs_test_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4",
    ],
)
def test_what_is_no_secret_stays_readable(said: str) -> None:
    assert masked(said).replace(MASK, "trainee/") == said


# -- real records ------------------------------------------------------------------------------------------------------
Log = io.StringIO


@pytest.fixture
def log() -> Iterator[Log]:
    """What the product's own logging writes, set up from its settings as Django does, in place of the tests'."""
    written = io.StringIO()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logging.config.dictConfig(settings.LOGGING)
    ours = [handler for handler in root.handlers if handler not in before]
    for handler in ours:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(written)
    yield written
    root.handlers, root.level = before, level


@pytest.fixture
def client() -> Client:
    """A program that is answered as on a real server, with 500 where something fails."""
    return Client(raise_request_exception=False)


@pytest.mark.django_db
def test_nothing_is_told_of_an_address_that_is_not_found(log: Log, client: Client) -> None:
    for path in (f"/calendar/trainee/{SECRET}.ics", f"/calendar/trainee/{SECRET}/more", f"/calendar/nobody/{SECRET}"):
        assert client.get(path).status_code == 404
    assert log.getvalue().count("Not Found: /calendar/") == 3
    assert log.getvalue().count(MASK) == 3
    assert not tells(log.getvalue())


@pytest.mark.django_db
def test_nothing_is_told_by_the_traceback_of_a_failure(
    log: Log, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        try:
            raise ValueError(ADDRESS)
        except ValueError as first:
            raise RuntimeError(f"could not build {SECRET} at {WAYS.google}") from first

    monkeypatch.setattr("booking.calendars.views.current_time", fails)
    assert client.get(f"/calendar/trainee/{SECRET}.ics").status_code == 500
    assert "Internal Server Error: /calendar/trainee/[secret]" in log.getvalue()
    assert "RuntimeError: could not build [secret] at https://calendar.google.com" in log.getvalue()
    assert "in fails" in log.getvalue()
    assert not tells(log.getvalue())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "asked",
    [
        lambda client, path: client.post(path),
        lambda client, path: client.generic("PROPFIND", path),
        lambda client, path: client.post(f"{path}/"),
        lambda client, path: client.get(path.removesuffix(".ics")),
        lambda client, path: client.get(path, headers={"Host": "wrong host"}),
        lambda client, path: client.get(f"{path}/..%2f..%2fetc"),
        lambda client, _: client.post("/calendars/yours/trainee/", headers={"Referer": ADDRESS}),
        lambda client, path: client.get(f"/accounts/login/{path}"),
        lambda client, path: client.get(path, headers={"Cookie": f"sessionid={SECRET}"}),
    ],
)
def test_nothing_is_told_of_a_request_that_is_refused(
    log: Log, client: Client, asked: Callable[[Client, str], object]
) -> None:
    client.handler.enforce_csrf_checks = True
    asked(client, f"/calendar/trainee/{SECRET}.ics")
    assert not tells(log.getvalue())


def test_what_the_development_server_says_of_each_request_goes_the_same_way(log: Log) -> None:
    logging.getLogger("django.server").info('"GET /calendar/trainee/%s.ics HTTP/1.1" 200', SECRET)
    assert '"GET /calendar/trainee/[secret]" 200' in log.getvalue().replace(" HTTP/1.1", "")


def test_arguments_stacks_and_exceptions_that_were_drawn_before_are_masked(log: Log) -> None:
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "%s and %r", (ADDRESS, [SECRET]), None)
    record.exc_text, record.stack_info = f"Traceback: {ADDRESS}", f"Stack: /calendar/mentor/{SECRET}.ics"
    logging.getLogger().handle(record)
    assert log.getvalue().count(MASK) == 4
    assert not tells(log.getvalue())


@pytest.mark.django_db
def test_with_another_formatter_the_secret_would_be_told(log: Log, client: Client) -> None:
    """So the tests above would notice if it were not for the mask."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(logging.Formatter("%(message)s"))
    client.get(f"/calendar/trainee/{SECRET}.ics")
    assert tells(log.getvalue())


def test_every_handler_of_the_product_masks_what_it_writes() -> None:
    said: Any = settings.LOGGING
    formatters = {name: each.get("class") for name, each in said["formatters"].items()}
    masking = f"{MaskingFormatter.__module__}.{MaskingFormatter.__qualname__}"
    assert {formatters[each["formatter"]] for each in said["handlers"].values()} == {masking}
    named = {name for each in said["loggers"].values() for name in each.get("handlers", [])}
    assert named == set(), "all goes to the root's handler"


def test_the_real_server_writes_no_secret_to_its_log(product: Product) -> None:
    person = factories.person(Role.TRAINEE)
    _, address = tokens.make(person, FeedKind.TRAINEE, now=factories.NOW)
    secret = address.rpartition("/")[2].removesuffix(".ics")
    assert product.status(f"/calendar/trainee/{secret}.ics/") == 404
    assert product.status(f"/calendar/mentor/{secret}.ics") == 404
    # The tests' own server says each request aloud, which the product's never does.
    said = [line for line in product.web_log.read_text().splitlines() if not line.startswith("[")]
    assert [line for line in said if "Not Found" in line]
    assert not [line for line in said if secret in line]
