"""What processes remember of the programme is what is in force, whoever has changed it and however."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from tests import factories
from tests.factories import NOW
from workshops.people.models import Role
from workshops.prerequisites.facts import rules_for
from workshops.programme import changing
from workshops.programme.in_force import programme_at, programme_now
from workshops.programme.models import ConductText, Module, PolicyTerm, Price, Requirement
from workshops.programme.revision import PARTS, renew_with_every_change

pytestmark = pytest.mark.django_db
NEXT_YEAR = date(2028, 1, 1)


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def deposit(cents: int) -> None:
    PolicyTerm.objects.update_or_create(code="deposit_cents", defaults={"value": cents})


def in_force() -> tuple[Any, ...]:
    """Everything that is remembered, as it is now."""
    it = programme_now()
    prices = [(price.item, price.effective_from, price.amount_cents) for each in it.prices.values() for price in each]
    return it.terms, rules_for("module-iv"), sorted(prices), it.conduct_id, it.conduct_version


CHANGES: dict[str, Callable[[], object]] = {
    "a price is added": lambda: Price.objects.create(item="module-iv", amount_cents=1, effective_from=NEXT_YEAR),
    "prices are added together": lambda: Price.objects.bulk_create(
        [Price(item="module-iv", amount_cents=2, effective_from=NEXT_YEAR)]
    ),
    "a price is changed": lambda: Price.objects.filter(item="module-iv").update(amount_cents=3),
    "a price is taken off": lambda: Price.objects.filter(item="module-iv").delete(),
    "a term is set": lambda: deposit(4),
    "a conduct text is published": lambda: ConductText.objects.create(version=9, body="Be kind", published_at=NOW),
    "a requirement is changed": lambda: Requirement.objects.filter(code="on-set-days").update(needed=5),
    "a requirement is dropped": lambda: Requirement.objects.filter(code="on-set-days").delete(),
    "a module is named otherwise": lambda: Module.objects.filter(code="module-i").update(numeral="1"),
    "someone writes SQL": lambda: sql(
        "UPDATE workshops_requirement SET within_years = 3 WHERE needs_module_id IS NULL"
    ),
    "the registrar does it": lambda: changing.confirm_terms(
        {"hold_minutes": 30}, by=factories.person(Role.REGISTRAR), now=NOW
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_every_change_of_the_programme_is_in_force_at_once(change: Callable[[], object]) -> None:
    before = in_force()
    change()
    assert in_force() != before


def test_a_change_that_is_rolled_back_was_never_in_force() -> None:
    """The second change is one more than the first revision as well, and must not be taken for the one undone."""
    before = in_force()
    for cents in (111, 222):
        with transaction.atomic():
            deposit(cents)
            assert programme_now().terms.deposit_cents == cents
            transaction.set_rollback(True)
        assert in_force() == before


def test_a_programme_that_is_known_costs_one_statement_or_none(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    known = programme_now()
    with django_assert_num_queries(1):
        assert programme_now() is known
    with django_assert_num_queries(0):
        assert programme_at(known.revision) is known


def test_what_is_read_under_a_revision_that_has_passed_is_not_remembered() -> None:
    """Someone reads the revision, the programme changes, and then they ask: nobody else gets what they are given."""
    old = programme_now().revision
    for cents in (333, 444):
        deposit(cents)
        assert programme_now().terms.deposit_cents == cents
        assert programme_at(old).terms.deposit_cents == cents


def test_a_price_holds_from_its_day_on() -> None:
    Price.objects.create(item="module-iv", amount_cents=250_000, effective_from=NEXT_YEAR)
    days = (date(2025, 12, 31), date(2026, 1, 1), date(2027, 12, 31), NEXT_YEAR)
    asked = [programme_now().price_on("module-iv", day) for day in days]
    assert [price and price.amount_cents for price in asked] == [None, 209_900, 209_900, 250_000]
    assert programme_now().price_on("no-such-thing", NEXT_YEAR) is None


def test_watching_the_programme_twice_is_watching_it_once() -> None:
    renew_with_every_change()
    before = programme_now().revision
    deposit(555)
    assert programme_now().revision != before


@pytest.mark.parametrize("table", PARTS)
def test_every_table_of_the_programme_is_watched_after_a_migration(table: str) -> None:
    deposit(666)
    before = programme_now().revision
    sql(f"UPDATE {table} SET id = id")
    assert programme_now().revision != before
