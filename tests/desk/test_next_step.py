"""What the year says to do next: what people wait for comes first."""

from datetime import timedelta

import pytest
from django.test import Client

from booking.payments.models import Purpose
from booking.payments.paying import record_transfer
from booking.reservations import calling_off, lifecycle
from booking.reservations.models import Reservation
from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import statements
from tests.factories import NOW
from tests.pages import text
from workshops.clock import school_day
from workshops.cohorts.models import Cohort
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def later(clock: StoppedClock, desk: Client, robin: User, days: int) -> None:
    """So many days pass, and the registrar signs in again: nobody stays signed in for that long."""
    clock.move(days=days)
    desk.force_login(robin)


@pytest.fixture
def cohort() -> Cohort:
    return factories.cohort(instructors=(factories.person(Role.INSTRUCTOR, name="Amara"),))


def owing(cohort: Cohort, robin: User, name: str = "Ines") -> Reservation:
    """A seat whose deposit is paid and whose balance is due 30 days before the first day."""
    held = factories.reservation(cohort=cohort, trainee=factories.trainee(name=name))
    record_transfer(held, Purpose.DEPOSIT, reference=f"Transfer of {name}", by=robin, now=NOW)
    held.refresh_from_db()
    return held


def test_balances_past_their_grace_wait_for_the_registrar(
    desk: Client, cohort: Cohort, robin: User, clock: StoppedClock
) -> None:
    ines = owing(cohort, robin)
    page = f"/desk/cohorts/{cohort.code}/"
    later(clock, desk, robin, 97)
    assert ["Decide about" in text(desk.get("/desk/")), "the grace is over" in text(desk.get(page))] == [False, False]
    later(clock, desk, robin, 1)
    answer = desk.get("/desk/")
    assert "Decide about 1 overdue balance." in text(answer)
    assert f'href="{page}#overdue"' in answer.content.decode()
    assert "Ines Sunday 11 April 2027 $1,599" in text(desk.get(page))
    lifecycle.pay_later(ines, until=school_day(clock.now), now=clock.now, why="They asked.", by=robin)
    assert "the grace is over" not in text(desk.get(page))


def test_the_decision_whether_it_runs_comes_before_money(
    desk: Client, cohort: Cohort, robin: User, clock: StoppedClock
) -> None:
    owing(cohort, robin)
    Cohort.objects.update(terms_changed={"minimum_enrolment": 5})
    later(clock, desk, robin, 98)
    answer = desk.get("/desk/")
    assert "Decide whether it runs." in text(answer)
    assert "Decide about" not in text(answer)
    assert f'href="/desk/cohorts/{cohort.code}/#runs"' in answer.content.decode()


def test_choices_stay_open_until_their_time_is_over(
    desk: Client, cohort: Cohort, robin: User, clock: StoppedClock
) -> None:
    for name in ("Ines", "Kai"):
        owing(cohort, robin, name)
    calling_off.call_off(cohort, by=robin, now=NOW, why="The stage burned down.")
    assert "2 people have still to choose." in text(desk.get("/desk/"))
    later(clock, desk, robin, 15)
    assert "still to choose" not in text(desk.get("/desk/"))


def test_what_waits_takes_the_same_statements_for_one_cohort_and_for_three(
    desk: Client, cohort: Cohort, robin: User, clock: StoppedClock
) -> None:
    others = [factories.cohort(starts_on=cohort.starts_on + timedelta(days=days)) for days in (10, 20)]
    owing(cohort, robin)
    later(clock, desk, robin, 100)
    few = statements(desk, "/desk/")
    for name, other in zip(("Kai", "Lena"), others, strict=True):
        owing(other, robin, name)
    later(clock, desk, robin, 18)
    assert "Decide about 1 overdue balance." in text(desk.get("/desk/"))
    assert statements(desk, "/desk/") == few
