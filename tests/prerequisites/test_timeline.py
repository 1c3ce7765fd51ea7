"""Days on set over the years: what counts, what does not, what will age out and when, in a drawing and in words."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from workshops.prerequisites.check import Facts, Rule, check
from workshops.prerequisites.timeline import DayState, Timeline, timeline_of

DAYS = Rule("on-set-days", "10 days", opens="module-iii", needed=10, within_years=10, opens_title="Module III")
TODAY = date(2027, 1, 11)


def told(*accepted: date, review: tuple[date, ...] = (), access: date | None = None) -> Timeline:
    facts = Facts(
        accepted_days=frozenset(accepted),
        in_review_days=frozenset(review),
        access={"module-iii": access} if access else {},
    )
    return timeline_of(DAYS, facts, TODAY)


def test_each_day_says_what_it_is_worth() -> None:
    timeline = told(date(2017, 1, 10), date(2017, 1, 11), review=(date(2026, 8, 2),))
    assert [(each.day.year, each.state, each.words) for each in timeline.days] == [
        (2026, DayState.REVIEW, "in review"),
        (2017, DayState.COUNTS, "counts until the end of 11 January 2027"),
        (2017, DayState.BEFORE, "before the window, so it does not count"),
    ]


def test_the_years_of_the_window_are_drawn_by_month_the_newest_first() -> None:
    timeline = told(date(2021, 9, 14), date(2021, 9, 15), date(2017, 1, 3))
    assert [year.year for year in timeline.years] == list(range(2027, 2016, -1))
    september = timeline.years[6].months[8]
    assert (september.counts, september.days, september.classes) == (2, 2, "is-counted")
    assert timeline.years[-1].months[0].classes == "is-outside"
    assert [month.is_open for month in timeline.years[0].months] == [True] + [False] * 11


def test_a_rule_that_looks_back_further_draws_more_years() -> None:
    wider = Rule("on-set-days", "10 days", opens="module-iii", needed=10, within_years=12)
    assert len(timeline_of(wider, Facts(), TODAY).years) == 13


def test_a_month_with_both_shows_both_and_what_ends_soon_is_marked() -> None:
    timeline = told(date(2017, 5, 2), review=(date(2017, 5, 9),))
    assert timeline.years[-1].months[4].classes == "is-counted is-in-review ends-soon"


def test_days_in_review_do_not_make_a_month_end_soon() -> None:
    assert told(review=(date(2017, 5, 9),)).years[-1].months[4].classes == "is-in-review"


def test_what_will_age_out_is_told_together_where_it_goes_together() -> None:
    timeline = told(date(2017, 3, 4), date(2017, 3, 5), date(2017, 3, 6), date(2019, 6, 1))
    assert [(each.words, each.left) for each in timeline.ageing] == [
        ("3 days stop counting from 5 to 7 March 2027", 1),
        ("1 day stops counting on 2 June 2029", 0),
    ]
    assert timeline.warning == (
        "3 days stop counting from 5 to 7 March 2027 unless you have access to Module III by then."
    )


def test_access_ends_all_ageing_and_days_worked_after_it_are_told_apart() -> None:
    timeline = told(date(2017, 3, 4), date(2026, 12, 1), access=date(2026, 11, 1))
    assert (timeline.ageing, timeline.warning) == ((), "")
    assert [each.words for each in timeline.days] == ["after you were given access, so it was not counted", "counts"]
    assert timeline.sentence == (
        "Between 1 November 2016 and 1 November 2026, 1 day counts and 1 more was worked after that."
    )


def test_the_sentence_says_what_the_drawing_shows() -> None:
    timeline = told(date(2016, 5, 1), date(2020, 1, 1), date(2020, 1, 2), review=(date(2026, 1, 1),))
    assert timeline.sentence == (
        "Between 11 January 2017 and 11 January 2027, 2 days count, 1 day is in review and 1 more was worked before "
        "that."
    )
    assert told().sentence == "Between 11 January 2017 and 11 January 2027, no days count."


days = st.dates(min_value=date(2014, 1, 1), max_value=TODAY)


@given(st.frozensets(days, max_size=25), st.frozensets(days, max_size=5), st.none() | days)
@settings(max_examples=80, deadline=None)
def test_the_drawing_and_the_check_count_the_same(
    accepted: frozenset[date], review: frozenset[date], access: date | None
) -> None:
    facts = Facts(accepted_days=accepted, in_review_days=review, access={"module-iii": access} if access else {})
    timeline, [outcome] = timeline_of(DAYS, facts, TODAY), check([DAYS], facts, TODAY).requirements
    months = [month for year in timeline.years for month in year.months]
    assert timeline.having(DayState.COUNTS) == sum(month.counts for month in months) == outcome.counted
    assert timeline.having(DayState.REVIEW) == sum(month.review for month in months) == outcome.in_review
    for each in timeline.ageing:
        before = check([DAYS], facts, each.first - timedelta(days=1)).requirements[0].counted
        after = check([DAYS], facts, each.last).requirements[0].counted
        assert (before - after, after) == (each.days, each.left)
