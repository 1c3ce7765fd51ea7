"""The standing of a cohort's trainees on one page: who is on it, what each misses, and what it costs to ask."""

from datetime import date, timedelta

import pytest
from django.test import Client

from booking.reservations import reserving, waiting
from booking.reservations.models import Reservation, State
from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import browser, rows, statements
from tests.factories import NOW
from tests.pages import text
from workshops.cohorts.models import Cohort
from workshops.people.models import Role, User
from workshops.prerequisites.models import Waiver
from workshops.prerequisites.records.models import OnSetRecord, RecordState

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def cohort() -> Cohort:
    return factories.cohort(capacity=1)


def address(cohort: Cohort) -> str:
    return f"/desk/cohorts/{cohort.code}/standing/"


def names(desk: Client, cohort: Cohort, **query: str) -> list[str]:
    """Who is on the page, in its order."""
    return [each.name for each in desk.get(address(cohort), query).context["shown"].trainees]


def aims_for(cohort: Cohort, days: int = 2, state: RecordState = RecordState.IN_REVIEW, **fields: str) -> User:
    """Someone who has sent days with this cohort in mind."""
    someone = factories.person(Role.TRAINEE, **fields)
    record = factories.prove_days(someone, days, state=state)
    OnSetRecord.objects.filter(pk=record.pk).update(aims_for=cohort)
    return someone


def test_seats_come_first_then_the_line_in_turn_then_who_aims_for_it(desk: Client, cohort: Cohort) -> None:
    aims_for(cohort, name="Aimée")
    first, second = factories.trainee(name="Zoe"), factories.trainee(name="Yara", lacking="module-iii")
    reserving.hold(cohort, factories.trainee(name="Sam"), now=NOW)
    for person in (first, second):
        waiting.join(cohort, person, now=NOW)
    factories.trainee(name="Nobody of this cohort")
    assert names(desk, cohort) == ["Sam", "Zoe", "Yara", "Aimée"]
    page = text(desk.get(address(cohort)))
    assert all(words in page for words in ("Seat 1 held", "1st in line", "2nd in line", "Aims for it"))
    assert "4 people, 2 of whom have everything" in page


def test_all_trainees_are_shown_when_asked_for_and_nobody_who_is_none(desk: Client, cohort: Cohort) -> None:
    reserving.hold(cohort, factories.trainee(name="Sam"), now=NOW)
    factories.trainee(name="Ada")
    factories.person(Role.MENTOR, name="A mentor")
    factories.trainee(name="An old account", merged_into=factories.trainee(name="Bea"))
    assert names(desk, cohort, who="all") == ["Sam", "Ada", "Bea"]


def test_each_requirement_is_told_with_its_days(desk: Client, cohort: Cohort) -> None:
    trainee = factories.trainee(name="Femi", lacking="on-set-days")
    factories.prove_days(trainee, 2, last=date(2026, 8, 2), state=RecordState.IN_REVIEW)
    waiting_for_it = aims_for(cohort, name="Rosa")
    Waiver.objects.create(user=waiting_for_it, requirement="module-i", reason="Known", given_at=NOW, cohort=cohort)
    shown = {each.name: each for each in desk.get(address(cohort), {"who": "all"}).context["shown"].trainees}
    assert [cell.words for cell in shown["Femi"].cells] == ["Met", "Met", "7 of 10, 2 in review", "Met"]
    assert [cell.words for cell in shown["Rosa"].cells] == ["Waived", "Missing", "0 of 10, 2 in review", "Missing"]


def test_an_exception_for_another_cohort_is_none_here(desk: Client, cohort: Cohort) -> None:
    someone = aims_for(cohort)
    Waiver.objects.create(user=someone, requirement="module-i", reason="Known", given_at=NOW, cohort=factories.cohort())
    [shown] = desk.get(address(cohort)).context["shown"].trainees
    assert shown.cells[0].words == "Missing"


def test_what_is_met_today_and_not_when_the_cohort_begins_says_so(desk: Client, cohort: Cohort) -> None:
    trainee = aims_for(cohort, days=1, name="Femi")
    factories.prove_days(trainee, 10, last=NOW.date() - timedelta(days=3650 - 40))
    [shown] = desk.get(address(cohort)).context["shown"].trainees
    assert shown.cells[2].look == "wait"
    assert shown.cells[2].words.startswith("Met, not from ")


def test_a_promise_says_until_when(desk: Client, cohort: Cohort) -> None:
    held = reserving.hold(cohort, factories.trainee(name="Noor"), now=NOW)
    Reservation.objects.filter(pk=held.pk).update(
        state=State.RESERVED, held_until=None, provisional_until=date(2027, 3, 4)
    )
    assert "provisional until 4 March 2027" in text(desk.get(address(cohort)))


def test_a_seat_that_ran_out_a_draft_and_a_record_taken_back_bring_nobody_onto_the_page(
    desk: Client, cohort: Cohort, clock: StoppedClock
) -> None:
    reserving.hold(cohort, factories.trainee(), now=NOW)
    aims_for(cohort, state=RecordState.WITHDRAWN)
    draft = factories.prove_days(factories.person(Role.TRAINEE), 1, state=RecordState.DRAFT)
    OnSetRecord.objects.filter(pk=draft.pk).update(aims_for=cohort, sent_at=None)
    clock.now = NOW + timedelta(days=1)
    assert "Nobody yet" in text(desk.get(address(cohort)))


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("module-iii", ["Petra"]),
        ("on-set-days", ["Femi"]),
        ("anything", ["Femi", "Petra"]),
        ("nothing", ["Alex"]),
        ("no-such-thing", ["Alex", "Femi", "Petra"]),
    ],
)
def test_those_who_miss_something_are_found(desk: Client, cohort: Cohort, missing: str, expected: list[str]) -> None:
    factories.trainee(name="Alex")
    factories.trainee(name="Femi", lacking="on-set-days")
    factories.trainee(name="Petra", lacking="module-iii")
    assert names(desk, cohort, who="all", missing=missing) == expected


def test_the_page_takes_the_same_statements_for_five_people_and_for_three_hundred(desk: Client, cohort: Cohort) -> None:
    for _ in range(5):
        aims_for(cohort)
    few = statements(desk, address(cohort)), statements(desk, f"/desk/cohorts/{cohort.code}/standing.csv")
    everyone = [factories.person(Role.TRAINEE) for _ in range(295)]
    records = OnSetRecord.objects.bulk_create(
        OnSetRecord(user=each, aims_for=cohort, state=RecordState.IN_REVIEW, sent_at=NOW) for each in everyone
    )
    assert len(records) == 295
    many = statements(desk, address(cohort)), statements(desk, f"/desk/cohorts/{cohort.code}/standing.csv")
    assert len(names(desk, cohort)) == 300
    assert many == few


def test_the_spreadsheet_says_the_same_and_no_cell_of_it_is_a_formula(desk: Client, cohort: Cohort) -> None:
    someone = aims_for(cohort, name='=HYPERLINK("https://example.com")', email="femi@example.org")
    Waiver.objects.create(
        user=someone, requirement="module-i", reason="Known", given_at=NOW, until=date(2027, 3, 4), cohort=cohort
    )
    aims_for(cohort, name="+1 Rosa")
    header, *lines = rows(desk.get(f"/desk/cohorts/{cohort.code}/standing.csv"))
    assert [line[0] for line in lines] == ["'+1 Rosa", '\'=HYPERLINK("https://example.com")']
    told = dict(zip(header, lines[1], strict=True))
    assert (told["email"], told["in_this_cohort"], told["eligible"]) == ("femi@example.org", "Aims for it", "no")
    assert (told["module-i"], told["module-i-changes-on"], told["module-ii"]) == ("waived", "2027-03-05", "missing")
    assert (told["on-set-days"], told["on-set-days-counted"], told["on-set-days-in-review"]) == ("in review", "0", "2")


def test_the_spreadsheet_holds_whom_the_page_shows(desk: Client, cohort: Cohort) -> None:
    factories.trainee(name="Femi", lacking="on-set-days")
    factories.trainee(name="Alex")
    page = desk.get(address(cohort), {"who": "all", "missing": "on-set-days"}).content.decode()
    assert f"/desk/cohorts/{cohort.code}/standing.csv?who=all&amp;missing=on-set-days" in page
    found = rows(desk.get(f"/desk/cohorts/{cohort.code}/standing.csv?who=all&missing=on-set-days"))
    assert [line[0] for line in found[1:]] == ["Femi"]


def test_only_registrars_read_it(cohort: Cohort) -> None:
    others = browser(*(role for role in Role if role != Role.REGISTRAR))
    paths = (address(cohort), f"/desk/cohorts/{cohort.code}/standing.csv")
    assert [others.get(path).status_code for path in paths] == [403, 403]


def test_a_cohort_that_does_not_exist_has_no_standing(desk: Client) -> None:
    assert desk.get("/desk/cohorts/no-such-cohort/standing/").status_code == 404


def test_the_cohorts_page_leads_there(desk: Client, cohort: Cohort) -> None:
    assert address(cohort) in desk.get(f"/desk/cohorts/{cohort.code}/").content.decode()
