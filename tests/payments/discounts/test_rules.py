"""What a discount takes off, on which days, for whom; and the answer to whoever may not use it."""

from datetime import date, timedelta
from typing import Any

import pytest

from booking.payments.discounts.models import Discount
from booking.payments.discounts.rules import WORDS, Why, as_code, best, in_full, refusal, takes_off, worth
from tests.factories import NOW

FIRST, LAST = date(2027, 1, 11), date(2027, 2, 11)
SEAT: dict[str, Any] = {"person_id": 7, "cohort_id": 3, "price_cents": 209_900, "uses": 0, "today": FIRST}


def voucher(**given: Any) -> Discount:
    """A voucher that is not kept anywhere."""
    amount = 0 if given.get("percent") else 50_000
    return Discount(**({"code": "CODE-1", "amount_cents": amount, "valid_from": FIRST, "valid_until": LAST} | given))


@pytest.mark.parametrize(
    ("given", "price", "off"),
    [
        ({"amount_cents": 50_000}, 209_900, 50_000),
        ({"amount_cents": 50_000}, 50_000, 50_000),
        ({"amount_cents": 50_000}, 49_999, 49_999),
        ({"percent": 100}, 209_900, 209_900),
        ({"percent": 25}, 209_900, 52_475),
        ({"percent": 1}, 50, 1),
        ({"percent": 1}, 49, 0),
        ({"percent": 33}, 150, 50),
        ({"percent": 33}, 101, 33),
        ({"percent": 50}, 3, 2),
    ],
)
def test_an_amount_or_a_part_comes_off_rounded_half_up_and_never_more_than_the_price(
    given: dict[str, int], price: int, off: int
) -> None:
    assert takes_off(voucher(**given), price) == off


@pytest.mark.parametrize(
    ("today", "why"),
    [
        (FIRST - timedelta(days=1), Why.NOT_YET),
        (FIRST, None),
        (LAST, None),
        (LAST + timedelta(days=1), Why.OVER),
    ],
)
def test_it_can_be_used_from_its_first_day_to_its_last(today: date, why: Why | None) -> None:
    assert refusal(voucher(), **(SEAT | {"today": today})) == why


@pytest.mark.parametrize(
    ("given", "seat", "why"),
    [
        ({"person_id": 8}, {}, Why.UNKNOWN),
        ({"person_id": 7}, {}, None),
        ({"ended_at": NOW}, {}, Why.ENDED),
        ({"cohort_id": 4}, {}, Why.ANOTHER_COHORT),
        ({"cohort_id": 3}, {}, None),
        ({"limit": 3}, {"uses": 2}, None),
        ({"limit": 3}, {"uses": 3}, Why.USED_UP),
        ({"limit": 3}, {"uses": 4}, Why.USED_UP),
        ({"percent": 1}, {"price_cents": 49}, Why.NOTHING_OFF),
        ({"person_id": 8, "ended_at": NOW}, {"uses": 9}, Why.UNKNOWN),
    ],
)
def test_every_reason_not_to_take_it_is_found(given: dict[str, Any], seat: dict[str, Any], why: Why | None) -> None:
    assert refusal(voucher(**given), **(SEAT | seat)) == why


def test_every_reason_has_words() -> None:
    assert set(WORDS) == set(Why)
    assert in_full(Why.NOT_YET, voucher()) == "This code can be used from 11 January 2027."
    assert in_full(Why.OVER, voucher()) == "The last day of this code was 11 February 2027."


def test_of_several_the_one_that_takes_most_is_chosen_and_the_older_of_two_equal_ones() -> None:
    half, fixed, same = voucher(pk=1, percent=50), voucher(pk=2), voucher(pk=3)
    assert best([fixed, half], 209_900) is half
    assert best([fixed, half], 80_000) is fixed
    assert best([same, fixed], 209_900) is fixed
    assert best([], 209_900) is None


def test_a_code_is_read_whatever_its_case_and_spaces() -> None:
    assert as_code("  abcd-12 34\t") == "ABCD-1234"


def test_what_it_is_worth_is_said_in_words() -> None:
    assert (worth(voucher()), worth(voucher(percent=25))) == ("$500", "25%")
