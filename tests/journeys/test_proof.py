"""The whole way of proof in two browsers: three days accepted and seven to go, to a seat that is paid for."""

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.utils.timezone import now
from playwright.sync_api import BrowserContext, FilePayload, Page, expect

from booking.reservations.models import Reservation, State
from tests import factories
from tests.journeys.test_reserving import CHECKED, PASSWORD, PHONE, accessible, nothing_more, sign_in
from tests.prerequisites import proof
from tests.prerequisites.invariants import assert_records_hold
from tests.services.server import Product
from workshops.clock import school_day
from workshops.cohorts.models import Cohort
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.prerequisites.recording import accept_days
from workshops.prerequisites.records.models import OnSetRecord

SHEET: FilePayload = {"name": "call sheet.pdf", "mimeType": "application/pdf", "buffer": proof.pdf(2)}
PICTURE: FilePayload = {"name": "stub.jpg", "mimeType": "image/jpeg", "buffer": proof.image(size=(600, 400))}
ALL = [(PHONE, nothing_more), ({**CHECKED, **PHONE, "color_scheme": "dark"}, accessible)]


@pytest.fixture
def product(start_product: Callable[..., Product]) -> Product:
    """The product with its worker, which sends the notices."""
    return start_product(processes=1, worker=True)


@pytest.fixture
def tara(product: Product) -> User:
    """A trainee with all modules and three days on set; a cohort is open, and a registrar is there."""
    factories.cohort(now=now(), capacity=3)
    robin = factories.person(Role.REGISTRAR, name="Robin", email="robin@example.org", password=PASSWORD)
    tara = factories.person(Role.TRAINEE, name="Tara Quinn", email="tara@example.org", password=PASSWORD)
    for module in ("module-i", "module-ii", "module-iii"):
        factories.finish(tara, module)
    days = [a_month_ago() - timedelta(days=60 + number) for number in range(3)]
    accept_days(tara, days, production="The Long Take", role="Dresser", proof="Call sheets", by=robin, now=now())
    return tara


def a_month_ago() -> date:
    """The first of last month, all of whose days have come."""
    return (school_day(now()).replace(day=1) - timedelta(days=1)).replace(day=1)


def day(number: int) -> date:
    """That day of last month."""
    return a_month_ago().replace(day=number)


def as_people_write(it: date) -> str:
    """March 10, 2026."""
    return f"{it:%B} {it.day}, {it.year}"


def fill_in(page: Page, production: str) -> None:
    """Everything that a record asks but its days and its proof."""
    page.get_by_label("Production", exact=True).fill(production)
    page.get_by_label("What was being made").select_option("series")
    page.get_by_label("Production company").fill("Nightjar Pictures")
    page.get_by_label("Department").fill("Costume")
    page.get_by_label("Your role").fill("Set costumer")
    page.get_by_label("Paid", exact=True).check()
    page.get_by_label("Not union").check()


def mail_to(product: Product, page: Page, address: str, subject: str) -> str:
    """The link in the latest e-mail to somebody about something, once the worker has sent it."""
    for _ in range(200):
        found = [each for each in product.mail() if each["To"] and address in each["To"] and subject in each["Subject"]]
        if found:
            body = found[-1].get_body(("plain",))
            assert body is not None
            links = re.findall(rf"{product.url}/\S*", body.get_content())
            return str(links[0])
        page.wait_for_timeout(100)
    raise AssertionError([(each["To"], each["Subject"]) for each in product.mail()])


def opened(page: Page, title: str) -> None:
    """Open one of the desk's forms by its title."""
    page.locator("summary", has_text=title).click()


@pytest.mark.parametrize(("options", "look"), ALL, ids=["phone", "checked-phone-dark"])
def test_from_three_days_accepted_through_question_and_partial_acceptance_to_a_paid_seat(
    product: Product,
    tara: User,
    new_context: Callable[..., BrowserContext],
    options: dict[str, object],
    look: Callable[[Page], None],
) -> None:
    page = new_context(**options).new_page()
    page.goto(f"{product.url}/where-you-stand/")
    sign_in(page, product, "tara@example.org")
    expect(page.get_by_text("3 of 10 days accepted, 7 to go.").first).to_be_visible()
    look(page)
    page.get_by_role("link", name="Add days on set").first.click()
    expect(page.get_by_role("heading", name="Days on set", level=1)).to_be_visible()
    look(page)

    # A record with pasted dates, one more from the calendar, and two files.
    page.get_by_role("button", name="Add a production").click()
    look(page)
    fill_in(page, "Harbour Lights")
    dates = page.get_by_label("The days you worked")
    dates.fill(f"{day(3)} to {day(5)}\n{as_people_write(day(10))}")
    expect(page.locator("#dates-read")).to_contain_text("4 days")
    page.get_by_label("Month", exact=True).select_option(str(day(12).month - 1))
    page.get_by_label("Year", exact=True).select_option(str(day(12).year))
    page.locator(f"button[data-day='{day(12)}']").click()
    expect(page.locator("#dates-read")).to_contain_text("5 days")
    page.get_by_label("What shows that you worked there").select_option("call-sheet")
    expect(page.locator("#saved")).to_contain_text("Saved")
    page.get_by_label("Add call sheets, pay stubs or letters").set_input_files([SHEET, PICTURE])
    page.get_by_role("button", name="Add these files").click()
    expect(page.get_by_role("link", name="call sheet.pdf")).to_be_visible()
    expect(page.get_by_role("link", name="stub.jpg")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Send to the school").click()
    expect(page.get_by_text("In review").first).to_be_visible()
    look(page)
    page.goto(f"{product.url}/where-you-stand/")
    expect(page.get_by_text("3 of 10 days accepted, 5 in review, 2 to go.").first).to_be_visible()
    look(page)

    # The school reads the proof beside the dates, and asks.
    desk = new_context(**{name: value for name, value in options.items() if name != "viewport"}).new_page()
    desk.goto(f"{product.url}/desk/reviews/")
    sign_in(desk, product, "robin@example.org")
    look(desk)
    desk.get_by_role("link", name="Tara Quinn").click()
    shown = desk.locator(".proof-pages img")
    expect(shown).to_have_count(3)
    for number in range(3):
        shown.nth(number).scroll_into_view_if_needed()
        expect(shown.nth(number)).to_have_js_property("complete", True)
        assert shown.nth(number).evaluate("image => image.naturalWidth") > 100
    look(desk)
    opened(desk, "Ask the trainee a question")
    desk.get_by_label("Your question").fill("Which day does the second page belong to?")
    look(desk)
    desk.get_by_role("button", name="Ask", exact=True).click()
    expect(desk.get_by_text("Tara Quinn is asked about Harbour Lights")).to_be_visible()

    # An e-mail leads to the question; the answer brings the record back to the school.
    page.goto(mail_to(product, page, "tara@example.org", "written to you"))
    expect(page.get_by_text("Which day does the second page belong to?")).to_be_visible()
    look(page)
    page.get_by_label("Write to the school").fill("To the tenth. The sheet of the twelfth I could not find.")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text("To the tenth.")).to_be_visible()
    it = OnSetRecord.objects.get(production="Harbour Lights")
    page.goto(f"{product.url}{it.get_absolute_url()}")
    expect(page.get_by_text("In review").first).to_be_visible()

    # Four of five days are accepted.
    desk.goto(f"{product.url}/desk/reviews/{it.public_id}/")
    expect(desk.get_by_text("To the tenth.")).to_be_visible()
    for number in (3, 4, 5, 10):
        desk.locator(f"#day-{day(number)}").check()
    opened(desk, "Accept only the ticked days")
    desk.get_by_label("Why not the other days").fill("A call sheet of the twelfth would show it.")
    look(desk)
    desk.get_by_role("button", name="Accept the ticked days").click()
    expect(desk.get_by_text("4 of 5 days of Tara Quinn on Harbour Lights are accepted.")).to_be_visible()

    page.goto(mail_to(product, page, "tara@example.org", "accepted"))
    expect(page.get_by_text("4 of 5 days are accepted.").first).to_be_visible()
    expect(page.get_by_text("A call sheet of the twelfth would show it.").first).to_be_visible()
    look(page)
    page.goto(f"{product.url}/where-you-stand/")
    expect(page.get_by_text("7 of 10 days accepted, 3 to go.").first).to_be_visible()

    # A second record, with a link, is accepted whole.
    page.get_by_role("link", name="Add days on set").first.click()
    page.get_by_role("button", name="Add a production").click()
    fill_in(page, "Night Bus")
    page.get_by_label("The days you worked").fill(f"{day(17)} to {day(19)}")
    page.get_by_label("What shows that you worked there").select_option("letter")
    page.get_by_label("Link to the proof").fill("https://proof.example/letter")
    page.get_by_role("button", name="Send to the school").click()
    expect(page.get_by_text("In review").first).to_be_visible()
    desk.goto(f"{product.url}/desk/reviews/")
    desk.get_by_role("link", name="Tara Quinn").click()
    opened(desk, "Accept all 3 days")
    desk.get_by_role("button", name="Accept all 3 days").click()
    expect(desk.get_by_text("3 days of Tara Quinn on Night Bus are accepted.")).to_be_visible()

    # Everything is there: a seat.
    page.goto(f"{product.url}/where-you-stand/")
    expect(page.get_by_text("You meet everything Module IV asks for. You may reserve a seat.")).to_be_visible()
    look(page)
    page.goto(f"{product.url}{Cohort.objects.get().get_absolute_url()}reserve/")
    page.get_by_label("I have read this and agree to it").check()
    page.get_by_role("button", name="Hold a seat for me").click()
    page.get_by_label("The deposit, $500").check()
    page.get_by_label("Play money").check()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Seat 1 is reserved for you")).to_be_visible()
    assert Reservation.objects.get().state == State.RESERVED
    opened_by = HistoryLine.objects.filter(what="proof-opened").values_list("by__name", flat=True)
    assert list(opened_by) == ["Robin", "Robin"]  # one look at each of two files
    assert_records_hold()
