"""The registrar reads the line of a cohort, reorders it, and decides who is in it."""

from datetime import timedelta

import pytest
from django.test import Client

from booking.desk.planning.places import rearranged
from booking.payments.models import Purpose
from booking.payments.paying import record_transfer
from booking.reservations import cancelling, offers, waiting
from booking.reservations.models import EntryState, Reservation, State, WaitlistEntry
from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import browser, statements
from tests.factories import NOW
from tests.pages import text
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role, User
from workshops.programme.changing import change_school, confirm_conduct, confirm_terms
from workshops.programme.models import conduct_text
from workshops.programme.terms import Terms

pytestmark = pytest.mark.django_db
WHY = "Lena has waited since the last cohort."


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def cohort() -> Cohort:
    return factories.cohort(capacity=1, instructors=(factories.person(Role.INSTRUCTOR, name="Amara"),))


@pytest.fixture
def ines(cohort: Cohort, robin: User) -> Reservation:
    """Ines, who has the only seat."""
    held = factories.reservation(cohort=cohort, trainee=factories.trainee(name="Ines"))
    record_transfer(held, Purpose.DEPOSIT, reference="Transfer", by=robin, now=NOW)
    held.refresh_from_db()
    return held


def joins(cohort: Cohort, name: str, *, minutes: int = 0, **fields: object) -> WaitlistEntry:
    person = factories.trainee(name=name, lacking=str(fields.pop("lacking", "")))
    return waiting.join(cohort, person, now=NOW + timedelta(minutes=minutes), **fields)[0]  # type: ignore[arg-type]


@pytest.fixture
def three(cohort: Cohort, ines: Reservation) -> list[WaitlistEntry]:
    """Kai, Lena and Mo wait, in this order."""
    return [joins(cohort, name, minutes=index) for index, name in enumerate(("Kai", "Lena", "Mo"))]


def path(cohort: Cohort, action: str = "") -> str:
    return f"/desk/cohorts/{cohort.code}/line/{action}"


def asked(entries: list[WaitlistEntry], places: list[object], why: str = WHY) -> dict[str, object]:
    """What the form of the page sends, when these entries were shown and these places were typed."""
    typed = {f"place-{entry.public_id}": place for entry, place in zip(entries, places, strict=True)}
    return {"shown": ",".join(entry.public_id for entry in entries), "why": why, **typed}


def names(cohort: Cohort) -> list[str]:
    """Who waits, in turn."""
    return [str(entry.trainee) for entry in WaitlistEntry.objects.waiting().filter(cohort=cohort).in_turn()]


# -- who may ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [Role.BOOKKEEPER, Role.INSTRUCTOR, Role.TRAINEE, Role.MENTOR])
def test_the_line_is_the_registrars(role: Role, cohort: Cohort, three: list[WaitlistEntry]) -> None:
    client = browser(role)
    assert client.get(path(cohort)).status_code == 403
    for action, sent in (
        ("order/", asked(three, [3, 2, 1])),
        ("join/", {"join-email": three[0].trainee.email, "join-notice_days": "0", "join-why": WHY}),
        ("take-out/", {"out-entry": three[0].public_id, "out-why": WHY}),
    ):
        assert client.post(path(cohort, action), sent).status_code == 403
    assert names(cohort) == ["Kai", "Lena", "Mo"]


def test_a_visitor_signs_in_first_and_a_get_changes_nothing(desk: Client, cohort: Cohort) -> None:
    assert Client().get(path(cohort)).status_code == 302
    assert [desk.get(path(cohort, action)).status_code for action in ("order/", "join/", "take-out/")] == [405] * 3
    assert desk.get("/desk/cohorts/nobody-knows-it/line/").status_code == 404
    assert desk.post("/desk/cohorts/nobody-knows-it/line/order/").status_code == 404


# -- reading ----------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("ines")
def test_the_page_says_where_everyone_stands(desk: Client, cohort: Cohort) -> None:
    other = factories.cohort(title="Autumn 2027", starts_on=cohort.starts_on + timedelta(days=150))
    kai = joins(cohort, "Kai", lacking="on-set-days")
    joins(cohort, "Lena", minutes=1, notice_days=150)
    mo = joins(cohort, "Mo", minutes=2, notice_days=30)
    factories.reservation(cohort=other, trainee=mo.trainee)
    page = text(desk.get(path(cohort)))
    assert "1. Kai 11 January 2027 none Missing 10 days on professional sets none Place of Kai" in page
    assert "2. Lena 11 January 2027 150 days Too near for their notice none" in page
    assert "3. Mo 11 January 2027 30 days Eligible Autumn 2027" in page
    assert f'href="/desk/people/{kai.trainee.public_id}/"' in desk.get(path(cohort)).content.decode()


def test_an_open_offer_shows_its_deadline_and_ends_with_it(
    desk: Client, cohort: Cohort, ines: Reservation, three: list[WaitlistEntry], clock: StoppedClock
) -> None:
    cancelling.cancel(ines, now=NOW, by=ines.trainee)
    page = text(desk.get(path(cohort)))
    assert "Kai 1 Wednesday 13 January 2027, 10:00 am PST" in page
    assert "2 people wait." in page
    seats = "0 taken , 1 held (1 offered to the line), 0 free of 1"
    for address in ("/desk/", f"/desk/cohorts/{cohort.code}/", f"/desk/cohorts/{cohort.code}/seats/"):
        assert seats in text(desk.get(address))
    assert "2 in line, 1 offer open" in text(desk.get("/desk/"))
    assert "2 people wait, and 1 has an offer to answer." in text(desk.get(f"/desk/cohorts/{cohort.code}/"))
    assert "Seat 1 Kai Offered until" in text(desk.get(f"/desk/cohorts/{cohort.code}/"))
    clock.move(days=3)
    page = text(desk.get(path(cohort)))
    assert "Open offers" not in page
    assert "1 in line" not in page
    waiting.leave(three[1], now=clock.now, by=three[1].trainee)
    page = text(desk.get(path(cohort)))
    assert "2 entries that have ended" in page
    assert "Kai 11 January 2027 Wednesday 13 January 2027, 10:00 am PST Offer ran out" in page
    assert "Lena 11 January 2027 Thursday 14 January 2027, 10:00 am PST Left the line" in page


def test_each_place_that_has_ended_says_how(
    desk: Client, cohort: Cohort, ines: Reservation, three: list[WaitlistEntry], robin: User
) -> None:
    cancelling.cancel(ines, now=NOW, by=ines.trainee)
    kai = Reservation.objects.get(state="offered")
    offers.decline(kai, now=NOW, by=kai.trainee)
    lena = Reservation.objects.get(state="offered")
    offers.accept(lena, now=NOW, by=lena.trainee)
    waiting.close(cohort, why="The stage is closed.", now=NOW, by=robin)
    page = text(desk.get(path(cohort)))
    ended = "11 January 2027 Monday 11 January 2027, 10:00 am PST"
    for who, how in zip(three, ("Declined the offer", "Got a seat", "The line was closed"), strict=True):
        assert f"{who.trainee} {ended} {how}" in page


def test_whoever_was_taken_out_is_told_apart_from_whoever_left_or_declined(
    desk: Client, cohort: Cohort, ines: Reservation, three: list[WaitlistEntry], robin: User
) -> None:
    cancelling.cancel(ines, now=NOW, by=ines.trainee)
    waiting.leave(three[0], now=NOW, by=robin, why="They asked by telephone.")
    offers.decline(Reservation.objects.get(state="offered"), now=NOW, by=three[1].trainee)
    page = text(desk.get(path(cohort)))
    ended = "11 January 2027 Monday 11 January 2027, 10:00 am PST"
    assert f"Kai {ended} Taken out by Robin, with an open offer" in page
    assert f"Lena {ended} Declined the offer" in page
    waiting.leave(three[2], now=NOW, by=robin, why="They asked by telephone.")
    assert "Taken out by Robin, with an open offer" in text(desk.get(path(cohort)))


def test_an_offer_is_nothing_that_has_not_been_paid(
    desk: Client, cohort: Cohort, ines: Reservation, three: list[WaitlistEntry]
) -> None:
    cancelling.cancel(ines, now=NOW, by=ines.trainee)
    three[0].refresh_from_db()
    assert three[0].state == EntryState.OFFERED
    assert "not paid in full" not in text(desk.get("/desk/"))
    assert "Kai Offered 11 January 2027 $0 $0" in text(desk.get(f"/desk/cohorts/{cohort.code}/"))


def test_a_seat_that_stays_free_beside_the_line_is_explained(desk: Client, cohort: Cohort, ines: Reservation) -> None:
    joins(cohort, "Kai", lacking="on-set-days")
    cancelling.cancel(ines, now=NOW, by=ines.trainee)
    assert "1 seat is free, and nobody in line could take one today." in text(desk.get(path(cohort)))
    assert "The line waits beside a free seat: see why." in text(desk.get("/desk/"))
    Cohort.objects.update(status=CohortStatus.CLOSED)
    page = text(desk.get(path(cohort)))
    assert "1 seat is free, and nobody is offered one while the cohort takes no reservations." in page
    assert "The line waits" not in text(desk.get("/desk/"))


def test_reopening_a_cohort_offers_its_free_seat_to_the_line(
    desk: Client, cohort: Cohort, ines: Reservation, three: list[WaitlistEntry]
) -> None:
    desk.post(f"/desk/cohorts/{cohort.code}/close/")
    cancelling.cancel(ines, now=NOW, by=ines.trainee)
    three[0].refresh_from_db()
    assert three[0].state == EntryState.WAITING
    about = {"email": "school@example.org", "bank_details": "Bank 1"}
    change_school(about | {"legal_name": "Cintima LLC", "address": "1 Example Street"}, by=three[0].trainee, now=NOW)
    confirm_terms(Terms().as_json(), by=three[0].trainee, now=NOW)
    confirm_conduct(conduct_text(), by=three[0].trainee, now=NOW)
    assert desk.post(f"/desk/cohorts/{cohort.code}/reopen/").status_code == 302
    three[0].refresh_from_db()
    assert three[0].state == EntryState.OFFERED


def test_an_empty_line_says_so(desk: Client, cohort: Cohort) -> None:
    assert "Nobody waits" in text(desk.get(path(cohort)))
    Cohort.objects.update(status=CohortStatus.CANCELLED)
    page = text(desk.get(path(cohort)))
    assert "The line of this cohort is closed." in page
    assert "Put someone in line" not in page


def test_the_page_takes_the_same_statements_for_one_and_for_three(
    desk: Client, cohort: Cohort, ines: Reservation
) -> None:
    others = [factories.cohort(starts_on=cohort.starts_on + timedelta(days=100 * n)) for n in (1, 2, 3)]
    factories.reservation(cohort=others[0], trainee=joins(cohort, "Kai").trainee)
    addresses = [path(cohort), "/desk/", f"/desk/cohorts/{cohort.code}/"]
    few = [statements(desk, address) for address in addresses]
    for other, name in zip(others[1:], ("Lena", "Mo"), strict=True):
        factories.reservation(cohort=other, trainee=joins(cohort, name, minutes=1).trainee)
    assert [statements(desk, address) for address in addresses] == few
    assert ines.state == State.RESERVED


# -- the order --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("typed", "order"),
    [
        ([1, 2, 3], "abc"),
        ([1, 2, 1], "cab"),
        ([3, 2, 3], "bca"),
        ([2, 1, 3], "bac"),
        ([3, 1, 2], "bca"),
        ([3, 2, 1], "cba"),
    ],
)
def test_whoever_is_given_a_place_has_it_and_the_others_keep_their_turns(typed: list[int], order: str) -> None:
    moved = {who: place for was, (who, place) in enumerate(zip("abc", typed, strict=True), start=1) if place != was}
    assert "".join(rearranged("abc", moved)) == order


def test_a_registrar_reorders_the_line_for_a_reason(desk: Client, cohort: Cohort, three: list[WaitlistEntry]) -> None:
    answer = desk.post(path(cohort, "order/"), asked(three, ["1", "2", "1"]))
    assert (answer.status_code, answer.headers["Location"]) == (302, path(cohort))
    assert names(cohort) == ["Mo", "Kai", "Lena"]
    assert "The line has the new order." in text(desk.get(path(cohort)))
    assert f"The line was reordered, by Robin. “{WHY}”" in text(desk.get(f"/desk/cohorts/{cohort.code}/"))
    assert desk.post(path(cohort, "order/"), asked([three[2], *three[:2]], [1, 2, 3])).status_code == 302
    assert "That is their order already." in text(desk.get(path(cohort)))
    assert HistoryLine.objects.filter(what="line-reordered-here").count() == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["0", "2", "3"], "greater than or equal to 1"),
        (["4", "2", "3"], "less than or equal to 3"),
        (["first", "2", "3"], "Enter a whole number."),
        (["", "2", "3"], "This field is required."),
        (["9" * 5000, "2", "3"], "Enter a whole number."),
        (["1.5", "2", "3"], "Enter a whole number."),
    ],
)
def test_places_that_cannot_be_are_said_in_words(
    desk: Client, cohort: Cohort, three: list[WaitlistEntry], typed: list[object], words: str
) -> None:
    answer = desk.post(path(cohort, "order/"), asked(three, typed))
    assert (answer.status_code, words in text(answer), WHY in text(answer)) == (422, True, True)
    assert names(cohort) == ["Kai", "Lena", "Mo"]


def test_two_people_do_not_share_a_place(desk: Client, cohort: Cohort, three: list[WaitlistEntry]) -> None:
    answer = desk.post(path(cohort, "order/"), asked(three, ["1", "1", "1"]))
    assert (answer.status_code, "Lena is to have place 1 already." in text(answer)) == (422, True)
    assert names(cohort) == ["Kai", "Lena", "Mo"]


def test_an_order_needs_a_reason(desk: Client, cohort: Cohort, three: list[WaitlistEntry]) -> None:
    answer = desk.post(path(cohort, "order/"), asked(three, ["3", "2", "1"], why="  "))
    assert (answer.status_code, names(cohort)) == (422, ["Kai", "Lena", "Mo"])


def test_a_line_that_changed_meanwhile_is_shown_with_what_was_typed(
    desk: Client, cohort: Cohort, three: list[WaitlistEntry]
) -> None:
    sent = asked(three, ["1", "1", "3"])
    waiting.leave(three[2], now=NOW, by=three[2].trainee)
    joins(cohort, "Nora", minutes=5)
    answer = desk.post(path(cohort, "order/"), sent)
    html = answer.content.decode()
    assert (answer.status_code, "The line has changed since you saw it" in html, WHY in html) == (409, True, True)
    assert "Place of Nora" in html
    assert 'value="1"' in html.split("Place of Lena")[1].split(">", 3)[1]
    assert names(cohort) == ["Kai", "Lena", "Nora"]


def test_of_two_registrars_who_reorder_at_once_the_second_sees_the_new_line(
    desk: Client, cohort: Cohort, three: list[WaitlistEntry]
) -> None:
    other = browser(Role.REGISTRAR)
    assert desk.post(path(cohort, "order/"), asked(three, ["1", "2", "1"])).status_code == 302
    answer = other.post(path(cohort, "order/"), asked(three, ["2", "2", "3"]))
    assert (answer.status_code, names(cohort)) == (409, ["Mo", "Kai", "Lena"])


@pytest.mark.parametrize("shown", ["", "x", ",,", "x" * 5000])
def test_a_form_that_shows_another_line_is_refused(
    desk: Client, cohort: Cohort, three: list[WaitlistEntry], shown: str
) -> None:
    answer = desk.post(path(cohort, "order/"), asked(three, ["3", "2", "1"]) | {"shown": shown})
    assert (answer.status_code, names(cohort)) == (409, ["Kai", "Lena", "Mo"])


# -- nobody decides about their own place -----------------------------------------------------------------------------
@pytest.mark.usefixtures("ines")
def test_a_registrar_who_waits_decides_nothing_about_it(desk: Client, robin: User, cohort: Cohort) -> None:
    kai = joins(cohort, "Kai")
    answer = desk.post(
        path(cohort, "join/"), {"join-email": robin.email, "join-notice_days": "0", "join-why": "I want to."}
    )
    assert (answer.status_code, "Nobody decides about their own record." in text(answer)) == (409, True)
    own = waiting.join(cohort, robin, now=NOW + timedelta(minutes=1))[0]
    answer = desk.post(path(cohort, "order/"), asked([kai, own], ["2", "1"]))
    assert (answer.status_code, "You wait in this line." in text(answer)) == (422, True)
    answer = desk.post(path(cohort, "take-out/"), {"out-entry": own.public_id, "out-why": "I changed my mind."})
    assert (answer.status_code, "Nobody decides about their own record." in text(answer)) == (422, True)
    # Nor by taking out whoever stands before them.
    answer = desk.post(path(cohort, "take-out/"), {"out-entry": kai.public_id, "out-why": "A reason"})
    assert (answer.status_code, "You wait in this line yourself." in text(answer)) == (422, True)
    assert names(cohort) == ["Kai", "Robin"]


# -- who is in it -----------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("three")
def test_a_registrar_puts_someone_at_the_end_of_the_line(desk: Client, cohort: Cohort, clock: StoppedClock) -> None:
    clock.move(minutes=5)
    nora = factories.trainee(name="Nora")
    sent = {"join-email": nora.email.upper(), "join-notice_days": "14", "join-why": "They asked by telephone."}
    assert desk.post(path(cohort, "join/"), sent).status_code == 302
    assert names(cohort) == ["Kai", "Lena", "Mo", "Nora"]
    assert WaitlistEntry.objects.get(trainee=nora).notice_days == 14
    assert "Nora is in line now and is told." in text(desk.get(path(cohort)))
    assert Message.objects.filter(to=nora, kind="line-joined").exists()
    assert HistoryLine.objects.get(what="line-joined", person=nora).why == "They asked by telephone."
    assert desk.post(path(cohort, "join/"), sent).status_code == 302
    assert "Nora was in line already." in text(desk.get(path(cohort)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"join-email": "nobody@example.org"}, "Nobody has an account with this address."),
        ({"join-email": "Nora"}, "Enter a valid email address."),
        ({"join-notice_days": "-1"}, "greater than or equal to 0"),
        ({"join-notice_days": "9" * 400}, "less than or equal to 365"),
        ({"join-why": ""}, "This field is required."),
        ({"join-why": "\x00\u200b"}, "This field is required."),
    ],
)
@pytest.mark.usefixtures("three")
def test_nobody_is_put_in_line_by_mistake(desk: Client, cohort: Cohort, changes: dict[str, str], words: str) -> None:
    nora = factories.trainee(name="Nora")
    sent = {"join-email": nora.email, "join-notice_days": "0", "join-why": WHY, **changes}
    answer = desk.post(path(cohort, "join/"), sent)
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert names(cohort) == ["Kai", "Lena", "Mo"]


def test_nobody_waits_while_a_seat_is_free_or_with_a_seat_or_where_it_is_closed(
    desk: Client, cohort: Cohort, robin: User
) -> None:
    nora = factories.trainee(name="Nora")
    sent = {"join-email": nora.email, "join-notice_days": "0", "join-why": WHY}
    answer = desk.post(path(cohort, "join/"), sent)
    assert (answer.status_code, "A seat is free for anyone." in text(answer)) == (409, True)
    held = factories.reservation(cohort=cohort, trainee=nora)
    record_transfer(held, Purpose.DEPOSIT, reference="Transfer", by=robin, now=NOW)
    answer = desk.post(path(cohort, "join/"), sent)
    assert (answer.status_code, "They have seat 1 in this cohort" in text(answer)) == (409, True)
    Cohort.objects.update(status=CohortStatus.CLOSED)
    answer = desk.post(path(cohort, "join/"), sent)
    assert (answer.status_code, "takes no reservations now" in text(answer)) == (409, True)
    assert not WaitlistEntry.objects.exists()


def test_a_closed_account_is_not_put_in_line(desk: Client, cohort: Cohort) -> None:
    nora = factories.trainee(name="Nora", is_active=False)
    answer = desk.post(path(cohort, "join/"), {"join-email": nora.email, "join-notice_days": "0", "join-why": WHY})
    assert (answer.status_code, "This account is closed" in text(answer)) == (422, True)


def test_a_registrar_takes_someone_out_of_the_line(desk: Client, cohort: Cohort, three: list[WaitlistEntry]) -> None:
    sent = {"out-entry": three[1].public_id, "out-why": "They wrote that they cannot come."}
    assert desk.post(path(cohort, "take-out/"), sent).status_code == 302
    assert names(cohort) == ["Kai", "Mo"]
    assert "Lena is out of the line." in text(desk.get(path(cohort)))
    assert HistoryLine.objects.get(what="line-left").why == "They wrote that they cannot come."


def test_taking_out_who_has_an_offer_hands_it_to_the_next(
    desk: Client, cohort: Cohort, ines: Reservation, three: list[WaitlistEntry]
) -> None:
    cancelling.cancel(ines, now=NOW, by=ines.trainee)
    assert "Kai, who has an offer; it ends with this" in text(desk.get(path(cohort)))
    sent = {"out-entry": three[0].public_id, "out-why": "They wrote that they cannot come."}
    assert desk.post(path(cohort, "take-out/"), sent).status_code == 302
    page = text(desk.get(path(cohort)))
    assert "Lena 1 Wednesday 13 January 2027, 10:00 am PST" in page
    assert names(cohort) == ["Mo"]


def test_who_has_a_seat_by_now_is_not_taken_out_of_the_line(
    desk: Client, cohort: Cohort, ines: Reservation, three: list[WaitlistEntry]
) -> None:
    cancelling.cancel(ines, now=NOW, by=ines.trainee)
    offer = Reservation.objects.get(state=State.OFFERED)
    offers.accept(offer, now=NOW, by=offer.trainee)
    answer = desk.post(path(cohort, "take-out/"), {"out-entry": three[0].public_id, "out-why": WHY})
    assert (answer.status_code, "Kai is not in line any more." in text(answer)) == (409, True)
    offer.refresh_from_db()
    assert offer.state == State.HELD


def test_an_entry_of_another_line_is_not_found(desk: Client, three: list[WaitlistEntry]) -> None:
    other = factories.cohort()
    for entry in (three[0].public_id, "x", "1' OR '1'='1"):
        assert desk.post(path(other, "take-out/"), {"out-entry": entry, "out-why": WHY}).status_code == 404
    assert desk.post(path(other, "take-out/"), {"out-entry": "", "out-why": WHY}).status_code == 422
    assert WaitlistEntry.objects.waiting().count() == 3
