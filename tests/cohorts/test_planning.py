"""The registrar's commands: what they change, what they leave a line about, and what they refuse."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests import factories
from tests.cohorts.test_plans import at
from tests.factories import NOW
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, CohortStatus, Teaching, Venue
from workshops.cohorts.planning import Refused
from workshops.cohorts.plans import Day, Plan
from workshops.cohorts.venues import NameTaken, add_venue, change_venue
from workshops.history.models import HistoryLine
from workshops.history.record import history_of
from workshops.people.models import Role, User
from workshops.programme.changing import change_school, confirm_conduct, confirm_terms
from workshops.programme.models import Price, conduct_text
from workshops.programme.terms import Terms

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=20)


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR, name="Robin")


@pytest.fixture
def amara() -> User:
    return factories.person(Role.INSTRUCTOR, name="Amara")


@pytest.fixture
def set_up(registrar: User, amara: User) -> None:
    """Everything on the checklist that a published cohort needs."""
    factories.venue()
    about = {"email": "school@example.org", "bank_details": "Bank 1"}
    change_school(about | {"legal_name": "Cintima LLC", "address": "1 Example Street"}, by=registrar, now=NOW)
    confirm_terms(Terms().as_json(), by=registrar, now=NOW)
    confirm_conduct(conduct_text(), by=registrar, now=NOW)


def plan(first: date = date(2027, 6, 3), *, count: int = 4, **changes: object) -> Plan:
    days = [first + timedelta(days=index) for index in range(count)]
    usual = Plan(
        title=f"Cohort of {first}",
        code=f"c-{first}",
        venue=changes.pop("venue", None) or factories.venue(),  # type: ignore[arg-type]
        days=tuple(Day(at(on, 9, 30), at(on, 17, 30), ("Scene study",)) for on in days),
        capacity=12,
        bookings_open_at=NOW,
        bookings_close_at=at(first - timedelta(days=1), 17),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [objection.code for objection in refused.value.objections]


def told(cohort: Cohort) -> list[str]:
    return [line.what for line in history_of("cohort", cohort.public_id)]


def last(cohort: Cohort) -> HistoryLine:
    *_, line = history_of("cohort", cohort.public_id)
    return line


def sequences(cohort: Cohort) -> list[int]:
    return [session.sequence for session in cohort.sessions.order_by("day")]


def uids(cohort: Cohort) -> list[str]:
    return [session.uid for session in cohort.sessions.order_by("day")]


# -- planning ----------------------------------------------------------------------------------------------------------
def test_a_planned_cohort_is_a_draft_with_days_seats_and_instructors(registrar: User, amara: User) -> None:
    cohort = planning.plan_cohort(plan(instructors=(amara,), lead=amara), by=registrar, now=NOW)
    assert (cohort.status, cohort.starts_on, cohort.ends_on) == ("draft", date(2027, 6, 3), date(2027, 6, 6))
    assert [(day.day, day.topics) for day in cohort.sessions.all()] == [(n, ["Scene study"]) for n in (1, 2, 3, 4)]
    assert cohort.seats.filter(status="free").count() == 12
    assert [(each.instructor, each.is_lead) for each in cohort.teachings.all()] == [(amara, True)]
    assert told(cohort) == ["cohort-planned", "instructor-added"]


def test_days_are_numbered_by_date_whatever_order_they_were_given_in(registrar: User) -> None:
    asked = plan()
    cohort = planning.plan_cohort(replace(asked, days=asked.days[::-1]), by=registrar, now=NOW)
    assert [session.starts_at for session in cohort.sessions.order_by("day")] == [day.starts_at for day in asked.days]


def test_the_fourth_cohort_of_a_year_is_planned_only_for_a_reason(registrar: User) -> None:
    for month in (2, 4, 10):
        planning.plan_cohort(plan(date(2027, month, 4)), by=registrar, now=NOW)
    fourth = plan()
    with pytest.raises(Refused) as refused:
        planning.plan_cohort(fourth, by=registrar, now=NOW)
    assert (codes(refused), refused.value.overridable) == (["year-full"], True)
    assert Cohort.objects.count() == 3
    with pytest.raises(Refused):
        planning.plan_cohort(fourth, by=registrar, now=NOW, reason="   ", despite=["year-full"])
    cohort = planning.plan_cohort(fourth, by=registrar, now=NOW, reason="The union asked.", despite=["year-full"])
    planned = HistoryLine.objects.get(what="cohort-planned", about_id=cohort.public_id)
    assert (planned.why, planned.facts["despite"]) == ("The union asked.", "year-full")


def test_a_reason_overrides_only_what_its_giver_has_read(registrar: User) -> None:
    with pytest.raises(Refused) as refused:
        planning.plan_cohort(
            plan(date(2027, 1, 2), count=3), by=registrar, now=NOW, reason="Three are enough.", despite=["days"]
        )
    assert set(codes(refused)) >= {"days", "past"}


def test_no_reason_puts_a_venue_in_two_places(registrar: User) -> None:
    venue = factories.venue()
    planning.plan_cohort(plan(venue=venue), by=registrar, now=NOW)
    again = plan(venue=venue, code="again")
    with pytest.raises(Refused) as refused:
        planning.plan_cohort(again, by=registrar, now=NOW, reason="Please.", despite=["venue-busy"])
    assert codes(refused) == ["venue-busy"]


def test_a_cohort_of_the_past_is_planned_for_the_record_and_filed_as_closed(registrar: User) -> None:
    past = plan(date(2025, 6, 5), bookings_open_at=at(date(2025, 1, 5), 9))
    with pytest.raises(Refused):
        planning.plan_cohort(past, by=registrar, now=NOW)
    cohort = planning.plan_cohort(past, by=registrar, now=NOW, reason="For the record.", despite=["past"])
    assert planning.close(cohort, by=registrar, now=NOW).status == "closed"


def test_only_someone_with_the_role_can_be_given_a_roster(registrar: User) -> None:
    mentor = factories.person(Role.MENTOR)
    with pytest.raises(Refused) as refused:
        planning.plan_cohort(plan(instructors=(mentor,)), by=registrar, now=NOW)
    assert codes(refused) == ["not-instructor"]
    assert Cohort.objects.count() == 0


# -- changing ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def cohort(registrar: User) -> Cohort:
    return planning.plan_cohort(plan(), by=registrar, now=NOW)


def change(cohort: Cohort, by: User, **changes: object) -> Cohort:
    return planning.change_cohort(cohort, replace(planning.plan_of(cohort), **changes), by=by, now=LATER)  # type: ignore[arg-type]


def moved(day: Day, **by: float) -> Day:
    return replace(day, starts_at=day.starts_at + timedelta(**by), ends_at=day.ends_at + timedelta(**by))


def test_one_day_with_other_hours_raises_that_days_sequence_alone(cohort: Cohort, registrar: User) -> None:
    before, days = uids(cohort), planning.plan_of(cohort).days
    change(cohort, registrar, days=(days[0], moved(days[1], minutes=30), *days[2:]))
    assert sequences(cohort) == [0, 1, 0, 0]
    assert uids(cohort) == before
    assert [session.revised_at for session in cohort.sessions.order_by("day")] == [NOW, LATER, NOW, NOW]


def test_moving_all_days_keeps_each_days_uid(cohort: Cohort, registrar: User) -> None:
    before, days = uids(cohort), planning.plan_of(cohort).days
    changed = change(cohort, registrar, days=tuple(moved(day, days=1) for day in days))
    assert (uids(changed), sequences(changed)) == (before, [1, 1, 1, 1])
    assert (changed.starts_on, changed.ends_on) == (date(2027, 6, 4), date(2027, 6, 7))


@pytest.mark.parametrize("what", ["title", "venue"])
def test_a_new_title_or_venue_raises_every_sequence(cohort: Cohort, registrar: User, what: str) -> None:
    change(cohort, registrar, **{what: "Midsummer" if what == "title" else factories.venue()})
    assert sequences(cohort) == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("changed", "sequence"),
    [({"title": "Midsummer"}, 1), ({"bookings_open_at": NOW + timedelta(days=2)}, 1), ({"code": "2027-midsummer"}, 0)],
)
def test_the_opening_of_bookings_has_a_sequence_of_its_own(
    cohort: Cohort, registrar: User, changed: dict[str, object], sequence: int
) -> None:
    change(cohort, registrar, **changed)
    cohort.refresh_from_db()
    assert (cohort.sequence, cohort.revised_at) == (sequence, LATER if sequence else NOW)


def test_topics_code_and_bookings_raise_no_days_sequence(cohort: Cohort, registrar: User) -> None:
    days = planning.plan_of(cohort).days
    changed = change(
        cohort,
        registrar,
        days=tuple(replace(day, topics=("Rider language",)) for day in days),
        code="2027-midsummer",
        bookings_open_at=NOW + timedelta(days=2),
    )
    assert sequences(changed) == [0, 0, 0, 0]
    assert {tuple(session.topics) for session in changed.sessions.all()} == {("Rider language",)}
    assert set(last(changed).facts) == {"topics", "code", "bookings"}


def test_the_same_again_changes_nothing_and_leaves_no_line(cohort: Cohort, registrar: User) -> None:
    change(cohort, registrar)
    assert (sequences(cohort), told(cohort)) == ([0, 0, 0, 0], ["cohort-planned"])


def test_a_day_taken_out_needs_a_reason_and_keeps_the_others(cohort: Cohort, registrar: User) -> None:
    before, asked = uids(cohort), planning.plan_of(cohort)
    shorter = replace(asked, days=asked.days[:3])
    with pytest.raises(Refused):
        planning.change_cohort(cohort, shorter, by=registrar, now=LATER)
    changed = planning.change_cohort(cohort, shorter, by=registrar, now=LATER, reason="A holiday.", despite=["days"])
    assert (uids(changed), sequences(changed), changed.ends_on) == (before[:3], [0, 0, 0], date(2027, 6, 5))
    # What was decided once is not asked again.
    assert change(changed, registrar, title="Short").title == "Short"


def test_a_cohort_under_way_can_still_be_given_another_title(cohort: Cohort, registrar: User) -> None:
    asked = replace(planning.plan_of(cohort), title="Midsummer")
    assert planning.change_cohort(cohort, asked, by=registrar, now=at(date(2027, 6, 4), 12)).title == "Midsummer"


def test_title_days_and_venue_stay_while_anyone_has_a_seat(registrar: User) -> None:
    cohort = factories.cohort()
    factories.reservation(cohort=cohort, trainee=factories.trainee(name="Ines"))
    days = planning.plan_of(cohort).days
    attempts: Iterable[dict[str, object]] = (
        {"days": tuple(moved(day, days=7) for day in days)},
        {"days": (moved(days[0], minutes=15), *days[1:])},
        {"venue": factories.venue()},
        {"title": "New"},
    )
    for attempt in attempts:
        with pytest.raises(Refused) as refused:
            change(cohort, registrar, **attempt)
        assert "people" in codes(refused)
        assert "Ines has these days." in str(refused.value)
    assert sequences(cohort) == [0, 0, 0, 0]
    topics = tuple(replace(day, topics=("Rider language",)) for day in days)
    change(cohort, registrar, days=topics)
    assert cohort.sessions.get(day=1).topics == ["Rider language"]


def test_a_hold_that_ran_out_keeps_nobodys_days(registrar: User) -> None:
    cohort = factories.cohort()
    factories.reservation(cohort=cohort)
    days = planning.plan_of(cohort).days
    asked = replace(planning.plan_of(cohort), days=(moved(days[0], minutes=15), *days[1:]))
    changed = planning.change_cohort(cohort, asked, by=registrar, now=NOW + timedelta(hours=2))
    assert sequences(changed) == [1, 0, 0, 0]


def test_the_code_of_a_published_cohort_stays(registrar: User) -> None:
    with pytest.raises(Refused) as refused:
        change(factories.cohort(), registrar, code="another")
    assert codes(refused) == ["code-stays"]


def test_a_cancelled_cohort_stays_as_it_was(registrar: User, amara: User) -> None:
    cohort = factories.cohort(status=CohortStatus.CANCELLED)
    for attempt in (
        lambda: change(cohort, registrar, title="New"),
        lambda: planning.resize(cohort, 3, by=registrar, now=NOW),
        lambda: planning.set_instructors(cohort, [amara], None, by=registrar, now=NOW),
        lambda: planning.publish(cohort, by=registrar, now=NOW),
        lambda: planning.reopen(cohort, by=registrar, now=NOW),
        lambda: planning.close(cohort, by=registrar, now=NOW),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert codes(refused) == ["status"]


# -- instructors -------------------------------------------------------------------------------------------------------
def test_instructors_come_go_and_lead(cohort: Cohort, registrar: User, amara: User) -> None:
    lena = factories.person(Role.INSTRUCTOR, name="Lena")
    assert planning.set_instructors(cohort, [amara, amara], amara, by=registrar, now=NOW)
    assert planning.set_instructors(cohort, [amara, lena], lena, by=registrar, now=NOW)
    assert not planning.set_instructors(cohort, [lena, amara], lena, by=registrar, now=NOW)
    assert planning.set_instructors(cohort, [lena], None, by=registrar, now=NOW)
    assert list(Teaching.objects.values_list("instructor", "is_lead")) == [(lena.pk, False)]
    assert told(cohort)[1:] == [
        "instructor-added", "lead-changed", "instructor-added", "lead-changed", "instructor-removed", "lead-changed",
    ]  # fmt: skip


def test_an_instructor_who_teaches_elsewhere_at_that_time_is_refused(
    cohort: Cohort, registrar: User, amara: User
) -> None:
    factories.cohort(starts_on=date(2027, 6, 6), instructors=(amara,))
    with pytest.raises(Refused) as refused:
        planning.set_instructors(cohort, [amara], None, by=registrar, now=NOW)
    assert codes(refused) == ["instructor-busy"]
    assert cohort.teachings.count() == 0


def test_a_published_cohort_is_never_left_without_an_instructor(registrar: User, amara: User) -> None:
    cohort = factories.cohort(instructors=(amara,))
    with pytest.raises(Refused) as refused:
        planning.set_instructors(cohort, [], None, by=registrar, now=NOW)
    assert codes(refused) == ["instructor"]


def test_someone_who_has_lost_the_role_can_stay_but_not_be_added(registrar: User, amara: User) -> None:
    cohort = factories.cohort(instructors=(amara,))
    amara.role_grants.all().delete()
    lena = factories.person(Role.INSTRUCTOR)
    assert planning.set_instructors(cohort, [amara, lena], lena, by=registrar, now=NOW)
    with pytest.raises(Refused):
        planning.set_instructors(factories.cohort(), [amara], None, by=registrar, now=NOW)


# -- seats -------------------------------------------------------------------------------------------------------------
def test_seats_are_added_and_free_ones_taken_away(cohort: Cohort, registrar: User) -> None:
    for capacity in (20, 1, 1):
        assert planning.resize(cohort, capacity, by=registrar, now=NOW) == []
    assert cohort.seats.count() == 1
    assert [line.facts["seats"] for line in HistoryLine.objects.filter(what="cohort-resized")] == ["12 → 20", "20 → 1"]


def test_a_cohort_never_shrinks_below_who_is_in_it(registrar: User) -> None:
    cohort = factories.cohort(capacity=3)
    for name in ("Ines", "Kai"):
        factories.reservation(cohort=cohort, trainee=factories.trainee(name=name))
    with pytest.raises(Refused) as refused:
        planning.resize(cohort, 1, by=registrar, now=NOW)
    assert str(refused.value) == "It cannot have 1 seat: Ines and Kai have seats. 2 is the fewest for now."
    assert cohort.seats.count() == 3
    assert planning.resize(cohort, 2, by=registrar, now=NOW) == []
    assert cohort.seats.count() == 2


@pytest.mark.parametrize("capacity", [0, -1, 61])
def test_an_absurd_number_of_seats_is_refused(cohort: Cohort, registrar: User, capacity: int) -> None:
    with pytest.raises(Refused) as refused:
        planning.resize(cohort, capacity, by=registrar, now=NOW)
    assert codes(refused) == ["capacity"]


# -- publishing --------------------------------------------------------------------------------------------------------
@pytest.fixture
def ready(set_up: None, registrar: User, amara: User) -> Cohort:
    return planning.plan_cohort(plan(instructors=(amara,)), by=registrar, now=NOW)


def test_a_draft_that_lacks_nothing_is_published_closed_and_reopened(ready: Cohort, registrar: User) -> None:
    published = planning.publish(ready, by=registrar, now=NOW)
    assert published.is_bookable(NOW)
    assert not planning.close(published, by=registrar, now=NOW, why="Enough for now.").is_bookable(NOW)
    assert planning.reopen(published, by=registrar, now=NOW).is_bookable(NOW)
    assert told(ready)[2:] == ["cohort-published", "cohort-closed", "cohort-reopened"]


def test_nothing_is_published_before_the_school_has_confirmed_its_terms(
    cohort: Cohort, registrar: User, amara: User
) -> None:
    planning.set_instructors(cohort, [amara], amara, by=registrar, now=NOW)
    with pytest.raises(Refused) as refused:
        planning.publish(cohort, by=registrar, now=NOW)
    assert codes(refused) == ["setup"]
    assert "Deposit" in str(refused.value)
    assert Cohort.objects.get().status == "draft"


def lose_price(cohort: Cohort) -> None:
    Price.objects.filter(item="module-iv").update(effective_from=date(2027, 2, 1))


def lose_days(cohort: Cohort) -> None:
    cohort.sessions.all().delete()


def lose_instructors(cohort: Cohort) -> None:
    cohort.teachings.all().delete()


def lose_seats(cohort: Cohort) -> None:
    cohort.seats.all().delete()


def lose_time(cohort: Cohort) -> None:
    Cohort.objects.update(bookings_open_at=NOW - timedelta(days=2), bookings_close_at=NOW)


@pytest.mark.parametrize(
    ("lose", "code"),
    [
        (lose_price, "price"),
        (lose_days, "sessions"),
        (lose_instructors, "instructor"),
        (lose_seats, "seats"),
        (lose_time, "bookings-over"),
    ],
)
def test_a_cohort_that_lacks_one_thing_is_not_published(
    ready: Cohort, registrar: User, lose: object, code: str
) -> None:
    lose(ready)  # type: ignore[operator]
    with pytest.raises(Refused) as refused:
        planning.publish(ready, by=registrar, now=NOW)
    assert codes(refused) == [code]


def test_a_price_that_begins_before_bookings_open_is_price_enough(ready: Cohort, registrar: User) -> None:
    lose_price(ready)
    later = change(ready, registrar, bookings_open_at=at(date(2027, 2, 1), 10))
    assert planning.publish(later, by=registrar, now=NOW).status == "published"


def test_publishing_twice_says_that_it_is_published(ready: Cohort, registrar: User) -> None:
    planning.publish(ready, by=registrar, now=NOW)
    with pytest.raises(Refused) as refused:
        planning.publish(ready, by=registrar, now=NOW)
    assert str(refused.value) == "The cohort is published, not draft."


# -- terms of one cohort, venues ---------------------------------------------------------------------------------------
def test_a_cohorts_own_terms_hold_there_and_are_written_down(cohort: Cohort, registrar: User) -> None:
    assert planning.set_cohort_terms(cohort, {"deposit_cents": 70_000}, by=registrar, now=NOW)
    assert not planning.set_cohort_terms(cohort, {"deposit_cents": 70_000}, by=registrar, now=NOW)
    cohort.refresh_from_db()
    assert cohort.terms(Terms()).deposit_cents == 70_000
    assert last(cohort).facts == {"terms": "Deposit", "now_deposit_cents": 70_000}


def test_a_new_address_is_noticed_by_every_day_there_past_ones_too(registrar: User) -> None:
    """Calendars show it for both, and no entry says something else under the number it had."""
    venue = factories.venue()
    coming, past = factories.cohort(venue=venue), _past(venue)
    other = factories.cohort()
    assert change_venue(venue, {"address": "1 New Street"}, by=registrar, now=LATER)
    assert [sequences(each) for each in (coming, past, other)] == [[1] * 4, [1] * 4, [0] * 4]
    assert {each.revised_at for each in past.sessions.all()} == {LATER}
    assert change_venue(venue, {"transit": "Take the train."}, by=registrar, now=LATER)
    assert not change_venue(venue, {"transit": "Take the train."}, by=registrar, now=LATER)
    assert sequences(coming) == [1] * 4


def _past(venue: Venue) -> Cohort:
    return factories.cohort(venue=venue, starts_on=date(2026, 3, 1), bookings_open_at=NOW - timedelta(days=900))


def test_two_venues_never_share_a_name(registrar: User) -> None:
    first = add_venue({"name": "Stage A", "address": "1"}, by=registrar, now=NOW)
    with pytest.raises(NameTaken):
        add_venue({"name": "Stage A", "address": "2"}, by=registrar, now=NOW)
    second = add_venue({"name": "Stage C", "address": "2"}, by=registrar, now=NOW)
    with pytest.raises(NameTaken):
        change_venue(second, {"name": first.name}, by=registrar, now=NOW)
    assert sorted(Venue.objects.values_list("name", flat=True)) == ["Stage A", "Stage C"]
