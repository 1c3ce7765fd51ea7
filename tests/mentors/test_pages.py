"""The pages on which a mentor and a trainee plan their meetings: who opens them, what they show, what they refuse."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from booking.payments import paying
from booking.payments.models import Purpose
from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import statements
from tests.factories import NOW
from tests.mentors.conftest import HOUR, TEN, planned
from tests.pages import text
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed
from workshops.mentors.models import Meeting, Mentorship
from workshops.people.models import Role, User
from workshops.people.roles import withdraw

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
ASKED = {"day": "2027-01-20", "clock": "10:00", "minutes": "60", "place": "The green room"}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def plan_of(mentorship: Mentorship) -> str:
    return f"/mentoring/{mentorship.public_id}/plan/"


def page_of(meeting: Meeting, rest: str = "") -> str:
    return f"/mentoring/meetings/{meeting.public_id}/{rest}"


def every_page(meeting: Meeting) -> list[str]:
    """The pages that belong to the two who meet."""
    return [plan_of(meeting.mentorship), page_of(meeting), page_of(meeting, "change/"), page_of(meeting, "cancel/")]


# -- who opens what ----------------------------------------------------------------------------------------------------
def test_both_open_every_page_of_theirs(meeting: Meeting, imogen: User, alex: User) -> None:
    for person, own in ((imogen, "/mentoring/"), (alex, "/mentoring/mine/")):
        assert {browser(person).get(path).status_code for path in (own, *every_page(meeting))} == {200}


@pytest.mark.parametrize("role", [Role.MENTOR, Role.TRAINEE])
def test_to_other_mentors_and_trainees_what_is_there_answers_like_what_is_not(role: Role, meeting: Meeting) -> None:
    outsider = browser(factories.person(role))
    for path in every_page(meeting):
        nothing = path.replace(meeting.public_id, "nobody").replace(meeting.mentorship.public_id, "nobody")
        for method in (outsider.get, outsider.post):
            theirs, none = method(path), method(nothing)
            assert theirs.status_code == none.status_code, path
            assert theirs.status_code == (405 if method == outsider.post and path == page_of(meeting) else 404)
            assert text(theirs).replace(path, "") == text(none).replace(nothing, "")


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.BOOKKEEPER, Role.REGISTRAR])
def test_the_pages_are_for_mentors_and_trainees(role: Role, meeting: Meeting) -> None:
    other = browser(factories.person(role))
    paths = ["/mentoring/", "/mentoring/mine/", *every_page(meeting)]
    assert {other.get(path).status_code for path in paths} == {403}
    assert {other.post(path, ASKED).status_code for path in paths} == {403}


def test_nobody_opens_them_without_signing_in(meeting: Meeting) -> None:
    for path in ("/mentoring/", "/mentoring/mine/", *every_page(meeting)):
        for answer in (Client().get(path), Client().post(path, ASKED)):
            assert answer.headers["Location"] == f"/accounts/login/?next={path}"


def test_each_side_needs_the_role_of_that_side(meeting: Meeting, imogen: User, robin: User) -> None:
    """A mentor who lost the role and is a trainee as well does not come in by the other door."""
    withdraw(imogen, Role.MENTOR, by=robin, now=NOW)
    imogen.role_grants.create(role=Role.TRAINEE, granted_at=NOW)
    assert {browser(imogen).get(path).status_code for path in every_page(meeting)} == {404}


def test_what_has_ended_is_nobodys_page_any_more(meeting: Meeting, imogen: User, alex: User, robin: User) -> None:
    mentorships.end(meeting.mentorship, by=robin, now=NOW, why="Enough.")
    for person in (imogen, alex):
        assert {browser(person).get(path).status_code for path in every_page(meeting)} == {404}
    assert "Nobody yet" in text(browser(imogen).get("/mentoring/"))
    assert "No mentor yet" in text(browser(alex).get("/mentoring/mine/"))


def test_looking_changes_nothing(meeting: Meeting, imogen: User) -> None:
    for path in every_page(meeting):
        browser(imogen).get(path, ASKED)
    assert Meeting.objects.get() == meeting
    meeting.refresh_from_db()
    assert (meeting.sequence, meeting.cancelled_at) == (0, None)


# -- what they show ----------------------------------------------------------------------------------------------------
def test_a_mentor_sees_whom_they_mentor_since_when_and_their_cohort_and_never_money(
    mentorship: Mentorship, imogen: User, robin: User
) -> None:
    seated = factories.trainee(name="Zoë", pronouns="she/they")
    held = factories.reservation(cohort=factories.cohort(title="Spring 2027"), trainee=seated)
    paying.record_transfer(held, Purpose.DEPOSIT, reference="A", by=robin, now=NOW)
    mentorships.begin(imogen, seated, by=robin, now=NOW)
    ben = factories.person(Role.TRAINEE, name="Ben")
    planned(mentorships.begin(factories.person(Role.MENTOR), ben, by=robin, now=NOW))
    page = browser(imogen).get("/mentoring/")
    words = text(page)
    assert "Alex she/her · since 11 January 2027 No meeting is planned." in words
    assert "Zoë she/they · since 11 January 2027 · Spring 2027, 11 to 14 May 2027" in words
    assert words.index("Alex she/her") < words.index("Zoë she/they")
    assert [each.person for each in page.context["accompanied"]] == [mentorship.trainee, seated]
    assert ("Ben" in words, "$" in words, seated.email in words) == (False, False, False)


def test_a_hold_is_no_cohort_yet(mentorship: Mentorship, imogen: User, alex: User) -> None:
    for code in ("module-i", "module-ii", "module-iii"):
        factories.finish(alex, code)
    factories.prove_days(alex, 10)
    factories.reservation(cohort=factories.cohort(title="Spring 2027"), trainee=alex)
    assert "Spring 2027" not in text(browser(imogen).get("/mentoring/"))


def test_the_next_meetings_stand_on_both_pages_in_order_and_what_is_over_or_cancelled_does_not(
    mentorship: Mentorship, imogen: User, alex: User, clock: StoppedClock
) -> None:
    later, first = planned(mentorship, TEN + timedelta(days=7)), planned(mentorship)
    gone = planned(mentorship, TEN + timedelta(days=1))
    meetings.cancel(gone, seen=0, by=alex, now=NOW)
    for person, path in ((imogen, "/mentoring/"), (alex, "/mentoring/mine/")):
        page = browser(person).get(path)
        each = page.context["each"] if person == alex else page.context["accompanied"][0]
        assert [met.meeting for met in each.meetings] == [first, later]
    assert "10:00 am to 11:00 am PST Wednesday 20 January 2027, 6:00 pm to 7:00 pm GMT where you are" in text(
        browser(imogen).get("/mentoring/")
    )
    clock.now = TEN + timedelta(minutes=30)
    assert "Now The green room" in text(browser(alex).get("/mentoring/mine/"))
    clock.now = TEN + HOUR
    assert [met.meeting for met in browser(alex).get("/mentoring/mine/").context["each"].meetings] == [later]


def test_a_trainee_sees_their_mentor_and_finds_the_page_from_where_they_look(
    mentorship: Mentorship, alex: User
) -> None:
    words = text(browser(alex).get("/mentoring/mine/"))
    assert "Your mentor Imogen they/them · since 11 January 2027" in words
    for path in ("/reservations/", "/where-you-stand/"):
        assert 'href="/mentoring/mine/"' in browser(alex).get(path).content.decode()
        other = browser(factories.person(Role.TRAINEE)).get(path)
        assert "/mentoring/mine/" not in other.content.decode()


def test_neither_page_shows_those_of_others(mentorship: Mentorship) -> None:
    page = browser(factories.person(Role.MENTOR)).get("/mentoring/")
    assert ("Nobody yet" in text(page), "Alex" in text(page), "Imogen" in text(page)) == (True, False, False)
    page = browser(factories.person(Role.TRAINEE)).get("/mentoring/mine/")
    assert ("No mentor yet" in text(page), "Alex" in text(page), "Imogen" in text(page)) == (True, False, False)


def test_the_address_of_a_video_call_can_be_followed_and_nothing_else_of_it_is_alive(
    mentorship: Mentorship, alex: User
) -> None:
    meeting = planned(mentorship, place='https://example.org/a"b <script>alert(1)</script>')
    page = browser(alex).get(page_of(meeting)).content.decode()
    assert '<a href="https://example.org/a' in page
    assert "<script>alert" not in page


def test_a_mentor_of_many_waits_no_longer_than_one_of_few(mentorship: Mentorship, imogen: User, robin: User) -> None:
    client = browser(imogen)
    few = statements(client, "/mentoring/")
    for number in range(4):
        planned(mentorships.begin(imogen, factories.trainee(), by=robin, now=NOW), TEN + number * HOUR)
    assert statements(client, "/mentoring/") == few


# -- planning ----------------------------------------------------------------------------------------------------------
def test_a_mentor_plans_on_their_own_clock(mentorship: Mentorship, imogen: User) -> None:
    answer = browser(imogen).post(plan_of(mentorship), {**ASKED, "clock": "18:00"}, follow=True)
    assert answer.redirect_chain == [("/mentoring/", 302)]
    meeting = Meeting.objects.get()
    assert (meeting.starts_at, meeting.minutes, meeting.place) == (TEN, 60, "The green room")
    assert "Alex hears of it by e-mail." in text(answer)


def test_a_trainee_plans_in_los_angeles_where_they_have_said_nothing(mentorship: Mentorship, alex: User) -> None:
    page = browser(alex).get(plan_of(mentorship))
    assert "You enter times as clocks in Los Angeles show them." in text(page)
    answer = browser(alex).post(plan_of(mentorship), ASKED)
    assert answer.headers["Location"] == "/mentoring/mine/"
    assert Meeting.objects.get().starts_at == TEN


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"day": ""}, "day", "Choose a day."),
        ({"day": "9999-12-31"}, "day", "Choose a day in the next year and a half."),
        ({"day": "0001-01-01"}, "day", "Choose a day in the next year and a half."),
        ({"day": "2030-01-20"}, "day", "That is more than a year and a half away. Choose an earlier day."),
        ({"day": "2027-01-10"}, "clock", "That time has passed. Choose one that is still to come."),
        ({"clock": ""}, "clock", "Choose a time."),
        ({"day": "2027-03-14", "clock": "02:30"}, "clock", "Clocks in Los Angeles go forward on Sunday 14 March 2027"),
        ({"day": "2027-11-07", "clock": "01:30"}, "clock", "Clocks in Los Angeles go back on Sunday 7 November 2027"),
        ({"minutes": "9"}, "minutes", "A meeting takes at least 10 minutes."),
        ({"minutes": "481"}, "minutes", "A meeting takes at most 480 minutes"),
        ({"place": "x" * 201}, "place", "at most 200 characters"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_keeps_what_was_typed(
    asked: dict[str, str], field: str, words: str, mentorship: Mentorship, alex: User
) -> None:
    answer = browser(alex).post(plan_of(mentorship), {**ASKED, **asked})
    assert answer.status_code == 422
    form = answer.context["form"]
    assert list(form.errors) == [field]
    assert words in form.errors[field][0]
    assert form["place"].value() == asked.get("place", "The green room")
    assert not Meeting.objects.exists()


def test_a_time_that_is_taken_is_refused_without_a_word_about_whom(mentorship: Mentorship, robin: User) -> None:
    other = mentorships.begin(mentorship.mentor, factories.person(Role.TRAINEE, name="Ben"), by=robin, now=NOW)
    planned(other)
    answer = browser(mentorship.trainee).post(plan_of(mentorship), ASKED)
    assert answer.status_code == 422
    assert "Imogen has another meeting at that time. Choose another time." in text(answer)
    assert "Ben" not in text(answer)


# -- changing ----------------------------------------------------------------------------------------------------------
def test_the_form_shows_the_meeting_on_the_readers_own_clock(meeting: Meeting, imogen: User, alex: User) -> None:
    shown = [
        browser(person).get(page_of(meeting, "change/")).context["form"]["clock"].value() for person in (imogen, alex)
    ]
    assert [f"{each:%H:%M}" for each in shown] == ["18:00", "10:00"]


def test_either_changes_it(meeting: Meeting, imogen: User, alex: User) -> None:
    for seen, (person, clock) in enumerate(((alex, "11:00"), (imogen, "20:00"))):
        asked = {**ASKED, "clock": clock, "seen": seen}
        answer = browser(person).post(page_of(meeting, "change/"), asked, follow=True)
        assert answer.redirect_chain == [(page_of(meeting), 302)]
        assert "The meeting is changed." in text(answer)
    meeting.refresh_from_db()
    assert (meeting.starts_at, meeting.sequence) == (TEN + 2 * HOUR, 2)


def test_saving_what_is_the_same_says_so(meeting: Meeting, alex: User) -> None:
    answer = browser(alex).post(page_of(meeting, "change/"), {**ASKED, "seen": 0}, follow=True)
    assert "nothing has changed" in text(answer)
    meeting.refresh_from_db()
    assert meeting.sequence == 0


def test_an_hour_that_comes_twice_stays_the_one_that_is_meant_while_it_is_left_as_it_is(
    mentorship: Mentorship, alex: User, imogen: User
) -> None:
    """It was planned on a clock that shows it once: 9:30 am in London, the second 1:30 am in Los Angeles."""
    meeting = planned(mentorship, TEN.replace(month=11, day=7, hour=1, minute=30, fold=1))
    asked = {"day": "2027-11-07", "clock": "01:30", "minutes": "60", "place": "Elsewhere", "seen": 0}
    assert browser(alex).post(page_of(meeting, "change/"), asked).status_code == 302
    meeting.refresh_from_db()
    assert (meeting.starts_at, meeting.place) == (datetime(2027, 11, 7, 9, 30, tzinfo=UTC), "Elsewhere")


def test_what_the_other_changed_meanwhile_is_shown_with_what_was_typed(
    meeting: Meeting, imogen: User, alex: User
) -> None:
    meetings.change(meeting, Agreed(TEN + HOUR, 60, "The stage"), seen=0, by=imogen, now=NOW)
    asked = {**ASKED, "place": "My kitchen", "seen": 0}
    answer = browser(alex).post(page_of(meeting, "change/"), asked)
    assert answer.status_code == 409
    words = text(answer)
    assert "This meeting has changed meanwhile" in words
    assert "Now: Wednesday 20 January 2027, 11:00 am to 12:00 pm PST, The stage." in words
    assert answer.context["form"]["place"].value() == "My kitchen"
    assert 'name="seen" value="1"' in answer.content.decode()
    again = browser(alex).post(page_of(meeting, "change/"), {**asked, "seen": 1})
    assert again.status_code == 302
    meeting.refresh_from_db()
    assert (meeting.place, meeting.sequence) == ("My kitchen", 2)


def test_what_the_other_cancelled_meanwhile_is_said(meeting: Meeting, imogen: User, alex: User) -> None:
    meetings.cancel(meeting, seen=0, by=imogen, now=NOW)
    for rest in ("change/", "cancel/"):
        answer = browser(alex).post(page_of(meeting, rest), {**ASKED, "seen": 0})
        assert answer.status_code == 409
        assert "Now: cancelled, Wednesday 20 January 2027" in text(answer)
        assert "Cancelled" in text(browser(alex).get(page_of(meeting)))


@pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 30])
def test_a_page_that_does_not_say_what_it_showed_changes_nothing(seen: str, meeting: Meeting, alex: User) -> None:
    for rest in ("change/", "cancel/"):
        assert browser(alex).post(page_of(meeting, rest), {**ASKED, "minutes": "30", "seen": seen}).status_code == 409
    meeting.refresh_from_db()
    assert (meeting.sequence, meeting.cancelled_at) == (0, None)


# -- cancelling --------------------------------------------------------------------------------------------------------
def test_cancelling_asks_first_and_is_done_by_a_button(meeting: Meeting, alex: User) -> None:
    page = browser(alex).get(page_of(meeting, "cancel/"))
    assert "Cancel your meeting with Imogen?" in text(page)
    answer = browser(alex).post(page_of(meeting, "cancel/"), {"seen": 0}, follow=True)
    assert answer.redirect_chain == [("/mentoring/mine/", 302)]
    assert "The meeting is cancelled. Imogen hears of it by e-mail." in text(answer)
    meeting.refresh_from_db()
    assert meeting.cancelled_at == NOW


def test_what_has_begun_or_is_cancelled_offers_another_meeting_and_no_button(
    meeting: Meeting, alex: User, clock: StoppedClock
) -> None:
    clock.now = TEN
    assert_no_way(meeting, alex, "It has begun")
    clock.now = NOW
    meetings.cancel(meeting, seen=0, by=alex, now=NOW)
    assert_no_way(meeting, alex, "It is cancelled")


def assert_no_way(meeting: Meeting, reader: User, words: str) -> None:
    client = browser(reader)
    for rest in ("change/", "cancel/"):
        page = client.get(page_of(meeting, rest))
        assert words in text(page)
        assert 'name="seen"' not in page.content.decode()
        meeting.refresh_from_db()
        before = meeting.sequence
        answer = client.post(page_of(meeting, rest), {**ASKED, "minutes": "30", "seen": before})
        assert answer.status_code in {409, 422}
        meeting.refresh_from_db()
        assert meeting.sequence == before
