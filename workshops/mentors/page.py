"""What mentors and trainees see of each other and of their meetings, and whose pages are whose."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, Q
from django.shortcuts import get_object_or_404

from workshops.cohorts.models import Cohort, CohortStatus, Seat, SeatStatus
from workshops.mentors.meetings import LONGEST
from workshops.mentors.models import Meeting, Mentorship, MentorshipQuerySet
from workshops.mentors.times import span_in_words, spans
from workshops.people.models import Role, User


@dataclass(frozen=True)
class Met:
    """One meeting as a reader sees it: when, and what may be done with it."""

    meeting: Meeting
    when: str
    """In Los Angeles, and on the reader's own clock where it differs."""
    schools: str
    own: str
    """The same in two parts; the second may be empty."""
    is_cancelled: bool
    is_over: bool
    may_change: bool
    """Whether it is still to come, so that either of the two may change or cancel it."""


@dataclass(frozen=True)
class Accompanied:
    """One running mentorship as one of the two sees it: who the other is, and when they meet next."""

    mentorship: Mentorship
    person: User
    cohort: Cohort | None
    """Where the trainee has a seat or had one last, for their mentor."""
    meetings: tuple[Met, ...]


def whom(mentor: User, now: datetime) -> list[Accompanied]:
    """Everyone whom this mentor accompanies, by name, with their next meetings. Three statements."""
    running = sorted(
        _with_meetings(now).filter(mentor=mentor), key=lambda each: (str(each.trainee).casefold(), each.pk)
    )
    cohorts = _cohorts_of([each.trainee_id for each in running])
    return [_accompanied(each, mentor, cohorts.get(each.trainee_id), now) for each in running]


def who(trainee: User, now: datetime) -> Accompanied | None:
    """Who accompanies this trainee, with their next meetings; None where nobody does. Two statements."""
    found = _with_meetings(now).filter(trainee=trainee).first()
    return _accompanied(found, trainee, None, now) if found else None


def own_mentorship(reader: User, public_id: str) -> Mentorship:
    """A running mentorship of this person's, or "not found"."""
    return get_object_or_404(_theirs(reader).running(), public_id=public_id)


def own_meeting(reader: User, public_id: str) -> Meeting:
    """A meeting in a running mentorship of this person's, or "not found"."""
    meetings = Meeting.objects.filter(mentorship__in=_theirs(reader).running())
    return get_object_or_404(meetings.select_related("mentorship__mentor", "mentorship__trainee"), public_id=public_id)


def met(meeting: Meeting, reader: User, now: datetime) -> Met:
    """A meeting as this reader sees it."""
    is_cancelled = meeting.cancelled_at is not None
    schools, own = spans(meeting.starts_at, meeting.ends_at, reader.time_zone)
    return Met(
        meeting=meeting,
        when=span_in_words(meeting.starts_at, meeting.ends_at, reader.time_zone),
        schools=schools,
        own=own,
        is_cancelled=is_cancelled,
        is_over=meeting.ends_at <= now,
        may_change=not is_cancelled and meeting.starts_at > now,
    )


def other(mentorship: Mentorship, reader: User) -> User:
    """Whom the reader meets in it."""
    return mentorship.trainee if reader.pk == mentorship.mentor_id else mentorship.mentor


def _theirs(reader: User) -> MentorshipQuerySet:
    """Those in which the reader is one of the two, and has the role for their side of it."""
    mine = Q(pk__in=[])
    if Role.MENTOR in reader.roles:
        mine |= Q(mentor=reader)
    if Role.TRAINEE in reader.roles:
        mine |= Q(trainee=reader)
    return Mentorship.objects.filter(mine).select_related("mentor", "trainee")


def _with_meetings(now: datetime) -> MentorshipQuerySet:
    """Running mentorships, with the meetings that may not be over yet, the next first."""
    coming = Meeting.objects.filter(cancelled_at=None, starts_at__gt=now - LONGEST).order_by("starts_at", "pk")
    running = Mentorship.objects.running().select_related("mentor", "trainee")
    return running.prefetch_related(Prefetch("meetings", coming))


def _accompanied(mentorship: Mentorship, reader: User, cohort: Cohort | None, now: datetime) -> Accompanied:
    meetings = tuple(met(each, reader, now) for each in mentorship.meetings.all() if each.ends_at > now)
    return Accompanied(mentorship, other(mentorship, reader), cohort, meetings)


def _cohorts_of(trainees: Collection[int]) -> dict[int, Cohort]:
    """The latest cohort in which each of these people has a seat that is theirs. One statement."""
    seats = Seat.objects.filter(occupant__in=trainees, status=SeatStatus.TAKEN)
    seats = seats.exclude(cohort__status=CohortStatus.CANCELLED).select_related("cohort")
    return {
        seat.occupant_id: seat.cohort
        for seat in seats.order_by("cohort__starts_on", "pk")
        if seat.occupant_id is not None
    }
