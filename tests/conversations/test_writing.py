"""Writing in a conversation: what is kept, who is told, and how much fits."""

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from tests import factories
from tests.factories import NOW
from workshops.conversations import writing
from workshops.conversations.models import LONGEST, Post
from workshops.conversations.reading import Subject, thread_of
from workshops.conversations.writing import MOST_AN_HOUR, CannotWrite, NotTheirs, mark_read, settle
from workshops.history.models import HistoryLine
from workshops.history.words import sentence
from workshops.messages.models import Message
from workshops.messages.outbox import send_due, words_of
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
ABOUT = ("proof", "4f00")
LINK = "https://booking.example/where-it-is/"


@pytest.fixture
def anna() -> User:
    """The trainee whose conversation it is."""
    return factories.person(Role.TRAINEE, name="Anna")


@pytest.fixture
def robin() -> User:
    """A registrar."""
    return factories.person(Role.REGISTRAR, name="Robin")


def write(person: User, author: User, words: str, now: datetime = NOW, about: tuple[str, str] = ABOUT) -> Post:
    return writing.write(about, person=person, author=author, words=words, title="Spring 2027", link=LINK, now=now)


def told(kind: str) -> list[str]:
    return sorted(Message.objects.filter(kind=kind).values_list("to__email", flat=True))


# -- what is kept ------------------------------------------------------------------------------------------------------
def test_a_post_leaves_one_line_of_history_without_its_words(anna: User) -> None:
    post = write(anna, anna, "Is there a lift?")
    (line,) = HistoryLine.objects.all()
    assert (line.what, line.about_kind, line.about_id) == ("message-written", "post", post.public_id)
    assert (line.by, line.person, line.why, line.facts) == (anna, anna, "", {"thread": "proof:4f00"})
    assert sentence(line) == "Written in the conversation"


def test_a_thread_is_about_one_thing_and_belongs_to_one_person(anna: User) -> None:
    ben = factories.person(Role.TRAINEE)
    first = write(anna, anna, "One")
    write(anna, anna, "Elsewhere", about=("reservation", "4f00"))
    write(ben, ben, "Mine")
    assert list(Post.objects.in_thread(ABOUT, anna.pk)) == [first]


def test_words_are_kept_as_they_were_meant(anna: User) -> None:
    assert write(anna, anna, "  Dear school,\r\n\r\n\r\n\u202ehello \x00").words == "Dear school,\n\nhello"


@pytest.mark.parametrize("nothing", ["", "   ", "\r\n", "\u200b", "\x00"])
def test_nothing_is_not_sent(anna: User, nothing: str) -> None:
    with pytest.raises(CannotWrite, match="nothing to send yet"):
        write(anna, anna, nothing)
    with pytest.raises(IntegrityError), transaction.atomic():
        Post.objects.create(about_kind="x", about_id="y", person=anna, author=anna, words="", written_at=NOW)


def test_words_that_do_not_fit_are_refused_whole(anna: User) -> None:
    with pytest.raises(CannotWrite, match="4,001 characters long, and 4,000 fit"):
        write(anna, anna, "a" * (LONGEST + 1))
    assert write(anna, anna, "é" * LONGEST).words == "é" * LONGEST
    assert HistoryLine.objects.count() == 1


@pytest.mark.parametrize("role", [Role.TRAINEE, Role.INSTRUCTOR, Role.MENTOR, Role.BOOKKEEPER])
def test_only_the_person_and_the_school_write(anna: User, role: Role) -> None:
    with pytest.raises(NotTheirs):
        write(anna, factories.person(role), "Let me in")
    assert not Post.objects.exists()


def test_the_same_words_at_once_are_one_post(anna: User, robin: User) -> None:
    first = write(anna, anna, "Hello")
    assert write(anna, anna, " Hello\r\n", NOW + timedelta(seconds=3)) == first
    write(anna, robin, "Yes?")
    write(anna, anna, "Hello", NOW + timedelta(seconds=6))
    assert Post.objects.count() == HistoryLine.objects.count() == 3


def test_saying_it_again_another_day_is_another_post(anna: User) -> None:
    write(anna, anna, "Hello")
    write(anna, anna, "Hello", NOW + timedelta(days=1))
    assert Post.objects.count() == 2


# -- how much fits in an hour ------------------------------------------------------------------------------------------
def test_after_twenty_in_an_hour_one_waits_until_the_first_is_an_hour_old(anna: User, robin: User) -> None:
    for number in range(MOST_AN_HOUR):
        write(anna, anna, f"Number {number}", NOW + timedelta(minutes=number))
    with pytest.raises(CannotWrite, match=r"20 times within an hour. From 11:00 am in Los Angeles"):
        write(anna, anna, "One more", NOW + timedelta(minutes=30))
    write(anna, robin, "The school still may.", NOW + timedelta(minutes=30))
    write(anna, anna, "So does she elsewhere.", NOW + timedelta(minutes=30), about=("reservation", "1"))
    write(anna, anna, "One more", NOW + timedelta(minutes=60))


# -- who is told -------------------------------------------------------------------------------------------------------
def test_every_registrar_who_can_sign_in_is_told_that_a_trainee_has_written(anna: User, robin: User) -> None:
    second = factories.person(Role.REGISTRAR)
    factories.person(Role.REGISTRAR, is_active=False)
    factories.person(Role.BOOKKEEPER)
    write(anna, anna, "My iban is DE00")
    assert told("post-from-trainee") == sorted([robin.email, second.email])
    words = words_of(Message.objects.get(to=robin))
    assert words.subject == "A trainee has written to the school: Spring 2027"
    assert "Anna has written to the school about Spring 2027" in words.text
    assert [block.address for block in words.blocks if block.kind == "action"] == [LINK]
    assert "DE00" not in words.text


def test_registrars_are_told_once_until_somebody_has_read_it(anna: User, robin: User) -> None:
    first = write(anna, anna, "One")
    second = write(anna, anna, "Two", NOW + timedelta(minutes=1))
    assert len(told("post-from-trainee")) == 1
    mark_read([first, second], robin, now=NOW + timedelta(minutes=2))
    write(anna, anna, "Three", NOW + timedelta(minutes=3))
    assert len(told("post-from-trainee")) == 2


def test_registrars_are_told_again_when_a_day_later_nobody_has_read_it(anna: User, robin: User) -> None:
    for hours in (0, 20, 25, 30, 48):
        write(anna, anna, f"After {hours} hours", NOW + timedelta(hours=hours))
    assert list(Message.objects.values_list("created_at", flat=True).order_by("pk")) == [NOW, NOW + timedelta(hours=25)]


def test_a_thread_waiting_to_be_read_silences_no_other(anna: User, robin: User) -> None:
    ben = factories.person(Role.TRAINEE)
    write(anna, anna, "One")
    write(ben, ben, "Two")
    write(anna, anna, "Three", about=("reservation", "1"))
    assert len(told("post-from-trainee")) == 3


def test_the_trainee_is_told_of_everything_the_school_writes(anna: User, robin: User) -> None:
    write(anna, robin, "Please send the call sheet.")
    write(anna, robin, "And the contract.")
    assert told("post-from-school") == [anna.email, anna.email]
    words = words_of(Message.objects.filter(kind="post-from-school")[0])
    assert words.subject == "The school has written to you: Spring 2027"
    assert "Robin" not in words.text
    assert "call sheet" not in words.text


def test_a_registrar_who_writes_about_a_seat_of_their_own_is_the_trainee_there(robin: User) -> None:
    other = factories.person(Role.REGISTRAR)
    post = write(robin, robin, "May I?")
    assert (post.is_from_school, told("post-from-trainee"), told("post-from-school")) == (False, [other.email], [])
    with pytest.raises(NotTheirs):
        settle(post, by=robin, now=NOW)
    assert mark_read([post], robin, now=NOW) == 0
    post.refresh_from_db()
    assert post.read_by_school_at is None


def test_a_name_cannot_pose_as_a_link_or_a_header(robin: User) -> None:
    eve = factories.person(Role.TRAINEE, name="Eve\r\nBcc: all@example.org\n\n[Pay](https://evil.example)\n\n")
    write(eve, eve, "Hello")
    send_due(now=NOW)
    (sent,) = mail.outbox
    assert sent.recipients() == [f"Robin <{robin.email}>"]
    words = words_of(Message.objects.get())
    assert [block.address for block in words.blocks if block.kind == "action"] == [LINK]


# -- reading -----------------------------------------------------------------------------------------------------------
def test_what_was_read_stays_read_since_the_first_time(anna: User, robin: User) -> None:
    post = write(anna, anna, "One")
    assert mark_read([post], robin, now=NOW + timedelta(hours=1)) == 1
    assert mark_read([post], factories.person(Role.REGISTRAR), now=NOW + timedelta(hours=2)) == 0
    post.refresh_from_db()
    assert (post.read_by_person_at, post.read_by_school_at) == (NOW, NOW + timedelta(hours=1))


def test_the_person_reads_you_and_the_school_where_a_registrar_reads_names(anna: User, robin: User) -> None:
    subject = Subject(ABOUT, anna, "Spring 2027", "/", "/desk/")
    write(anna, anna, "Question")
    write(anna, robin, "Answer")
    Post.objects.filter(author=robin).update(author=None)  # that registrar's account is gone
    write(anna, factories.person(Role.REGISTRAR, name="Kim"), "And more")
    by = [[line.by for line in thread_of(subject, reader).lines] for reader in (anna, robin)]
    assert by == [["you", "the school", "the school"], ["Anna", "the school", "Kim"]]


def test_a_long_conversation_shows_its_end_and_says_that_there_is_more(anna: User) -> None:
    subject = Subject(ABOUT, anna, "Spring 2027", "/", "/desk/")
    for number in range(4):
        write(anna, anna, str(number))
    shown = [thread_of(subject, anna, at_most=most) for most in (3, 4)]
    assert [[line.words for line in thread.lines] for thread in shown] == [["1", "2", "3"], ["0", "1", "2", "3"]]
    assert [thread.has_earlier for thread in shown] == [True, False]


# -- who waits ---------------------------------------------------------------------------------------------------------
def test_a_thread_waits_for_the_school_while_the_trainee_wrote_last(anna: User, robin: User) -> None:
    write(anna, anna, "One")
    last = write(anna, anna, "Two")
    assert list(Post.objects.unanswered()) == [last]
    write(anna, robin, "Answer")
    assert not Post.objects.unanswered().exists()
    again = write(anna, anna, "Thank you")
    assert list(Post.objects.unanswered()) == [again]


def test_a_thank_you_needs_no_answer_until_there_is_more(anna: User, robin: User) -> None:
    thanks = write(anna, anna, "Thank you")
    assert [settle(thanks, by=robin, now=NOW), settle(thanks, by=robin, now=NOW)] == [True, False]
    assert not Post.objects.unanswered().exists()
    assert HistoryLine.objects.filter(what="message-settled", by=robin, person=anna).count() == 1
    more = write(anna, anna, "One more thing")
    assert list(Post.objects.unanswered()) == [more]
