"""The registrar cancels or moves a cohort that people are in."""

import re
from datetime import date, datetime, timedelta

import pytest
from django.test import Client

from booking.desk.planning import as_shown
from booking.payments.models import Purpose
from booking.payments.paying import record_transfer
from booking.reservations import calling_off, cancelling, waiting
from booking.reservations.models import EntryState, Reservation, State, WaitlistEntry
from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import browser, statements
from tests.desk.test_planning_cohorts import edited
from tests.factories import LOS_ANGELES, NOW
from tests.pages import text
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
WHY = "The stage burned down."
UNTIL = "Monday 25 January 2027, 11:59 pm PST"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def cohort() -> Cohort:
    """Two seats, both taken, from 11 May 2027."""
    return factories.cohort(
        capacity=2, title="Spring 2027", instructors=(factories.person(Role.INSTRUCTOR, name="Amara"),)
    )


@pytest.fixture
def ines(cohort: Cohort, robin: User) -> Reservation:
    """Ines, who has paid the deposit."""
    return reserved(cohort, "Ines", robin)


@pytest.fixture
def kai(cohort: Cohort, ines: Reservation) -> Reservation:
    """Kai, whose seat is held."""
    return factories.reservation(cohort=cohort, trainee=factories.trainee(name="Kai"))


@pytest.fixture
def lena(cohort: Cohort, kai: Reservation) -> WaitlistEntry:
    """Lena, who waits."""
    return waiting.join(cohort, factories.trainee(name="Lena"), now=NOW)[0]


def reserved(cohort: Cohort, name: str, robin: User) -> Reservation:
    held = factories.reservation(cohort=cohort, trainee=factories.trainee(name=name))
    record_transfer(held, Purpose.DEPOSIT, reference=f"Transfer of {name}", by=robin, now=NOW)
    held.refresh_from_db()
    return held


def path(cohort: Cohort, page: str = "cancel/") -> str:
    return f"/desk/cohorts/{cohort.code}/{page}"


def shown(html: str) -> str:
    found = re.search(r'name="shown" value="([0-9a-f]+)"', html)
    assert found
    return found[1]


def open_page(client: Client, cohort: Cohort) -> dict[str, str]:
    """What the form of the page sends, once a reason is given."""
    return {"shown": shown(client.get(path(cohort)).content.decode()), "why": WHY}


# -- who may ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [Role.BOOKKEEPER, Role.INSTRUCTOR, Role.TRAINEE, Role.MENTOR])
def test_only_registrars_cancel_and_move_cohorts(role: Role, cohort: Cohort, ines: Reservation) -> None:
    client = browser(role)
    for page in ("cancel/", "move/"):
        assert [client.get(path(cohort, page)).status_code, client.post(path(cohort, page)).status_code] == [403, 403]
    ines.refresh_from_db()
    assert ines.state == State.RESERVED


def test_a_visitor_is_asked_to_sign_in_and_a_stranger_of_a_cohort_is_not_found(desk: Client, cohort: Cohort) -> None:
    assert [Client().get(path(cohort, page)).status_code for page in ("cancel/", "move/")] == [302, 302]
    for page in ("cancel/", "move/"):
        assert desk.get(f"/desk/cohorts/nobody-knows-it/{page}").status_code == 404


# -- cancelling -------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("lena")
def test_the_page_shows_whom_cancelling_touches_and_what_each_is_owed(desk: Client, cohort: Cohort) -> None:
    page = text(desk.get(path(cohort)))
    assert "have a seat or an offer 2 waits in line 1 owed in all, if everyone wants it back $500" in page
    assert f"Whoever has paid may choose until {UNTIL} between all of it back and another cohort." in page
    assert "Ines 1 Reserved $500 $500" in page
    assert "Kai 2 Held $0 $0" in page
    assert "Lena since 11 January 2027" in page
    assert "Cancel the cohort and tell 4 people" in page


def test_someone_with_an_open_offer_is_on_the_page(desk: Client, kai: Reservation, lena: WaitlistEntry) -> None:
    cancelling.cancel(kai, now=NOW, by=kai.trainee)
    page = text(desk.get(path(lena.cohort)))
    assert "Lena 2 Offered until Wednesday 13 January 2027, 10:00 am PST $0 $0" in page
    assert "Cancel the cohort and tell 3 people" in page


@pytest.mark.usefixtures("lena")
def test_a_cohort_is_cancelled_once_the_registrar_has_seen_it_and_said_why(
    desk: Client, cohort: Cohort, ines: Reservation, clock: StoppedClock
) -> None:
    Message.objects.all().delete()
    answer = desk.post(path(cohort), open_page(desk, cohort))
    assert (answer.status_code, answer.headers["Location"]) == (302, path(cohort, ""))
    page = text(desk.get(path(cohort, "")))
    assert "Spring 2027 is cancelled. 4 people are told." in page
    assert "Who has still to choose What they paid waits for them" in page
    assert f"Ines {UNTIL} $500" in page
    assert "Kai Monday" not in page
    assert "Cancelled, by Robin. “The stage burned down.”" in page
    kinds = sorted(Message.objects.values_list("to__name", "kind"))
    assert kinds == [
        ("Amara", "teaching-cancelled"),
        ("Ines", "cohort-cancelled"),
        ("Kai", "cohort-cancelled"),
        ("Lena", "line-closed"),
    ]
    assert [seat.status for seat in cohort.seats.all()] == ["blocked", "blocked"]
    assert "1 person has still to choose." in text(desk.get("/desk/"))
    cancelling.take_the_money(ines, now=clock.move(hours=1), by=ines.trainee)
    assert "Who has still to choose" not in text(desk.get(path(cohort, "")))
    assert "still to choose" not in text(desk.get("/desk/"))


@pytest.mark.parametrize("why", ["", "   ", "x" * 1001])
def test_a_cohort_is_not_cancelled_without_a_reason(desk: Client, cohort: Cohort, ines: Reservation, why: str) -> None:
    answer = desk.post(path(cohort), open_page(desk, cohort) | {"why": why})
    assert (answer.status_code, Cohort.objects.get().status) == (422, "published")
    assert "Ines 1 Reserved $500 $500" in text(answer)
    ines.refresh_from_db()
    assert ines.state == State.RESERVED


def test_who_comes_meanwhile_is_shown_first_and_nothing_is_done(desk: Client, cohort: Cohort, robin: User) -> None:
    reserved(cohort, "Ines", robin)
    before = open_page(desk, cohort)
    reserved(cohort, "Kai", robin)
    answer = desk.post(path(cohort), before)
    page = text(answer)
    assert answer.status_code == 409
    assert "Nothing has been done." in page
    assert "Kai 2 Reserved $500 $500" in page
    assert "Cancel the cohort and tell 3 people" in page
    assert WHY in page
    assert (Cohort.objects.get().status, Reservation.objects.filter(state=State.RESERVED).count()) == ("published", 2)
    assert desk.post(path(cohort), {"shown": shown(answer.content.decode()), "why": WHY}).status_code == 302


@pytest.mark.parametrize("meanwhile", ["pays", "leaves", "joins", "runs out"])
def test_every_change_that_matters_is_noticed(
    desk: Client, cohort: Cohort, kai: Reservation, robin: User, clock: StoppedClock, meanwhile: str
) -> None:
    before = open_page(desk, cohort)
    if meanwhile == "pays":
        record_transfer(kai, Purpose.DEPOSIT, reference="Transfer", by=robin, now=NOW)
    elif meanwhile == "leaves":
        cancelling.cancel(kai, now=NOW, by=kai.trainee)
    elif meanwhile == "joins":
        waiting.join(cohort, factories.trainee(), now=NOW)
    else:
        clock.move(hours=1)
    assert desk.post(path(cohort), before).status_code == 409
    assert Cohort.objects.get().status == "published"


def test_of_two_registrars_who_cancel_at_once_the_second_hears_of_the_first(
    desk: Client, cohort: Cohort, ines: Reservation
) -> None:
    other = browser(Role.REGISTRAR)
    first, second = open_page(desk, cohort), open_page(other, cohort)
    assert desk.post(path(cohort), first).status_code == 302
    answer = other.post(path(cohort), second)
    assert (answer.status_code, "there is nothing to cancel" in text(answer)) == (409, True)
    assert HistoryLine.objects.filter(what="cohort-cancelled").count() == 1
    ines.refresh_from_db()
    assert ines.state == State.CANCELLED


def test_what_cannot_be_cancelled_says_so(desk: Client) -> None:
    draft = factories.cohort(status=CohortStatus.DRAFT)
    past = factories.cohort(starts_on=date(2026, 6, 4), bookings_open_at=datetime(2026, 1, 5, tzinfo=LOS_ANGELES))
    for cohort in (draft, past):
        assert "there is nothing to cancel" in text(desk.get(path(cohort)))
        assert desk.post(path(cohort), {"why": WHY, "shown": ""}).status_code == 409
        assert "Cancel this cohort" not in text(desk.get(path(cohort, "")))


def test_a_cohort_that_nobody_is_in_is_cancelled_as_well(desk: Client, cohort: Cohort) -> None:
    page = text(desk.get(path(cohort)))
    assert "Nobody has a seat or an offer." in page
    assert "and tell 1 person" in page
    assert desk.post(path(cohort), open_page(desk, cohort)).status_code == 302
    assert "is cancelled. 1 person is told." in text(desk.get(path(cohort, "")))


def test_opening_the_page_changes_nothing(desk: Client, cohort: Cohort, ines: Reservation) -> None:
    lines = HistoryLine.objects.count()
    desk.get(path(cohort), {"why": WHY, "shown": "x"})
    assert (Cohort.objects.get().status, HistoryLine.objects.count()) == ("published", lines)
    ines.refresh_from_db()
    assert ines.state == State.RESERVED


def test_the_page_takes_the_same_statements_for_one_person_and_for_three(desk: Client, robin: User) -> None:
    cohort = factories.cohort(capacity=3)
    reserved(cohort, "One", robin)
    few = statements(desk, path(cohort))
    for name in ("Two", "Three"):
        reserved(cohort, name, robin)
    for _ in range(3):
        waiting.join(cohort, factories.trainee(), now=NOW)
    assert statements(desk, path(cohort)) == few


def test_names_are_written_as_text_on_these_pages_too(desk: Client, cohort: Cohort) -> None:
    factories.reservation(cohort=cohort, trainee=factories.trainee(name="<script>alert(1)</script>"))
    sent = edited(cohort, title='"><script>alert(2)</script>') | later(cohort, 7)
    pages = [desk.get(path(cohort)), desk.post(path(cohort, "edit/"), sent)]
    assert [page.status_code for page in pages] == [200, 200]
    assert not any("<script>alert" in page.content.decode() for page in pages)


# -- moving -----------------------------------------------------------------------------------------------------------
def later(cohort: Cohort, days: int) -> dict[str, object]:
    """What the form of details sends for a cohort that is moved by so many days."""
    moved: dict[str, object] = {}
    for index, session in enumerate(cohort.sessions.order_by("day")):
        on = session.starts_at.astimezone(LOS_ANGELES).date() + timedelta(days=days)
        moved[f"days-{index}-on"] = on.isoformat()
    return moved


def move_page(client: Client, cohort: Cohort, **changes: object) -> tuple[int, str, dict[str, object]]:
    """The page that the form of details leads to, and what its form sends once a reason is given."""
    sent = edited(cohort, **changes)
    answer = client.post(path(cohort, "edit/"), sent)
    html = answer.content.decode()
    carried = dict(re.findall(r'type="hidden" name="((?!csrf)[^"]+)" value="([^"]*)"', html))
    return answer.status_code, text(answer), {**carried, "reason": WHY}


def days_of(cohort: Cohort) -> list[date]:
    return [session.starts_at.astimezone(LOS_ANGELES).date() for session in cohort.sessions.order_by("day")]


@pytest.mark.usefixtures("lena")
def test_new_days_lead_to_a_page_that_shows_whom_they_touch(desk: Client, cohort: Cohort) -> None:
    before = days_of(cohort)
    status, page, _ = move_page(desk, cohort, **later(cohort, 14))
    assert status == 200
    assert "Day 1 Tuesday 11 May 2027, 9:30 am to 5:30 pm Tuesday 25 May 2027, 9:30 am to 5:30 pm" in page
    assert f"Until {UNTIL}, each of them may leave with everything they paid" in page
    assert "Ines 1 Reserved $500 25 April 2027 instead of 11 April 2027" in page
    assert "Kai 2 Held $0 25 April 2027 instead of 11 April 2027" in page
    assert "1 person waits in line" in page
    assert "Move the cohort and tell 4 people" in page
    assert days_of(cohort) == before


def test_a_cohort_is_moved_and_people_may_leave_for_a_while(desk: Client, cohort: Cohort, ines: Reservation) -> None:
    _, _, form = move_page(desk, cohort, **later(cohort, 14))
    answer = desk.post(path(cohort, "move/"), form)
    assert (answer.status_code, answer.headers["Location"]) == (302, path(cohort, ""))
    assert days_of(cohort)[0] == date(2027, 5, 25)
    ines.refresh_from_db()
    assert ines.balance_due_on == date(2027, 4, 25)
    assert ines.may_leave_until == datetime(2027, 1, 25, 23, 59, 59, tzinfo=LOS_ANGELES)
    page = text(desk.get(path(cohort, "")))
    assert "Spring 2027 is moved. 2 people are told." in page
    assert "Moved: who may leave at no cost" in page
    assert f"Ines {UNTIL}" in page
    assert WHY in Message.objects.get(kind="cohort-moved").context["why"]


def test_the_page_promises_what_the_move_then_does(desk: Client, cohort: Cohort, ines: Reservation) -> None:
    for days, starts in ((-100, "9:30"), (-8, "9:30"), (0, "10:00"), (150, "10:00")):
        changes = later(cohort, days) | {"days-0-starts": starts, "bookings_close_at": "2027-01-12T10:00"}
        _, page, form = move_page(desk, cohort, **changes)
        assert desk.post(path(cohort, "move/"), form).status_code == 302
        ines.refresh_from_db()
        assert ines.may_leave_until is not None
        assert f"{ines.may_leave_until.astimezone(LOS_ANGELES):%A %-d %B %Y}, 11:59 pm" in page
        due = f"{ines.balance_due_on:%-d %B %Y}"
        assert f"$500 {due}, as promised" in page or f"$500 {due} instead of" in page


def test_balances_are_never_due_earlier_than_was_promised(desk: Client, cohort: Cohort, ines: Reservation) -> None:
    _, page, form = move_page(desk, cohort, **later(cohort, -14), bookings_close_at="2027-04-20T10:00")
    assert "Ines 1 Reserved $500 11 April 2027, as promised" in page
    assert "Bookings" in page
    assert desk.post(path(cohort, "move/"), form).status_code == 302
    ines.refresh_from_db()
    assert ines.balance_due_on == date(2027, 4, 11)


@pytest.mark.usefixtures("ines")
def test_another_venue_is_a_move_too(desk: Client, cohort: Cohort) -> None:
    there = factories.venue(name="Stage Z")
    _, page, form = move_page(desk, cohort, venue=there.pk)
    assert "Stage Z" in page
    assert "Day 1 Tuesday 11 May 2027, 9:30 am to 5:30 pm as it is" in page
    assert desk.post(path(cohort, "move/"), form).status_code == 302
    assert Cohort.objects.get().venue == there


@pytest.mark.usefixtures("ines")
def test_other_changes_need_no_such_page(desk: Client, cohort: Cohort) -> None:
    topics = {"days-0-topics": "Rider language", "bookings_close_at": "2027-04-20T10:00"}
    before = Message.objects.count()
    assert desk.post(path(cohort, "edit/"), edited(cohort, **topics)).status_code == 302
    assert cohort.sessions.get(day=1).topics == ["Rider language"]
    assert Message.objects.count() == before


def test_without_people_in_it_a_cohort_is_moved_by_its_form_alone(desk: Client) -> None:
    cohort = factories.cohort()
    assert desk.post(path(cohort, "edit/"), edited(cohort, **later(cohort, 7))).status_code == 302
    assert days_of(cohort)[0] == date(2027, 5, 18)


@pytest.mark.usefixtures("ines")
def test_a_cohort_is_not_moved_without_a_reason_and_what_was_typed_stays(desk: Client, cohort: Cohort) -> None:
    _, _, form = move_page(desk, cohort, **later(cohort, 14))
    answer = desk.post(path(cohort, "move/"), form | {"reason": " "})
    assert (answer.status_code, days_of(cohort)[0]) == (422, date(2027, 5, 11))
    assert 'name="days-0-on" value="2027-05-25"' in answer.content.decode()


def test_who_comes_meanwhile_is_shown_before_a_move_too(desk: Client, cohort: Cohort, robin: User) -> None:
    reserved(cohort, "Ines", robin)
    _, _, form = move_page(desk, cohort, **later(cohort, 14))
    reserved(cohort, "Kai", robin)
    answer = desk.post(path(cohort, "move/"), form)
    assert (answer.status_code, "Kai 2 Reserved" in text(answer), WHY in text(answer)) == (409, True, True)
    assert days_of(cohort)[0] == date(2027, 5, 11)
    assert not Message.objects.filter(kind="cohort-moved").exists()
    again = form | {"shown": shown(answer.content.decode())}
    assert desk.post(path(cohort, "move/"), again).status_code == 302


@pytest.mark.usefixtures("ines")
def test_of_two_registrars_who_move_at_once_the_second_sees_where_it_is_now(desk: Client, cohort: Cohort) -> None:
    other = browser(Role.REGISTRAR)
    _, _, first = move_page(desk, cohort, **later(cohort, 14))
    _, _, second = move_page(other, cohort, **later(cohort, 28))
    assert desk.post(path(cohort, "move/"), first).status_code == 302
    answer = other.post(path(cohort, "move/"), second)
    assert (answer.status_code, days_of(cohort)[0]) == (409, date(2027, 5, 25))
    assert "Tuesday 25 May 2027, 9:30 am to 5:30 pm Tuesday 8 June 2027" in text(answer)
    same = other.post(path(cohort, "move/"), first)
    assert "The cohort has this title, these days and this venue already." in text(same)
    assert same.status_code == 409


@pytest.mark.usefixtures("ines")
def test_what_is_against_a_rule_is_settled_in_the_form_before(desk: Client, cohort: Cohort) -> None:
    three_days = later(cohort, 14) | {"days-3-DELETE": "on"}
    status, page, _ = move_page(desk, cohort, **three_days)
    assert status == 422
    assert "four consecutive days" in page
    assert "Go ahead all the same, because" in page
    assert "Ines has a seat" not in page
    overridden = three_days | {"despite": "days", "reason": "A holiday."}
    status, page, form = move_page(desk, cohort, **overridden)
    assert status == 200
    assert "A holiday." in page
    assert desk.post(path(cohort, "move/"), form | {"reason": "A holiday."}).status_code == 302
    assert cohort.sessions.count() == 3
    assert HistoryLine.objects.get(what="cohort-moved").why == "A holiday."


@pytest.mark.usefixtures("ines")
def test_what_no_reason_carries_through_stops_a_move(desk: Client, cohort: Cohort) -> None:
    busy = factories.cohort(starts_on=date(2027, 5, 25))
    status, page, _ = move_page(desk, cohort, **later(cohort, 14), venue=busy.venue.pk)
    assert status == 422
    assert "is taken by" in page
    _, _, form = move_page(desk, cohort, **later(cohort, 14))
    answer = desk.post(path(cohort, "move/"), form | {"venue": busy.venue.pk})
    assert (answer.status_code, days_of(cohort)[0]) == (422, date(2027, 5, 11))
    none_left = form | {f"days-{index}-DELETE": "on" for index in range(4)}
    assert desk.post(path(cohort, "move/"), none_left).status_code == 422


@pytest.mark.usefixtures("ines")
def test_the_way_back_to_the_form_keeps_what_was_typed(desk: Client, cohort: Cohort) -> None:
    _, _, form = move_page(desk, cohort, **later(cohort, 14), title="Late spring")
    html = desk.post(path(cohort, "edit/"), form | {"again": "1"}).content.decode()
    assert ['value="2027-05-25"' in html, 'value="Late spring"' in html] == [True, True]
    assert days_of(cohort)[0] == date(2027, 5, 11)
    answer = desk.get(path(cohort, "move/"))
    assert (answer.status_code, answer.headers["Location"]) == (302, path(cohort, "edit/"))


def test_what_was_seen_is_the_same_name_for_the_same_things(cohort: Cohort, lena: WaitlistEntry) -> None:
    one, two = (as_shown.seen(cohort, calling_off.touches(cohort, NOW)) for _ in range(2))
    waiting.leave(lena, now=NOW, by=lena.trainee)
    assert (one == two, as_shown.seen(cohort, calling_off.touches(cohort, NOW)) == one) == (True, False)
    assert WaitlistEntry.objects.get().state == EntryState.WITHDRAWN
