"""Putting one's days into a calendar, in a browser: made, copied, fetched, made anew, ended."""

import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from django.utils.timezone import now
from playwright.sync_api import BrowserContext, Page, expect

from booking.calendars.models import FeedToken
from tests import factories
from tests.calendars.readers import READERS
from tests.journeys.test_reserving import CHECKED, PASSWORD, PHONE, accessible, nothing_more, sign_in
from tests.services.server import Product

LOOKS = [(CHECKED, accessible), ({**CHECKED, **PHONE, "color_scheme": "dark"}, accessible), ({}, nothing_more)]
GOOGLE = {"User-Agent": "Google-Calendar-Importer"}


def fetch(address: str) -> tuple[int, bytes]:
    """What a calendar program is answered, which has no cookies."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=GOOGLE)) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


@pytest.mark.parametrize(("options", "look"), LOOKS, ids=["checked", "checked-phone-dark", "desktop"])
def test_a_trainee_subscribes_to_their_days_and_takes_the_address_back(
    product: Product,
    new_context: Callable[..., BrowserContext],
    options: dict[str, object],
    look: Callable[[Page], None],
) -> None:
    tara = factories.trainee(name="Tara Quinn", email="tara@example.org", password=PASSWORD)
    cohort = factories.cohort(now=now(), title="Module IV, the one of Tara")
    held = factories.reservation(cohort=cohort, trainee=tara, now=now())
    other = factories.cohort(now=now(), title="Module IV, the one of somebody else")
    factories.reservation(cohort=other, trainee=factories.trainee(name="Marguerite"), now=now())

    context = new_context(**options)
    page = context.new_page()
    page.goto(f"{product.url}{held.get_absolute_url()}")
    sign_in(page, product, "tara@example.org")
    page.get_by_role("link", name="Put these days in your calendar").click()
    expect(page.get_by_role("heading", name="Your days", exact=True)).to_be_visible()
    look(page)

    page.get_by_role("button", name="Make the address").click()
    field = page.get_by_label("The secret address of this calendar")
    first = field.input_value()
    look(page)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == first

    status, feed = fetch(first)
    assert status == 200
    for reader in READERS.values():
        days = [event for event in reader(feed) if "day " in event.title]
        assert len(days) == 4
    assert b"the one of somebody else" not in feed
    assert b"Marguerite" not in feed

    page.get_by_role("link", name="All calendars").click()
    expect(page.get_by_text("just now by Google Calendar")).to_be_visible()
    expect(page.get_by_text(first)).to_have_count(0)
    page.get_by_role("button", name="Leave them out").click()
    expect(page.get_by_text("Due dates are left out of your calendar from its next fetch on.")).to_be_visible()

    page.get_by_text("Make a new address").first.click()
    look(page)
    page.get_by_role("button", name="Make a new address").click()
    second = field.input_value()
    assert (fetch(first)[0], fetch(second)[0]) == (404, 200)

    page.get_by_role("link", name="All calendars").click()
    page.get_by_text("End this address").first.click()
    page.get_by_role("button", name="End this address").click()
    expect(page.get_by_text("That address has ended")).to_be_visible()
    assert fetch(second)[0] == 404
    assert not FeedToken.objects.exists()

    # The page that shows a secret keeps its forms working: under a policy that hides its origin they would be refused.
    page.get_by_role("button", name="Make the address").click()
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()


def test_it_is_done_with_the_keyboard_alone_and_without_javascript(
    product: Product, new_context: Callable[..., BrowserContext]
) -> None:
    factories.trainee(email="tara@example.org", password=PASSWORD)
    page = new_context(java_script_enabled=False).new_page()
    page.goto(f"{product.url}/accounts/login/?next=/calendars/")
    sign_in(page, product, "tara@example.org")
    page.locator("main").focus()
    tab_to(page, "Make the address")
    page.keyboard.press("Enter")
    field = page.get_by_label("The secret address of this calendar")
    address = field.input_value()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    page.locator("main").focus()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "address":
            break
    # Whoever comes by keyboard has the whole of it selected by the browser itself.
    assert page.evaluate("getSelection().toString()") == address
    page.goto(f"{product.url}/calendars/")
    page.locator("main").focus()
    tab_to(page, "End this address")
    page.keyboard.press("Enter")
    tab_to(page, "End this address")
    page.keyboard.press("Enter")
    expect(page.get_by_text("That address has ended")).to_be_visible()
    assert fetch(address)[0] == 404


def tab_to(page: Page, words: str) -> None:
    """Go on by Tab until what has these words has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == words:
            return
    raise AssertionError(f"{words} is not reached")
