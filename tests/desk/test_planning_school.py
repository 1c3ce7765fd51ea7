"""The registrar sets up the school: venues, terms, prices, programme, conduct."""

from datetime import date, timedelta

import pytest
from django.test import Client

from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import browser, statements
from tests.factories import NOW
from tests.pages import text
from workshops.cohorts.models import Venue
from workshops.history.models import HistoryLine
from workshops.people.models import Role
from workshops.programme.changing import set_price
from workshops.programme.models import (
    ConductText,
    Module,
    PolicyTerm,
    Price,
    Requirement,
    TrainingArea,
    school,
    school_terms,
)
from workshops.programme.terms import Terms

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

OTHERS = [role for role in Role if role != Role.REGISTRAR]
PAGES = ("setup", "school", "terms", "prices", "programme", "conduct", "venues", "venues/new")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def registrar() -> Client:
    return browser(Role.REGISTRAR, name="Robin")


@pytest.mark.parametrize("page", PAGES)
def test_setting_up_the_school_is_for_registrars(registrar: Client, client: Client, page: str) -> None:
    path = f"/desk/{page}/"
    assert registrar.get(path).status_code == 200
    for role in OTHERS:
        other = browser(role)
        assert {other.get(path).status_code, other.post(path, {}).status_code} == {403}
    assert client.get(path).headers["Location"] == f"/accounts/login/?next={path}"


# -- the checklist and the terms --------------------------------------------------------------------------------------
def everything_as_shipped() -> dict[str, str]:
    values: dict[str, str] = {}
    for term in Terms.catalogue():
        if term.unit == "yes or no":
            values[term.code] = "yes" if term.default else "no"
        else:
            values[term.code] = str(int(term.default) // 100 if term.unit == "cents" else term.default)
    return values


def test_the_checklist_says_what_is_done_and_leads_to_the_rest(registrar: Client) -> None:
    answer = registrar.get("/desk/setup/")
    assert "1 of 31 things are in place." in text(answer)
    assert 'href="/desk/terms/#term-deposit_cents"' in answer.content.decode()
    assert "On the price list since 1 January 2026." in text(answer)


def test_each_term_is_confirmed_by_its_own_tick(registrar: Client) -> None:
    sent = {**everything_as_shipped(), "confirm-deposit_cents": "on", "confirm-tax_percent": "on"}
    assert registrar.post("/desk/terms/", sent).status_code == 302
    confirmed = PolicyTerm.objects.filter(confirmed_at__isnull=False).values_list("code", flat=True)
    assert set(confirmed) == {"deposit_cents", "tax_percent"}
    assert "by Robin" in text(registrar.get("/desk/terms/"))


def test_changing_a_term_confirms_it(registrar: Client) -> None:
    sent = {**everything_as_shipped(), "deposit_cents": "600.25", "pay_later": "no", "quiet_from": "22:00"}
    assert registrar.post("/desk/terms/", sent).status_code == 302
    terms = school_terms()
    assert (terms.deposit_cents, terms.pay_later, terms.quiet_from) == (60_025, False, "22:00")
    assert PolicyTerm.objects.count() == 3


def test_nothing_ticked_is_said_to_be_nothing_confirmed(registrar: Client) -> None:
    answer = registrar.post("/desk/terms/", everything_as_shipped(), follow=True)
    assert "nothing is confirmed yet" in text(answer)
    assert not PolicyTerm.objects.exists()


def test_a_school_can_be_set_up_from_its_pages_alone(registrar: Client) -> None:
    ticks = {f"confirm-{term.code}": "on" for term in Terms.catalogue()}
    registrar.post("/desk/terms/", everything_as_shipped() | ticks)
    about = {"name": "CINTIMA", "does": "Trains", "accreditation": "Yes", "email": "a@example.org", "bank_details": "1"}
    about |= {"legal_name": "Cintima LLC", "address": "1 Example Street\nLos Angeles"}
    registrar.post("/desk/school/", about)
    registrar.post("/desk/conduct/", {"confirm": "1"})
    registrar.post("/desk/venues/new/", {**VENUE})
    factories.person(Role.INSTRUCTOR)
    assert "All 31 things are in place" in text(registrar.get("/desk/setup/"))


@pytest.mark.parametrize(
    "changes",
    [
        {"hold_minutes": "1"},
        {"hold_minutes": ""},
        {"hold_minutes": "9" * 400},
        {"deposit_cents": "-5"},
        {"deposit_cents": "Infinity"},
        {"deposit_cents": "10000.01"},
        {"quiet_from": "midnight"},
        {"pay_later": ""},
    ],
)
def test_terms_that_cannot_be_confirm_nothing(registrar: Client, changes: dict[str, str]) -> None:
    sent = {**everything_as_shipped(), "confirm-offer_hours": "on", **changes}
    assert registrar.post("/desk/terms/", sent).status_code == 422
    assert not PolicyTerm.objects.exists()


def test_what_the_school_always_does_can_be_confirmed_and_not_changed(registrar: Client) -> None:
    sent = {**everything_as_shipped(), "tax_percent": "9", "confirm-tax_percent": "on"}
    assert registrar.post("/desk/terms/", sent).status_code == 302
    assert (school_terms().tax_percent, PolicyTerm.objects.get().code) == (0, "tax_percent")


# -- venues -----------------------------------------------------------------------------------------------------------
VENUE = {"name": "Stage B", "address": "1 Street", "city": "Los Angeles"}


def test_a_venue_is_added_and_changed(registrar: Client) -> None:
    assert registrar.post("/desk/venues/new/", {**VENUE, "toilets": "On the left."}).status_code == 302
    venue = Venue.objects.get()
    assert "Missing getting there, step-free access, quiet room, staying nearby" in text(registrar.get("/desk/venues/"))
    assert registrar.post(f"/desk/venues/{venue.pk}/", {**VENUE, "name": "Stage C"}).status_code == 302
    venue.refresh_from_db()
    assert (venue.name, venue.toilets) == ("Stage C", "")
    assert [line.what for line in HistoryLine.objects.filter(about_kind="venue")] == ["venue-added", "venue-changed"]


@pytest.mark.parametrize("changes", [{"name": ""}, {"name": "x" * 121}, {"address": ""}, {"city": "a\x00"}])
def test_a_venue_that_cannot_be_is_not_added(registrar: Client, changes: dict[str, str]) -> None:
    assert registrar.post("/desk/venues/new/", {**VENUE, **changes}).status_code == 422
    assert not Venue.objects.exists()


def test_two_venues_of_one_name_are_told_apart(registrar: Client) -> None:
    factories.venue(name="Stage B")
    answer = registrar.post("/desk/venues/new/", VENUE)
    assert (answer.status_code, "Another venue has this name." in text(answer)) == (422, True)


@pytest.mark.parametrize("number", ["0", "999", "99999999999999999999999999"])
def test_a_venue_that_is_not_there_is_not_found(registrar: Client, number: str) -> None:
    assert registrar.get(f"/desk/venues/{number}/").status_code == 404


def test_venues_take_the_same_statements_for_one_and_for_three(registrar: Client) -> None:
    factories.cohort()
    few = statements(registrar, "/desk/venues/")
    for _ in range(2):
        factories.cohort()
    assert statements(registrar, "/desk/venues/") == few


# -- prices -----------------------------------------------------------------------------------------------------------
def test_a_price_is_put_on_the_list_and_taken_off_before_it_begins(registrar: Client) -> None:
    sent = {"item": "module-iv", "amount": "2199.50", "effective_from": "2027-03-01"}
    assert registrar.post("/desk/prices/", sent).status_code == 302
    price = Price.objects.get(effective_from=date(2027, 3, 1))
    assert price.amount_cents == 219_950
    assert "1 March 2027 $2,199.50 To come" in text(registrar.get("/desk/prices/"))
    assert registrar.post("/desk/prices/", {"take-off": price.pk}).status_code == 302
    assert not Price.objects.filter(pk=price.pk).exists()


def test_todays_price_cannot_be_taken_off(registrar: Client) -> None:
    price = Price.objects.get(item="module-iv")
    answer = registrar.post("/desk/prices/", {"take-off": price.pk}, follow=True)
    assert "This price holds since 1 January 2026." in text(answer)
    assert Price.objects.filter(pk=price.pk).exists()


@pytest.mark.parametrize("number", ["", "x", "-1", "0", "9" * 5000, "²"])
def test_a_price_that_is_not_there_is_not_found(registrar: Client, number: str) -> None:
    assert registrar.post("/desk/prices/", {"take-off": number}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"effective_from": "2027-01-10"}, "which has passed"),
        ({"effective_from": "2027-02-01"}, "There is a price from 1 February 2027 already."),
        ({"effective_from": "9999-01-01"}, "Choose a year up to 2100."),
        ({"effective_from": ""}, "This field is required."),
        ({"amount": "-1"}, "greater than or equal to 0"),
        ({"amount": "1.999"}, "no more than 2 decimal places"),
        ({"amount": "1e7"}, "less than or equal to 100000"),
        ({"amount": "NaN"}, "Enter a number."),
        ({"item": "module-v"}, "is not one of the available choices"),
    ],
)
def test_a_price_that_cannot_be_is_not_listed(registrar: Client, changes: dict[str, str], words: str) -> None:
    set_price("module-iv", 1, date(2027, 2, 1), by=factories.person(Role.REGISTRAR), now=NOW)
    before = Price.objects.count()
    sent = {"item": "module-iv", "amount": "10", "effective_from": "2027-05-01", **changes}
    answer = registrar.post("/desk/prices/", sent)
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert Price.objects.count() == before


def test_the_price_list_takes_the_same_statements_however_long_it_is(registrar: Client) -> None:
    few = statements(registrar, "/desk/prices/")
    robin = factories.person(Role.REGISTRAR)
    for ahead in range(3):
        set_price("module-iv", 1, NOW.date() + timedelta(days=ahead), by=robin, now=NOW)
    assert statements(registrar, "/desk/prices/") == few


# -- conduct, school, programme ---------------------------------------------------------------------------------------
def test_the_conduct_text_is_confirmed_or_replaced(registrar: Client) -> None:
    assert "To confirm" in text(registrar.get("/desk/conduct/"))
    assert registrar.post("/desk/conduct/", {"confirm": "1"}).status_code == 302
    assert "Confirmed" in text(registrar.get("/desk/conduct/"))
    assert registrar.post("/desk/conduct/", {"body": "Be <b>kind</b>."}).status_code == 302
    page = registrar.get("/desk/conduct/").content.decode()
    assert "Be &lt;b&gt;kind&lt;/b&gt;." in page
    assert ConductText.objects.count() == 2


@pytest.mark.parametrize("sent", [{"body": "  "}, {"body": "x" * 20_001}, {"body": "a\x00b"}, {}])
def test_no_empty_conduct_text_is_published(registrar: Client, sent: dict[str, str]) -> None:
    assert registrar.post("/desk/conduct/", sent).status_code == 422
    assert ConductText.objects.count() == 1


@pytest.mark.parametrize("version", ["", "7", "x", "9" * 5000])
def test_a_version_that_is_not_there_is_not_confirmed(registrar: Client, version: str) -> None:
    assert registrar.post("/desk/conduct/", {"confirm": version}).status_code == 404


@pytest.mark.parametrize(
    "changes", [{"name": ""}, {"email": "nobody"}, {"learning_url": "javascript:alert(1)"}, {"does": "x" * 201}]
)
def test_a_school_that_cannot_be_is_not_saved(registrar: Client, changes: dict[str, str]) -> None:
    sent = {"name": "Other", "does": "Trains", "accreditation": "Yes", **changes}
    assert registrar.post("/desk/school/", sent).status_code == 422
    assert school().name == "CINTIMA"


def test_each_part_of_the_programme_is_saved_by_itself(registrar: Client) -> None:
    sent = {"part": "module-iv", "module-iv-title": "Module IV: live", "module-iv-delivery": "in person",
            "module-iv-days": "4", "module-iv-taught": "One\n\n Two "}  # fmt: skip
    assert registrar.post("/desk/programme/", sent).status_code == 302
    module = Module.objects.get(code="module-iv")
    assert (module.title, module.taught) == ("Module IV: live", ["One", "Two"])
    sent = {"part": "module-iii:on-set-days", "module-iii-on-set-days-needed": "12",
            "module-iii-on-set-days-within_years": "8"}  # fmt: skip
    assert registrar.post("/desk/programme/", sent).status_code == 302
    days = Requirement.objects.get(code="on-set-days")
    assert (days.needed, days.within_years) == (12, 8)
    assert registrar.post("/desk/programme/", {"part": "areas", "areas": "Consent\nMasking"}).status_code == 302
    assert list(TrainingArea.objects.values_list("title", flat=True)) == ["Consent", "Masking"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"part": "nothing"},
        {"part": "areas", "areas": " \n "},
        {"part": "areas", "areas": "Consent\nconsent"},
        {"part": "areas", "areas": "x" * 121},
        {"part": "areas", "areas": "\n".join(map(str, range(41)))},
        {"part": "module-iv"},
        {"part": "module-iv", "module-iv-title": "x", "module-iv-delivery": "y", "module-iv-days": "0"},
        {"part": "module-iv", "module-iv-title": "x", "module-iv-delivery": "y", "module-iv-days": "15"},
        {
            "part": "module-iii:on-set-days",
            "module-iii-on-set-days-needed": "0",
            "module-iii-on-set-days-within_years": "1",
        },
        {
            "part": "module-iii:on-set-days",
            "module-iii-on-set-days-needed": "5",
            "module-iii-on-set-days-within_years": "",
        },
    ],
)
def test_a_part_of_the_programme_that_cannot_be_changes_nothing(registrar: Client, sent: dict[str, str]) -> None:
    assert registrar.post("/desk/programme/", sent).status_code == 422
    assert Module.objects.get(code="module-iv").days == 4
    assert Requirement.objects.get(code="on-set-days").needed == 10
    assert TrainingArea.objects.count() == 9
