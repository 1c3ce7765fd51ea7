"""The registrar changes a venue, a title or who teaches: first whom it touches, then one button."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking.payments.models import Purpose
from booking.payments.paying import record_transfer
from booking.reservations import cancelling, changing, waiting
from booking.reservations.models import Reservation
from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import browser, statements
from tests.desk.test_planning_cohorts import edited
from tests.factories import NOW
from tests.pages import text
from workshops.cohorts.models import Cohort, CohortStatus, Teaching, Venue
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
WHY = "The studio has moved."


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def amara() -> User:
    return factories.person(Role.INSTRUCTOR, name="Amara")


@pytest.fixture
def lena() -> User:
    return factories.person(Role.INSTRUCTOR, name="Lena")


@pytest.fixture
def cohort(amara: User) -> Cohort:
    """Two seats: one is Ines's, one is held by Kai; Lia waits, Amara teaches."""
    made = factories.cohort(
        capacity=2, title="Spring 2027", venue=factories.venue(name="Stage 9"), instructors=(amara,)
    )
    robin = factories.person(Role.REGISTRAR)
    ines = factories.reservation(cohort=made, trainee=factories.trainee(name="Ines"))
    record_transfer(ines, Purpose.DEPOSIT, reference="T1", by=robin, now=NOW)
    factories.reservation(cohort=made, trainee=factories.trainee(name="Kai"))
    waiting.join(made, factories.trainee(name="Lia"), now=NOW)
    Message.objects.all().delete()
    return made


def sent(venue: Venue, **changes: str) -> dict[str, str]:
    """What the form of a venue sends."""
    names = ("name", "address", "city", "transit", "step_free", "toilets", "quiet_room", "staying")
    return {**{name: getattr(venue, name) for name in names}, **changes}


def path(venue: Venue) -> str:
    return f"/desk/venues/{venue.pk}/"


def carried(html: str) -> dict[str, str]:
    """What the page of a change sends again."""
    return dict(re.findall(r'type="hidden" name="((?!csrf)[^"]+)" value="([^"]*)"', html))


def change_page(client: Client, venue: Venue, **changes: str) -> tuple[str, dict[str, str]]:
    answer = client.post(path(venue), sent(venue, **changes))
    assert answer.status_code == 200
    return text(answer), {**carried(answer.content.decode()), "change-why": WHY}


def heard() -> dict[str, str]:
    return {str(message.to): message.kind for message in Message.objects.select_related("to")}


# -- a venue -----------------------------------------------------------------------------------------------------------
def test_a_new_address_is_shown_with_everyone_whom_it_touches(desk: Client, cohort: Cohort) -> None:
    page, _ = change_page(desk, cohort.venue, address="7 New Street", toilets="On each floor.")
    assert "Address 100 Example Street 7 New Street" in page
    assert "Name Stage 9 as it is" in page
    assert "saved as well, without a word to anyone: toilets." in page
    assert "Ines 1 Reserved entry and invitation follow" in page
    assert "Kai 2 Held entry follows" in page
    assert "1 person waits in line and keeps their place" in page
    assert "Teaching it, and told as well: Amara" in page
    assert "Change the venue and tell 4 people" in page
    cohort.venue.refresh_from_db()
    assert (cohort.venue.address, heard()) == ("100 Example Street", {})


def test_one_button_changes_it_and_tells_everyone(desk: Client, cohort: Cohort, robin: User) -> None:
    _, form = change_page(desk, cohort.venue, address="7 New Street", toilets="On each floor.")
    answer = desk.post(path(cohort.venue), form)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/desk/venues/")
    assert "Stage 9 is saved. 4 people are told." in text(desk.get("/desk/venues/"))
    cohort.venue.refresh_from_db()
    assert (cohort.venue.address, cohort.venue.toilets) == ("7 New Street", "On each floor.")
    assert heard() == dict.fromkeys(("Ines", "Kai", "Lia", "Amara"), "venue-changed")
    line = HistoryLine.objects.get(what="venue-changed")
    assert (line.by, line.why) == (robin, WHY)
    page = text(desk.get(f"/desk/cohorts/{cohort.code}/"))
    assert (
        "The venue was Stage 9, 100 Example Street, Los Angeles and is Stage 9, 7 New Street, Los Angeles now" in page
    )
    assert "“The studio has moved.”" in page


def test_notes_alone_are_saved_at_once(desk: Client, cohort: Cohort) -> None:
    assert desk.post(path(cohort.venue), sent(cohort.venue, transit="By tram.")).status_code == 302
    assert heard() == {}


def test_a_venue_is_not_changed_without_a_reason_and_what_was_typed_stays(desk: Client, cohort: Cohort) -> None:
    _, form = change_page(desk, cohort.venue, address="7 New Street")
    answer = desk.post(path(cohort.venue), form | {"change-why": " ", "change-is_elsewhere": "on"})
    html = answer.content.decode()
    assert (answer.status_code, 'value="7 New Street"' in html, "checked" in html) == (422, True, True)
    assert heard() == {}


def test_the_way_back_to_the_venues_form_keeps_what_was_typed(desk: Client, cohort: Cohort) -> None:
    _, form = change_page(desk, cohort.venue, address="7 New Street")
    html = desk.post(path(cohort.venue), form | {"again": "1"}).content.decode()
    assert ['value="7 New Street"' in html, 'name="shown"' in html, heard()] == [True, False, {}]


@pytest.mark.parametrize("meanwhile", ["pays", "leaves", "joins", "another registrar", "somebody teaches", "notes"])
def test_who_comes_or_goes_meanwhile_is_shown_first(
    desk: Client, cohort: Cohort, robin: User, lena: User, meanwhile: str
) -> None:
    _, form = change_page(desk, cohort.venue, address="7 New Street")
    kai = Reservation.objects.get(trainee__name="Kai")
    if meanwhile == "pays":
        record_transfer(kai, Purpose.DEPOSIT, reference="T2", by=robin, now=NOW)
    elif meanwhile == "leaves":
        cancelling.cancel(kai, now=NOW, by=kai.trainee)
    elif meanwhile == "joins":
        waiting.join(cohort, factories.trainee(), now=NOW)
    elif meanwhile == "somebody teaches":
        Teaching.objects.create(cohort=cohort, instructor=lena)
    else:
        values = {"toilets": "None."} if meanwhile == "notes" else {"address": "6 Old Street"}
        changing.change_venue(cohort.venue, values, by=robin, now=NOW, why="Wrong.", is_shown=True)
    Message.objects.all().delete()
    answer = desk.post(path(cohort.venue), form)
    page = text(answer)
    assert (answer.status_code, "Nothing has been done." in page, WHY in page) == (409, True, True)
    assert heard() == {}
    again = carried(answer.content.decode()) | {"change-why": WHY}
    assert desk.post(path(cohort.venue), again).status_code == 302
    cohort.venue.refresh_from_db()
    assert cohort.venue.address == "7 New Street"


def test_a_venue_that_has_the_new_address_by_now_says_so(desk: Client, cohort: Cohort, robin: User) -> None:
    _, form = change_page(desk, cohort.venue, address="7 New Street")
    changing.change_venue(cohort.venue, {"address": "7 New Street"}, by=robin, now=NOW, why=WHY, is_shown=True)
    answer = desk.post(path(cohort.venue), form)
    assert (answer.status_code, "has this name and address already" in text(answer)) == (409, True)


def test_a_name_that_another_venue_has_is_said_before_anyone_is_shown(desk: Client, cohort: Cohort) -> None:
    other = factories.venue()
    answer = desk.post(path(cohort.venue), sent(cohort.venue, name=other.name))
    assert (answer.status_code, "Another venue has this name." in text(answer)) == (422, True)


def test_where_the_place_has_moved_the_registrar_says_so_and_people_may_leave(desk: Client, cohort: Cohort) -> None:
    _, form = change_page(desk, cohort.venue, address="7 New Street", city="Burbank")
    assert desk.post(path(cohort.venue), form | {"change-is_elsewhere": "on"}).status_code == 302
    page = text(desk.get(f"/desk/cohorts/{cohort.code}/"))
    assert "Moved: who may leave at no cost" in page


def test_what_is_typed_is_written_as_text_on_these_pages(desk: Client, cohort: Cohort) -> None:
    typed = '"><script>alert(1)</script>'
    answer = desk.post(path(cohort.venue), sent(cohort.venue, address=typed, transit=typed))
    assert (answer.status_code, "<script>alert" in answer.content.decode()) == (200, False)


def test_the_page_takes_as_many_statements_for_one_person_as_for_three(desk: Client) -> None:
    def taken() -> int:
        with CaptureQueriesContext(connection) as captured:
            change_page(desk, venue, address="7 New Street")
        return len(captured)

    cohort = factories.cohort(capacity=3)
    venue = cohort.venue
    factories.reservation(cohort=cohort)
    taken()
    few = taken()
    for _ in range(2):
        factories.reservation(cohort=cohort)
    assert taken() == few


# -- a title -----------------------------------------------------------------------------------------------------------
def test_another_title_is_shown_and_then_told(desk: Client, cohort: Cohort) -> None:
    answer = desk.post(f"/desk/cohorts/{cohort.code}/edit/", edited(cohort, title="Late spring 2027"))
    page = text(answer)
    assert "Title Spring 2027 Late spring 2027" in page
    assert "another title alone lets nobody leave at no cost" in page
    assert "Rename the cohort and tell 4 people" in page
    form = carried(answer.content.decode()) | {"reason": WHY}
    assert desk.post(f"/desk/cohorts/{cohort.code}/move/", form).status_code == 302
    assert heard() == dict.fromkeys(("Ines", "Kai", "Lia", "Amara"), "cohort-renamed")
    page = text(desk.get(f"/desk/cohorts/{cohort.code}/"))
    assert "Late spring 2027 has its new title. 4 people are told." in page
    assert "Called Spring 2027 before" in page


def test_a_title_that_another_registrar_changed_meanwhile_is_shown_first(desk: Client, cohort: Cohort) -> None:
    other = browser(Role.REGISTRAR)
    forms = [
        (
            client,
            carried(client.post(f"/desk/cohorts/{cohort.code}/edit/", edited(cohort, title=title)).content.decode()),
        )
        for client, title in ((desk, "Late spring"), (other, "Early summer"))
    ]
    answers = [
        client.post(f"/desk/cohorts/{cohort.code}/move/", form | {"reason": WHY}).status_code for client, form in forms
    ]
    assert (answers, Cohort.objects.get().title) == ([302, 409], "Late spring")


def test_a_cohort_that_only_an_instructor_has_is_moved_with_telling_them(desk: Client, amara: User) -> None:
    taught = factories.cohort(instructors=(amara,))
    answer = desk.post(f"/desk/cohorts/{taught.code}/edit/", edited(taught, venue=factories.venue().pk))
    assert "Nobody has a seat or an offer." in text(answer)
    assert "Move the cohort and tell 1 person" in text(answer)


# -- who teaches -------------------------------------------------------------------------------------------------------
def teachers(cohort: Cohort) -> str:
    return f"/desk/cohorts/{cohort.code}/instructors/"


def choose(
    client: Client, cohort: Cohort, *people: User, lead: User | None = None
) -> tuple[int, str, dict[str, object]]:
    """What choosing these leads to, and what its form sends."""
    chosen = {"instructors": [person.public_id for person in people], "lead": lead.public_id if lead else ""}
    answer = client.post(teachers(cohort), chosen)
    found = re.search(r'name="shown" value="([0-9a-f]+)"', answer.content.decode())
    return answer.status_code, text(answer), {**chosen, "shown": found[1] if found else "", "change-why": "She is ill."}


def test_a_replaced_instructor_is_shown_and_then_told(desk: Client, cohort: Cohort, amara: User, lena: User) -> None:
    _, page, form = choose(desk, cohort, lena, lead=lena)
    assert "Amara leads does not teach is told" in page
    assert "Lena does not teach leads is told" in page
    assert "Save and tell 2 people" in page
    assert cohort.teachings.get().instructor == amara
    assert desk.post(teachers(cohort), form).status_code == 302
    assert cohort.teachings.get().instructor == lena
    assert heard() == {"Amara": "teaching-removed", "Lena": "teaching-added"}
    page = text(desk.get(f"/desk/cohorts/{cohort.code}/"))
    assert "The instructors are saved. 2 people are told." in page
    assert "“She is ill.”" in page


def test_whoever_goes_is_owed_a_reason_and_whoever_comes_needs_none(
    desk: Client, cohort: Cohort, amara: User, lena: User
) -> None:
    _, _, form = choose(desk, cohort, lena)
    assert desk.post(teachers(cohort), form | {"change-why": ""}).status_code == 422
    assert (cohort.teachings.get().instructor, heard()) == (amara, {})
    _, page, form = choose(desk, cohort, amara, lena, lead=amara)
    assert "Amara leads as it is nothing changes" in page
    assert desk.post(teachers(cohort), form | {"change-why": ""}).status_code == 302
    assert heard() == {"Lena": "teaching-added"}


def test_of_two_registrars_the_second_sees_who_teaches_by_now(
    desk: Client, cohort: Cohort, amara: User, lena: User
) -> None:
    other = browser(Role.REGISTRAR)
    _, _, first = choose(desk, cohort, lena, lead=lena)
    _, _, second = choose(other, cohort, amara, lena, lead=amara)
    assert desk.post(teachers(cohort), first).status_code == 302
    Message.objects.all().delete()
    answer = other.post(teachers(cohort), second)
    assert (answer.status_code, "Amara does not teach leads is told" in text(answer)) == (409, True)
    assert (cohort.teachings.get().instructor, heard()) == (lena, {})


def test_a_choice_that_cannot_be_is_said_on_the_form(desk: Client, cohort: Cohort) -> None:
    status, page, _ = choose(desk, cohort)
    assert (status, "at least one instructor" in page) == (422, True)


def test_the_way_back_keeps_who_was_chosen(desk: Client, cohort: Cohort, lena: User) -> None:
    _, _, form = choose(desk, cohort, lena)
    html = desk.post(teachers(cohort), form | {"again": "1"}).content.decode()
    assert re.search(rf'value="{lena.public_id}"[^>]*checked', html)


def test_a_drafts_instructors_are_saved_at_once(desk: Client, lena: User) -> None:
    draft = factories.cohort(status=CohortStatus.DRAFT)
    status, _, _ = choose(desk, draft, lena, lead=lena)
    assert (status, draft.teachings.get().instructor, heard()) == (302, lena, {})


# -- who may -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [Role.BOOKKEEPER, Role.INSTRUCTOR, Role.TRAINEE, Role.MENTOR])
def test_nobody_else_changes_anything_here(role: Role, cohort: Cohort, lena: User) -> None:
    client = browser(role)
    shown = {"shown": "0", "change-why": WHY}
    assert client.post(path(cohort.venue), sent(cohort.venue, address="7 New Street") | shown).status_code == 403
    assert client.post(teachers(cohort), {"instructors": [lena.public_id], **shown}).status_code == 403
    assert (Venue.objects.get(pk=cohort.venue.pk).address, heard()) == ("100 Example Street", {})


def test_opening_the_pages_changes_nothing(desk: Client, cohort: Cohort) -> None:
    lines = HistoryLine.objects.count()
    desk.get(path(cohort.venue), sent(cohort.venue, address="7 New Street") | {"shown": "0", "change-why": WHY})
    desk.get(teachers(cohort), {"shown": "0"})
    assert (HistoryLine.objects.count(), heard()) == (lines, {})
    assert statements(desk, path(cohort.venue)) < 20


def test_after_the_last_hour_nobody_is_shown_and_nobody_is_told(
    desk: Client, cohort: Cohort, clock: StoppedClock
) -> None:
    clock.now = cohort.sessions.get(day=4).ends_at + timedelta(minutes=1)
    assert desk.post(path(cohort.venue), sent(cohort.venue, address="7 New Street")).status_code == 302
    assert heard() == {}
