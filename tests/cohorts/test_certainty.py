"""Whether a cohort is certain to run: the rule, and the one moment at which it becomes so."""

from datetime import date, timedelta

import pytest

from tests import factories
from tests.factories import NOW
from workshops.clock import school_day
from workshops.cohorts import planning, seats
from workshops.cohorts.certainty import Certain, Certainty, certainty, decided_by
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.cohorts.planning import Refused
from workshops.history.models import HistoryLine
from workshops.history.words import sentence
from workshops.people.models import Role, User
from workshops.programme.terms import Terms

FIRST = date(2027, 7, 8)
SIX = Terms(minimum_enrolment=6, decide_by_days=34)
LAST_DAY = date(2027, 6, 4)


def found(taken: int, *, today: date = LAST_DAY, terms: Terms = SIX, since: bool = False) -> Certainty:
    return certainty(FIRST, terms, taken=taken, since=NOW if since else None, today=today)


# -- the rule ----------------------------------------------------------------------------------------------------------
def test_the_day_to_decide_is_counted_back_from_the_first_day() -> None:
    assert decided_by(FIRST, SIX) == LAST_DAY


def test_a_cohort_without_a_minimum_always_runs_and_says_nothing_about_it() -> None:
    always = found(0, terms=Terms())
    assert (always.state, always.decided_by, always.words, always.words_for_the_desk) == (Certain.ALWAYS, None, "", "")


@pytest.mark.parametrize(
    ("taken", "today", "state"),
    [
        (5, LAST_DAY, Certain.OPEN),
        (5, LAST_DAY + timedelta(days=1), Certain.OVERDUE),
        (6, LAST_DAY, Certain.CERTAIN),
        (6, LAST_DAY + timedelta(days=1), Certain.CERTAIN),
        (0, FIRST, Certain.CERTAIN),
    ],
)
def test_it_is_open_through_the_day_to_decide_and_overdue_after_it(taken: int, today: date, state: Certain) -> None:
    assert found(taken, today=today).state == state


def test_once_certain_it_stays_so_whoever_leaves_and_whatever_the_minimum_becomes() -> None:
    assert found(0, since=True).state == Certain.CERTAIN
    assert found(0, since=True, terms=Terms()).state == Certain.CERTAIN


def test_people_are_told_what_it_takes_and_when_to_book_travel() -> None:
    assert found(4).words == "Runs with 6 people. Decided by Friday 4 June 2027: book travel after that."
    assert found(4, today=date(2027, 6, 5)).words == (
        "Runs with 6 people. The school is deciding now: book travel after that."
    )
    assert found(6).words == "Certain to run. You can book travel."
    assert found(0, terms=Terms(minimum_enrolment=1)).words.startswith("Runs with 1 person. ")


def test_a_cohort_that_has_begun_says_nothing_about_travel() -> None:
    assert found(6, today=FIRST).words == ""


def test_the_desk_is_told_what_is_missing_and_by_when() -> None:
    assert found(4).words_for_the_desk == "4 of the 6 people it takes have paid. 2 more by Friday 4 June 2027."
    assert found(1, today=date(2027, 6, 5)).words_for_the_desk == (
        "1 of the 6 people it takes has paid. It was to be decided by Friday 4 June 2027."
    )
    assert found(6).words_for_the_desk == ""


# -- the moment --------------------------------------------------------------------------------------------------------
@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR, name="Robin")


@pytest.fixture
def cohort() -> Cohort:
    return factories.cohort(terms_changed={"minimum_enrolment": 2})


def pay_for_seats(cohort: Cohort, number: int) -> None:
    for _ in range(number):
        seats.claim(cohort.pk, factories.person().pk, until=None, now=NOW)


@pytest.mark.django_db
def test_a_seat_that_is_only_held_counts_for_nothing(cohort: Cohort) -> None:
    pay_for_seats(cohort, 1)
    seats.claim(cohort.pk, factories.person().pk, until=NOW + timedelta(hours=1), now=NOW)
    assert planning.certainty_of(cohort, now=NOW).state == Certain.OPEN
    assert not planning.make_certain(cohort, now=NOW)


@pytest.mark.django_db
def test_a_cohort_becomes_certain_once_when_its_minimum_is_reached(cohort: Cohort) -> None:
    pay_for_seats(cohort, 2)
    assert planning.make_certain(cohort, now=NOW)
    assert not planning.make_certain(cohort, now=NOW + timedelta(hours=1))
    cohort.refresh_from_db()
    assert cohort.certain_since == NOW
    assert sentence(HistoryLine.objects.get()) == "Certain to run. Seats taken: 2, minimum: 2"


@pytest.mark.django_db
def test_nobody_who_leaves_makes_it_uncertain_again(cohort: Cohort) -> None:
    leaving = factories.person()
    pay_for_seats(cohort, 1)
    seats.claim(cohort.pk, leaving.pk, until=None, now=NOW)
    planning.make_certain(cohort, now=NOW)
    seats.release(cohort.pk, leaving.pk)
    cohort.refresh_from_db()
    assert planning.certainty_of(cohort, now=NOW).state == Certain.CERTAIN


@pytest.mark.django_db
def test_a_registrar_says_for_a_reason_that_it_runs_whatever_comes(cohort: Cohort, registrar: User) -> None:
    with pytest.raises(Refused, match="Say why"):
        planning.make_certain(cohort, by=registrar, now=NOW, why="  ")
    assert planning.make_certain(cohort, by=registrar, now=NOW, why="The venue is paid for.")
    assert not planning.make_certain(cohort, by=registrar, now=NOW, why="Once more.")
    line = HistoryLine.objects.get()
    assert (line.by, line.why, line.facts) == (registrar, "The venue is paid for.", {"taken": 0, "minimum": 2})


@pytest.mark.django_db
@pytest.mark.parametrize("status", [CohortStatus.DRAFT, CohortStatus.CANCELLED])
def test_a_draft_or_a_cancelled_cohort_never_becomes_certain(status: CohortStatus, registrar: User) -> None:
    cohort = factories.cohort(status=status, terms_changed={"minimum_enrolment": 1})
    pay_for_seats(cohort, 1)
    assert not planning.make_certain(cohort, now=NOW)
    with pytest.raises(Refused, match="nothing is to be decided"):
        planning.make_certain(cohort, by=registrar, now=NOW, why="Because.")


@pytest.mark.django_db
def test_a_cohort_that_has_begun_is_not_decided_about_any_more(registrar: User) -> None:
    cohort = factories.cohort(starts_on=school_day(NOW), terms_changed={"minimum_enrolment": 1})
    pay_for_seats(cohort, 1)
    assert not planning.make_certain(cohort, now=NOW)
    with pytest.raises(Refused, match="has begun"):
        planning.make_certain(cohort, by=registrar, now=NOW, why="Because.")


@pytest.mark.django_db
def test_where_there_is_no_minimum_there_is_nothing_to_mark(registrar: User) -> None:
    cohort = factories.cohort()
    pay_for_seats(cohort, 1)
    assert not planning.make_certain(cohort, now=NOW)
    assert not planning.make_certain(cohort, by=registrar, now=NOW, why="Because.")
    assert not HistoryLine.objects.exists()
