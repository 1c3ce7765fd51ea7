"""The registrar sees what a cohort still needs to run, and says that it does."""

import pytest
from django.test import Client

from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import browser
from tests.factories import NOW
from tests.pages import text
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
MISSING = "1 of the 2 people it takes has paid."
WHY = {"runs-why": "The venue is paid for."}


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    StoppedClock(monkeypatch)


@pytest.fixture
def cohort() -> Cohort:
    """A cohort that runs with two people, of whom one has paid; decided by 27 March."""
    made = factories.cohort(
        terms_changed={"minimum_enrolment": 2}, instructors=(factories.person(Role.INSTRUCTOR, name="Amara"),)
    )
    seats.claim(made.pk, factories.person().pk, until=None, now=NOW)
    return made


def to_be_decided(cohort: Cohort, *, days_before: int) -> None:
    """Let the day to decide be so many days before the first day, which is 120 days away."""
    Cohort.objects.filter(pk=cohort.pk).update(terms_changed={"minimum_enrolment": 2, "decide_by_days": days_before})


def path(cohort: Cohort, page: str = "") -> str:
    return f"/desk/cohorts/{cohort.code}/{page}"


def test_the_desk_says_what_is_missing_and_by_when(desk: Client, cohort: Cohort) -> None:
    said = f"{MISSING} 1 more by Saturday 27 March 2027."
    assert [said in text(desk.get(page)) for page in ("/desk/", path(cohort))] == [True, True]
    assert "Decide whether it runs" not in text(desk.get("/desk/"))


def test_once_the_day_to_decide_has_passed_deciding_is_the_next_step(desk: Client, cohort: Cohort) -> None:
    to_be_decided(cohort, days_before=121)
    for page in ("/desk/", path(cohort)):
        shown = text(desk.get(page))
        assert "Decide whether it runs" in shown
        assert f"{MISSING} It was to be decided by Sunday 10 January 2027." in shown
    assert "Say that it runs all the same, or cancel the cohort" in text(desk.get(path(cohort)))


@pytest.mark.parametrize("status", [CohortStatus.DRAFT, CohortStatus.CANCELLED])
def test_nothing_is_asked_about_a_draft_or_a_cancelled_cohort(
    desk: Client, cohort: Cohort, status: CohortStatus
) -> None:
    to_be_decided(cohort, days_before=121)
    Cohort.objects.update(status=status)
    for page in ("/desk/", path(cohort)):
        shown = text(desk.get(page))
        assert cohort.title in shown
        assert not [said for said in (MISSING, "Decide whether it runs") if said in shown]


def test_nothing_is_asked_about_a_cohort_that_is_certain(desk: Client, cohort: Cohort) -> None:
    to_be_decided(cohort, days_before=121)
    Cohort.objects.update(certain_since=NOW)
    shown = text(desk.get(path(cohort)))
    assert "Certain to run since 11 January 2027" in shown
    assert "Decide whether it runs" not in shown


def test_a_registrar_says_for_a_reason_that_it_runs(desk: Client, robin: User, cohort: Cohort) -> None:
    factories.reservation(cohort=cohort)
    answer = desk.post(path(cohort, "runs/"), WHY)
    assert (answer.status_code, answer.headers["Location"]) == (302, path(cohort))
    shown = text(desk.get(path(cohort)))
    assert "is certain to run. Everyone with a seat is told." in shown
    assert "Certain to run. Seats taken: 1, minimum: 2, by Robin. “The venue is paid for.”" in shown
    cohort.refresh_from_db()
    assert cohort.certain_since == NOW
    assert Message.objects.filter(kind="cohort-certain").count() == 1


def test_it_is_said_once_however_often_the_button_is_pressed(desk: Client, cohort: Cohort) -> None:
    for _ in range(2):
        assert desk.post(path(cohort, "runs/"), WHY).status_code == 302
    assert "was certain to run already" in text(desk.get(path(cohort)))
    assert HistoryLine.objects.filter(what="cohort-certain").count() == 1


def test_without_a_reason_nothing_is_decided(desk: Client, cohort: Cohort) -> None:
    answer = desk.post(path(cohort, "runs/"), {"runs-why": "  "})
    assert (answer.status_code, "This field is required." in text(answer)) == (422, True)
    cohort.refresh_from_db()
    assert cohort.certain_since is None


def test_a_draft_cannot_be_said_to_run(desk: Client, cohort: Cohort) -> None:
    Cohort.objects.update(status=CohortStatus.DRAFT)
    answer = desk.post(path(cohort, "runs/"), WHY)
    assert (answer.status_code, "The cohort is draft: nothing is to be decided." in text(answer)) == (409, True)


def test_deciding_is_for_registrars(cohort: Cohort) -> None:
    for role in set(Role) - {Role.REGISTRAR}:
        assert browser(role).post(path(cohort, "runs/"), WHY).status_code == 403
    cohort.refresh_from_db()
    assert cohort.certain_since is None


def test_a_day_to_decide_that_is_today_has_not_passed(desk: Client, cohort: Cohort) -> None:
    to_be_decided(cohort, days_before=120)
    assert f"{MISSING} 1 more by Monday 11 January 2027." in text(desk.get("/desk/"))
