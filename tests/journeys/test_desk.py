"""The registrar's day in a browser: what is missing is mended, a seat reserved by transfer, the money recorded."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from booking.desk.sample.season import SAMPLE_PASSWORD
from booking.reservations.models import Reservation, State
from tests.services.server import Product
from workshops.cohorts.models import Cohort
from workshops.people.models import User

PAGES = (
    "/desk/",
    "/desk/cohorts/new/",
    "/desk/cohorts/{cohort}/",
    "/desk/cohorts/{cohort}/edit/",
    "/desk/cohorts/{cohort}/instructors/",
    "/desk/cohorts/{cohort}/seats/",
    "/desk/cohorts/{cohort}/terms/",
    "/desk/venues/",
    "/desk/venues/new/",
    "/desk/setup/",
    "/desk/school/",
    "/desk/terms/",
    "/desk/prices/",
    "/desk/programme/",
    "/desk/conduct/",
    "/desk/people/",
    "/desk/people/new/",
    "/desk/people/import/",
    "/desk/people/{person}/",
    "/desk/money/",
    "/desk/money/journal/",
    "/desk/reservations/{reservation}/",
    "/desk/outbox/",
    "/profile/",
    "/profile/tokens/",
    "/api/v1/docs",
)


@pytest.fixture
def season(product: Product) -> Product:
    """The product with its sample season."""
    product.manage("sample_season")
    return product


def come_in(page: Page, product: Product, who: str, to: str = "/") -> None:
    """Open a page as somebody of the sample season."""
    page.goto(f"{product.url}/accounts/login/?next={to}")
    page.get_by_label("E-mail").fill(f"{who}@example.org")
    page.get_by_label("Password").fill(SAMPLE_PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{product.url}{to}")


def test_the_registrar_mends_what_is_missing_and_records_the_transfer(
    season: Product, new_context: Callable[..., BrowserContext]
) -> None:
    cohort = Cohort.objects.order_by("starts_on")[0]
    petra = User.objects.get(email="lacking-module-iii@example.org")

    desk = new_context().new_page()
    come_in(desk, season, "registrar", f"/desk/people/{petra.public_id}/")
    finished = desk.locator(f"form[action$='{petra.public_id}/completion/']")
    desk.locator("details", has=finished).locator("summary").click()
    finished.get_by_label("Module", exact=True).select_option(label="Module III")
    finished.get_by_label("On", exact=True).fill("2026-06-01")
    finished.get_by_role("button").click()
    expect(desk.get_by_text("Finished on 1 June 2026.").first).to_be_visible()

    trainee = new_context().new_page()
    come_in(trainee, season, "lacking-module-iii", f"/cohorts/{cohort.code}/reserve/")
    trainee.get_by_label("I have read this and agree to it").check()
    trainee.get_by_role("button", name="Hold a seat for me").click()
    trainee.get_by_label("Bank transfer").check()
    trainee.get_by_role("button", name="Go on").click()
    expect(trainee.get_by_role("heading", name="Your transfer is expected")).to_be_visible()

    made = Reservation.objects.get()
    desk.goto(f"{season.url}/desk/reservations/{made.public_id}/")
    transfer = desk.locator("form[action$='/transfer/']")
    if desk.locator("details", has=transfer).count():
        desk.locator("details", has=transfer).locator("summary").click()
    expect(transfer.get_by_label("Amount that arrived, in US dollars")).to_have_value("500.00")
    transfer.get_by_label("Reference").fill("WIRE-1001")
    transfer.get_by_role("button").click()
    expect(desk.get_by_text("WIRE-1001").first).to_be_visible()
    made.refresh_from_db()
    assert made.state == State.RESERVED
    trainee.reload()
    expect(trainee.get_by_role("heading", name="Seat 1 is reserved for you")).to_be_visible()


@pytest.mark.parametrize(
    "options",
    [{}, {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}],
    ids=["desktop", "phone-dark"],
)
def test_no_page_of_the_desk_has_a_finding_of_the_accessibility_checker_or_scrolls_sideways(
    season: Product, new_context: Callable[..., BrowserContext], options: dict[str, object]
) -> None:
    season.manage("shell", "-c", RESERVE_ONE)
    made = Reservation.objects.get()
    page = new_context(bypass_csp=True, **options).new_page()
    come_in(page, season, "registrar")
    found = {}
    for path in PAGES:
        address = path.format(cohort=made.cohort.code, person=made.trainee.public_id, reservation=made.public_id)
        answer = page.goto(season.url + address)
        assert answer is not None
        assert answer.status == 200, address
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        report = Axe().run(page)
        if report.violations_count or wider > 0:
            found[path] = (wider, report.generate_snapshot())
    assert found == {}


RESERVE_ONE = """
from django.utils.timezone import now
from booking.reservations import reserving
from workshops.models import Cohort, User
reserving.hold(Cohort.objects.first(), User.objects.get(email="alex@example.org"), now=now())
"""
