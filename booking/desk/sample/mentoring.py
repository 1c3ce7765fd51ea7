"""A mentor and a trainee of the sample season who meet soon, brought together by the commands that everybody uses."""

from datetime import datetime, time, timedelta

from workshops.clock import SCHOOL_ZONE, school_day
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed
from workshops.people.models import User

MENTOR, TRAINEE = "imogen@example.org", "alex@example.org"


def bring_together(mentor: User, trainee: User, registrar: User, now: datetime) -> None:
    """Let one mentor the other since a moment ago, and meet in nine days, in the morning of Los Angeles."""
    mentorship = mentorships.begin(mentor, trainee, by=registrar, now=now)
    starts_at = datetime.combine(school_day(now) + timedelta(days=9), time(10), SCHOOL_ZONE)
    agreed = Agreed(starts_at, minutes=60, place="https://example.org/sample-video-call")
    meetings.plan(mentorship, agreed, by=mentor, now=now)
