"""Meetings in the calendars of the two who meet: no more of them are read than a calendar tells of."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.signals import post_init

from booking.calendars import building, stamps, tokens
from booking.calendars.models import FeedKind
from tests.factories import NOW
from tests.mentors.conftest import TEN
from workshops.clock import school_day
from workshops.mentors.models import Meeting, Mentorship
from workshops.people.models import User

pytestmark = pytest.mark.django_db
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
OPENS, CLOSES = building.window(school_day(NOW))
TODAY_BEGAN = NOW.replace(hour=0, minute=0, second=0, microsecond=0)


def told_and_read(user: User, kind: FeedKind) -> tuple[set[str], set[str]]:
    """The places that this calendar tells of, and those of the meetings that were read for it."""
    read: set[str] = set()

    def note(instance: Any, **_: object) -> None:
        read.add(instance.place)

    _, address = tokens.make(user, kind, now=NOW)
    found = stamps.private(kind, address.rpartition("/")[2].removesuffix(".ics"), NOW)
    assert found is not None
    post_init.connect(note, Meeting)
    try:
        feed = building.private(found[0])
    finally:
        post_init.disconnect(note, Meeting)
    return {entry.location for entry in feed.entries}, read


@pytest.mark.parametrize("kind", [FeedKind.MENTOR, FeedKind.TRAINEE])
def test_only_meetings_within_the_calendars_months_are_read(kind: FeedKind, mentorship: Mentorship) -> None:
    went = TODAY_BEGAN - building.CANCELLED_KEPT
    made: dict[str, dict[str, Any]] = {
        "long ago": {"starts_at": OPENS - SECOND},
        "first": {"starts_at": OPENS},
        "last": {"starts_at": CLOSES - SECOND},
        "far ahead": {"starts_at": CLOSES},
        "cancelled": {"cancelled_at": went},
        "cancelled long ago": {"cancelled_at": went - SECOND},
    }
    for place, fields in made.items():
        about = {"starts_at": TEN, "minutes": 60, "revised_at": NOW, **fields}
        Meeting.objects.create(mentorship=mentorship, place=place, **about)
    reader = mentorship.mentor if kind == FeedKind.MENTOR else mentorship.trainee
    told, read = told_and_read(reader, kind)
    assert told == read == {"first", "last", "cancelled"}
