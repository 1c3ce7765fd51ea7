"""Planning, changing and cancelling meetings, by either of the two who meet: the only writer of them.

Every command locks the accounts of both first, as whoever begins, ends or merges does, so two of them come one after
the other: a person is never in two meetings at once.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from workshops.clock import moment_in_words, school_day
from workshops.history.models import HistoryLine
from workshops.history.record import record
from workshops.mentors import emails
from workshops.mentors.models import Meeting, Mentorship
from workshops.mentors.times import span_in_words
from workshops.people.closing import Closed
from workshops.people.models import User
from workshops.people.presence import lock
from workshops.transactions import writes

LONGEST = timedelta(minutes=480)
FURTHEST = timedelta(days=548)
"""So far ahead a meeting may be: as far as calendars show it."""
MOST_TO_COME = 20
"""So many meetings that have not begun are planned in a mentorship: half a year of weeks, and an end of e-mails."""
MOST_A_DAY = 30
"""So often within 24 hours one of the two may write to the other by planning and changing meetings."""
A_DAY = timedelta(hours=24)


class NotPossible(Exception):
    """What was asked cannot be done; the sentence says why and what to do. `field` is what it is about, if one is."""

    def __init__(self, words: str, field: str = "") -> None:
        super().__init__(words)
        self.field = field


class ChangedMeanwhile(Exception):
    """The meeting is not any more what the person acting had before them. `found` is what it is now."""

    def __init__(self, found: Meeting) -> None:
        super().__init__("This meeting has changed since the page was opened. Look at it again.")
        self.found = found


@dataclass(frozen=True)
class Agreed:
    """What two people agree on: from when, for so many minutes, and where."""

    starts_at: datetime
    minutes: int
    place: str = ""

    def __post_init__(self) -> None:
        """Keep the moment apart from any clock: one that a clock shows twice equals no other there (PEP 495)."""
        object.__setattr__(self, "starts_at", self.starts_at.astimezone(UTC))

    @property
    def ends_at(self) -> datetime:
        """When it is over."""
        return self.starts_at + timedelta(minutes=self.minutes)


@writes
def plan(mentorship: Mentorship, agreed: Agreed, *, by: User, now: datetime) -> Meeting:
    """Plan a meeting and tell the other of the two. The same one planned twice is planned once. Locks both accounts.

    `by` is one of the two.

    Raises:
        NotPossible: when the mentoring has ended, or the time has passed, is too far ahead, or is not free for both;
            when `MOST_TO_COME` meetings are planned already, or `by` has acted `MOST_A_DAY` times within 24 hours.
        Closed: when one of them was erased or merged away.
    """
    both = _running(mentorship)
    _check_time(agreed, now)
    again = both.meetings.filter(starts_at=agreed.starts_at, minutes=agreed.minutes, cancelled_at=None).first()
    if again is not None and again.place == agreed.place:
        return again
    _check_number(both, now)
    _check_pace(both, by, now)
    _check_free(agreed, both, by)
    meeting = Meeting.objects.create(
        mentorship=both, starts_at=agreed.starts_at, minutes=agreed.minutes, place=agreed.place, revised_at=now
    )
    _record("meeting-planned", meeting, by, now)
    emails.planned(meeting, by=by, now=now)
    return meeting


@writes
def change(meeting: Meeting, agreed: Agreed, *, seen: int, by: User, now: datetime) -> bool:
    """Change the time, the length or the place of a meeting and tell the other; say whether anything is different.

    `seen` is the sequence of what `by`, one of the two, had before them. The meeting's sequence rises exactly when
    something is different. Locks both accounts.

    Raises:
        ChangedMeanwhile: when it has another sequence by now.
        NotPossible: when it is cancelled or has begun, the mentoring has ended, the new time cannot be, or `by` has
            acted `MOST_A_DAY` times within 24 hours.
        Closed: when one of them was erased or merged away.
    """
    fresh = _as_seen(meeting, seen, now)
    before = Meeting(starts_at=fresh.starts_at, minutes=fresh.minutes, place=fresh.place)
    if agreed == Agreed(before.starts_at, before.minutes, before.place):
        return False
    _check_pace(fresh.mentorship, by, now)
    _check_time(agreed, now)
    _check_free(agreed, fresh.mentorship, by, besides=fresh)
    fresh.starts_at, fresh.minutes, fresh.place = agreed.starts_at, agreed.minutes, agreed.place
    _revise(fresh, now)
    _record("meeting-changed", fresh, by, now)
    emails.changed(fresh, before, by=by, now=now)
    return True


@writes
def cancel(meeting: Meeting, *, seen: int, by: User, now: datetime) -> None:
    """Cancel a meeting that has not begun and tell the other. `seen` and `by` as for `change`. Locks both accounts.

    However much they have planned and changed today: nobody waits for somebody who was kept from cancelling.


    Raises:
        ChangedMeanwhile: when it has another sequence by now.
        NotPossible: when it is cancelled already or has begun, or the mentoring has ended.
        Closed: when one of them was erased or merged away.
    """
    fresh = _as_seen(meeting, seen, now)
    _cancel(fresh, by, now)
    emails.cancelled(fresh, by=by, now=now)


def cancel_coming(mentorship: Mentorship, *, by: User, now: datetime) -> None:
    """Cancel every meeting that has not begun and tell both, in the transaction of whoever ends the mentorship."""
    for meeting in mentorship.meetings.filter(cancelled_at=None, starts_at__gt=now).order_by("starts_at", "pk"):
        meeting.mentorship = mentorship
        _cancel(meeting, by, now)
        emails.cancelled_at_the_end(meeting, now=now)


def locked(mentorship: Mentorship) -> Mentorship:
    """The mentorship as it is now; both accounts are locked until the caller's transaction ends.

    Raises:
        Closed: when one of the two was erased or merged away, maybe since it was read.
    """
    for person in lock(mentorship.mentor_id, mentorship.trainee_id).values():
        if person.is_closed:
            raise Closed(person)
    return Mentorship.objects.select_related("mentor", "trainee").get(pk=mentorship.pk)


# -- what speaks against it --------------------------------------------------------------------------------------------
def _running(mentorship: Mentorship) -> Mentorship:
    both = locked(mentorship)
    if both.ended_on is not None:
        raise NotPossible("This mentoring has ended, so no meetings are planned in it any more.")
    return both


def _as_seen(meeting: Meeting, seen: int, now: datetime) -> Meeting:
    """The meeting as it is now, under the locks, when it is still what was seen and still to come."""
    both = locked(meeting.mentorship)
    fresh = Meeting.objects.get(pk=meeting.pk)
    fresh.mentorship = both
    if fresh.sequence != seen:
        raise ChangedMeanwhile(fresh)
    if fresh.cancelled_at is not None:
        raise NotPossible("This meeting is cancelled already. Plan another one instead.")
    if fresh.starts_at <= now:
        raise NotPossible("This meeting has begun, so it stays as it is.")
    if both.ended_on is not None:
        raise NotPossible("This mentoring has ended, so its meetings stay as they are.")
    return fresh


def _check_time(agreed: Agreed, now: datetime) -> None:
    if agreed.starts_at <= now:
        raise NotPossible("That time has passed. Choose one that is still to come.", "clock")
    if agreed.starts_at > now + FURTHEST:
        raise NotPossible("That is more than a year and a half away. Choose an earlier day.", "day")


def _check_number(both: Mentorship, now: datetime) -> None:
    if both.meetings.filter(cancelled_at=None, starts_at__gt=now).count() >= MOST_TO_COME:
        raise NotPossible(
            f"You two have {MOST_TO_COME} meetings planned already, and more do not fit. "
            "Plan the next one once one of them is over, or cancel one first."
        )


def _check_pace(both: Mentorship, by: User, now: datetime) -> None:
    """Say no to whoever has sent the other so many e-mails that one more would be a burden."""
    lately = HistoryLine.objects.filter(person=both.trainee, by=by, what__startswith="meeting-", at__gt=now - A_DAY)
    moments = list(lately.order_by("-at").values_list("at", flat=True)[:MOST_A_DAY])
    if len(moments) == MOST_A_DAY:
        raise NotPossible(
            f"You have planned, changed or cancelled meetings {MOST_A_DAY} times within a day, and each was an e-mail "
            f"to the other. You can go on from {moment_in_words(moments[-1] + A_DAY)}."
        )


def _check_free(agreed: Agreed, both: Mentorship, by: User, besides: Meeting | None = None) -> None:
    """Say no where one of the two meets somebody at that time, without a word about whom."""
    found = _at_that_time(agreed, (both.mentor_id, both.trainee_id), besides)
    mine = [each for each in found if by.pk in (each.mentorship.mentor_id, each.mentorship.trainee_id)]
    if mine:
        then = span_in_words(mine[0].starts_at, mine[0].ends_at, by.time_zone)
        raise NotPossible(f"You have a meeting at that time already: {then}. Choose another time.", "clock")
    if found:
        other = both.trainee if by.pk == both.mentor_id else both.mentor
        raise NotPossible(f"{other} has another meeting at that time. Choose another time.", "clock")


def _at_that_time(agreed: Agreed, people: Collection[int], besides: Meeting | None) -> list[Meeting]:
    theirs = Q(mentorship__mentor__in=people) | Q(mentorship__trainee__in=people)
    near = Meeting.objects.filter(
        theirs, cancelled_at=None, starts_at__lt=agreed.ends_at, starts_at__gt=agreed.starts_at - LONGEST
    )
    return [each for each in near.select_related("mentorship") if each.ends_at > agreed.starts_at and each != besides]


# -- writing -----------------------------------------------------------------------------------------------------------
def _cancel(meeting: Meeting, by: User, now: datetime) -> None:
    meeting.cancelled_at = now
    _revise(meeting, now)
    _record("meeting-cancelled", meeting, by, now)


def _revise(meeting: Meeting, now: datetime) -> None:
    """Write a change that people must notice, so that calendars take it over (RFC 5545, SEQUENCE)."""
    meeting.sequence += 1
    meeting.revised_at = now
    meeting.save(update_fields=["starts_at", "minutes", "place", "cancelled_at", "sequence", "revised_at"])


def _record(what: str, meeting: Meeting, by: User, now: datetime) -> None:
    about, on = ("meeting", meeting.public_id), school_day(meeting.starts_at).isoformat()
    record(what, about=about, person=meeting.mentorship.trainee, by=by, now=now, on=on)
