"""A conversation in a browser: nobody leaves the page while they write, and nobody needs JavaScript to."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils.timezone import now
from playwright.sync_api import BrowserContext, Page, expect

from booking.reservations.models import Reservation
from tests import factories
from tests.services.server import Product
from workshops.people.models import Role

pytestmark = pytest.mark.slow
PASSWORD = "a-password-of-theirs"


def come_in(page: Page, product: Product, who: str, to: str) -> None:
    page.goto(f"{product.url}/accounts/login/?next={to}")
    page.get_by_label("E-mail").fill(who)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{product.url}{to}")


@pytest.fixture
def held(product: Product) -> Reservation:
    """Anna's reservation, and Robin at the desk."""
    factories.person(Role.REGISTRAR, name="Robin", email="robin@example.org", password=PASSWORD)
    anna = factories.trainee(name="Anna", email="anna@example.org", password=PASSWORD)
    return factories.reservation(trainee=anna, now=now())


def test_a_question_is_asked_with_scripts_and_answered_without(
    product: Product, held: Reservation, new_context: Callable[..., BrowserContext]
) -> None:
    path = f"/reservations/{held.public_id}/"
    anna = new_context(viewport={"width": 390, "height": 844}).new_page()
    come_in(anna, product, "anna@example.org", path)
    anna.evaluate("window.stayed = true")
    anna.get_by_label("Write to the school").fill("Is there a lift?")
    anna.get_by_role("button", name="Send").click()
    expect(anna.locator(".thread li")).to_contain_text("Is there a lift?")
    expect(anna.get_by_text("Sent. The school is told by e-mail.")).to_be_visible()
    expect(anna.get_by_label("Write to the school")).to_have_value("")

    anna.evaluate("document.querySelector('#id_words').removeAttribute('maxlength')")
    anna.get_by_label("Write to the school").fill("x" * 4001)
    anna.get_by_role("button", name="Send").click()
    expect(anna.get_by_label("Write to the school")).to_be_focused()
    expect(anna.get_by_label("Write to the school")).to_have_value("x" * 4001)
    assert anna.evaluate("window.stayed")

    robin = new_context(java_script_enabled=False).new_page()
    come_in(robin, product, "robin@example.org", "/desk/conversations/")
    robin.get_by_role("link", name="Anna").click()
    robin.get_by_label("Write to Anna").fill("There is.")
    robin.get_by_role("button", name="Send").click()
    robin.wait_for_url(f"{product.url}/desk{path}#conversation")
    expect(robin.locator(".thread li").last).to_contain_text("There is.")

    anna.reload()
    expect(anna.locator(".thread li").last).to_contain_text("There is.")
    expect(anna.locator(".thread li").last).to_contain_text("New")


def test_no_page_with_a_conversation_has_a_finding_of_the_accessibility_checker(
    product: Product, held: Reservation, new_context: Callable[..., BrowserContext]
) -> None:
    pages = {
        "anna@example.org": (f"/reservations/{held.public_id}/conversation/",),
        "robin@example.org": ("/desk/conversations/", f"/desk/reservations/{held.public_id}/conversation/"),
    }
    for who, paths in pages.items():
        page = new_context(bypass_csp=True, viewport={"width": 390, "height": 844}, color_scheme="dark").new_page()
        come_in(page, product, who, "/")
        for path in paths:
            page.goto(f"{product.url}{path}")
            if path.endswith("/conversation/"):
                page.locator("#id_words").fill("Some words, " + "o" * 200)
                page.get_by_role("button", name="Send").click()
                expect(page.get_by_text("Sent.")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
            report = Axe().run(page)
            assert report.violations_count == 0, report.generate_snapshot()
