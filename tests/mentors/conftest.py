"""Imogen, who mentors Alex, and Robin, who runs the desk."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests import factories
from tests.factories import LOS_ANGELES, NOW
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed
from workshops.mentors.models import Meeting, Mentorship
from workshops.people.models import Role, User

TEN = datetime(2027, 1, 20, 10, 0, tzinfo=LOS_ANGELES)
"""A Wednesday morning, nine days after what tests call now."""
HOUR = timedelta(hours=1)


def planned(mentorship: Mentorship, starts_at: datetime = TEN, **given: Any) -> Meeting:
    """A meeting of an hour that the mentor has planned."""
    told = {"by": mentorship.mentor, "now": NOW, **given}
    agreed = Agreed(starts_at, told.pop("minutes", 60), told.pop("place", "The green room"))
    return meetings.plan(mentorship, agreed, **told)


@pytest.fixture
def robin() -> User:
    """The registrar."""
    return factories.person(Role.REGISTRAR, name="Robin")


@pytest.fixture
def imogen() -> User:
    """A mentor in London."""
    return factories.person(Role.MENTOR, name="Imogen", pronouns="they/them", time_zone="Europe/London")


@pytest.fixture
def alex() -> User:
    """A trainee, who has said no time zone."""
    return factories.person(Role.TRAINEE, name="Alex", pronouns="she/her")


@pytest.fixture
def mentorship(imogen: User, alex: User, robin: User) -> Mentorship:
    """Imogen mentors Alex since today."""
    return mentorships.begin(imogen, alex, by=robin, now=NOW)


@pytest.fixture
def meeting(mentorship: Mentorship) -> Meeting:
    """They meet in nine days."""
    return planned(mentorship)
