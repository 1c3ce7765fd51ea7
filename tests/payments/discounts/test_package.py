"""What remains of the complete package after Module I: for whom it is shown, and what it comes to."""

from datetime import date

import pytest
from django.test import Client

from booking.payments.discounts.package import Remains, is_for, remains
from tests import factories
from tests.factories import NOW
from tests.pages import text
from workshops.people.models import Role
from workshops.prerequisites.models import Entitlement
from workshops.programme.in_force import Programme, programme_now
from workshops.programme.models import Module, Price, School

TODAY = NOW.date()


def programme(**prices: int) -> Programme:
    """A programme with this price list."""
    base = programme_now()
    rows = {
        item.replace("_", "-"): [Price(item=item, amount_cents=cents, currency="USD", effective_from=date(2026, 1, 1))]
        for item, cents in prices.items()
    }
    return Programme(base.revision, base.terms, base.requirements, rows, base.conduct_id, base.conduct_version)


LIST = {
    "package": 749_900,
    "module_i": 59_900,
    "module_ii": 199_900,
    "module_iii": 299_900,
    "module_iv": 209_900,
    "certification": 79_900,
}


@pytest.mark.django_db
def test_the_published_prices_leave_6900_against_7896() -> None:
    found = remains(programme_now(), TODAY)
    assert found == Remains(690_000, 789_600, "USD")
    assert found.saved_cents == 99_600


@pytest.mark.django_db
def test_nothing_is_said_where_nothing_is_saved_or_a_price_is_missing() -> None:
    assert remains(programme(**LIST), TODAY) == Remains(690_000, 789_600, "USD")
    assert remains(programme(**(LIST | {"package": 849_500})), TODAY) is None
    assert remains(programme(**(LIST | {"package": 849_499})), TODAY) == Remains(789_599, 789_600, "USD")
    assert remains(programme(**(LIST | {"package": 59_900})), TODAY) is None
    for item in LIST:
        assert remains(programme(**{key: cents for key, cents in LIST.items() if key != item}), TODAY) is None
    assert remains(programme(**LIST), date(2025, 12, 31)) is None


@pytest.mark.parametrize(
    ("finished", "paid_elsewhere", "has_seat", "shown"),
    [
        (["module-i"], [], False, True),
        (["module-i"], ["module-i"], False, True),
        ([], [], False, False),
        ([], ["module-i"], False, False),
        (["module-i", "module-ii"], [], False, False),
        (["module-i"], ["module-ii"], False, False),
        (["module-i"], ["module-iii"], False, False),
        (["module-i", "module-iii"], [], False, False),
        (["module-i"], ["module-iv"], False, False),
        (["module-i"], [], True, False),
    ],
)
def test_it_helps_whoever_has_module_i_and_nothing_after_it(
    finished: list[str], paid_elsewhere: list[str], has_seat: bool, shown: bool
) -> None:
    assert is_for(finished, paid_elsewhere, has_seat=has_seat) is shown


# -- the page ----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.one_database
def test_the_page_says_what_it_costs_what_is_saved_and_where_to_buy_it() -> None:
    browser, anna = Client(), factories.person(Role.TRAINEE)
    browser.force_login(anna)
    assert "The rest of the package" not in text(browser.get("/where-you-stand/"))
    factories.finish(anna, "module-i")
    page = text(browser.get("/where-you-stand/"))
    assert "$6,900" in page
    assert "$7,896" in page
    assert "$996" in page
    assert "Ask the school where to buy it" in page
    School.objects.update(learning_url="https://learn.example.org/package")
    assert 'href="https://learn.example.org/package"' in browser.get("/where-you-stand/").content.decode()
    Entitlement.objects.create(user=anna, module=Module.objects.get(code="module-ii"), source="x", recorded_at=NOW)
    assert "The rest of the package" not in text(browser.get("/where-you-stand/"))
