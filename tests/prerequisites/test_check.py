"""The check of prerequisites: counting, the window's edges, the as-of rule, waivers, and the words."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from workshops.prerequisites.check import Facts, Rule, check, last_day_it_counts, years_before

MODULE_I = Rule("module-i", "Module I", opens="module-ii", module="module-i")
DAYS = Rule("on-set-days", "10 days on professional sets", opens="module-iii", needed=10, within_years=10)
TODAY = date(2027, 1, 11)

days = st.dates(min_value=date(1995, 1, 1), max_value=date(2060, 12, 31))


def run(rule: Rule, facts: Facts, today: date = TODAY):  # type: ignore[no-untyped-def]
    return check([rule], facts, today).requirements[0]


def consecutive(last: date, count: int) -> frozenset[date]:
    return frozenset(last - timedelta(days=back) for back in range(count))


def test_a_finished_module_is_met_and_says_when() -> None:
    outcome = run(MODULE_I, Facts(completions={"module-i": date(2026, 6, 1)}))
    assert (outcome.met, outcome.counted, outcome.message) == (True, 1, "Finished on 1 June 2026.")


def test_an_unfinished_module_says_what_to_do() -> None:
    outcome = run(MODULE_I, Facts())
    assert not outcome.met
    assert outcome.message.startswith("Module I is not on your record. Finish it online")


def test_two_jobs_on_one_date_count_once() -> None:
    outcome = run(DAYS, Facts(accepted_days=consecutive(TODAY, 10)))
    assert (outcome.counted, outcome.met) == (10, True)


def test_the_anniversary_itself_still_counts_and_the_day_before_does_not() -> None:
    nine = consecutive(date(2026, 5, 9), 9)
    assert run(DAYS, Facts(accepted_days=nine | {date(2017, 1, 11)})).met
    assert not run(DAYS, Facts(accepted_days=nine | {date(2017, 1, 10)})).met


def test_ten_years_before_29_february_is_28_february() -> None:
    assert years_before(date(2028, 2, 29), 10) == date(2018, 2, 28)
    nine = consecutive(date(2026, 5, 9), 9)
    assert run(DAYS, Facts(accepted_days=nine | {date(2018, 2, 28)}), date(2028, 2, 29)).met


def test_access_freezes_the_window_for_good() -> None:
    facts = Facts(accepted_days=consecutive(date(2016, 3, 20), 10), access={"module-iii": date(2026, 2, 1)})
    outcome = run(DAYS, facts, date(2040, 1, 1))
    assert (outcome.met, outcome.changes_on) == (True, None)
    assert outcome.message == "10 of 10 days accepted, counted back from 1 February 2026, when your access was granted."


def test_days_worked_after_access_do_not_count_towards_it() -> None:
    facts = Facts(accepted_days=consecutive(date(2026, 3, 20), 10), access={"module-iii": date(2026, 3, 15)})
    assert run(DAYS, facts).counted == 5


def test_without_access_the_day_on_which_the_count_falls_short_is_named() -> None:
    outcome = run(DAYS, Facts(accepted_days=consecutive(date(2018, 5, 10), 10)))
    assert outcome.changes_on == date(2028, 5, 2)  # the oldest, 1 May 2018, counts through 1 May 2028


def test_days_in_review_are_shown_and_not_counted() -> None:
    accepted, waiting = consecutive(date(2026, 3, 20), 7), consecutive(date(2026, 6, 2), 2)
    outcome = run(DAYS, Facts(accepted_days=accepted, in_review_days=waiting | accepted))
    assert (outcome.met, outcome.counted, outcome.in_review) == (False, 7, 2)
    assert outcome.message.startswith("7 of 10 days accepted, 2 in review, 1 to go.")


def test_a_waiver_meets_a_requirement_and_says_so() -> None:
    outcome = run(DAYS, Facts(waived={"on-set-days": None}))
    assert (outcome.met, outcome.waived, outcome.message) == (True, True, "Waived by the school.")


def test_a_waiver_is_not_needed_by_someone_who_meets_the_requirement() -> None:
    facts = Facts(waived={"module-i": None}, completions={"module-i": TODAY})
    assert not run(MODULE_I, facts).waived


def test_proof_accepted_before_this_system_counts_and_is_no_waiver() -> None:
    outcome = run(DAYS, Facts(accepted_before={"on-set-days": None}))
    assert (outcome.met, outcome.waived) == (True, False)


@given(st.frozensets(days, max_size=40), days)
def test_a_naive_count_agrees(worked: frozenset[date], today: date) -> None:
    def counts(day: date) -> bool:
        """Walk to the tenth anniversary by the calendar instead of subtracting years."""
        year, month, dom = day.year + 10, day.month, day.day
        if (month, dom) == (2, 29) and not (year % 4 == 0 and (year % 100 or year % 400 == 0)):
            return day <= today and today < date(year, 3, 1)
        anniversary = date(year, month, dom)
        if (month, dom) == (2, 28) and anniversary + timedelta(days=1) == date(year, 3, 1) - timedelta(days=0):
            return day <= today <= anniversary
        if (month, dom) == (2, 28):  # the anniversary's year has a 29 February, which looks back to the 28th
            return day <= today <= anniversary + timedelta(days=1)
        return day <= today <= anniversary

    outcome = run(DAYS, Facts(accepted_days=worked), today)
    assert outcome.counted == sum(counts(day) for day in worked)


@given(days)
def test_a_day_counts_through_its_last_day_and_not_after(day: date) -> None:
    last = last_day_it_counts(day, 10)
    assert years_before(last, 10) <= day < years_before(last + timedelta(days=1), 10)


@given(st.frozensets(days, min_size=10, max_size=30), days)
def test_the_named_day_is_the_first_on_which_it_is_not_met(worked: frozenset[date], today: date) -> None:
    outcome = run(DAYS, Facts(accepted_days=worked), today)
    future = {day for day in worked if day > today}
    if outcome.met and not future and outcome.changes_on and outcome.changes_on.year < 2200:
        facts = Facts(accepted_days=worked)
        assert run(DAYS, facts, outcome.changes_on - timedelta(days=1)).met
        assert not run(DAYS, facts, outcome.changes_on).met
