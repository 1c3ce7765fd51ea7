"""What the school says of itself is changed with a line of history each, or refused with a sentence."""

from datetime import date, timedelta

import pytest

from tests import factories
from tests.factories import NOW
from workshops.cohorts.checklist import setup_checklist
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.programme import changing
from workshops.programme.changing import NotPossible, fault_of, words_for
from workshops.programme.models import (
    ConductText,
    Module,
    PolicyTerm,
    Price,
    Requirement,
    TrainingArea,
    conduct_text,
    price_on,
    school,
    school_terms,
)
from workshops.programme.terms import Term, Terms

pytestmark = pytest.mark.django_db
TODAY = date(2027, 1, 11)


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR, name="Robin")


def done() -> set[str]:
    return {item.code for item in setup_checklist() if item.done}


def term(code: str) -> Term:
    return next(term for term in Terms.catalogue() if term.code == code)


# -- terms -------------------------------------------------------------------------------------------------------------
def test_confirming_a_term_says_who_when_and_what_it_was(registrar: User) -> None:
    assert changing.confirm_terms({"deposit_cents": 60_000, "pay_later": True}, by=registrar, now=NOW) == [
        "deposit_cents", "pay_later",
    ]  # fmt: skip
    row = PolicyTerm.objects.get(code="deposit_cents")
    assert (row.value, row.confirmed_at, row.confirmed_by) == (60_000, NOW, registrar)
    line = HistoryLine.objects.get(about_kind="term", about_id="deposit_cents")
    assert (line.by, line.facts["before"], line.facts["value"]) == (registrar, 50_000, 60_000)
    assert school_terms().deposit_cents == 60_000


def test_confirming_the_same_again_changes_nothing(registrar: User) -> None:
    changing.confirm_terms({"deposit_cents": 50_000}, by=registrar, now=NOW)
    other = factories.person(Role.REGISTRAR)
    assert changing.confirm_terms({"deposit_cents": 50_000}, by=other, now=NOW + timedelta(days=1)) == []
    assert PolicyTerm.objects.get(code="deposit_cents").confirmed_by == registrar


@pytest.mark.parametrize(
    ("code", "value", "words"),
    [
        ("hold_minutes", 4, "Between 5 minutes and 2880 minutes, please."),
        ("hold_minutes", 2_881, "Between 5 minutes and 2880 minutes, please."),
        ("hold_minutes", True, "Enter a whole number."),
        ("hold_minutes", "60", "Enter a whole number."),
        ("tax_percent", 7, "This is always 0%."),
        ("school_cancels_refund_percent", 50, "This is always 100%."),
        ("quiet_from", "late", "Enter a time such as 21:00."),
        ("pay_later", 1, "Choose yes or no."),
    ],
)
def test_a_value_that_a_term_cannot_have_changes_nothing(
    registrar: User, code: str, value: int | str, words: str
) -> None:
    assert fault_of(term(code), value) == words
    with pytest.raises(NotPossible, match=term(code).title):
        changing.confirm_terms({"deposit_cents": 60_000, code: value}, by=registrar, now=NOW)
    assert not PolicyTerm.objects.exists()


def test_every_shipped_value_is_one_the_term_can_have() -> None:
    assert [term.code for term in Terms.catalogue() if fault_of(term, term.default)] == []


@pytest.mark.parametrize(
    ("code", "value", "words"),
    [
        ("deposit_cents", 50_000, "$500"),
        ("hold_minutes", 1, "1 minute"),
        ("transfer_hold_days", 3, "3 business days"),
        ("minimum_enrolment", 1, "1 person"),
        ("minimum_enrolment", 6, "6 people"),
        ("tax_percent", 0, "0%"),
        ("pay_later", False, "no"),
        ("quiet_until", "09:00", "9:00 am"),
    ],
)
def test_a_term_is_said_as_a_person_says_it(code: str, value: int | str, words: str) -> None:
    assert words_for(term(code), value) == words


# -- prices ------------------------------------------------------------------------------------------------------------
def test_a_new_price_holds_from_its_day_and_the_old_one_until_then(registrar: User) -> None:
    changing.set_price("module-iv", 219_900, date(2027, 3, 1), by=registrar, now=NOW)
    asked = [price_on("module-iv", day) for day in (date(2027, 2, 28), date(2027, 3, 1))]
    assert [price.amount_cents for price in asked if price] == [209_900, 219_900]


def test_no_price_begins_in_the_past_or_twice_on_a_day(registrar: User) -> None:
    for day in (TODAY - timedelta(days=1), date(2020, 1, 1)):
        with pytest.raises(NotPossible, match="has passed"):
            changing.set_price("module-iv", 1, day, by=registrar, now=NOW)
    changing.set_price("module-iv", 1, TODAY, by=registrar, now=NOW)
    with pytest.raises(NotPossible, match="already"):
        changing.set_price("module-iv", 2, TODAY, by=registrar, now=NOW)
    assert Price.objects.filter(item="module-iv").count() == 2


def test_only_a_price_to_come_can_be_taken_off_the_list(registrar: User) -> None:
    coming = changing.set_price("module-iv", 1, TODAY + timedelta(days=1), by=registrar, now=NOW)
    with pytest.raises(NotPossible, match="holds since 1 January 2026"):
        changing.take_off_price(Price.objects.get(item="module-iv", amount_cents=209_900), by=registrar, now=NOW)
    changing.take_off_price(coming, by=registrar, now=NOW)
    changing.take_off_price(coming, by=registrar, now=NOW)
    assert HistoryLine.objects.filter(what="price-taken-off").count() == 1
    assert Price.objects.filter(item="module-iv").count() == 1


# -- conduct, school, programme ----------------------------------------------------------------------------------------
def test_a_new_conduct_text_is_a_new_version_and_counts_as_read(registrar: User) -> None:
    text = changing.publish_conduct("Be kind.\n", by=registrar, now=NOW)
    assert (text.version, text.body, text.published_at) == (2, "Be kind.", NOW)
    assert conduct_text() == text
    assert "conduct" in done()


def test_the_same_conduct_text_is_no_new_version(registrar: User) -> None:
    changing.publish_conduct(f"  {conduct_text().body}\n\n", by=registrar, now=NOW)
    assert ConductText.objects.count() == 1
    assert "conduct" in done()


def test_a_version_that_was_replaced_meanwhile_cannot_be_confirmed(registrar: User) -> None:
    old = conduct_text()
    changing.publish_conduct("Be kind.", by=registrar, now=NOW)
    with pytest.raises(NotPossible, match="no longer in force"):
        changing.confirm_conduct(old, by=registrar, now=NOW)


def test_bank_details_stay_out_of_the_history(registrar: User) -> None:
    changing.change_school({"bank_details": "Account 12345", "name": "CINTIMA West"}, by=registrar, now=NOW)
    assert school().bank_details == "Account 12345"
    assert HistoryLine.objects.get(what="school-changed").facts == {
        "bank_details": "changed",
        "name": "CINTIMA → CINTIMA West",
    }
    assert not changing.change_school({"name": "CINTIMA West"}, by=registrar, now=NOW)


def test_modules_and_requirements_are_changed_with_a_line_each(registrar: User) -> None:
    module, days = Module.objects.get(code="module-iv"), Requirement.objects.get(code="on-set-days")
    assert changing.change_module(module, {"taught": ["One", "Two"]}, by=registrar, now=NOW)
    assert changing.change_requirement(days, {"needed": 12}, by=registrar, now=NOW)
    assert not changing.change_requirement(days, {"needed": 12}, by=registrar, now=NOW)
    assert HistoryLine.objects.get(what="requirement-changed").facts == {"needed": "10 → 12"}
    assert Module.objects.get(code="module-iv").taught == ["One", "Two"]


def test_training_areas_are_brought_to_a_list_in_its_order(registrar: User) -> None:
    titles = list(TrainingArea.objects.values_list("title", flat=True))
    assert not changing.set_areas(titles, by=registrar, now=NOW)
    assert changing.set_areas([*titles[::-1], "Masking"], by=registrar, now=NOW)
    assert list(TrainingArea.objects.values_list("title", flat=True)) == [*titles[::-1], "Masking"]
