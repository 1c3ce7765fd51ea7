"""The registrar keeps seats back and gives them out."""

import pytest
from django.test import Client

from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import browser, statements
from tests.pages import text
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
NOT_NUMBERS = ["", "0", "-1", "x", "1.5", "61", "9" * 400, "1 OR 1=1"]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def cohort() -> Cohort:
    return factories.cohort(capacity=3)


def path(cohort: Cohort, action: str = "") -> str:
    return f"/desk/cohorts/{cohort.code}/seats/{action}"


def keep(client: Client, cohort: Cohort, seat: object, why: str = "For a guest.") -> tuple[int, str]:
    answer = client.post(path(cohort, "keep-back/"), {"keep-seat": seat, "keep-why": why})
    return answer.status_code, text(answer)


def give(client: Client, cohort: Cohort, seat: object, why: str = "The guest is ill.") -> tuple[int, str]:
    answer = client.post(path(cohort, "give-out/"), {"give-seat": seat, "give-why": why})
    return answer.status_code, text(answer)


def states(cohort: Cohort) -> list[str]:
    return list(cohort.seats.order_by("number").values_list("status", flat=True))


def test_a_registrar_keeps_a_seat_back_and_gives_it_out(desk: Client, robin: User, cohort: Cohort) -> None:
    assert keep(desk, cohort, 2)[0] == 302
    page = text(desk.get(path(cohort)))
    assert "Seat 2 is kept back. Nobody gets it until you give it out." in page
    assert "2 free, 1 kept back of 3" in page
    assert "Seat 2 nobody Kept back" in page
    assert states(cohort) == ["free", "blocked", "free"]
    assert give(desk, cohort, 2)[0] == 302
    assert "Seat 2 is given out again." in text(desk.get(path(cohort)))
    assert states(cohort) == ["free"] * 3
    page = text(desk.get(f"/desk/cohorts/{cohort.code}/"))
    assert "Seat 2 kept back, by Robin. “For a guest.”" in page
    assert "Seat 2 given out again, by Robin. “The guest is ill.”" in page


def test_the_page_offers_what_can_be_done_with_each_seat(desk: Client, cohort: Cohort) -> None:
    factories.reservation(cohort=cohort, trainee=factories.trainee(name="Ines"))
    keep(desk, cohort, 3)
    html = desk.get(path(cohort)).content.decode()
    keeping, giving = html.split('id="form-keep"')[1].split('id="form-give"')
    assert ["Seat 1<" in keeping, "Seat 2<" in keeping, "Seat 3<" in keeping] == [False, True, False]
    assert "Seat 3</option>" in giving
    keep(desk, cohort, 2)
    assert 'id="form-keep"' not in desk.get(path(cohort)).content.decode()


def test_a_seat_that_someone_has_is_refused_with_their_name_and_what_was_typed_stays(
    desk: Client, cohort: Cohort
) -> None:
    factories.reservation(cohort=cohort, trainee=factories.trainee(name="Ines"))
    status, page = keep(desk, cohort, 1, why="For a guest of honour.")
    assert status == 409
    assert "Nothing was changed." in page
    assert "Ines has seat 1. Only a free seat can be kept back." in page
    assert "For a guest of honour." in page
    assert states(cohort) == ["held", "free", "free"]


def test_keeping_back_a_seat_whose_hold_ran_out_ends_that_reservation(
    desk: Client, cohort: Cohort, clock: StoppedClock
) -> None:
    held = factories.reservation(cohort=cohort)
    clock.move(hours=2)
    assert keep(desk, cohort, 1)[0] == 302
    held.refresh_from_db()
    assert (held.state, states(cohort)) == ("expired", ["blocked", "free", "free"])
    assert HistoryLine.objects.filter(what="reservation-expired", about_id=held.public_id).count() == 1
    assert Message.objects.filter(kind="reservation-expired", to=held.trainee).count() == 1


def test_the_same_button_twice_is_answered_in_words(desk: Client, cohort: Cohort) -> None:
    keep(desk, cohort, 1)
    status, page = keep(desk, cohort, 1)
    assert (status, "Seat 1 is kept back already." in page) == (409, True)
    give(desk, cohort, 1)
    status, page = give(desk, cohort, 1)
    assert (status, "Seat 1 is not kept back, so there is nothing to give out." in page) == (409, True)
    assert HistoryLine.objects.filter(what__in=("seat-kept-back", "seat-given-out")).count() == 2


def test_a_seat_that_went_meanwhile_is_refused_by_its_number(desk: Client, cohort: Cohort) -> None:
    status, page = keep(desk, cohort, 4)
    assert (status, "has no seat 4 (any more)." in page) == (409, True)


@pytest.mark.parametrize("number", NOT_NUMBERS)
def test_an_absurd_number_changes_nothing(desk: Client, cohort: Cohort, number: str) -> None:
    assert (keep(desk, cohort, number)[0], give(desk, cohort, number)[0]) == (422, 422)
    assert states(cohort) == ["free"] * 3


def test_a_reason_is_asked_for(desk: Client, cohort: Cohort) -> None:
    assert keep(desk, cohort, 1, why=" ")[0] == 422
    seats.keep_back(cohort.pk, 1, now=factories.NOW)
    assert give(desk, cohort, 1, why="")[0] == 422
    assert states(cohort) == ["blocked", "free", "free"]


@pytest.mark.parametrize("role", [role for role in Role if role != Role.REGISTRAR])
def test_seats_are_kept_back_by_registrars_only(role: Role, cohort: Cohort) -> None:
    client = browser(role)
    assert (keep(client, cohort, 1)[0], give(client, cohort, 1)[0]) == (403, 403)
    assert states(cohort) == ["free"] * 3


def test_the_page_takes_the_same_statements_for_one_person_and_for_three(desk: Client, cohort: Cohort) -> None:
    factories.reservation(cohort=cohort)
    few = statements(desk, path(cohort))
    for _ in range(2):
        factories.reservation(cohort=cohort)
    assert statements(desk, path(cohort)) == few
