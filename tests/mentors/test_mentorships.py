"""Who mentors whom: one mentor a trainee, brought together by somebody else, ended with a reason."""

import pytest
from django.db import IntegrityError, transaction

from booking.desk.merging.carrying_out import Changed, Decided, merge
from booking.desk.merging.reading import account_of
from booking.desk.merging.what import Comparison, compare
from booking.desk.people.accounts import take_role
from booking.rights.erasing import InTheWay, erase
from tests import factories
from tests.factories import NOW
from tests.mentors.conftest import TEN, planned
from workshops.clock import school_day
from workshops.history.models import HistoryLine
from workshops.mentors import mentorships
from workshops.mentors.models import Meeting, Mentorship
from workshops.messages.models import Message
from workshops.messages.outbox import words_of
from workshops.people.closing import Closed
from workshops.people.models import Role, User
from workshops.people.roles import withdraw
from workshops.prerequisites.deciding import BadFact

pytestmark = pytest.mark.django_db


def told(kind: str) -> dict[str, str]:
    """What each reader of this kind of message gets."""
    return {str(each.to): words_of(each).text for each in Message.objects.filter(kind=kind).select_related("to")}


# -- beginning ---------------------------------------------------------------------------------------------------------
def test_both_hear_who_the_other_is_and_where_they_plan_their_meetings(mentorship: Mentorship) -> None:
    assert (mentorship.began_on, mentorship.ended_on) == (school_day(NOW), None)
    words = told("mentorship-begun")
    assert set(words) == {"Imogen", "Alex"}
    assert "Alex, whom you accompany" in words["Imogen"]
    assert "/mentoring/\n" in words["Imogen"]
    assert "Imogen, who accompanies you" in words["Alex"]
    assert "/mentoring/mine/\n" in words["Alex"]
    assert "Pronouns: they/them" in words["Alex"]


def test_it_is_in_the_story_of_both(mentorship: Mentorship, imogen: User, alex: User, robin: User) -> None:
    lines = HistoryLine.objects.filter(what="mentorship-begun")
    assert {(line.person, line.by, line.about_id) for line in lines} == {
        (alex, robin, mentorship.public_id),
        (imogen, robin, mentorship.public_id),
    }


def test_a_trainee_has_one_mentor_at_a_time(mentorship: Mentorship, alex: User, robin: User) -> None:
    other = factories.person(Role.MENTOR)
    with pytest.raises(BadFact, match="Imogen mentors Alex already"):
        mentorships.begin(other, alex, by=robin, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Mentorship.objects.create(mentor=other, trainee=alex, began_on=school_day(NOW))
    mentorships.end(mentorship, by=robin, now=NOW, why="They asked for it.")
    assert mentorships.begin(other, alex, by=robin, now=NOW).mentor == other


def test_a_mentor_accompanies_as_many_as_the_school_asks(mentorship: Mentorship, imogen: User, robin: User) -> None:
    mentorships.begin(imogen, factories.person(Role.TRAINEE), by=robin, now=NOW)
    assert imogen.mentorships.running().count() == 2
    assert [(each.name, getattr(each, "accompanies", 0)) for each in mentorships.mentors()] == [("Imogen", 2)]


def test_nobody_mentors_themselves(robin: User) -> None:
    both = factories.person(Role.MENTOR, Role.TRAINEE)
    with pytest.raises(BadFact, match="Nobody mentors themselves"):
        mentorships.begin(both, both, by=robin, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Mentorship.objects.create(mentor=both, trainee=both, began_on=school_day(NOW))


def test_each_has_the_role_for_it(imogen: User, alex: User, robin: User) -> None:
    nobody = factories.person(name="Noor")
    with pytest.raises(BadFact, match="Noor is no mentor here"):
        mentorships.begin(nobody, alex, by=robin, now=NOW)
    with pytest.raises(BadFact, match="Noor is no trainee here"):
        mentorships.begin(imogen, nobody, by=robin, now=NOW)
    User.objects.filter(pk=imogen.pk).update(is_active=False)
    with pytest.raises(BadFact, match="Imogen is no mentor here"):
        mentorships.begin(imogen, alex, by=robin, now=NOW)
    assert not Message.objects.exists()


@pytest.mark.parametrize("side", ["mentor", "trainee"])
def test_nobody_decides_about_their_own(side: str, imogen: User, alex: User) -> None:
    people = {"mentor": imogen, "trainee": alex}
    registrar = people[side] = factories.person(Role.REGISTRAR, Role.MENTOR, Role.TRAINEE)
    with pytest.raises(BadFact, match="Nobody decides about their own"):
        mentorships.begin(**people, by=registrar, now=NOW)
    begun = mentorships.begin(**people, by=factories.person(Role.REGISTRAR), now=NOW)
    with pytest.raises(BadFact, match="Nobody decides about their own"):
        mentorships.end(begun, by=registrar, now=NOW, why="Enough.")


def test_nothing_begins_with_somebody_who_was_erased_meanwhile(imogen: User, alex: User, robin: User) -> None:
    erase(User.objects.get(pk=alex.pk), by=robin, now=NOW)
    with pytest.raises(Closed):
        mentorships.begin(imogen, alex, by=robin, now=NOW)


# -- ending ------------------------------------------------------------------------------------------------------------
def test_it_ends_with_a_reason_that_both_read_and_its_meetings_to_come_end_with_it(
    mentorship: Mentorship, imogen: User, alex: User, robin: User
) -> None:
    past = planned(mentorship, NOW.replace(hour=11))
    coming = planned(mentorship)
    later = TEN.replace(hour=8)
    mentorships.end(mentorship, by=robin, now=later, why="Alex is certified.")
    mentorship.refresh_from_db()
    assert mentorship.ended_on == school_day(later)
    for meeting in (past, coming):
        meeting.refresh_from_db()
    assert (past.cancelled_at, past.sequence) == (None, 0)
    assert (coming.cancelled_at, coming.sequence, coming.revised_at) == (later, 1, later)
    for words in (told("mentorship-ended"), told("meeting-cancelled")):
        assert set(words) == {"Imogen", "Alex"}
    assert "Why: Alex is certified." in told("mentorship-ended")["Imogen"]
    assert "Your mentoring with Imogen has ended, so this meeting" in told("meeting-cancelled")["Alex"]
    whys = dict(HistoryLine.objects.filter(what="mentorship-ended").values_list("person__name", "why"))
    assert whys == {"Alex": "Alex is certified.", "Imogen": ""}


def test_an_end_needs_a_reason_and_comes_once(mentorship: Mentorship, robin: User) -> None:
    with pytest.raises(BadFact, match="Say why"):
        mentorships.end(mentorship, by=robin, now=NOW, why=" ")
    mentorships.end(mentorship, by=robin, now=NOW, why="Enough.")
    with pytest.raises(BadFact, match="has ended already"):
        mentorships.end(mentorship, by=robin, now=NOW, why="Enough.")
    assert Message.objects.filter(kind="mentorship-ended").count() == 2


# -- what it holds on to -----------------------------------------------------------------------------------------------
def test_a_role_stays_while_a_mentorship_needs_it(
    mentorship: Mentorship, imogen: User, alex: User, robin: User
) -> None:
    for person, role in ((imogen, Role.MENTOR), (alex, Role.TRAINEE)):
        with pytest.raises(BadFact, match="Imogen mentors Alex"):
            take_role(person, role, by=robin, now=NOW)
    mentorships.end(mentorship, by=robin, now=NOW, why="Enough.")
    assert take_role(imogen, Role.MENTOR, by=robin, now=NOW)
    assert take_role(alex, Role.TRAINEE, by=robin, now=NOW)


def test_erasing_waits_until_it_has_ended_and_then_nothing_told_to_the_other_names_them(
    mentorship: Mentorship, meeting: Meeting, imogen: User, alex: User, robin: User
) -> None:
    for person in (imogen, alex):
        with pytest.raises(InTheWay, match="Imogen mentors Alex: that has to end first"):
            erase(User.objects.get(pk=person.pk), by=robin, now=NOW)
    mentorships.end(mentorship, by=robin, now=NOW, why="Alex moved away.")
    other = planned(mentorships.begin(imogen, factories.person(Role.TRAINEE, name="Ben"), by=robin, now=NOW))
    erase(User.objects.get(pk=alex.pk), by=robin, now=NOW)
    to_imogen = [str(each.context) for each in Message.objects.filter(to=imogen)]
    assert to_imogen
    assert not [context for context in to_imogen if "Alex" in context]
    meeting.refresh_from_db()
    assert meeting.place == ""
    assert not HistoryLine.objects.filter(why__contains="Alex").exists()
    other.refresh_from_db()
    assert other.place == "The green room"


# -- two accounts of one person ----------------------------------------------------------------------------------------
def look(survivor: User, other: User, by: User) -> Comparison:
    fresh = [User.objects.get(pk=each.pk) for each in (survivor, other)]
    return compare(account_of(fresh[0], NOW), account_of(fresh[1], NOW), by.pk)


def merged(survivor: User, other: User, by: User) -> Comparison:
    found = look(survivor, other, by)
    profile = {name: value for name, _, value in found.survivor.profile}
    return merge(survivor, other, found.shown, Decided({}, profile, frozenset()), by=by, now=NOW, why="She told us.")


def test_both_sides_of_it_come_along_when_accounts_are_merged(
    mentorship: Mentorship, meeting: Meeting, imogen: User, alex: User, robin: User
) -> None:
    new_imogen, new_alex = factories.person(), factories.person()
    rows = {row.title: row.other for row in look(new_alex, alex, robin).rows}
    assert rows["Mentor"] == ("Imogen",)
    merged(new_alex, alex, robin)
    merged(new_imogen, imogen, robin)
    mentorship.refresh_from_db()
    assert (mentorship.mentor, mentorship.trainee) == (new_imogen, new_alex)
    assert new_imogen.roles == {Role.MENTOR}
    with pytest.raises(Closed):
        planned(Mentorship(pk=mentorship.pk, mentor=imogen, trainee=alex))


def test_two_accounts_that_each_have_a_mentor_are_not_merged_before_one_of_them_ends(
    mentorship: Mentorship, alex: User, robin: User
) -> None:
    second = factories.person(Role.TRAINEE)
    other = mentorships.begin(factories.person(Role.MENTOR, name="Kenji"), second, by=robin, now=NOW)
    with pytest.raises(Changed) as refused:
        merged(alex, second, robin)
    assert [each.words for each in refused.value.found.obstacles] == [
        "Both have a mentor: Imogen and Kenji. End the mentoring of one of them first."
    ]
    mentorships.end(other, by=robin, now=NOW, why="One person.")
    merged(alex, second, robin)
    assert alex.mentored_in.running().get() == mentorship
    assert alex.mentored_in.count() == 2


@pytest.mark.parametrize("has_ended", [False, True])
def test_two_who_mentor_each_other_are_two_people(
    has_ended: bool, mentorship: Mentorship, imogen: User, alex: User, robin: User
) -> None:
    if has_ended:
        mentorships.end(mentorship, by=robin, now=NOW, why="Enough.")
    for survivor, other in ((imogen, alex), (alex, imogen)):
        words = [each.words for each in look(survivor, other, robin).obstacles]
        assert words == ["One of these accounts mentors the other, or has. That takes two people."]


def test_a_mentor_without_the_role_is_offered_to_nobody(imogen: User, robin: User) -> None:
    assert list(mentorships.mentors()) == [imogen]
    withdraw(imogen, Role.MENTOR, by=robin, now=NOW)
    assert list(mentorships.mentors()) == []
