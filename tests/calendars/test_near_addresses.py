"""Whatever is asked beside a calendar's address is answered as quietly as a calendar: the secret may stand in it."""

import pytest
from django.http import HttpResponse
from django.test import Client

from booking.calendars.models import FeedKind
from tests import factories
from tests.calendars.subscribed import subscribe
from workshops.people.models import Role

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
QUIET = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@pytest.fixture
def path() -> str:
    """A private address that works."""
    return subscribe(factories.person(Role.TRAINEE), FeedKind.TRAINEE)


@pytest.fixture
def client() -> Client:
    """A browser with cookies, treated as on a real server."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(factories.person(Role.TRAINEE))
    return browser


def assert_quiet(answer: HttpResponse, path: str) -> None:
    assert {name: answer.headers.get(name) for name in QUIET} == QUIET
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert not answer.cookies
    assert path.rpartition("/")[2].removesuffix(".ics") not in answer.content.decode()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "TRACE"])
def test_a_wrong_method_is_refused_as_such(client: Client, path: str, method: str) -> None:
    answer = client.generic(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert_quiet(answer, path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "near",
    [
        "{path}/",
        "{bare}",
        "{bare}/",
        "{path}/more",
        "{bare}.ical",
        "{bare}.ICS",
        "/calendar//{kind_and_secret}",
        "/calendar/trainees/{secret}",
        "/calendar/{secret}",
        "/calendar/cohorts.ics/{secret}",
        "/calendar/cohorts/{secret}",
    ],
)
def test_an_address_with_a_slip_is_not_found_as_any_other(client: Client, path: str, near: str) -> None:
    secret = path.rpartition("/")[2]
    parts = {"path": path, "bare": path.removesuffix(".ics"), "secret": secret, "kind_and_secret": f"trainee//{secret}"}
    asked = near.format(**parts)
    for answer in (client.get(asked), client.head(asked)):
        assert answer.status_code == 404
        assert_quiet(answer, path)  # type: ignore[arg-type]
    for answer in (client.post(asked), client.generic("PROPFIND", asked)):
        assert answer.status_code == 405
        assert_quiet(answer, path)  # type: ignore[arg-type]


def test_the_public_calendars_may_still_be_kept(client: Client) -> None:
    assert client.get("/calendar/cohorts.ics").headers["Cache-Control"] == "public, max-age=900"
    assert client.post("/calendar/cohorts.ics").status_code == 405
