"""The conversation on a reservation's page, at both ends, and the desk's list of who waits."""

from datetime import datetime, timedelta
from html import escape

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from booking.reservations import moving
from booking.reservations.conversations import subject_of
from booking.reservations.models import Reservation
from tests import factories
from tests.desk.doors import browser, statements
from tests.pages import text
from workshops.conversations import writing
from workshops.conversations.models import LONGEST, Post
from workshops.conversations.reading import thread_of
from workshops.messages.models import Message
from workshops.people.models import Role, RoleGrant, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
HTMX = {"HX-Request": "true"}
HOSTILE = "<script>alert(1)</script>{{ 7|add:7 }}\n\n<img src=x onerror=alert(2)> & 'quotes\""


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def held(moment: datetime) -> Reservation:
    """Anna's reservation."""
    return factories.reservation(trainee=factories.trainee(name="Anna"), now=moment)


@pytest.fixture
def anna(held: Reservation) -> Client:
    """Anna's browser."""
    return signed_in(held.trainee)


@pytest.fixture
def robin() -> User:
    """The registrar."""
    return factories.person(Role.REGISTRAR, name="Robin")


@pytest.fixture
def desk(robin: User) -> Client:
    """The registrar's browser."""
    return signed_in(robin)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def own_page(held: Reservation) -> str:
    return f"/reservations/{held.public_id}/"


def desk_page(held: Reservation) -> str:
    return f"/desk/reservations/{held.public_id}/"


def wrote(held: Reservation, author: User, words: str, at: datetime) -> Post:
    about = ("reservation", held.public_id)
    return writing.write(about, person=held.trainee, author=author, words=words, title="It", link="/", now=at)


# -- writing and answering ---------------------------------------------------------------------------------------------
def test_a_trainee_writes_and_finds_it_on_the_reservations_page(anna: Client, held: Reservation, robin: User) -> None:
    answer = anna.post(f"{own_page(held)}conversation/", {"words": "Is there a lift?\n\nI use a chair."})
    assert (answer.status_code, answer["Location"]) == (302, f"{own_page(held)}#conversation")
    page = anna.get(own_page(held))
    assert "<p>Is there a lift?</p>\n\n<p>I use a chair.</p>" in page.content.decode()
    assert " You " in text(page)
    notice = Message.objects.get(kind="post-from-trainee")
    assert (notice.to, notice.context["link"]) == (robin, f"{settings.SITE_URL}{desk_page(held)}conversation/")
    assert notice.context["title"] == held.cohort.title


def test_the_school_answers_under_its_own_name(anna: Client, desk: Client, held: Reservation, moment: datetime) -> None:
    wrote(held, held.trainee, "Is there a lift?", moment)
    answer = desk.post(f"{desk_page(held)}conversation/", {"words": "There is, to every floor."})
    assert (answer.status_code, answer["Location"]) == (302, f"{desk_page(held)}#conversation")
    at_desk, at_home = text(desk.get(desk_page(held))), text(anna.get(own_page(held)))
    assert at_desk.index("Is there a lift?") < at_desk.index("There is, to every floor.")
    assert "Conversation with Anna" in at_desk
    assert "Robin" in at_desk
    assert "The school" in at_home
    assert "Robin" not in at_home
    notice = Message.objects.get(kind="post-from-school")
    assert (notice.to, notice.context["link"]) == (held.trainee, f"{settings.SITE_URL}{own_page(held)}conversation/")


def test_htmx_gets_the_thread_alone_and_a_sentence_that_it_was_sent(anna: Client, held: Reservation) -> None:
    answer = anna.post(f"{own_page(held)}conversation/", {"words": "Hello"}, headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    assert "<p>Hello</p>" in answer.content.decode()
    assert "Sent. The school is told by e-mail." in text(answer)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_cannot_be_taken_comes_back_as_it_was_typed(
    anna: Client, held: Reservation, headers: dict[str, str]
) -> None:
    long = "a" * LONGEST + "END"
    for typed, why in ((long, "This is 4003 characters long, and 4000 fit."), (" \r\n ", "nothing to send yet")):
        answer = anna.post(f"{own_page(held)}conversation/", {"words": typed}, headers=headers)
        assert answer.status_code == 422
        assert why in text(answer)
        assert ("END" in answer.content.decode()) == typed.endswith("END")
        assert ("<html" in answer.content.decode()) == (not headers)
    assert not Post.objects.exists()


def test_whoever_writes_too_often_keeps_their_words_and_hears_when(
    anna: Client, held: Reservation, moment: datetime
) -> None:
    for number in range(writing.MOST_AN_HOUR):
        wrote(held, held.trainee, f"Number {number}", moment - timedelta(minutes=5))
    answer = anna.post(f"{own_page(held)}conversation/", {"words": "One too many"})
    assert answer.status_code == 422
    assert "You have written 20 times within an hour." in text(answer)
    assert "One too many</textarea>" in answer.content.decode()
    assert Post.objects.count() == writing.MOST_AN_HOUR


def test_hostile_words_are_text_and_nothing_else(anna: Client, desk: Client, held: Reservation) -> None:
    anna.post(f"{own_page(held)}conversation/", {"words": HOSTILE})
    pages = [anna.get(own_page(held)), anna.get(f"{own_page(held)}conversation/"), desk.get(desk_page(held))]
    pages += [desk.get(f"{desk_page(held)}conversation/"), desk.get("/desk/conversations/")]
    for page in pages:
        html = page.content.decode()
        assert escape("<script>alert(1)</script>{{ 7|add:7 }}") in html
        assert "<script>alert" not in html
        assert "<img" not in html
    too_long = anna.post(f"{own_page(held)}conversation/", {"words": "</textarea><script>" + "a" * LONGEST})
    assert "<script>a" not in too_long.content.decode()


def test_a_reservation_that_has_ended_still_has_its_conversation(anna: Client, held: Reservation) -> None:
    anna.post(f"{own_page(held)}cancel/")
    anna.post(f"{own_page(held)}conversation/", {"words": "When does my money come back?"})
    assert "When does my money come back?" in text(anna.get(own_page(held)))


# -- who sees it -------------------------------------------------------------------------------------------------------
def test_another_trainee_gets_the_same_answer_as_for_what_does_not_exist(held: Reservation, moment: datetime) -> None:
    wrote(held, held.trainee, "Between us", moment)
    other = browser(Role.TRAINEE)
    for path in (f"{own_page(held)}conversation/", "/reservations/nothing-here/conversation/"):
        for answer in (other.get(path), other.post(path, {"words": "Hello"}), other.get(path, headers=HTMX)):
            assert answer.status_code == 404
            assert text(answer) == text(other.get("/reservations/nothing-here/"))
    assert Post.objects.count() == 1


def test_a_trainee_does_not_come_in_by_the_desk(anna: Client, held: Reservation) -> None:
    for path in (f"{desk_page(held)}conversation/", "/desk/conversations/", "/desk/conversations/x/settled/"):
        assert {anna.get(path).status_code, anna.post(path).status_code} == {403}


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.MENTOR, Role.BOOKKEEPER])
def test_nobody_else_reads_or_writes(held: Reservation, moment: datetime, role: Role) -> None:
    post = wrote(held, held.trainee, "Between us", moment)
    other = browser(role)
    for path in (
        f"{own_page(held)}conversation/",
        f"{desk_page(held)}conversation/",
        "/desk/conversations/",
        f"/desk/conversations/{post.public_id}/settled/",
    ):
        assert [other.get(path).status_code, other.post(path, {"words": "x"}).status_code] == [403, 403]
    assert Post.objects.count() == 1


def test_the_bookkeeper_sees_the_money_and_nothing_of_the_conversation(held: Reservation, moment: datetime) -> None:
    post = wrote(held, held.trainee, "Between us", moment)
    books = browser(Role.BOOKKEEPER)
    page = books.get(desk_page(held))
    assert page.status_code == 200
    assert "Between us" not in page.content.decode()
    assert "onversation" not in page.content.decode()
    assert "onversation" not in books.get("/desk/money/").content.decode()
    post.refresh_from_db()
    assert post.read_by_school_at is None


def test_a_visitor_is_asked_to_sign_in_first(client: Client, held: Reservation) -> None:
    for path in (f"{own_page(held)}conversation/", f"{desk_page(held)}conversation/", "/desk/conversations/"):
        answer = client.get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")


def test_a_form_without_its_token_is_refused(held: Reservation) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(held.trainee)
    assert strict.post(f"{own_page(held)}conversation/", {"words": "Hello"}).status_code == 403
    assert not Post.objects.exists()


def test_a_registrar_with_a_seat_of_their_own_cannot_answer_themselves(held: Reservation, robin: User) -> None:
    RoleGrant.objects.create(user=held.trainee, role=Role.REGISTRAR, granted_at=factories.NOW)
    both = signed_in(held.trainee)
    both.post(f"{own_page(held)}conversation/", {"words": "May I come later?"})
    page = both.get(desk_page(held))
    assert "another registrar answers it" in text(page)
    assert 'name="words"' not in page.content.decode()
    answer = both.post(f"{desk_page(held)}conversation/", {"words": "Yes, of course."})
    assert answer.status_code == 422
    assert "another registrar answers it" in text(answer)
    post = Post.objects.get()
    assert (post.is_from_school, post.read_by_school_at) == (False, None)
    both.post(f"/desk/conversations/{post.public_id}/settled/")
    post.refresh_from_db()
    assert post.settled_at is None
    assert "Another registrar answers it." in text(both.get("/desk/conversations/"))


# -- what is new -------------------------------------------------------------------------------------------------------
def test_what_the_school_wrote_is_new_until_it_was_seen(anna: Client, held: Reservation, robin: User) -> None:
    post = wrote(held, robin, "Please bring flat shoes.", factories.NOW)
    assert anna.head(own_page(held)).status_code == 200
    post.refresh_from_db()
    assert post.read_by_person_at is None
    assert " New " in text(anna.get(own_page(held)))
    assert " New " not in text(anna.get(own_page(held)))
    post.refresh_from_db()
    assert post.read_by_person_at is not None


def test_moments_are_told_in_the_schools_zone(anna: Client, held: Reservation, robin: User) -> None:
    User.objects.filter(pk=held.trainee.pk).update(time_zone="Europe/Paris")
    wrote(held, robin, "Hello", factories.NOW)
    assert "Monday 11 January 2027, 10:00 am PST New" in text(anna.get(own_page(held)))


def test_three_posts_take_as_many_statements_as_one(
    anna: Client, desk: Client, held: Reservation, robin: User, moment: datetime
) -> None:
    paths = [
        (anna, own_page(held)),
        (anna, f"{own_page(held)}conversation/"),
        (desk, desk_page(held)),
        (desk, f"{desk_page(held)}conversation/"),
        (desk, "/desk/conversations/"),
    ]
    wrote(held, held.trainee, "One", moment)
    for_one = [statements(who, path) for who, path in paths]
    wrote(held, robin, "Two", moment)
    wrote(held, held.trainee, "Three", moment)
    assert [statements(who, path) for who, path in paths] == for_one


# -- the desk's list ---------------------------------------------------------------------------------------------------
def test_whoever_waits_longest_is_on_top_and_the_answered_come_below(
    desk: Client, robin: User, moment: datetime
) -> None:
    people = {
        name: factories.reservation(trainee=factories.trainee(name=name), now=moment)
        for name in ("Answered", "First", "Second", "Thankful")
    }
    for name, hours in (("First", 30), ("Answered", 20), ("Second", 3), ("Thankful", 2)):
        wrote(people[name], people[name].trainee, f"{name} asks", moment - timedelta(hours=hours))
    wrote(people["Answered"], robin, "An answer", moment)
    thanks = Post.objects.get(person=people["Thankful"].trainee)
    desk.post(f"/desk/conversations/{thanks.public_id}/settled/")
    page = desk.get("/desk/conversations/")
    shown = [(str(each.last.person), each.waits, each.age) for each in page.context["listed"]]
    assert shown == [
        ("First", True, "1\xa0day ago"),
        ("Second", True, "3\xa0hours ago"),
        ("Answered", False, "just now"),
        ("Thankful", False, "2\xa0hours ago"),
    ]
    assert people["First"].cohort.title in text(page)
    assert f'href="{desk_page(people["First"])}conversation/"' in page.content.decode()


def test_three_conversations_take_as_many_statements_as_one(desk: Client, moment: datetime) -> None:
    def asks() -> None:
        made = factories.reservation(now=moment)
        wrote(made, made.trainee, "A question", moment)

    asks()
    for_one = statements(desk, "/desk/conversations/")
    asks()
    asks()
    assert statements(desk, "/desk/conversations/") == for_one


def test_the_tabs_of_the_desk_say_how_many_wait(desk: Client, held: Reservation, moment: datetime) -> None:
    assert "Conversations Messages" in text(desk.get("/desk/people/"))
    post = wrote(held, held.trainee, "A question", moment)
    assert "Conversations 1 waiting" in text(desk.get("/desk/people/"))
    assert "It needs no answer" in text(desk.get(desk_page(held)))
    answer = desk.post(f"/desk/conversations/{post.public_id}/settled/", follow=True)
    assert "Anna waits for no answer any more." in text(answer)
    assert "Conversations Messages" in text(answer)
    assert "It needs no answer" not in text(desk.get(desk_page(held)))


def test_an_empty_list_says_where_conversations_begin(desk: Client) -> None:
    assert "Trainees write to the school from the page of their reservation." in text(desk.get("/desk/conversations/"))


def test_a_conversation_about_something_that_is_gone_is_still_listed(desk: Client, moment: datetime) -> None:
    anna = factories.person(Role.TRAINEE, name="Anna")
    writing.write(("proof", "1"), person=anna, author=anna, words="Hello", title="It", link="/", now=moment)
    assert "Something that is gone" in text(desk.get("/desk/conversations/"))
    assert desk.post("/desk/conversations/nobody-has-this/settled/").status_code == 404


# -- a reservation that moves ------------------------------------------------------------------------------------------
def moved(held: Reservation, moment: datetime) -> Reservation:
    return moving.move(held, factories.cohort(now=moment), now=moment, by=held.trainee)


def test_the_conversation_goes_on_where_the_reservation_moves(
    anna: Client, desk: Client, held: Reservation, moment: datetime
) -> None:
    wrote(held, held.trainee, "Is there a lift?", moment - timedelta(minutes=1))
    second = moved(held, moment)
    third = moved(second, moment + timedelta(seconds=1))
    for page in (text(anna.get(own_page(third))), text(desk.get(f"{desk_page(third)}conversation/"))):
        assert f"about {held.cohort.title}" in page
        assert "Is there a lift?" in page
    desk.post(f"{desk_page(third)}conversation/", {"words": "There is."})
    assert "There is." in text(anna.get(own_page(third)))
    assert not Post.objects.unanswered().exists()
    assert text(desk.get("/desk/conversations/")).count("There is.") == 1


def test_whoever_writes_from_an_old_page_is_led_to_the_new_one(
    anna: Client, held: Reservation, moment: datetime
) -> None:
    third = moved(moved(held, moment), moment + timedelta(seconds=1))
    old = anna.get(own_page(held)).content.decode()
    assert f'action="{own_page(third)}conversation/"' in old
    answer = anna.post(f"{own_page(held)}conversation/", {"words": "From an old letter."})
    assert answer.headers["Location"] == f"{own_page(third)}#conversation"
    assert "From an old letter." in text(anna.get(own_page(third)))


def test_a_conversation_across_two_moves_takes_as_many_statements_as_across_one(
    held: Reservation, moment: datetime
) -> None:
    once = moved(held, moment)
    with CaptureQueriesContext(connection) as of_one:
        thread_of(subject_of(once, held.trainee), held.trainee)
    twice = moved(once, moment + timedelta(seconds=1))
    with CaptureQueriesContext(connection) as of_two:
        thread_of(subject_of(twice, held.trainee), held.trainee)
    assert len(of_one) == len(of_two) == 2
