"""Mentor and trainee, and the registrar, at the same moment: one change, one mentor, never two meetings at once.

The guard is the lock on both accounts, under which everything is read again; it is taken out to see each of these fail.
On SQLite one writer comes after the other, so there what is read again under the lock is the guard.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from tests import factories
from tests.concurrency.racing import heard, names
from tests.factories import LOS_ANGELES, NOW
from tests.services.databases import at_once
from workshops.history.models import HistoryLine
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed, ChangedMeanwhile, NotPossible
from workshops.mentors.models import Meeting, Mentorship
from workshops.messages.models import Message
from workshops.people.models import Role, User
from workshops.prerequisites.deciding import BadFact

pytestmark = pytest.mark.usefixtures("fresh_database")

TEN = datetime(2027, 1, 20, 10, 0, tzinfo=LOS_ANGELES)


@pytest.fixture
def robin() -> User:
    """The registrar."""
    return factories.person(Role.REGISTRAR)


@pytest.fixture
def mentorship(robin: User) -> Mentorship:
    """Imogen mentors Alex."""
    imogen, alex = factories.person(Role.MENTOR, name="Imogen"), factories.person(Role.TRAINEE, name="Alex")
    return mentorships.begin(imogen, alex, by=robin, now=NOW)


def planned(mentorship: Mentorship) -> Meeting:
    return meetings.plan(mentorship, Agreed(TEN, 60), by=mentorship.mentor, now=NOW)


def changing(meeting: Meeting, by: User, minutes: int) -> Callable[[], object]:
    """Change what the page showed to so many minutes."""
    agreed = Agreed(TEN, minutes)
    return partial(meetings.change, meeting, agreed, seen=meeting.sequence, by=by, now=NOW)


def cancelling(meeting: Meeting, by: User) -> Callable[[], object]:
    """Cancel what the page showed."""
    return partial(meetings.cancel, meeting, seen=meeting.sequence, by=by, now=NOW)


def planning(mentorship: Mentorship, by: User, minutes: int) -> Callable[[], object]:
    """Plan a meeting around ten."""
    return partial(meetings.plan, mentorship, Agreed(TEN + timedelta(minutes=minutes), 60), by=by, now=NOW)


@pytest.mark.parametrize("trial", range(3))
def test_of_two_who_change_a_meeting_at_once_one_does_and_the_other_looks_again(
    mentorship: Mentorship, trial: int
) -> None:
    meeting = planned(mentorship)
    answers = at_once(
        changing(meeting, mentorship.mentor, 30 + trial), changing(meeting, mentorship.trainee, 90 + trial)
    )
    assert heard(answers, ChangedMeanwhile) == {"bool": 1, "ChangedMeanwhile": 1}
    meeting.refresh_from_db()
    assert (meeting.sequence, meeting.minutes) == (1, 30 + trial if answers[0] is True else 90 + trial)
    assert Message.objects.filter(kind="meeting-changed").count() == 1
    assert HistoryLine.objects.filter(what="meeting-changed").count() == 1


def test_a_change_and_a_cancellation_at_once_are_one_of_them(mentorship: Mentorship) -> None:
    meeting = planned(mentorship)
    answers = at_once(changing(meeting, mentorship.mentor, 30), cancelling(meeting, mentorship.trainee))
    assert heard(answers, ChangedMeanwhile)["ChangedMeanwhile"] == 1
    meeting.refresh_from_db()
    assert (meeting.sequence, meeting.cancelled_at is not None) == (1, answers[1] is None)


@pytest.mark.parametrize("trial", range(3))
def test_of_several_who_ask_for_one_hour_of_a_mentor_one_gets_it(
    mentorship: Mentorship, robin: User, trial: int
) -> None:
    others = [mentorships.begin(mentorship.mentor, factories.person(Role.TRAINEE), by=robin, now=NOW) for _ in range(2)]
    asked = [planning(each, each.trainee, 20 * number) for number, each in enumerate((mentorship, *others))]
    answers = at_once(*asked[trial:], *asked[:trial])
    assert heard(answers, NotPossible) == {"Meeting": 1, "NotPossible": 2}
    assert Meeting.objects.count() == 1


@pytest.mark.parametrize("trial", range(3))
def test_a_meeting_planned_while_the_mentoring_ends_is_cancelled_with_it_or_not_planned(
    mentorship: Mentorship, robin: User, trial: int
) -> None:
    ending = partial(mentorships.end, mentorship, by=robin, now=NOW, why="Enough.")
    answers = at_once(planning(mentorship, mentorship.trainee, trial), ending)
    heard(answers, NotPossible)
    assert not Meeting.objects.filter(cancelled_at=None).exists()


def test_two_registrars_at_once_give_a_trainee_one_mentor(robin: User) -> None:
    alex = factories.person(Role.TRAINEE)
    several = [factories.person(Role.MENTOR) for _ in range(3)]
    answers = at_once(*(partial(mentorships.begin, each, alex, by=robin, now=NOW) for each in several))
    assert heard(answers, BadFact) == {"Mentorship": 1, "BadFact": 2}
    assert Message.objects.filter(kind="mentorship-begun").count() == 2


def test_two_who_would_mentor_each_other_do_not_block_each_other(robin: User) -> None:
    """Both accounts are locked in one order, whoever is the mentor."""
    one, two = (factories.person(Role.MENTOR, Role.TRAINEE) for _ in range(2))
    answers = at_once(
        *(
            partial(mentorships.begin, mentor, trainee, by=robin, now=NOW)
            for mentor, trainee in ((one, two), (two, one))
        )
    )
    assert heard(answers) == {"Mentorship": 2}


# -- the guard taken out -----------------------------------------------------------------------------------------------
@pytest.mark.postgres
def test_without_the_locks_one_hour_of_a_mentor_is_given_twice(
    mentorship: Mentorship, robin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control. On SQLite nobody meets anybody inside a command, so it is PostgreSQL's."""
    other = mentorships.begin(mentorship.mentor, factories.person(Role.TRAINEE), by=robin, now=NOW)
    monkeypatch.setattr(meetings, "lock", lambda *_: {})
    found = 0
    for _ in range(20):
        answers = at_once(*(planning(each, each.trainee, 0) for each in (mentorship, other)))
        found += names(answers).get("Meeting", 0) == 2
        Meeting.objects.all().delete()
    assert found
