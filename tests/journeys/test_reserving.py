"""The whole way in a browser, through the real server: from signing in to the roster and the public calendar."""

import urllib.request
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils.timezone import now
from playwright.sync_api import BrowserContext, Page, expect

from booking.reservations import reserving
from booking.reservations.models import Reservation, State
from tests import factories
from tests.calendars.readers import READERS
from tests.services.server import Product
from workshops.cohorts.models import Cohort
from workshops.people.models import Role

PASSWORD = "four-quiet-days"
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture
def cohort(product: Product) -> Cohort:
    """A cohort with an instructor who can sign in, open for booking."""
    instructor = factories.person(Role.INSTRUCTOR, name="Ines", email="ines@example.org", password=PASSWORD)
    return factories.cohort(now=now(), capacity=3, instructors=(instructor,))


def sign_in(page: Page, product: Product, email: str) -> None:
    """Sign in from wherever the page is; it leads back there."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def accessible(page: Page) -> None:
    """No finding of axe, the accessibility checker."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def nothing_more(_page: Page) -> None:
    """Look no further."""


# The checker styles what it looks at, which the content security policy would report: it has journeys of its own.
CHECKED = {"bypass_csp": True}
ALL = [
    ({}, nothing_more),
    (PHONE, nothing_more),
    (CHECKED, accessible),
    ({**CHECKED, **PHONE, "color_scheme": "dark"}, accessible),
]


@pytest.mark.parametrize(("options", "look"), ALL, ids=["desktop", "phone", "checked", "checked-phone-dark"])
def test_a_trainee_reserves_pays_and_appears_on_the_roster_and_nowhere_else(
    product: Product,
    cohort: Cohort,
    new_context: Callable[..., BrowserContext],
    options: dict[str, object],
    look: Callable[[Page], None],
) -> None:
    factories.trainee(name="Tara Quinn", email="tara@example.org", password=PASSWORD)
    page = new_context(**options).new_page()

    page.goto(f"{product.url}{cohort.get_absolute_url()}")
    look(page)
    page.get_by_role("link", name="Sign in to reserve").click()
    sign_in(page, product, "tara@example.org")
    expect(page.get_by_role("heading", name="Reserve a seat")).to_be_visible()  # back where it began
    look(page)

    page.goto(f"{product.url}/where-you-stand/")
    expect(page.get_by_text("You meet everything Module IV asks for.")).to_be_visible()
    look(page)

    page.goto(f"{product.url}{cohort.get_absolute_url()}reserve/")
    page.get_by_label("I have read this and agree to it").check()
    page.get_by_role("button", name="Hold a seat for me").click()
    expect(page.get_by_role("heading", name="Keep your seat")).to_be_visible()
    look(page)

    page.get_by_label("The deposit, $500").check()
    page.get_by_label("Play money").check()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Seat 1 is reserved for you")).to_be_visible()
    expect(page.get_by_text("The balance of $1,599 is due by")).to_be_visible()
    look(page)
    assert Reservation.objects.get().state == State.RESERVED

    room = new_context(**options).new_page()
    room.goto(f"{product.url}/teaching/{cohort.code}/")
    sign_in(room, product, "ines@example.org")
    expect(room.get_by_role("rowheader", name="Tara Quinn")).to_be_visible()
    look(room)

    with urllib.request.urlopen(f"{product.url}/calendar/cohorts.ics") as answer:  # noqa: S310
        feed = answer.read()
    read = {name: reader(feed) for name, reader in READERS.items()}
    assert {len([event for event in events if "day" in event.title]) for events in read.values()} == {4}
    assert len({tuple(events) for events in read.values()}) == 1
    assert b"Tara" not in feed


def test_someone_who_lacks_module_iii_is_told_so_and_finds_no_button(
    product: Product, cohort: Cohort, page: Page
) -> None:
    factories.trainee(lacking="module-iii", email="lio@example.org", password=PASSWORD)
    page.goto(f"{product.url}{cohort.get_absolute_url()}reserve/")
    sign_in(page, product, "lio@example.org")
    expect(page.get_by_role("heading", name="Something is still missing")).to_be_visible()
    expect(page.get_by_text("Module III is not on your record.")).to_be_visible()
    expect(page.get_by_role("button", name="Hold a seat for me")).to_have_count(0)
    page.goto(f"{product.url}{cohort.get_absolute_url()}")
    expect(page.get_by_role("link", name="See what is missing")).to_be_visible()
    assert not Reservation.objects.exists()


def test_the_whole_way_works_without_javascript(
    product: Product, cohort: Cohort, new_context: Callable[..., BrowserContext]
) -> None:
    factories.trainee(email="tara@example.org", password=PASSWORD)
    page = new_context(java_script_enabled=False).new_page()
    page.goto(f"{product.url}{cohort.get_absolute_url()}reserve/")
    sign_in(page, product, "tara@example.org")
    page.get_by_label("I have read this and agree to it").check()
    page.get_by_role("button", name="Hold a seat for me").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Seat 1 is reserved for you")).to_be_visible()


def test_two_people_go_for_the_last_seat_and_the_second_is_told_kindly(
    product: Product, cohort: Cohort, new_context: Callable[..., BrowserContext]
) -> None:
    cohort.seats.filter(number__gt=1).delete()
    people = []
    for name in ("first", "second"):
        factories.trainee(email=f"{name}@example.org", password=PASSWORD)
        page = new_context().new_page()
        page.goto(f"{product.url}{cohort.get_absolute_url()}reserve/")
        sign_in(page, product, f"{name}@example.org")
        page.get_by_label("I have read this and agree to it").check()
        people.append(page)
    for page in people:
        page.get_by_role("button", name="Hold a seat for me").click()
    expect(people[0].get_by_role("heading", name="Keep your seat")).to_be_visible()
    expect(people[1].get_by_role("heading", name="The last seat has just gone")).to_be_visible()


def test_a_seat_that_goes_is_seen_on_an_open_page_and_on_the_roster_without_reloading(
    product: Product, cohort: Cohort, new_context: Callable[..., BrowserContext]
) -> None:
    context = new_context()
    context.clock.install()
    visitor = context.new_page()
    visitor.goto(f"{product.url}{cohort.get_absolute_url()}")
    expect(visitor.get_by_text("3 places left of 3")).to_be_visible()
    instructor = new_context()
    instructor.clock.install()
    room = instructor.new_page()
    room.goto(f"{product.url}/teaching/{cohort.code}/")
    sign_in(room, product, "ines@example.org")
    expect(room.get_by_text("Nobody yet")).to_be_visible()
    reserving.hold(cohort, factories.trainee(name="Tara Quinn"), now=now())
    visitor.clock.fast_forward("01:05")
    expect(visitor.get_by_text("2 places left of 3")).to_be_visible()
    room.clock.fast_forward("01:05")
    expect(room.get_by_role("rowheader", name="Tara Quinn")).to_be_visible()
