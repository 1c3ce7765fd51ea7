"""What must be in place before a cohort can be published."""

from datetime import date

import pytest
from pytest_django import DjangoAssertNumQueries

from tests import factories
from tests.factories import NOW
from workshops.cohorts.checklist import setup_checklist
from workshops.people.models import Role, User
from workshops.programme import changing
from workshops.programme.models import (
    PolicyTerm,
    Price,
    conduct_text,
)
from workshops.programme.terms import Terms

pytestmark = pytest.mark.django_db
TODAY = date(2027, 1, 11)


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR, name="Robin")


def done() -> set[str]:
    return {item.code for item in setup_checklist() if item.done}


def everything() -> set[str]:
    return {item.code for item in setup_checklist()}


def test_a_new_school_has_its_published_prices_and_nothing_else() -> None:
    assert done() == {"price"}
    assert len(everything()) == 7 + len(Terms.catalogue())


def test_each_thing_that_is_done_is_ticked_off_by_itself(registrar: User) -> None:
    changing.change_school({"email": "school@example.org"}, by=registrar, now=NOW)
    assert done() == {"price", "school-email"}
    changing.change_school({"bank_details": "  \n "}, by=registrar, now=NOW)
    assert done() == {"price", "school-email"}
    changing.change_school({"bank_details": "Account 1"}, by=registrar, now=NOW)
    changing.change_school({"legal_name": "Cintima LLC", "address": " \n "}, by=registrar, now=NOW)
    assert done() == {"price", "school-email", "bank-details"}
    changing.change_school({"address": "1 Example Street"}, by=registrar, now=NOW)
    changing.confirm_terms({"deposit_cents": 50_000}, by=registrar, now=NOW)
    assert done() == {"price", "school-email", "bank-details", "school-legal", "term-deposit_cents"}
    changing.confirm_conduct(conduct_text(), by=registrar, now=NOW)
    factories.venue()
    factories.person(Role.INSTRUCTOR)
    changing.confirm_terms(Terms().as_json(), by=registrar, now=NOW)
    assert done() == everything()


def test_an_instructor_who_has_left_counts_for_nothing() -> None:
    factories.person(Role.INSTRUCTOR, is_active=False)
    assert "instructor" not in done()


def test_a_term_that_was_set_but_not_confirmed_is_still_to_do() -> None:
    PolicyTerm.objects.create(code="deposit_cents", value=1)
    assert "term-deposit_cents" not in done()


def test_without_a_price_for_module_iv_the_checklist_says_so() -> None:
    Price.objects.filter(item="module-iv").delete()
    assert done() == set()


def test_the_checklist_asks_a_handful_of_questions(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(7):
        setup_checklist()
