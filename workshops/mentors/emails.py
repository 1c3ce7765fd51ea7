"""What a mentor and a trainee are told about each other and their meetings. Queued in the transaction that does it.

Each message names the other of the two, so it goes when either is erased: `messages.retention` finds it by its subject.
"""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from workshops.mentors.models import Meeting, Mentorship
from workshops.mentors.times import span_in_words
from workshops.messages.outbox import queue
from workshops.people.models import User


def begun(mentorship: Mentorship, *, now: datetime) -> None:
    """Tell both who the other is, and where they plan their meetings."""
    for to in _both(mentorship):
        context = {**_about(mentorship, to), "pronouns": _other(mentorship, to).pronouns}
        queue("mentorship-begun", ("mentorship", f"{mentorship.public_id}:{to.public_id}"), to, context, now=now)


def ended(mentorship: Mentorship, *, why: str, now: datetime) -> None:
    """Tell both that it has ended, and why."""
    for to in _both(mentorship):
        context = {**_about(mentorship, to), "why": why}
        queue("mentorship-ended", ("mentorship", f"{mentorship.public_id}:{to.public_id}"), to, context, now=now)


def planned(meeting: Meeting, *, by: User, now: datetime) -> None:
    """Tell the other of the two when and where they meet."""
    _queue("meeting-planned", meeting, _other(meeting.mentorship, by), {}, now=now)


def changed(meeting: Meeting, before: Meeting, *, by: User, now: datetime) -> None:
    """Tell the other of the two what is different: the hours, the place, or both."""
    to = _other(meeting.mentorship, by)
    was, where_was = _when(before, to), before.place
    told = {
        "was": "" if was == _when(meeting, to) else was,
        "where_was": "" if where_was == meeting.place else where_was or "not said",
        "place_taken_back": "yes" if where_was and not meeting.place else "",
    }
    _queue("meeting-changed", meeting, to, told, now=now)


def cancelled(meeting: Meeting, *, by: User, now: datetime) -> None:
    """Tell the other of the two that it does not take place."""
    _queue("meeting-cancelled", meeting, _other(meeting.mentorship, by), {"is_over": ""}, now=now)


def cancelled_at_the_end(meeting: Meeting, *, now: datetime) -> None:
    """Tell both that it does not take place, because the mentoring has ended."""
    for to in _both(meeting.mentorship):
        _queue("meeting-cancelled", meeting, to, {"is_over": "yes"}, now=now)


def _queue(kind: str, meeting: Meeting, to: User, told: dict[str, str], *, now: datetime) -> None:
    about = _about(meeting.mentorship, to)
    mine, page = about["link"], reverse("meeting", args=[meeting.public_id])
    context = {
        **about,
        "when": _when(meeting, to),
        "where": meeting.place,
        "link": mine if meeting.cancelled_at else f"{settings.SITE_URL}{page}",
        **told,
    }
    queue(kind, ("meeting", f"{meeting.public_id}:{to.public_id}"), to, context, now=now, step=meeting.sequence)


def _about(mentorship: Mentorship, to: User) -> dict[str, str]:
    is_mentor = to.pk == mentorship.mentor_id
    page = reverse("mentoring" if is_mentor else "mentoring-mine")
    return {
        "other": str(_other(mentorship, to)),
        "is_mentor": "yes" if is_mentor else "",
        "link": f"{settings.SITE_URL}{page}",
    }


def _when(meeting: Meeting, to: User) -> str:
    return span_in_words(meeting.starts_at, meeting.ends_at, to.time_zone)


def _both(mentorship: Mentorship) -> tuple[User, User]:
    return mentorship.mentor, mentorship.trainee


def _other(mentorship: Mentorship, one: User) -> User:
    return mentorship.trainee if one.pk == mentorship.mentor_id else mentorship.mentor
