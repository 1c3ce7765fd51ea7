"""Writing down days on set in a browser: saved by itself, days from the calendar, and the same without JavaScript."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests import factories
from tests.journeys.test_reserving import CHECKED, PASSWORD, PHONE, accessible, nothing_more, sign_in
from tests.services.server import Product
from workshops.people.models import Role
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState

SAVED = re.compile(r"Saved at \d+:\d\d [ap]m")
LOOKS = [(CHECKED, accessible), ({**CHECKED, **PHONE, "color_scheme": "dark"}, accessible), ({}, nothing_more)]


@pytest.mark.parametrize(("options", "look"), LOOKS, ids=["checked", "checked-phone-dark", "desktop"])
def test_a_record_is_saved_as_it_is_written_and_days_are_chosen_on_the_calendar(
    product: Product,
    new_context: Callable[..., BrowserContext],
    options: dict[str, object],
    look: Callable[[Page], None],
) -> None:
    tara = factories.person(Role.TRAINEE, email="tara@example.org", password=PASSWORD)
    factories.prove_days(tara, 3, last=date(2026, 3, 20))
    page = new_context(**options).new_page()
    page.goto(f"{product.url}/experience/")
    sign_in(page, product, "tara@example.org")
    look(page)
    page.get_by_role("button", name="Add a production").click()

    page.get_by_label("Production", exact=True).fill("The Glass Harbour")
    dates = page.get_by_role("textbox", name="The days you worked")
    dates.fill("Mar 2-6, 2026")
    expect(page.locator("#saved")).to_have_text(SAVED)
    expect(page.locator("#dates-read")).to_contain_text("5 days: 2 to 6 March 2026")
    assert OnSetRecord.objects.get(state=RecordState.DRAFT).production == "The Glass Harbour"

    # A day more, a day less, and the mark of a day that counts on another record already.
    page.get_by_role("button", name="Tuesday, March 10, 2026").click()
    expect(dates).to_have_value("Mar 2-6, 2026\n2026-03-10")
    expect(page.locator("#dates-read")).to_contain_text("6 days")
    page.get_by_role("button", name="Wednesday, March 4, 2026").click()
    expect(dates).to_have_value("2026-03-02 to 2026-03-03\n2026-03-05 to 2026-03-06\n2026-03-10")
    expect(page.get_by_role("button", name="March 20, 2026, counts already")).to_be_visible()

    # By keyboard: from the 10th a week down and a day on, into the range that is there, and to the month before.
    page.get_by_role("button", name="Tuesday, March 10, 2026").focus()
    for key in ("ArrowDown", "ArrowRight", "Enter", "PageUp", "Space"):
        page.keyboard.press(key)
    assert dates.input_value().endswith("2026-03-10\n2026-03-18\n2026-02-18")
    page.keyboard.press("Space")
    expect(page.locator("#dates-read")).to_contain_text("6 days: 2 to 3 March 2026; 5 to 6 March 2026; 10 March 2026")
    expect(page.locator("#dates-read")).to_contain_text("18 March 2026 is on another record too; it counts once.")
    look(page)

    # The button waits for the save that its own press begins.
    page.get_by_label("Your role").fill("Grip")
    page.get_by_role("button", name="Send to the school").click()
    expect(page.get_by_text("Say which company made it, or that there was none.").first).to_be_visible()
    look(page)
    for label, value in (("Production company", "Harbour Pictures"), ("Department", "Camera")):
        page.get_by_label(label).fill(value)
    page.get_by_label("What was being made").select_option("Feature film")
    page.get_by_label("What shows that you worked there").select_option("Call sheet")
    page.get_by_label("Link to the proof").fill("example.org/sheet")
    page.get_by_label("Paid", exact=True).check()
    page.get_by_label("Not union").check()
    page.get_by_role("button", name="Send to the school").click()
    expect(page.get_by_role("heading", name="What happens now")).to_be_visible()
    look(page)
    it = OnSetRecord.objects.get(state=RecordState.IN_REVIEW)
    assert (it.role, OnSetDay.objects.filter(record=it).count()) == ("Grip", 6)


def test_the_older_tab_is_told_and_keeps_what_was_typed(
    product: Product, new_context: Callable[..., BrowserContext]
) -> None:
    factories.person(Role.TRAINEE, email="tara@example.org", password=PASSWORD)
    context = new_context()
    page = context.new_page()
    page.goto(f"{product.url}/experience/")
    sign_in(page, product, "tara@example.org")
    page.get_by_role("button", name="Add a production").click()
    other = context.new_page()
    other.goto(page.url)
    other.get_by_label("Your role").fill("Gaffer")
    expect(other.locator("#saved")).to_have_text(SAVED)
    page.get_by_label("Your role").fill("Grip")
    expect(page.locator("#saved")).to_contain_text("This was changed in another tab.")
    expect(page.get_by_label("Your role")).to_have_value("Grip")
    page.get_by_role("button", name="Save what is here instead").click()
    expect(page.get_by_text(SAVED).first).to_be_visible()
    assert OnSetRecord.objects.get().role == "Grip"


def test_without_javascript_the_field_of_dates_is_enough(
    product: Product, new_context: Callable[..., BrowserContext]
) -> None:
    factories.person(Role.TRAINEE, email="tara@example.org", password=PASSWORD)
    page = new_context(java_script_enabled=False).new_page()
    page.goto(f"{product.url}/experience/")
    sign_in(page, product, "tara@example.org")
    page.get_by_role("button", name="Add a production").click()
    expect(page.locator("#days-calendar")).to_be_hidden()
    page.get_by_label("The days you worked").fill("2 March 2026\n13/2/2026")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Not every date could be read: see below.")).to_be_visible()
    expect(page.get_by_label("The days you worked")).to_have_value("2 March 2026\n13/2/2026")
    expect(page.get_by_text("Saved as you write")).to_be_hidden()
    expect(page.get_by_text("Save what you wrote above first.")).to_be_visible()


def test_whoever_leaves_at_once_finds_the_last_word_they_wrote(
    product: Product, new_context: Callable[..., BrowserContext]
) -> None:
    factories.person(Role.TRAINEE, email="tara@example.org", password=PASSWORD)
    page = new_context().new_page()
    page.goto(f"{product.url}/experience/")
    sign_in(page, product, "tara@example.org")
    page.get_by_role("button", name="Add a production").click()
    address = page.url
    expect(page.get_by_label("Why there is no other proof")).to_be_hidden()
    page.get_by_label("What shows that you worked there").select_option("IMDb page")
    expect(page.get_by_label("Why there is no other proof")).to_be_visible()
    expect(page.locator("#saved")).to_have_text(SAVED)
    page.get_by_label("Your role").fill("Gaffer")
    page.get_by_role("link", name="Where you stand").first.click()
    page.wait_for_url("**/where-you-stand/")
    for _ in range(50):
        if OnSetRecord.objects.get().role:
            break
        page.wait_for_timeout(100)  # the browser finishes the last save by itself
    page.goto(address)
    expect(page.get_by_label("Your role")).to_have_value("Gaffer")
    page.get_by_label("Department").fill("Grips")
    expect(page.locator("#saved")).to_have_text(SAVED)
