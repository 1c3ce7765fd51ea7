"""The registrar brings a trainee together with a mentor on the trainee's page, and ends it there."""

import pytest
from django.core.management import call_command
from django.test import Client

from tests import factories
from tests.asking import StoppedClock
from tests.desk.doors import browser, statements
from tests.factories import NOW
from tests.mentors.conftest import planned
from tests.pages import text
from workshops.mentors import mentorships
from workshops.mentors.models import Meeting, Mentorship
from workshops.messages.models import Message
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def desk(robin: User) -> Client:
    """The registrar's browser."""
    client = Client()
    client.force_login(robin)
    return client


def path(person: User, rest: str = "") -> str:
    return f"/desk/people/{person.public_id}/{rest}"


def begin(client: Client, trainee: User, mentor: User) -> tuple[int, str]:
    answer = client.post(path(trainee, "mentor/"), {"mentor-mentor": mentor.pk}, follow=True)
    return answer.status_code, text(answer)


@pytest.mark.parametrize("role", [Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR, Role.BOOKKEEPER])
def test_bringing_people_together_is_for_the_registrar(role: Role, mentorship: Mentorship) -> None:
    for form in ("mentor/", "mentor/end/"):
        assert browser(role).post(path(mentorship.trainee, form), {"mentor_end-why": "Mine."}).status_code == 403
    assert Mentorship.objects.running().get() == mentorship


def test_a_trainee_gets_a_mentor_on_their_page(desk: Client, imogen: User, alex: User) -> None:
    page = text(desk.get(path(alex)))
    assert "They have no mentor yet." in page
    assert "Imogen" in page
    status, words = begin(desk, alex, imogen)
    assert (status, "Imogen mentors Alex from today. Both hear of it by e-mail." in words) == (200, True)
    assert "Their mentors, the newest first" in words
    assert "Give them a mentor" not in words
    assert "Whom they mentor, the newest first" in text(desk.get(path(imogen)))


def test_it_ends_there_with_a_reason(desk: Client, mentorship: Mentorship, meeting: Meeting, alex: User) -> None:
    refused = desk.post(path(alex, "mentor/end/"), {"mentor_end-why": " "})
    assert (refused.status_code, Mentorship.objects.running().exists()) == (422, True)
    answer = desk.post(path(alex, "mentor/end/"), {"mentor_end-why": "She is on her own now."}, follow=True)
    assert "Imogen mentors Alex no more. Both hear of it by e-mail." in text(answer)
    assert "Give them a mentor" in text(answer)
    meeting.refresh_from_db()
    assert meeting.cancelled_at is not None
    assert desk.post(path(alex, "mentor/end/"), {"mentor_end-why": "Again."}).status_code == 404


def test_a_second_mentor_is_refused_in_words_and_keeps_what_was_chosen(
    desk: Client, mentorship: Mentorship, alex: User
) -> None:
    other = factories.person(Role.MENTOR)
    answer = desk.post(path(alex, "mentor/"), {"mentor-mentor": other.pk})
    assert answer.status_code == 422
    assert "Nothing was changed." in text(answer)
    assert Mentorship.objects.get() == mentorship
    assert "Imogen mentors Alex already." in text(answer)


def test_somebody_who_is_no_mentor_is_not_taken(desk: Client, alex: User) -> None:
    status, words = begin(desk, alex, factories.person(Role.INSTRUCTOR))
    assert (status, "They are no mentor any more. Choose another." in words) == (422, True)


def test_registrars_decide_nothing_about_themselves(alex: User) -> None:
    registrar = factories.person(Role.REGISTRAR, Role.MENTOR, Role.TRAINEE, name="Robin the second")
    client = Client()
    client.force_login(registrar)
    for trainee, mentor in ((registrar, factories.person(Role.MENTOR)), (alex, registrar)):
        status, words = begin(client, trainee, mentor)
        assert (status, "Nobody decides about their own" in words) == (422, True)
    assert not Mentorship.objects.exists()


def test_a_page_of_someone_who_is_neither_says_so(desk: Client) -> None:
    assert "They are neither trainee nor mentor." in text(desk.get(path(factories.person(Role.INSTRUCTOR))))


def test_the_page_takes_no_more_statements_however_many_they_mentor(desk: Client, imogen: User, robin: User) -> None:
    mentorships.begin(imogen, factories.person(Role.TRAINEE), by=robin, now=NOW)
    few = statements(desk, path(imogen))
    for _ in range(4):
        mentorships.begin(imogen, factories.person(Role.TRAINEE), by=robin, now=NOW)
    # The history is the same length for the page: a line for each.
    assert statements(desk, path(imogen)) == few


def test_the_registrar_sees_the_role_that_mentoring_needs_refused_in_words(
    desk: Client, mentorship: Mentorship, imogen: User
) -> None:
    answer = desk.post(path(imogen, "role/"), {"role": "mentor", "verb": "take"})
    assert (answer.status_code, "Imogen mentors Alex. End that first." in text(answer)) == (422, True)


def test_their_history_can_be_read_about_mentoring_alone(desk: Client, mentorship: Mentorship, alex: User) -> None:
    planned(mentorship)
    words = text(desk.get(path(alex, "history/"), {"about": "mentoring"}))
    assert "Mentoring began" in words
    assert "Meeting of mentor and trainee planned for 20 January 2027" in words
    assert "Mentoring began" not in text(desk.get(path(alex, "history/"), {"about": "seats"}))


def test_the_sample_season_has_a_mentor_and_a_trainee_who_meet_soon() -> None:
    call_command("sample_season", "--trainees", "1")
    meeting = Meeting.objects.select_related("mentorship__mentor", "mentorship__trainee").get()
    assert meeting.mentorship.mentor.email == "imogen@example.org"
    assert meeting.mentorship.trainee.email == "alex@example.org"
    assert not Message.objects.filter(state="queued").exists()


def test_a_sample_season_without_trainees_has_no_mentoring() -> None:
    call_command("sample_season", "--trainees", "0")
    assert not Mentorship.objects.exists()
