"""How people learn that their cohort is certain to run, before they pay and after."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now as real_now

from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations.certainty import notice_certain, runs
from booking.reservations.models import Reservation
from tests import factories
from tests.asking import Program
from tests.factories import NOW
from tests.pages import text
from tests.services.databases import at_once
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.messages.outbox import words_of
from workshops.people.models import Role

UNCERTAIN = "Runs with 2 people. Decided by Saturday 27 March 2027: book travel after that."
CERTAIN = "Certain to run. You can book travel."


def of_two(**fields: object) -> Cohort:
    return factories.cohort(**{"terms_changed": {"minimum_enrolment": 2}, **fields})  # type: ignore[arg-type]


def pay(reservation: Reservation, now: datetime = NOW) -> Reservation:
    registrar = factories.person(Role.REGISTRAR)
    reference = reservation.public_id
    paying.record_transfer(reservation, Purpose.DEPOSIT, reference=reference, by=registrar, now=now)
    return reservation


def reserve(cohort: Cohort, now: datetime = NOW, **given: object) -> Reservation:
    return factories.reservation(cohort=cohort, now=now, **given)


def told() -> dict[str, str]:
    """Who was told that their cohort is certain to run, and what."""
    messages = Message.objects.filter(kind="cohort-certain").select_related("to")
    return {str(message.to): words_of(message).text for message in messages}


# -- noticing it -------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_when_the_minimum_is_reached_everyone_with_a_seat_is_told_once() -> None:
    cohort = of_two()
    for name in ("Anna", "Ben"):
        pay(reserve(cohort, trainee=factories.trainee(name=name)))
    reserve(cohort, trainee=factories.trainee(name="Cleo"))
    assert [notice_certain(NOW) for _ in range(2)] == [1, 0]
    cohort.refresh_from_db()
    assert cohort.certain_since == NOW
    assert sorted(told()) == ["Anna", "Ben", "Cleo"]
    assert "You can book travel now." in told()["Anna"]
    assert "Your seat still waits for its deposit" in told()["Cleo"]
    line = HistoryLine.objects.get(what="cohort-certain")
    assert (line.by, line.why) == (None, "Enough people have paid.")


@pytest.mark.django_db
def test_whoever_has_left_or_let_a_hold_run_out_is_not_told() -> None:
    cohort = of_two()
    reserve(cohort, trainee=factories.trainee(name="Too slow"))
    later = NOW + timedelta(hours=2)
    for name in ("Anna", "Ben"):
        pay(reserve(cohort, later, trainee=factories.trainee(name=name)), later)
    assert notice_certain(later) == 1
    assert sorted(told()) == ["Anna", "Ben"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"terms_changed": {"minimum_enrolment": 3}},
        {"terms_changed": {}},
        {"status": CohortStatus.CANCELLED},
        {"certain_since": NOW},
    ],
)
def test_nothing_is_noticed_where_nothing_has_become_certain(fields: dict[str, object]) -> None:
    cohort = of_two()
    for _ in range(2):
        pay(reserve(cohort))
    Cohort.objects.update(**fields)
    assert notice_certain(NOW) == 0
    assert told() == {}


@pytest.mark.django_db
def test_a_cohort_closed_for_reservations_still_becomes_certain_and_one_that_has_begun_does_not() -> None:
    cohort = of_two()
    for _ in range(2):
        pay(reserve(cohort))
    Cohort.objects.update(status=CohortStatus.CLOSED)
    assert notice_certain(NOW + timedelta(days=120)) == 0
    assert notice_certain(NOW + timedelta(days=119)) == 1


@pytest.mark.django_db
def test_one_cohort_that_cannot_be_marked_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, fine = of_two(starts_on=NOW.date() + timedelta(days=60)), of_two()
    for cohort in (broken, broken, fine, fine):
        pay(reserve(cohort))
    make_certain = planning.make_certain

    def fails_for_one(cohort: Cohort, **given: object) -> bool:
        if cohort.pk == broken.pk:
            raise RuntimeError("broken")
        return make_certain(cohort, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(planning, "make_certain", fails_for_one)
    assert notice_certain(NOW) == 1
    fine.refresh_from_db()
    assert fine.certain_since == NOW
    with pytest.raises(RuntimeError):
        notice_certain(NOW)


@pytest.mark.django_db
def test_telling_twenty_takes_as_many_statements_as_telling_two() -> None:
    def statements(people: int) -> int:
        cohort = of_two(capacity=people)
        for _ in range(people):
            pay(reserve(cohort))
        with CaptureQueriesContext(connection) as taken:
            assert notice_certain(NOW) == 1
        return len(taken)

    assert statements(2) == statements(20)
    assert Message.objects.filter(kind="cohort-certain").count() == 22


@pytest.mark.django_db
def test_when_a_registrar_says_that_it_runs_everyone_with_a_seat_is_told_at_once() -> None:
    cohort, registrar = of_two(), factories.person(Role.REGISTRAR)
    reserve(cohort, trainee=factories.trainee(name="Anna"))
    assert runs(cohort, by=registrar, now=NOW, why="The venue is paid for.")
    assert not runs(cohort, by=registrar, now=NOW, why="The venue is paid for.")
    assert sorted(told()) == ["Anna"]
    assert notice_certain(NOW) == 0


def test_many_workers_at_once_make_it_certain_once(fresh_database: str) -> None:
    cohort = of_two()
    for _ in range(2):
        pay(reserve(cohort))
    assert sorted(at_once(*[lambda: notice_certain(NOW)] * 4), key=str) == [0, 0, 0, 1]
    assert HistoryLine.objects.filter(what="cohort-certain").count() == 1
    assert Message.objects.filter(kind="cohort-certain").count() == 2


# -- being told beforehand ---------------------------------------------------------------------------------------------
def words(kind: str) -> str:
    return words_of(Message.objects.get(kind=kind)).text


@pytest.mark.django_db
def test_whoever_holds_or_reserves_a_seat_before_it_is_certain_is_told_to_wait_with_travel() -> None:
    cohort = of_two()
    pay(reserve(cohort))
    for kind in ("reservation-held", "reservation-reserved"):
        assert f"{UNCERTAIN} Your reservation's page says when it is certain." in words(kind)


@pytest.mark.django_db
def test_who_pays_when_it_is_certain_hears_nothing_of_a_minimum() -> None:
    cohort = of_two(certain_since=NOW)
    pay(reserve(cohort))
    for kind in ("reservation-held", "reservation-reserved"):
        assert "Runs with" not in words(kind)


@pytest.mark.django_db
def test_a_minimum_that_the_school_sets_later_is_told_with_the_next_message() -> None:
    held = reserve(factories.cohort())
    assert "Runs with" not in words("reservation-held")
    Cohort.objects.update(terms_changed={"minimum_enrolment": 2})
    held.refresh_from_db()
    pay(held, NOW + timedelta(minutes=1))
    assert UNCERTAIN in words("reservation-reserved")


@pytest.mark.django_db
def test_a_cohort_without_a_minimum_says_nothing_about_it(client: Client) -> None:
    cohort = factories.cohort(now=real_now())
    held = reserve(cohort, real_now())
    client.force_login(held.trainee)
    for page in (cohort.get_absolute_url(), held.get_absolute_url(), f"{held.get_absolute_url()}pay/"):
        assert not [said for said in ("Runs with", "Certain to run") if said in text(client.get(page))]


@pytest.mark.django_db
def test_it_is_said_before_paying_and_on_the_reservation(client: Client) -> None:
    moment = real_now()
    cohort = of_two(now=moment)
    trainee = factories.trainee()
    client.force_login(trainee)
    said = planning.certainty_of(cohort, now=moment).words
    before = [cohort.get_absolute_url(), f"{cohort.get_absolute_url()}reserve/"]
    assert [said in text(client.get(page)) for page in before] == [True, True]
    held = reserve(cohort, moment, trainee=trainee)
    after = [held.get_absolute_url(), f"{held.get_absolute_url()}pay/"]
    assert [said in text(client.get(page)) for page in after] == [True, True]
    runs(cohort, by=factories.person(Role.REGISTRAR), now=moment, why="The venue is paid for.")
    assert [CERTAIN in text(client.get(page)) for page in [before[0], *after]] == [True, True, True]


@pytest.mark.django_db
def test_a_cancelled_cohort_is_not_said_to_run(client: Client) -> None:
    cohort = of_two(now=real_now(), status=CohortStatus.CANCELLED, certain_since=real_now())
    assert CERTAIN not in text(client.get(cohort.get_absolute_url()))


@pytest.mark.django_db
def test_programs_read_how_certain_it_is() -> None:
    cohort = of_two(now=real_now())
    day = cohort.starts_on - timedelta(days=45)

    def certain() -> object:
        return Program().get(f"/cohorts/{cohort.public_id}").json["certain"]

    assert certain() == {"state": "open", "decided_by": day.isoformat()}
    Cohort.objects.update(certain_since=real_now())
    assert certain() == {"state": "certain", "decided_by": day.isoformat()}
    Cohort.objects.update(status=CohortStatus.CANCELLED)
    assert certain() is None
