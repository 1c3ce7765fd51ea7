"""The roster: who is expected in the room, and who may read it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.reservations import calling_off, reserving
from tests import factories
from tests.pages import text
from workshops.cohorts.models import CohortStatus
from workshops.people.models import Role
from workshops.rosters.roster import roster

pytestmark = pytest.mark.django_db


def test_held_expected_and_provisional_people_are_told_apart() -> None:
    cohort = factories.cohort()
    held, paid, lapsed = (factories.trainee(name=name) for name in ("Held", "Paid", "Lapsed"))
    reserving.hold(cohort, lapsed, now=factories.NOW - timedelta(hours=2))
    for person in (held, paid):
        reservation = reserving.hold(cohort, person, now=factories.NOW)
    reserving.secure(reservation, paid_in_full=False, now=factories.NOW, by=None)
    lines = [(line.name, line.state) for line in roster(cohort, now=factories.NOW)]
    assert lines == [("Held", "held"), ("Paid", "expected")]
    paid.completions.all().delete()
    assert [line.state for line in roster(cohort, now=factories.NOW)] == ["held", "provisional"]


def test_the_roster_takes_three_statements_however_many_are_on_it(django_assert_num_queries: object) -> None:
    cohort = factories.cohort()
    for _ in range(3):
        reserving.hold(cohort, factories.trainee(), now=factories.NOW)
        with django_assert_num_queries(3):  # type: ignore[operator]
            roster(cohort, now=factories.NOW)


def test_an_instructor_reads_their_own_roster_and_no_other(client: Client) -> None:
    mine, others = factories.person(Role.INSTRUCTOR), factories.person(Role.INSTRUCTOR)
    own = factories.cohort(now=now(), instructors=(mine,))
    foreign = factories.cohort(now=now(), instructors=(others,))
    reserving.hold(own, factories.trainee(name="Anna Bell", pronouns="she/her", phone="+1 213 555 0147"), now=now())
    client.force_login(mine)
    page = client.get(f"/teaching/{own.code}/").content.decode()
    assert [word in page for word in ("Anna Bell", "she/her", "+1 213 555 0147", "$")] == [True, True, True, False]
    unknown = client.get("/teaching/nobody-has-this/")
    assert client.get(f"/teaching/{foreign.code}/").status_code == unknown.status_code == 404
    listed = client.get("/teaching/").content.decode()
    assert (own.code in listed, foreign.code in listed) == (True, False)


def test_someone_who_teaches_no_longer_loses_the_roster(client: Client) -> None:
    replaced = factories.person(Role.INSTRUCTOR)
    cohort = factories.cohort(now=now(), instructors=(replaced,))
    cohort.teachings.all().delete()
    client.force_login(replaced)
    assert client.get(f"/teaching/{cohort.code}/").status_code == 404


def test_a_cancelled_cohort_stays_in_the_list_of_those_who_teach_it_marked_as_cancelled(client: Client) -> None:
    amara, robin = factories.person(Role.INSTRUCTOR), factories.person(Role.REGISTRAR)
    cohort = factories.cohort(now=now(), instructors=(amara,), title="Spring 2027")
    reserving.hold(cohort, factories.trainee(name="Anna Bell"), now=now())
    client.force_login(amara)
    assert "Cancelled" not in client.get("/teaching/").content.decode()
    calling_off.call_off(cohort, by=robin, now=now(), why="The stage burned down.")
    assert "Spring 2027 Cancelled" in text(client.get("/teaching/"))
    page = text(client.get(f"/teaching/{cohort.code}/"))
    assert ("It does not take place, and nobody is expected." in page, "Anna Bell" in page) == (True, False)
    assert "People appear here as they reserve" not in page


def test_drafts_are_not_listed_for_their_instructors(client: Client) -> None:
    instructor = factories.person(Role.INSTRUCTOR)
    draft = factories.cohort(now=now(), instructors=(instructor,), status=CohortStatus.DRAFT)
    client.force_login(instructor)
    assert draft.code not in client.get("/teaching/").content.decode()
