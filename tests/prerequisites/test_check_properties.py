"""The check against a second, deliberately naive way to count, over random histories; and each edge by name."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking.reservations import reserving
from booking.reservations.admission import PrerequisitesUnmet
from tests import factories
from tests.factories import LOS_ANGELES, NOW
from tests.prerequisites.counting_by_hand import Claimed, Counted, Given, History, count
from workshops.clock import school_day
from workshops.people.models import Role, User
from workshops.prerequisites.check import Facts, Outcome, Rule, check
from workshops.prerequisites.facts import facts_of, rules_for
from workshops.prerequisites.models import Access, Completion, Waiver, WaiverKind
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState
from workshops.programme.models import Module, Requirement

MODULES = ("module-i", "module-ii", "module-iii")
CODES = (*MODULES, "on-set-days")
SENT = (RecordState.ACCEPTED, RecordState.IN_REVIEW, RecordState.QUESTION)
DAYS = Rule("on-set-days", "10 days on professional sets", opens="module-iii", needed=10, within_years=10)


# -- random histories --------------------------------------------------------------------------------------------------
edges = st.sampled_from([date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2026, 2, 28), date(2034, 2, 28)])
todays = edges | st.dates(min_value=date(2016, 1, 1), max_value=date(2045, 12, 31))


def moved(day: date, years: int, days: int) -> date:
    """Somewhere about the same day of an earlier year: where windows begin and end."""
    return date(day.year - years, day.month, min(day.day, 28)) + timedelta(days=days)


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    """A pathway as a registrar may have changed it: other numbers of days and years."""
    days = replace(DAYS, needed=draw(st.integers(1, 6)), within_years=draw(st.sampled_from([1, 4, 5, 10, 12])))
    modules = [Rule(code, code, opens="module-iv", module=code) for code in MODULES]
    return [modules[0], modules[1], days, modules[2]]


@st.composite
def histories(draw: st.DrawFn, today: date, years: int) -> History:
    """Anything that can be recorded by `today`: nothing lies in the future but the last day of an exception."""
    back = st.integers(0, 12 * 366).map(lambda days: today - timedelta(days=days))
    let_in_on = draw(st.none() | back)
    near = [moved(anchor, years, 0) for anchor in (today, let_in_on) if anchor]
    about = st.builds(lambda anchor, by: anchor + timedelta(days=by), st.sampled_from(near), st.integers(-2, 4))
    worked = (about | back | edges).filter(lambda day: day <= today)
    claimed = st.builds(Claimed, worked, st.sampled_from([*SENT, RecordState.REJECTED]), st.just(value=False))
    until = st.none() | st.integers(-2, 4000).map(lambda days: today + timedelta(days=days))
    exceptions = st.builds(Given, st.sampled_from(CODES), st.sampled_from(list(WaiverKind)), until)
    return History(
        finished=draw(st.lists(st.sampled_from(MODULES), unique=True)),
        let_in=[("module-iii", let_in_on)] if let_in_on else [],
        claimed=draw(st.lists(claimed, max_size=12)),
        given=draw(st.lists(exceptions, max_size=3)),
    )


def facts_from(history: History) -> Facts:
    """The same history, as facts."""
    lasting: dict[WaiverKind, dict[str, date | None]] = {WaiverKind.WAIVER: {}, WaiverKind.BEFORE: {}}
    for it in sorted(history.given, key=lambda each: each.until or date.max):
        lasting[it.kind][it.requirement] = it.until
    return Facts(
        completions={code: date(2015, 1, 1) for code in history.finished},
        access=dict(history.let_in),
        accepted_days=frozenset(it.day for it in history.claimed if it.state == RecordState.ACCEPTED),
        in_review_days=frozenset(
            it.day for it in history.claimed if it.state in (RecordState.IN_REVIEW, RecordState.QUESTION)
        ),
        waived=lasting[WaiverKind.WAIVER],
        accepted_before=lasting[WaiverKind.BEFORE],
    )


def numbers(outcome: Outcome) -> Counted:
    """What the check says, without the words."""
    return Counted(outcome.met, outcome.waived, outcome.counted, outcome.in_review)


@given(st.data(), rules(), todays)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_counting_by_hand_agrees_about_any_history(data: st.DataObject, asked: list[Rule], today: date) -> None:
    history = data.draw(histories(today, asked[2].within_years or 0))
    found = check(asked, facts_from(history), today).requirements
    assert [numbers(outcome) for outcome in found] == [count(rule, history, today) for rule in asked]


@given(st.data(), rules(), todays)
@settings(max_examples=150, deadline=None)
def test_the_day_it_names_is_the_first_on_which_it_is_met_no_more(
    data: st.DataObject, asked: list[Rule], today: date
) -> None:
    facts = facts_from(data.draw(histories(today, asked[2].within_years or 0)))
    later = today + timedelta(days=data.draw(st.integers(0, 5000)))
    for rule, outcome in zip(asked, check(asked, facts, today).requirements, strict=True):
        [on_later] = check([rule], facts, later).requirements
        if outcome.changes_on is None:
            assert on_later.met == outcome.met
            continue
        assert outcome.met
        assert outcome.changes_on > today
        assert on_later.met == (later < outcome.changes_on)
        assert check([rule], facts, outcome.changes_on - timedelta(days=1)).eligible
        assert not check([rule], facts, outcome.changes_on).eligible


# -- the same through the database -------------------------------------------------------------------------------------
TODAY = date(2027, 1, 11)


def put_down(chance: random.Random, history: History) -> User:
    """Somebody to whom all of this has happened, with the days spread over several records."""
    user = factories.person(Role.TRAINEE)
    modules = {module.code: module for module in Module.objects.all()}
    Completion.objects.bulk_create(
        Completion(user=user, module=modules[code], completed_on=date(2020, 1, 1), recorded_at=NOW)
        for code in history.finished
    )
    Access.objects.bulk_create(
        Access(user=user, module=modules[code], granted_on=day, recorded_at=NOW) for code, day in history.let_in
    )
    for it in history.claimed:
        mine = OnSetRecord.objects.filter(user=user, state=it.state).exclude(days__day=it.day)
        record = mine.first() if chance.random() < 0.5 else None
        OnSetDay.objects.create(
            record=record or factories.prove_days(user, 0, state=it.state), day=it.day, is_refused=it.is_refused
        )
    Waiver.objects.bulk_create(
        Waiver(
            user=user,
            requirement=it.requirement,
            kind=it.kind,
            cohort_id=it.for_cohort,
            until=it.until,
            reason="Known to the school",
            given_at=NOW,
            revoked_at=NOW if it.is_taken_back else None,
        )
        for it in history.given
    )
    return user


def some_history(chance: random.Random, cohorts: list[int]) -> History:
    """What may lie in the database of a school, with days about the edges of the window."""
    let_in_on = TODAY - timedelta(days=chance.randint(0, 1200)) if chance.random() < 0.5 else None
    anchors = [moved(anchor, 10, 0) for anchor in (TODAY, let_in_on) if anchor]

    def worked() -> date:
        if chance.random() < 0.5:
            return chance.choice(anchors) + timedelta(days=chance.randint(-3, 6))
        return TODAY - timedelta(days=chance.randint(0, 4400))

    def until() -> date | None:
        return chance.choice([None, TODAY - timedelta(days=1), TODAY, TODAY + timedelta(days=1)])

    return History(
        finished=chance.sample(MODULES, chance.randint(0, 3)),
        let_in=[("module-iii", let_in_on)] if let_in_on else [],
        claimed=[
            Claimed(worked(), chance.choice(list(RecordState)), chance.random() < 0.1)
            for _ in range(chance.randint(0, 14))
        ],
        given=[
            Given(
                chance.choice(CODES),
                chance.choice(list(WaiverKind)),
                until(),
                chance.choice([None, *cohorts]),
                chance.random() < 0.3,
            )
            for _ in range(chance.randint(0, 3))
        ],
    )


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(3))
def test_counting_by_hand_agrees_about_what_is_in_the_database(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  (no secret)
    cohorts = [factories.cohort().pk, factories.cohort().pk]
    # The naive walk is long; a school may ask for fewer days, and then more is decided by each of them.
    Requirement.objects.filter(code="on-set-days").update(needed=4)
    people = {}
    for _ in range(6):
        history = some_history(chance, cohorts)
        people[put_down(chance, history).pk] = history
    asked = rules_for("module-iv")
    for cohort in (None, cohorts[0]):
        for today in (TODAY, TODAY + timedelta(days=1)):
            known = facts_of(people, today, cohort)
            for person, history in people.items():
                found = [numbers(outcome) for outcome in check(asked, known[person], today).requirements]
                assert found == [count(rule, history, today, cohort) for rule in asked]


# -- the edges, by name ------------------------------------------------------------------------------------------------
def run(facts: Facts, today: date = TODAY, *, needed: int = 10, within_years: int = 10) -> Outcome:
    """What the check says of days on set."""
    return check([replace(DAYS, needed=needed, within_years=within_years)], facts, today).requirements[0]


def one_day(day: date) -> Facts:
    return Facts(accepted_days=frozenset({day}))


@pytest.mark.parametrize(
    ("worked", "today", "counts"),
    [
        (date(2017, 1, 11), date(2027, 1, 11), True),  # the anniversary itself
        (date(2017, 1, 11), date(2027, 1, 12), False),
        (date(2018, 2, 28), date(2028, 2, 28), True),
        (date(2018, 2, 28), date(2028, 2, 29), True),  # ten years before 29 February is 28 February
        (date(2018, 2, 28), date(2028, 3, 1), False),
        (date(2016, 2, 29), date(2026, 2, 28), True),  # worked on 29 February, and there is none in 2026
        (date(2016, 2, 29), date(2026, 3, 1), False),
        (date(2027, 1, 11), date(2027, 1, 11), True),  # today
    ],
)
def test_a_day_counts_from_when_it_is_worked_to_its_tenth_anniversary(
    worked: date, today: date, *, counts: bool
) -> None:
    assert run(one_day(worked), today).counted == counts


@pytest.mark.parametrize(
    ("worked", "no_more_on"),
    [
        (date(2017, 1, 11), date(2027, 1, 12)),
        (date(2016, 2, 29), date(2026, 3, 1)),
        (date(2018, 2, 28), date(2028, 3, 1)),  # 29 February 2028 looks back to 28 February 2018 as well
    ],
)
def test_it_names_the_day_after_the_last_on_which_a_day_counts(worked: date, no_more_on: date) -> None:
    assert run(one_day(worked), date(2026, 2, 1), needed=1).changes_on == no_more_on


def test_29_february_counts_for_four_years_to_the_next_one() -> None:
    facts = one_day(date(2024, 2, 29))
    assert run(facts, date(2028, 2, 29), within_years=4).counted == 1
    assert run(facts, date(2028, 3, 1), within_years=4).counted == 0
    assert run(facts, date(2028, 2, 29), within_years=4, needed=1).changes_on == date(2028, 3, 1)


def test_a_job_counts_once_however_many_records_name_its_day() -> None:
    history = History(claimed=[Claimed(date(2026, 3, 2)), Claimed(date(2026, 3, 2)), Claimed(date(2026, 3, 3))])
    assert run(facts_from(history)).counted == count(DAYS, history, TODAY).counted == 2


def test_a_day_that_is_accepted_on_one_record_and_in_review_on_another_is_not_shown_twice() -> None:
    twice = [Claimed(date(2026, 3, 2)), Claimed(date(2026, 3, 2), RecordState.IN_REVIEW)]
    outcome = run(facts_from(History(claimed=twice)))
    assert (outcome.counted, outcome.in_review, outcome.to_go) == (1, 0, 9)


def test_days_in_review_that_would_be_enough_leave_nothing_to_go_and_meet_nothing() -> None:
    waiting = frozenset(date(2026, 3, day) for day in range(1, 13))
    outcome = run(Facts(in_review_days=waiting))
    assert (outcome.met, outcome.to_go) == (False, 0)
    assert outcome.message.startswith("0 of 10 days accepted, 12 in review. Days count when")


def test_an_exception_until_a_day_holds_on_it_and_not_the_day_after() -> None:
    facts = Facts(waived={"on-set-days": date(2027, 3, 4)})
    outcome = run(facts, date(2027, 3, 4))
    assert (outcome.met, outcome.changes_on) == (True, date(2027, 3, 5))
    assert outcome.message == "Waived by the school, until the end of 4 March 2027."
    assert not run(facts, date(2027, 3, 5)).met


def test_what_is_waived_for_good_changes_on_no_day_even_where_the_days_age() -> None:
    facts = Facts(accepted_days=frozenset({date(2018, 5, 1)}), waived={"on-set-days": None})
    outcome = run(facts, needed=1)
    assert (outcome.met, outcome.waived, outcome.changes_on) == (True, False, None)


def test_an_exception_that_outlasts_the_days_is_what_the_change_waits_for() -> None:
    facts = Facts(accepted_days=frozenset({date(2018, 5, 1)}), waived={"on-set-days": date(2028, 12, 31)})
    assert run(facts, needed=1).changes_on == date(2029, 1, 1)


def test_an_exception_without_an_end_of_the_calendar_names_no_day() -> None:
    assert run(Facts(waived={"on-set-days": date.max})).changes_on is None


def test_the_rules_that_were_asked_are_named_and_other_rules_have_another_name() -> None:
    assert check([DAYS], Facts(), TODAY).rules == "on-set-days 10 in 10 years"
    assert check([replace(DAYS, needed=12)], Facts(), TODAY).rules == "on-set-days 12 in 10 years"


@pytest.mark.django_db
def test_days_age_at_the_schools_midnight_wherever_the_clock_is_read() -> None:
    """At a minute to midnight in Los Angeles it has long been tomorrow in UTC, and the day still counts."""
    trainee = factories.trainee(lacking="on-set-days")
    factories.prove_days(trainee, 3, last=date(2017, 5, 12))  # the oldest on 10 May: counts through 10 May 2027
    late = datetime(2027, 5, 10, 23, 59, tzinfo=LOS_ANGELES).astimezone(UTC)
    past = datetime(2027, 5, 11, 0, 1, tzinfo=LOS_ANGELES).astimezone(UTC)
    assert (late.date(), past.date()) == (date(2027, 5, 11), date(2027, 5, 11))
    assert (school_day(late), school_day(past)) == (date(2027, 5, 10), date(2027, 5, 11))
    cohort = factories.cohort(starts_on=date(2027, 9, 1))
    with pytest.raises(PrerequisitesUnmet) as refused:
        reserving.hold(cohort, trainee, now=past)
    assert refused.value.standing.as_of == date(2027, 5, 11)
    assert reserving.hold(cohort, trainee, now=late).trainee == trainee
