"""Whether and how what remains can be paid in parts, to the cent and the day."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.payments.plans.charging import HOPELESS, next_try, trouble_of
from booking.payments.plans.models import Trouble
from booking.payments.plans.rules import (
    LEAST_PART_CENTS,
    MONTHS,
    carried,
    choices,
    due_cents,
    months_later,
    split,
    to_pay_now,
)
from booking.reservations.owing import Part
from tests.factories import NOW

DAYS = st.dates(date(2026, 1, 1), date(2035, 12, 31))
CENTS = st.integers(0, 500_000)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("cents", "months", "parts"),
    [
        (209_900, 3, [69_966, 69_966, 69_968]),
        (209_900, 6, [34_983] * 5 + [34_985]),
        (159_900, 3, [53_300] * 3),
        (159_900, 6, [26_650] * 6),
    ],
)
def test_the_schools_prices_are_split_to_the_cent(cents: int, months: int, parts: list[int]) -> None:
    assert split(cents, months) == parts
    assert sum(parts) == cents


@given(cents=CENTS, months=st.sampled_from(MONTHS))
def test_parts_add_up_and_differ_in_the_last_alone(cents: int, months: int) -> None:
    *first, last = split(cents, months)
    assert sum(first) + last == cents
    assert len({*first}) == 1
    assert first[0] <= last < first[0] + months


@pytest.mark.parametrize(
    ("day", "days"),
    [
        (date(2027, 1, 31), [date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)]),
        (date(2027, 11, 30), [date(2027, 12, 30), date(2028, 1, 30), date(2028, 2, 29)]),
        (date(2028, 2, 29), [date(2028, 3, 29), date(2028, 4, 29), date(2028, 5, 29)]),
    ],
)
def test_a_month_without_that_day_has_its_last_and_the_next_has_it_again(day: date, days: list[date]) -> None:
    assert [months_later(day, number) for number in (1, 2, 3)] == days


@given(today=DAYS, ahead=st.integers(-10, 400), cents=CENTS)
def test_what_is_offered_is_monthly_exact_and_over_by_the_balance_date(today: date, ahead: int, cents: int) -> None:
    due_on = today + ahead * DAY
    for each in choices(cents, today=today, balance_due_on=due_on, allowed=True):
        assert each.is_offered == bool(each.parts)
        if each.is_offered:
            days = [part.due_on for part in each.parts]
            assert sum(part.cents for part in each.parts) == cents
            assert min(part.cents for part in each.parts) >= LEAST_PART_CENTS
            assert len(days) == each.months
            assert today < days[0]
            assert days[-1] <= due_on
            months = [(day.year * 12 + day.month) for day in (today, *days)]
            assert {later - earlier for earlier, later in pairwise(months)} == {1}
            assert all(day.day == today.day or (day + DAY).day == 1 for day in days)


def test_a_plan_that_is_not_offered_says_why() -> None:
    today, due_on = date(2027, 1, 11), date(2027, 4, 11)
    three, six = choices(159_900, today=today, balance_due_on=due_on, allowed=True)
    assert [three.is_offered, six.is_offered] == [True, False]
    assert six.why_not == "The last part would be due on 11 July 2027, and the balance is due by 11 April 2027."
    told = choices(159_900, today=today, balance_due_on=due_on, allowed=False)
    assert {each.why_not for each in told} == {"The terms of this cohort have no plans."}
    assert choices(149, today=today, balance_due_on=due_on, allowed=True)[0].why_not.startswith("Too little")
    over = choices(159_900, today=due_on + DAY, balance_due_on=due_on, allowed=True)
    assert {each.why_not for each in over} == {"The balance was due by 11 April 2027."}
    assert choices(159_900, today=today, balance_due_on=due_on - DAY, allowed=True)[0].why_not


LEFT = [Part(53_300, date(2027, 2, 11)), Part(53_300, date(2027, 3, 11)), Part(53_300, date(2027, 4, 11))]


@given(remaining=st.integers(-100, 200_000))
def test_parts_that_go_on_elsewhere_never_grow(remaining: int) -> None:
    parts = carried(LEFT, remaining, date(2027, 4, 11))
    if not LEAST_PART_CENTS <= remaining <= 159_900:
        assert parts is None
    else:
        assert parts is not None
        assert sum(part.cents for part in parts) == remaining
        for before, after in zip(LEFT, parts, strict=False):
            assert LEAST_PART_CENTS <= after.cents <= before.cents
            assert after.due_on == before.due_on


def test_parts_that_end_too_late_do_not_go_on() -> None:
    assert carried(LEFT, 159_900, date(2027, 4, 10)) is None
    assert carried(LEFT, 106_600, date(2027, 4, 10)) == LEFT[:2]
    assert carried([], 0, date(2027, 4, 10)) is None


def test_what_is_due_is_paid_together_and_before_that_the_next_part() -> None:
    assert [due_cents(LEFT, part.due_on) for part in LEFT] == [53_300, 106_600, 159_900]
    assert (due_cents(LEFT, date(2027, 2, 10)), to_pay_now(LEFT, date(2027, 2, 10))) == (0, 53_300)
    assert to_pay_now(LEFT, date(2027, 3, 12)) == 106_600
    assert to_pay_now([], date(2027, 3, 12)) == 0


@pytest.mark.parametrize(
    ("failure", "trouble"),
    [
        ("authentication_required", Trouble.AUTHENTICATION),
        ("expired_card", Trouble.EXPIRED),
        ("card-gone", Trouble.NO_CARD),
        ("insufficient_funds", Trouble.DECLINED),
        ("lost_card", Trouble.DECLINED),
        ("", Trouble.DECLINED),
    ],
)
def test_each_refusal_is_a_trouble_of_its_own(failure: str, trouble: Trouble) -> None:
    assert trouble_of(failure) == trouble


def test_a_declined_card_is_tried_again_after_three_and_five_days_and_no_other_is() -> None:
    tries = [next_try(Trouble.DECLINED, "generic_decline", before, NOW, NOW) for before in range(3)]
    assert tries == [NOW + 3 * DAY, NOW + 5 * DAY, None]
    assert next_try(Trouble.DECLINED, "generic_decline", 1, NOW, NOW + 9 * DAY) == NOW + 10 * DAY
    for trouble in (Trouble.AUTHENTICATION, Trouble.EXPIRED, Trouble.NO_CARD):
        assert next_try(trouble, "", 0, NOW, NOW) is None
    assert next_try(Trouble.DECLINED, HOPELESS[0], 0, NOW, NOW) is None
