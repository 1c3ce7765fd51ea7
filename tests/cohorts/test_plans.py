"""What speaks against a plan: pure rules, and the words they are said in."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from tests.factories import LOS_ANGELES, NOW
from workshops.cohorts.models import Venue
from workshops.cohorts.plans import Day, Neighbour, Objection, Plan, objections
from workshops.people.models import User

FIRST = date(2027, 6, 3)
STAGE = Venue(pk=1, name="Stage B")
AMARA = User(pk=1, name="Amara", email="amara@example.org")
LENA = User(pk=2, name="Lena", email="lena@example.org")


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), LOS_ANGELES)


def days(first: date = FIRST, count: int = 4, step: int = 1) -> tuple[Day, ...]:
    dates = [first + timedelta(days=index * step) for index in range(count)]
    return tuple(Day(at(on, 9, 30), at(on, 17, 30)) for on in dates)


def plan(**changes: object) -> Plan:
    usual = Plan(
        title="Summer 2027",
        code="2027-summer",
        venue=STAGE,
        days=days(),
        capacity=12,
        bookings_open_at=NOW,
        bookings_close_at=at(FIRST - timedelta(days=1), 17),
        instructors=(AMARA,),
        lead=AMARA,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def neighbour(first: date, **changes: object) -> Neighbour:
    usual = Neighbour(
        title=f"Cohort of {first}",
        code=f"c-{first}",
        starts_on=first,
        venue_id=2,
        instructor_ids=frozenset(),
        hours=tuple((day.starts_at, day.ends_at) for day in days(first)),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def said(asked: Plan, *others: Neighbour, now: datetime = NOW) -> dict[str, str]:
    return {objection.code: objection.message for objection in objections(asked, others, now)}


def one(asked: Plan, *others: Neighbour, now: datetime = NOW) -> Objection:
    (found,) = objections(asked, others, now)
    return found


THREE = [neighbour(date(2027, month, 4)) for month in (2, 4, 10)]


def on_the_clock(day: date, starts: tuple[int, int], ends: tuple[int, int]) -> Plan:
    """A plan with this day at these hours as its last."""
    first = day - timedelta(days=3)
    opens_before = {"bookings_close_at": at(first - timedelta(days=1), 17)}
    return plan(days=(*days(first, 3), Day(at(day, *starts), at(day, *ends))), **opens_before)


def test_hours_that_the_clocks_skip_are_refused() -> None:
    forward = date(2027, 3, 14)
    words = "Clocks in Los Angeles go forward on Sunday 14 March 2027, so there is no 2:30 am on that day."
    for code, hours in (("clock-starts", ((2, 30), (9, 0))), ("clock-ends", ((1, 0), (2, 30)))):
        found = one(on_the_clock(forward, *hours))
        assert (found.code, found.overridable) == (code, False)
        assert found.message == f"{words} Choose an earlier or a later time."
    assert objections(on_the_clock(forward, (1, 30), (9, 0)), [], NOW) == []


def test_hours_that_the_clocks_show_twice_are_refused() -> None:
    back = date(2027, 11, 7)
    found = one(on_the_clock(back, (1, 30), (9, 0)))
    assert (found.code, found.overridable) == ("clock-starts", False)
    assert found.message.startswith("Clocks in Los Angeles go back on Sunday 7 November 2027, so 1:30 am comes twice.")
    assert objections(on_the_clock(back, (2, 0), (9, 0)), [], NOW) == []


def test_nothing_speaks_against_four_days_in_a_free_year() -> None:
    assert objections(plan(), THREE[:2], NOW) == []


def test_a_fourth_cohort_in_a_year_needs_a_reason() -> None:
    found = one(plan(), *THREE)
    assert (found.code, found.overridable) == ("year-full", True)
    assert found.message.startswith(
        "The school runs three cohorts a year, and 2027 has three already: Cohort of 2027-02-04"
    )
    assert "another year" in found.message


def test_a_cancelled_cohort_takes_no_place_in_the_year() -> None:
    assert objections(plan(), [*THREE[:2], replace(THREE[2], is_cancelled=True)], NOW) == []


def test_a_cohort_of_the_year_before_takes_no_place_even_if_it_ends_in_this_one() -> None:
    assert objections(plan(), [*THREE[:2], neighbour(date(2026, 12, 30))], NOW) == []


@pytest.mark.parametrize("asked", [days(count=3), days(count=5), days(step=2), (*days(count=3), *days(FIRST, 1))])
def test_other_than_four_consecutive_days_needs_a_reason(asked: tuple[Day, ...]) -> None:
    found = next(each for each in objections(plan(days=asked), [], NOW) if each.code == "days")
    assert found.overridable
    assert "From 3 June 2027 that is until 6 June 2027" in found.message


def test_four_consecutive_days_may_cross_into_summer_time() -> None:
    first = date(2027, 3, 12)  # clocks go forward on 14 March
    asked = plan(days=days(first), bookings_close_at=at(first - timedelta(days=1), 17))
    assert objections(asked, [], NOW) == []


def test_the_days_of_a_plan_may_be_given_in_any_order() -> None:
    assert objections(plan(days=days()[::-1]), [], NOW) == []


def test_how_many_days_is_the_programmes_to_say() -> None:
    assert objections(plan(days=days(count=5)), [], NOW, days=5) == []


def test_a_plan_without_days_is_none() -> None:
    assert [each.code for each in objections(plan(days=()), THREE, NOW)] == ["no-days"]


def test_a_day_ends_after_it_starts() -> None:
    wrong = (*days(count=3), Day(at(FIRST + timedelta(days=3), 17), at(FIRST + timedelta(days=3), 17)))
    found = one(plan(days=wrong))
    assert (found.code, found.message, found.overridable) == (
        "hours", "Sunday 6 June 2027 must end after it starts.", False,
    )  # fmt: skip


def test_two_days_do_not_overlap() -> None:
    twice = (*days(), Day(at(FIRST, 12), at(FIRST, 20)))
    assert "Two days overlap on Thursday 3 June 2027" in said(plan(days=twice))["hours-overlap"]


def test_a_venue_is_not_in_two_places_at_once() -> None:
    there = neighbour(FIRST + timedelta(days=3), venue_id=STAGE.pk)
    found = one(plan(), there)
    assert (found.code, found.overridable) == ("venue-busy", False)
    assert found.message == (
        "Stage B is taken by Cohort of 2027-06-06 on Sunday 6 June 2027. Choose another venue or other days."
    )


def test_a_venue_serves_two_cohorts_one_after_the_other() -> None:
    evening = tuple((at(day, 17, 30), at(day, 22)) for day in (FIRST, FIRST + timedelta(days=1)))
    assert objections(plan(), [neighbour(FIRST, venue_id=STAGE.pk, hours=evening)], NOW) == []


def test_a_cancelled_cohort_leaves_its_venue_and_instructors_free() -> None:
    gone = neighbour(FIRST, venue_id=STAGE.pk, instructor_ids=frozenset({AMARA.pk}), is_cancelled=True)
    assert objections(plan(), [gone], NOW) == []


def test_an_instructor_is_not_in_two_places_at_once() -> None:
    elsewhere = neighbour(FIRST + timedelta(days=2), instructor_ids=frozenset({LENA.pk}))
    assert objections(plan(), [elsewhere], NOW) == []
    found = one(plan(instructors=(AMARA, LENA)), elsewhere)
    assert (found.code, found.overridable) == ("instructor-busy", False)
    assert "Lena teaches Cohort of 2027-06-05 on Saturday 5 June 2027" in found.message


def test_whoever_leads_is_one_of_the_instructors() -> None:
    assert one(plan(lead=LENA)).code == "lead"


@pytest.mark.parametrize("now", [at(FIRST, 9, 30), at(FIRST, 12), at(FIRST + timedelta(days=900), 12)])
def test_a_day_that_has_come_is_for_the_record_only(now: datetime) -> None:
    found = one(plan(), now=now)
    assert (found.code, found.overridable) == ("past", True)
    assert "unless this is for the record" in found.message


def test_bookings_close_before_the_cohort_begins() -> None:
    found = one(plan(bookings_close_at=at(FIRST, 9, 31)))
    assert (found.code, found.overridable) == ("bookings-late", False)
    assert objections(plan(bookings_close_at=at(FIRST, 9, 30)), [], NOW) == []


@pytest.mark.parametrize("close", [NOW, NOW - timedelta(days=1)])
def test_bookings_close_after_they_open(close: datetime) -> None:
    assert one(plan(bookings_close_at=close)).code == "bookings-order"


@pytest.mark.parametrize(
    ("capacity", "codes"), [(0, ["capacity"]), (-3, ["capacity"]), (1, []), (60, []), (61, ["capacity"])]
)
def test_a_cohort_has_one_to_sixty_seats(capacity: int, codes: list[str]) -> None:
    assert [each.code for each in objections(plan(capacity=capacity), [], NOW)] == codes


def test_a_code_stays_with_its_cohort_even_when_that_is_cancelled() -> None:
    gone = neighbour(date(2020, 1, 2), code="2027-summer", is_cancelled=True)
    assert one(plan(), gone).code == "code-taken"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    wrong = plan(capacity=0, lead=LENA, bookings_close_at=NOW, days=days(date(2026, 1, 5), 2))
    assert set(said(wrong)) == {"capacity", "lead", "bookings-order", "bookings-late", "days", "past"}
