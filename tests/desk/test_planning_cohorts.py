"""The registrar plans the year: what each page shows, and what becomes of what they send."""

from datetime import date, datetime, timedelta

import pytest
from django.test import Client

from booking.reservations import cancelling
from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import browser, minutes, statements
from tests.factories import LOS_ANGELES, NOW
from tests.pages import text
from workshops.cohorts.models import Cohort, CohortStatus, Venue
from workshops.history.models import HistoryLine
from workshops.people.models import Role, RoleGrant, User
from workshops.programme.changing import change_school, confirm_conduct, confirm_terms
from workshops.programme.models import conduct_text
from workshops.programme.terms import Terms

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

OTHERS = [role for role in Role if role != Role.REGISTRAR]
COHORT_PAGES = ("", "edit/", "instructors/", "seats/", "terms/")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def registrar() -> Client:
    return browser(Role.REGISTRAR, name="Robin")


@pytest.fixture
def amara() -> User:
    return factories.person(Role.INSTRUCTOR, name="Amara")


@pytest.fixture
def set_up(amara: User) -> None:
    robin = factories.person(Role.REGISTRAR)
    factories.venue()
    about = {"email": "school@example.org", "bank_details": "Bank 1"}
    change_school(about | {"legal_name": "Cintima LLC", "address": "1 Example Street"}, by=robin, now=NOW)
    confirm_terms(Terms().as_json(), by=robin, now=NOW)
    confirm_conduct(conduct_text(), by=robin, now=NOW)


def asked(**changes: object) -> dict[str, object]:
    """What a browser sends for a cohort that nothing speaks against."""
    venue = Venue.objects.first() or factories.venue(name="Stage B")
    return {
        "title": "Summer 2027",
        "code": "2027-summer",
        "venue": venue.pk,
        "starts_on": "2027-06-03",
        "days": "4",
        "day_starts": "09:30",
        "day_ends": "17:30",
        "topics": "Scene study, Rider language\n\nSimulated on-set practice",
        "capacity": "12",
        "bookings_open_at": "2027-01-12T10:00",
        "bookings_close_at": "2027-06-02T17:00",
        "lead": "",
        **changes,
    }


def plan(client: Client, **changes: object) -> tuple[int, str]:
    answer = client.post("/desk/cohorts/new/", asked(**changes))
    return answer.status_code, text(answer)


def edited(cohort: Cohort, **changes: object) -> dict[str, object]:
    """What a browser sends for a cohort as it is."""
    sessions = list(cohort.sessions.order_by("day"))
    fields: dict[str, object] = {
        "title": cohort.title,
        "code": cohort.code,
        "venue": cohort.venue.pk,
        "bookings_open_at": minutes(cohort.bookings_open_at),
        "bookings_close_at": minutes(cohort.bookings_close_at),
        "days-TOTAL_FORMS": len(sessions) + 1,
        "days-INITIAL_FORMS": len(sessions),
    }
    for index, session in enumerate(sessions):
        begins, ends = (moment.astimezone(LOS_ANGELES) for moment in (session.starts_at, session.ends_at))
        fields[f"days-{index}-on"] = begins.date().isoformat()
        fields[f"days-{index}-starts"] = f"{begins:%H:%M}"
        fields[f"days-{index}-ends"] = f"{ends:%H:%M}"
        fields[f"days-{index}-topics"] = ", ".join(session.topics)
    return {**fields, **changes}


# -- who may ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", OTHERS)
def test_planning_is_for_registrars(role: Role) -> None:
    cohort, client = factories.cohort(), browser(role)
    addresses = ["/desk/", "/desk/cohorts/new/", *(f"/desk/cohorts/{cohort.code}/{page}" for page in COHORT_PAGES)]
    assert {client.get(address).status_code for address in addresses} == {403}
    for action in ("publish", "close", "reopen", "seats", "edit", "instructors", "terms"):
        assert client.post(f"/desk/cohorts/{cohort.code}/{action}/", {"capacity": "1"}).status_code == 403
    assert (cohort.seats.count(), Cohort.objects.get().status) == (12, "published")


def test_a_stranger_is_asked_to_sign_in_first(client: Client) -> None:
    answer = client.get("/desk/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/?next=/desk/")


def test_a_cohort_that_is_not_there_is_not_found(registrar: Client) -> None:
    for page in (*COHORT_PAGES, "publish/"):
        method = registrar.post if page == "publish/" else registrar.get
        assert method(f"/desk/cohorts/nobody-knows-it/{page}").status_code == 404


def test_opening_an_address_changes_nothing(registrar: Client) -> None:
    cohort = factories.cohort()
    for action in ("publish", "close", "reopen"):
        assert registrar.get(f"/desk/cohorts/{cohort.code}/{action}/").status_code == 405


# -- the year ---------------------------------------------------------------------------------------------------------
def test_the_desk_opens_with_the_year_of_the_next_cohort(registrar: Client) -> None:
    factories.cohort(starts_on=date(2028, 3, 2), title="Spring 2028")
    assert "The year 2028" in text(registrar.get("/desk/"))
    assert "Nothing in 2027 yet" in text(registrar.get("/desk/", {"year": "2027"}))


@pytest.mark.parametrize("year", ["", "1066", "two thousand", "٢٠٢٧", "9" * 5000, "2027'--"])
def test_an_absurd_year_is_answered_with_the_next_one(registrar: Client, year: str) -> None:
    factories.cohort()
    answer = registrar.get("/desk/", {"year": year})
    assert answer.status_code == 200
    assert "The year 2027" in text(answer)


def test_the_year_counts_seats_as_of_now_and_who_has_not_paid(registrar: Client, clock: StoppedClock) -> None:
    cohort = factories.cohort(capacity=3, instructors=(factories.person(Role.INSTRUCTOR, name="Amara"),))
    factories.reservation(cohort=cohort)
    page = text(registrar.get("/desk/"))
    assert "0 taken , 1 held, 2 free of 3" in page
    assert "1 not paid in full" in page
    clock.move(hours=2)
    page = text(registrar.get("/desk/"))
    assert "0 taken , 0 held, 3 free of 3" in page
    assert "not paid in full" not in page


def test_who_has_paid_elsewhere_owes_nothing(registrar: Client) -> None:
    from workshops.prerequisites.recording import entitle
    from workshops.programme.models import Module

    trainee = factories.trainee()
    entitle(trainee, Module.objects.get(code="module-iv"), "Package", by=None, now=NOW)
    factories.reservation(trainee=trainee)
    page = text(registrar.get("/desk/"))
    assert "1 taken" in page
    assert "not paid in full" not in page


def test_each_cohort_says_what_to_do_next(registrar: Client, amara: User) -> None:
    factories.cohort(status=CohortStatus.DRAFT, starts_on=date(2027, 3, 4))
    factories.cohort(status=CohortStatus.DRAFT, starts_on=date(2027, 6, 3), instructors=(amara,))
    factories.cohort(bookings_open_at=NOW + timedelta(days=3), starts_on=date(2027, 10, 7), instructors=(amara,))
    page = text(registrar.get("/desk/"))
    assert "Choose who teaches it." in page
    assert "Finish the setup checklist, then publish it." in page
    assert "Bookings open on Thursday 14 January 2027" in page


def test_the_year_takes_the_same_statements_for_one_cohort_and_for_three(registrar: Client) -> None:
    factories.reservation(cohort=factories.cohort(instructors=(factories.person(Role.INSTRUCTOR),)))
    few = statements(registrar, "/desk/")
    for _ in range(2):
        cohort = factories.cohort(instructors=(factories.person(Role.INSTRUCTOR), factories.person(Role.INSTRUCTOR)))
        for _ in range(3):
            factories.reservation(cohort=cohort)
    assert statements(registrar, "/desk/") == few


# -- one cohort -------------------------------------------------------------------------------------------------------
def test_a_cohorts_page_says_who_is_in_each_seat_and_what_they_owe(registrar: Client) -> None:
    cohort = factories.cohort()
    ines = factories.trainee(name="Ines Moreau")
    reservation = factories.reservation(cohort=cohort, trainee=ines)
    answer = registrar.get(f"/desk/cohorts/{cohort.code}/")
    assert f'href="/desk/people/{ines.public_id}/"' in answer.content.decode()
    assert f'href="/desk/reservations/{reservation.public_id}/"' in answer.content.decode()
    page = text(answer)
    assert "Seat 1 Ines Moreau Held until" in page
    assert "Held 11 January 2027 $0 $2,099" in page


def test_who_has_left_is_on_the_list_but_in_no_seat(registrar: Client, clock: StoppedClock) -> None:
    cohort, ines = factories.cohort(), factories.trainee(name="Ines Moreau")
    cancelling.cancel(factories.reservation(cohort=cohort, trainee=ines), now=NOW, by=ines)
    page = text(registrar.get(f"/desk/cohorts/{cohort.code}/"))
    assert "Seat 1" not in page
    assert "Ines Moreau Cancelled 11 January 2027 $0 $0" in page


def test_a_cohorts_page_takes_the_same_statements_for_one_person_and_for_three(registrar: Client) -> None:
    cohort = factories.cohort()
    factories.reservation(cohort=cohort)
    few = statements(registrar, f"/desk/cohorts/{cohort.code}/")
    for _ in range(2):
        factories.reservation(cohort=cohort)
    assert statements(registrar, f"/desk/cohorts/{cohort.code}/") == few


def test_names_are_written_as_text_whatever_they_look_like(registrar: Client) -> None:
    cohort = factories.cohort(title="<script>alert(1)</script>")
    factories.reservation(cohort=cohort, trainee=factories.trainee(name='"><img src=x onerror=alert(1)>'))
    html = registrar.get(f"/desk/cohorts/{cohort.code}/").content.decode()
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_a_draft_says_what_it_lacks_and_is_not_published_before(registrar: Client) -> None:
    cohort = factories.cohort(status=CohortStatus.DRAFT)
    page = text(registrar.get(f"/desk/cohorts/{cohort.code}/"))
    assert "Before it can be published" in page
    assert "Nobody teaches it yet." in page
    answer = registrar.post(f"/desk/cohorts/{cohort.code}/publish/")
    assert answer.status_code == 409
    assert "The setup checklist is not complete. Still to do: The school's e-mail address" in text(answer)
    assert Cohort.objects.get().status == "draft"


@pytest.mark.usefixtures("set_up")
def test_a_cohort_is_published_closed_and_reopened(registrar: Client, amara: User) -> None:
    cohort = factories.cohort(status=CohortStatus.DRAFT, instructors=(amara,))
    for action, status in (("publish", "published"), ("close", "closed"), ("reopen", "published")):
        answer = registrar.post(f"/desk/cohorts/{cohort.code}/{action}/")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/desk/cohorts/{cohort.code}/")
        assert Cohort.objects.get().status == status
        # The same button again, from another window: said in words, nothing changed.
        assert registrar.post(f"/desk/cohorts/{cohort.code}/{action}/").status_code == 409
    lines = [line.what for line in HistoryLine.objects.filter(about_kind="cohort")]
    assert lines == ["cohort-published", "cohort-closed", "cohort-reopened"]


# -- planning ---------------------------------------------------------------------------------------------------------
def test_a_registrar_plans_a_cohort(registrar: Client, amara: User) -> None:
    lena = factories.person(Role.INSTRUCTOR, name="Lena")
    factories.venue(name="Stage B")
    answer = registrar.post(
        "/desk/cohorts/new/", asked(instructors=[amara.public_id, lena.public_id], lead=lena.public_id)
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "/desk/cohorts/2027-summer/")
    cohort = Cohort.objects.get()
    assert (cohort.status, cohort.venue.name, cohort.seats.count()) == ("draft", "Stage B", 12)
    assert cohort.bookings_open_at == datetime(2027, 1, 12, 10, tzinfo=LOS_ANGELES)
    assert [session.topics for session in cohort.sessions.all()] == [
        ["Scene study", "Rider language"], [], ["Simulated on-set practice"], [],
    ]  # fmt: skip
    assert {session.starts_at.astimezone(LOS_ANGELES).strftime("%H:%M") for session in cohort.sessions.all()} == {
        "09:30"
    }
    assert cohort.teachings.get(is_lead=True).instructor == lena


def test_the_form_begins_with_what_is_usual(registrar: Client) -> None:
    html = registrar.get("/desk/cohorts/new/").content.decode()
    assert 'value="2027-01-12T10:00"' in html
    assert "Scene study, Simulated on-set practice" in html
    assert "In the school's time, Los Angeles." in html


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": ""}, "This field is required."),
        ({"title": "x" * 121}, "at most 120 characters"),
        ({"title": "a\x00b"}, "Null characters are not allowed."),
        ({"code": "two words"}, "letters, numbers, underscores or hyphens"),
        ({"code": "new"}, "the address of another page"),
        ({"venue": ""}, "This field is required."),
        ({"venue": "99999999999999999999999"}, "That choice is not one of the available choices"),
        ({"venue": "1 OR 1=1"}, "That choice is not one of the available choices"),
        ({"starts_on": "the third of June"}, "Enter a valid date."),
        ({"starts_on": "2027-02-30"}, "Enter a valid date."),
        ({"starts_on": "9999-12-31"}, "Choose a year from 2000 to 2100."),
        ({"starts_on": "0001-01-01"}, "Choose a year from 2000 to 2100."),
        ({"starts_on": ["2027-06-03", "tomorrow"]}, "Enter a valid date."),
        ({"days": "0"}, "greater than or equal to 1"),
        ({"days": "1000000"}, "less than or equal to 14"),
        ({"day_starts": "25:00"}, "Enter a valid time."),
        ({"starts_on": "2027-03-12", "day_starts": "02:30"}, "so there is no 2:30 am on that day"),
        ({"starts_on": "2027-11-05", "day_starts": "01:30"}, "so 1:30 am comes twice"),
        ({"day_ends": "09:30"}, "must end after it starts"),
        ({"day_ends": "08:00"}, "must end after it starts"),
        ({"capacity": "0"}, "greater than or equal to 1"),
        ({"capacity": "61"}, "less than or equal to 60"),
        ({"capacity": "twelve"}, "Enter a whole number."),
        ({"capacity": "9" * 5000}, "Enter a whole number."),
        ({"capacity": "1e3"}, "Enter a whole number."),
        ({"bookings_open_at": "soon"}, "Enter a valid date/time."),
        ({"bookings_open_at": "2027-03-14T02:30"}, "may be ambiguous or it may not exist"),
        ({"bookings_close_at": "9999-12-31T23:59"}, "Choose a year from 2000 to 2100."),
        ({"bookings_close_at": "2027-01-12T10:00"}, "Bookings must close after they open"),
        ({"bookings_close_at": "2027-06-03T12:00"}, "Bookings must close before the cohort begins"),
        ({"instructors": "nobody"}, "is not one of the available choices"),
        ({"instructors": "99999999999999999999999"}, "is not one of the available choices"),
        ({"lead": "nobody"}, "is not one of the available choices"),
        ({"topics": "x" * 2001}, "at most 2000 characters"),
    ],
)
def test_a_plan_that_cannot_be_is_said_in_words_and_nothing_is_half_done(
    registrar: Client, changes: dict[str, object], words: str
) -> None:
    status, page = plan(registrar, **changes)
    assert status == 422
    assert words in page
    assert "Go ahead all the same" not in page
    assert not Cohort.objects.exists()
    assert not HistoryLine.objects.filter(about_kind="cohort").exists()


def test_an_empty_form_asks_for_everything_at_once(registrar: Client) -> None:
    answer = registrar.post("/desk/cohorts/new/", {})
    assert (answer.status_code, answer.content.decode().count("This field is required.") >= 20) == (422, True)


def test_what_was_typed_stays_in_the_form(registrar: Client) -> None:
    html = registrar.post("/desk/cohorts/new/", asked(capacity="many", title="Très <b>grand</b>")).content.decode()
    assert 'value="Très &lt;b&gt;grand&lt;/b&gt;"' in html
    assert 'value="many"' in html
    assert 'value="2027-06-03"' in html


def test_someone_who_is_no_instructor_cannot_be_chosen(registrar: Client) -> None:
    mentor = factories.person(Role.MENTOR)
    status, page = plan(registrar, instructors=[mentor.public_id])
    assert (status, "is not one of the available choices" in page) == (422, True)


def fill_the_year() -> None:
    for month in (2, 4, 10):
        factories.cohort(starts_on=date(2027, month, 4), title=f"Cohort {month}")


def test_a_fourth_cohort_asks_for_a_reason_and_goes_ahead_with_it(registrar: Client) -> None:
    fill_the_year()
    factories.venue(name="A free stage")
    status, page = plan(registrar)
    assert status == 422
    assert "The school runs three cohorts a year, and 2027 has three already" in page
    assert "Go ahead all the same, because" in page
    assert plan(registrar, despite="year-full", reason="  ")[0] == 422
    assert plan(registrar, despite="year-full", reason="The union asked.")[0] == 302
    line = HistoryLine.objects.get(what="cohort-planned")
    assert (line.why, line.facts["despite"]) == ("The union asked.", "year-full")
    assert "“The union asked.”" in text(registrar.get("/desk/cohorts/2027-summer/"))


def test_a_reason_does_not_cover_what_was_not_said_yet(registrar: Client) -> None:
    fill_the_year()
    status, page = plan(registrar, despite="year-full", reason="The union asked.", days="3", venue=factories.venue().pk)
    assert status == 422
    assert "four consecutive days" in page
    assert "The union asked." in page


def test_no_reason_is_asked_where_none_would_do(registrar: Client) -> None:
    fill_the_year()
    busy = Cohort.objects.get(title="Cohort 10")
    status, page = plan(
        registrar, starts_on="2027-10-05", venue=busy.venue.pk, bookings_close_at="2027-10-01T10:00",
        despite="year-full,venue-busy", reason="Please.",
    )  # fmt: skip
    assert status == 422
    assert "is taken by Cohort 10" in page
    assert "Go ahead all the same" not in page


def test_the_same_form_sent_twice_makes_one_cohort(registrar: Client) -> None:
    assert plan(registrar)[0] == 302
    status, page = plan(registrar)
    assert status == 422
    assert "has the code 2027-summer already" in page
    assert Cohort.objects.count() == 1


# -- changing ---------------------------------------------------------------------------------------------------------
def test_an_unchanged_form_changes_nothing(registrar: Client) -> None:
    cohort = factories.cohort()
    answer = registrar.post(f"/desk/cohorts/{cohort.code}/edit/", edited(cohort))
    assert answer.status_code == 302
    assert {session.sequence for session in cohort.sessions.all()} == {0}
    assert not HistoryLine.objects.filter(about_kind="cohort").exists()


def test_one_day_is_given_other_hours_and_topics(registrar: Client) -> None:
    cohort = factories.cohort()
    sent = edited(cohort, **{"days-1-starts": "11:00", "days-1-topics": "Rider language, Rest"})
    assert registrar.post(f"/desk/cohorts/{cohort.code}/edit/", sent).status_code == 302
    second = cohort.sessions.get(day=2)
    assert (f"{second.starts_at.astimezone(LOS_ANGELES):%H:%M}", second.sequence) == ("11:00", 1)
    assert second.topics == ["Rider language", "Rest"]


def test_a_day_is_taken_out_or_added_for_a_reason(registrar: Client) -> None:
    cohort = factories.cohort(status=CohortStatus.DRAFT)
    out = edited(cohort, **{"days-3-DELETE": "on"})
    answer = registrar.post(f"/desk/cohorts/{cohort.code}/edit/", out)
    assert (answer.status_code, "Go ahead all the same" in text(answer)) == (422, True)
    assert cohort.sessions.count() == 4
    out |= {"despite": "days", "reason": "A holiday."}
    assert registrar.post(f"/desk/cohorts/{cohort.code}/edit/", out).status_code == 302
    assert cohort.sessions.count() == 3
    fourth = (cohort.starts_on + timedelta(days=3)).isoformat()
    back = edited(cohort, **{"days-3-on": fourth, "days-3-starts": "10:00", "days-3-ends": "15:00"})
    assert registrar.post(f"/desk/cohorts/{cohort.code}/edit/", back).status_code == 302
    assert cohort.sessions.count() == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"days-0-on": ""},
        {"days-0-starts": "soon"},
        {"days-4-on": "2027-09-01"},
        {"days-0-on": "9999-12-31"},
        {"days-TOTAL_FORMS": "many"},
        {"days-TOTAL_FORMS": "100000"},
        {"days-TOTAL_FORMS": ""},
        {"days-INITIAL_FORMS": "-1"},
        {"title": ""},
    ],
)
def test_a_change_that_cannot_be_changes_nothing(registrar: Client, changes: dict[str, object]) -> None:
    cohort = factories.cohort(status=CohortStatus.DRAFT)
    answer = registrar.post(f"/desk/cohorts/{cohort.code}/edit/", edited(cohort, **{"days-1-topics": "New", **changes}))
    assert answer.status_code == 422
    assert {tuple(session.topics) for session in cohort.sessions.all()} == {("Scene study",)}


def test_all_days_taken_out_is_no_cohort(registrar: Client) -> None:
    cohort = factories.cohort(status=CohortStatus.DRAFT)
    sent = edited(cohort, **{f"days-{index}-DELETE": "on" for index in range(4)})
    answer = registrar.post(f"/desk/cohorts/{cohort.code}/edit/", sent)
    assert (answer.status_code, "at least one day" in text(answer)) == (422, True)
    assert cohort.sessions.count() == 4


def test_the_days_of_people_with_seats_stay_until_the_registrar_has_seen_whom_it_touches(registrar: Client) -> None:
    cohort = factories.cohort()
    factories.reservation(cohort=cohort, trainee=factories.trainee(name="Ines"))
    answer = registrar.post(f"/desk/cohorts/{cohort.code}/edit/", edited(cohort, **{"days-0-starts": "11:00"}))
    assert answer.status_code == 200
    assert "Move the cohort and tell 1 person" in text(answer)
    assert {session.sequence for session in cohort.sessions.all()} == {0}


# -- instructors, seats, terms ----------------------------------------------------------------------------------------
def test_instructors_are_chosen_on_a_page_of_their_own(registrar: Client, amara: User) -> None:
    cohort = factories.cohort(status=CohortStatus.DRAFT)
    path = f"/desk/cohorts/{cohort.code}/instructors/"
    sent = {"instructors": [amara.public_id], "lead": amara.public_id}
    assert registrar.post(path, sent).status_code == 302
    assert cohort.teachings.get().is_lead
    assert "checked" in registrar.get(path).content.decode()
    answer = registrar.post(path, {"instructors": [], "lead": amara.public_id})
    assert answer.status_code == 422
    assert "Amara must be one of the instructors to lead." in text(answer)


def test_seats_are_never_taken_from_people(registrar: Client) -> None:
    cohort = factories.cohort(capacity=4)
    for name in ("Ines", "Kai"):
        factories.reservation(cohort=cohort, trainee=factories.trainee(name=name))
    path = f"/desk/cohorts/{cohort.code}/seats/"
    answer = registrar.post(path, {"capacity": "1"})
    assert answer.status_code == 422
    assert "It cannot have 1 seat: Ines and Kai have seats. 2 is the fewest for now." in text(answer)
    assert cohort.seats.count() == 4
    assert registrar.post(path, {"capacity": "2"}).status_code == 302
    assert cohort.seats.count() == 2


def test_a_seat_whose_hold_ran_out_can_be_taken_away(registrar: Client, clock: StoppedClock) -> None:
    cohort = factories.cohort(capacity=2)
    reservations = [factories.reservation(cohort=cohort) for _ in range(2)]
    clock.move(hours=2)
    assert registrar.post(f"/desk/cohorts/{cohort.code}/seats/", {"capacity": "1"}).status_code == 302
    for reservation in reservations:
        reservation.refresh_from_db()
    # The one whose seat is gone is marked at once; the other seat is there for whoever comes, or for the worker.
    assert (cohort.seats.count(), [each.state for each in reservations]) == (1, ["held", "expired"])
    assert [each.state_at(clock.now) for each in reservations] == ["expired", "expired"]
    assert [line.about_id for line in HistoryLine.objects.filter(what="reservation-expired")] == [
        reservations[1].public_id
    ]


@pytest.mark.parametrize("capacity", ["", "0", "-5", "61", "1.5", "x", "9" * 400])
def test_an_absurd_number_of_seats_changes_nothing(registrar: Client, capacity: str) -> None:
    cohort = factories.cohort()
    assert registrar.post(f"/desk/cohorts/{cohort.code}/seats/", {"capacity": capacity}).status_code == 422
    assert cohort.seats.count() == 12


def test_one_cohort_may_have_terms_of_its_own(registrar: Client) -> None:
    cohort = factories.cohort()
    path = f"/desk/cohorts/{cohort.code}/terms/"
    assert "The school's: $500." in text(registrar.get(path))
    sent = {"deposit_cents": "750.50", "pay_later": "no", "quiet_from": "20:00", "hold_minutes": ""}
    assert registrar.post(path, sent).status_code == 302
    cohort.refresh_from_db()
    assert cohort.terms_changed == {"deposit_cents": 75_050, "pay_later": False, "quiet_from": "20:00"}
    assert "Deposit $750.50 (the school: $500)" in text(registrar.get(f"/desk/cohorts/{cohort.code}/"))
    assert registrar.post(path, {}).status_code == 302
    cohort.refresh_from_db()
    assert cohort.terms_changed == {}


@pytest.mark.parametrize(
    "sent",
    [
        {"deposit_cents": "-1"},
        {"deposit_cents": "0.001"},
        {"deposit_cents": "NaN"},
        {"deposit_cents": "1e9"},
        {"hold_minutes": "1"},
        {"hold_minutes": "soon"},
        {"pay_later": "perhaps"},
        {"quiet_from": "29:00"},
    ],
)
def test_terms_that_cannot_be_are_refused(registrar: Client, sent: dict[str, str]) -> None:
    cohort = factories.cohort()
    assert registrar.post(f"/desk/cohorts/{cohort.code}/terms/", sent).status_code == 422
    cohort.refresh_from_db()
    assert cohort.terms_changed == {}


def test_a_term_that_the_school_never_varies_is_not_offered(registrar: Client) -> None:
    cohort = factories.cohort()
    assert registrar.post(f"/desk/cohorts/{cohort.code}/terms/", {"tax_percent": "9"}).status_code == 302
    cohort.refresh_from_db()
    assert cohort.terms_changed == {}


def test_before_a_draft_is_published_the_page_says_to_whom_that_writes(
    desk: Client, robin: User, set_up: None, amara: User
) -> None:
    RoleGrant.objects.create(user=robin, role=Role.INSTRUCTOR, granted_at=NOW)
    draft = factories.cohort(status=CohortStatus.DRAFT, instructors=(amara, robin))
    assert f"Publishing it writes to {amara}, who teaches it." in text(desk.get(f"/desk/cohorts/{draft.code}/"))
