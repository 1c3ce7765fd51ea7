"""Meetings: planned, changed and cancelled by either of the two, noticed by the other, never two at once."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests import factories
from tests.factories import LOS_ANGELES, NOW
from tests.mentors.conftest import HOUR, TEN, planned
from workshops.cohorts.models import CalendarRevision
from workshops.cohorts.revision import MEETINGS
from workshops.history.models import HistoryLine
from workshops.history.words import sentence
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import FURTHEST, MOST_A_DAY, MOST_TO_COME, Agreed, ChangedMeanwhile, NotPossible
from workshops.mentors.models import Meeting, Mentorship
from workshops.messages.models import Message
from workshops.messages.outbox import words_of
from workshops.messages.words import Words
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SAME = Agreed(TEN, 60, "The green room")
"""What the meeting of these tests is about."""


def message(kind: str) -> tuple[str, Words]:
    """To whom the one message of this kind goes, and what it says."""
    found = Message.objects.filter(kind=kind).select_related("to").get()
    return str(found.to), words_of(found)


def facts(kind: str) -> dict[str, str]:
    return {label: value for block in message(kind)[1].blocks for label, value in block.facts}


def change(meeting: Meeting, by: User | None = None, *, seen: int = -1, now: datetime = NOW, **to: Any) -> bool:
    agreed = replace(Agreed(meeting.starts_at, meeting.minutes, meeting.place), **to)
    told: dict[str, Any] = {"seen": meeting.sequence if seen < 0 else seen, "now": now}
    return meetings.change(meeting, agreed, by=by or meeting.mentorship.mentor, **told)


def cancel(meeting: Meeting, by: User | None = None, *, seen: int = -1, now: datetime = NOW) -> None:
    told: dict[str, Any] = {"seen": meeting.sequence if seen < 0 else seen, "now": now}
    meetings.cancel(meeting, by=by or meeting.mentorship.mentor, **told)


# -- planning ----------------------------------------------------------------------------------------------------------
def test_a_mentor_plans_and_the_trainee_hears_of_it(meeting: Meeting, imogen: User, alex: User) -> None:
    assert (meeting.sequence, meeting.revised_at, meeting.cancelled_at) == (0, NOW, None)
    to, words = message("meeting-planned")
    assert (to, words.subject) == ("Alex", "Imogen has planned a meeting with you")
    assert facts("meeting-planned") == {
        "When": "Wednesday 20 January 2027, 10:00 am to 11:00 am PST",
        "Where": "The green room",
    }
    [action] = [block for block in words.blocks if block.kind == "action"]
    assert action.address.endswith(f"/mentoring/meetings/{meeting.public_id}/")
    line = HistoryLine.objects.get(what="meeting-planned")
    assert (line.person, line.by, line.about_id) == (alex, imogen, meeting.public_id)
    assert sentence(line) == "Meeting of mentor and trainee planned for 20 January 2027"


def test_a_trainee_plans_too_and_the_mentor_reads_their_own_hours_as_well(mentorship: Mentorship, alex: User) -> None:
    planned(mentorship, by=alex, place="")
    assert message("meeting-planned")[0] == "Imogen"
    assert facts("meeting-planned") == {
        "When": "Wednesday 20 January 2027, 10:00 am to 11:00 am PST "
        "(Wednesday 20 January 2027, 6:00 pm to 7:00 pm GMT where you are)"
    }


def test_the_same_meeting_planned_twice_is_planned_once(mentorship: Mentorship, meeting: Meeting) -> None:
    assert planned(mentorship) == meeting
    assert (Meeting.objects.count(), Message.objects.filter(kind="meeting-planned").count()) == (1, 1)


@pytest.mark.parametrize("starts_at", [NOW, NOW - HOUR])
def test_a_meeting_is_in_the_future(mentorship: Mentorship, meeting: Meeting, starts_at: datetime) -> None:
    with pytest.raises(NotPossible, match="has passed"):
        planned(mentorship, starts_at)
    with pytest.raises(NotPossible, match="has passed"):
        change(meeting, starts_at=starts_at)


def test_a_meeting_is_not_planned_beyond_what_calendars_show(mentorship: Mentorship) -> None:
    with pytest.raises(NotPossible, match="more than a year and a half away"):
        planned(mentorship, NOW + FURTHEST + timedelta(minutes=1))
    assert planned(mentorship, NOW + FURTHEST)


def test_so_many_meetings_are_planned_in_a_mentorship_until_one_is_over(
    mentorship: Mentorship, imogen: User, alex: User, robin: User
) -> None:
    made = [planned(mentorship, TEN + number * DAY) for number in range(MOST_TO_COME)]
    for by in (imogen, alex):
        with pytest.raises(NotPossible, match="You two have 20 meetings planned already"):
            planned(mentorship, TEN - HOUR, by=by)
    assert planned(mentorship) == made[0], "what stands is not refused"
    assert planned(mentorships.begin(imogen, factories.person(Role.TRAINEE), by=robin, now=NOW), TEN - HOUR)
    cancel(made[3])
    assert planned(mentorship, TEN - 2 * HOUR)
    with pytest.raises(NotPossible, match="meetings planned already"):
        planned(mentorship, TEN + 40 * DAY, now=TEN - 3 * HOUR)
    assert planned(mentorship, TEN + 40 * DAY, now=TEN)


def test_one_of_the_two_cannot_bury_the_other_in_e_mails(meeting: Meeting, imogen: User, alex: User) -> None:
    for number in range(MOST_A_DAY - 1):
        change(meeting, minutes=30 + number, now=NOW + number * timedelta(minutes=1))
        meeting.refresh_from_db()
    told = Message.objects.filter(to=alex, kind__startswith="meeting-").count()
    assert told == MOST_A_DAY
    again_at = NOW + timedelta(hours=24)
    for act in (
        lambda now: planned(meeting.mentorship, TEN + DAY, now=now),
        lambda now: change(meeting, now=now, minutes=99),
    ):
        with pytest.raises(NotPossible, match="You can go on from Tuesday 12 January 2027"):
            act(again_at - timedelta(seconds=1))
    assert Message.objects.filter(to=alex, kind__startswith="meeting-").count() == told
    change(meeting, alex, minutes=99, now=again_at - HOUR)  # the other one may
    meeting.refresh_from_db()
    change(meeting, minutes=98, now=again_at)
    meeting.refresh_from_db()
    cancel(meeting, now=again_at)  # what does not take place is always said


def test_meetings_end_with_the_mentoring(mentorship: Mentorship, meeting: Meeting, robin: User) -> None:
    mentorships.end(mentorship, by=robin, now=TEN + timedelta(minutes=5), why="Enough.")
    with pytest.raises(NotPossible, match="has ended"):
        planned(mentorship, TEN + 2 * HOUR)
    meeting.refresh_from_db()
    assert meeting.cancelled_at is None
    Meeting.objects.update(starts_at=TEN + 3 * HOUR)
    for act in (change, cancel):
        with pytest.raises(NotPossible, match="mentoring has ended"):
            act(Meeting.objects.get())


# -- never two at once -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("minutes", "overlaps"), [(-60, False), (-59, True), (0, True), (30, True), (59, True), (60, False)]
)
def test_meetings_of_one_mentor_follow_each_other_and_never_overlap(
    minutes: int, overlaps: bool, meeting: Meeting, imogen: User, robin: User
) -> None:
    other = mentorships.begin(imogen, factories.person(Role.TRAINEE, name="Ben"), by=robin, now=NOW)
    starts_at = TEN + timedelta(minutes=minutes)
    if not overlaps:
        assert planned(other, starts_at)
        return
    with pytest.raises(NotPossible) as refused:
        planned(other, starts_at)
    assert str(refused.value) == (
        "You have a meeting at that time already: Wednesday 20 January 2027, 10:00 am to 11:00 am PST "
        "(Wednesday 20 January 2027, 6:00 pm to 7:00 pm GMT where you are). Choose another time."
    )
    with pytest.raises(NotPossible) as refused:
        planned(other, starts_at, by=other.trainee)
    assert str(refused.value) == "Imogen has another meeting at that time. Choose another time."


def test_the_longest_meeting_is_seen_to_its_end(mentorship: Mentorship) -> None:
    planned(mentorship, minutes=480)
    with pytest.raises(NotPossible, match="at that time already"):
        planned(mentorship, TEN + timedelta(minutes=479))
    assert planned(mentorship, TEN + timedelta(minutes=480))


def test_whoever_mentors_and_is_mentored_is_in_one_meeting_at_a_time(meeting: Meeting, robin: User) -> None:
    both = factories.person(Role.MENTOR, Role.TRAINEE)
    above = mentorships.begin(meeting.mentorship.mentor, both, by=robin, now=NOW)
    below = mentorships.begin(both, factories.person(Role.TRAINEE), by=robin, now=NOW)
    planned(below)
    with pytest.raises(NotPossible, match="at that time"):
        planned(above, by=both)
    planned(above, TEN + HOUR)
    with pytest.raises(NotPossible, match="at that time"):
        planned(below, TEN + HOUR)


def test_a_meeting_is_not_moved_onto_another_and_may_be_moved_within_its_own_time(
    mentorship: Mentorship, meeting: Meeting
) -> None:
    planned(mentorship, TEN + 2 * HOUR)
    with pytest.raises(NotPossible, match="at that time already"):
        change(meeting, starts_at=TEN + timedelta(minutes=90))
    assert change(meeting, starts_at=TEN + timedelta(minutes=30))


def test_the_time_of_a_cancelled_meeting_is_free(mentorship: Mentorship, meeting: Meeting) -> None:
    cancel(meeting)
    assert planned(mentorship) != meeting


# -- changing ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("to", "told"),
    [
        (
            {"starts_at": TEN + HOUR},
            {
                "When": "Wednesday 20 January 2027, 11:00 am to 12:00 pm PST",
                "Before": "Wednesday 20 January 2027, 10:00 am to 11:00 am PST",
                "Where": "The green room",
            },
        ),
        (
            {"minutes": 30},
            {
                "When": "Wednesday 20 January 2027, 10:00 am to 10:30 am PST",
                "Before": "Wednesday 20 January 2027, 10:00 am to 11:00 am PST",
                "Where": "The green room",
            },
        ),
        (
            {"place": "https://example.org/call"},
            {
                "When": "Wednesday 20 January 2027, 10:00 am to 11:00 am PST",
                "Where": "https://example.org/call",
                "Where before": "The green room",
            },
        ),
        (
            {"place": ""},
            {
                "When": "Wednesday 20 January 2027, 10:00 am to 11:00 am PST",
                "Where": "not said any more",
                "Where before": "The green room",
            },
        ),
    ],
)
def test_what_people_must_notice_raises_the_sequence_and_is_told(
    to: dict[str, Any], told: dict[str, str], meeting: Meeting
) -> None:
    later = NOW + HOUR
    revision = CalendarRevision.objects.get(pk=MEETINGS).name
    assert change(meeting, now=later, **to)
    meeting.refresh_from_db()
    assert (meeting.sequence, meeting.revised_at) == (1, later)
    assert {name: getattr(meeting, name) for name in to} == to
    assert message("meeting-changed")[0] == "Alex"
    assert facts("meeting-changed") == told
    assert HistoryLine.objects.filter(what="meeting-changed", about_id=meeting.public_id).count() == 1
    assert CalendarRevision.objects.get(pk=MEETINGS).name != revision


def test_what_is_the_same_already_raises_nothing_and_tells_nobody(meeting: Meeting) -> None:
    assert not change(meeting, now=NOW + HOUR)
    meeting.refresh_from_db()
    assert (meeting.sequence, meeting.revised_at) == (0, NOW)
    assert not Message.objects.filter(kind="meeting-changed").exists()
    assert not HistoryLine.objects.filter(what="meeting-changed").exists()


def test_a_moment_that_a_clock_shows_twice_is_the_same_moment_on_any_clock(mentorship: Mentorship) -> None:
    twice = datetime(2027, 11, 7, 1, 30, fold=1, tzinfo=LOS_ANGELES)
    meeting = planned(mentorship, twice)
    meeting.refresh_from_db()
    assert not change(meeting, starts_at=twice)


def test_each_change_is_told_by_itself_to_whoever_did_not_make_it(meeting: Meeting, imogen: User, alex: User) -> None:
    change(meeting, minutes=30)
    meeting.refresh_from_db()
    change(meeting, alex, minutes=45)
    meeting.refresh_from_db()
    cancel(meeting, alex)
    told = Message.objects.filter(kind__startswith="meeting-").order_by("pk")
    assert [(each.kind, each.step, each.to) for each in told] == [
        ("meeting-planned", 0, alex),
        ("meeting-changed", 1, alex),
        ("meeting-changed", 2, imogen),
        ("meeting-cancelled", 3, imogen),
    ]


def test_what_the_other_has_changed_meanwhile_is_looked_at_again(meeting: Meeting, alex: User) -> None:
    change(meeting, alex, starts_at=TEN + HOUR)
    for act in (change, cancel):
        with pytest.raises(ChangedMeanwhile) as changed:
            act(meeting, seen=0)
        assert (changed.value.found.sequence, changed.value.found.starts_at) == (1, TEN + HOUR)
    meeting.refresh_from_db()
    assert (meeting.sequence, meeting.cancelled_at) == (1, None)


def test_a_meeting_that_has_begun_stays_as_it_is(meeting: Meeting) -> None:
    for act in (change, cancel):
        with pytest.raises(NotPossible, match="has begun"):
            act(meeting, now=TEN)


# -- cancelling --------------------------------------------------------------------------------------------------------
def test_a_cancelled_meeting_keeps_its_row_raises_its_sequence_and_is_told(meeting: Meeting, alex: User) -> None:
    later = NOW + HOUR
    cancel(meeting, alex, now=later)
    meeting.refresh_from_db()
    assert (meeting.cancelled_at, meeting.sequence, meeting.revised_at) == (later, 1, later)
    to, words = message("meeting-cancelled")
    assert (to, words.subject) == ("Imogen", "Cancelled: your meeting with Alex")
    assert HistoryLine.objects.get(what="meeting-cancelled").by == alex


def test_what_is_cancelled_is_neither_changed_nor_cancelled_again(meeting: Meeting) -> None:
    cancel(meeting)
    with pytest.raises(ChangedMeanwhile):
        cancel(meeting, seen=0)
    for act in (change, cancel):
        with pytest.raises(NotPossible, match="cancelled already"):
            act(meeting, seen=1)
    assert Message.objects.filter(kind="meeting-cancelled").count() == 1
