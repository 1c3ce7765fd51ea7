"""What the page to subscribe on shows: the public calendar, and the private ones that its reader may have."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from booking.calendars.clients import Ways
from booking.calendars.models import Client, FeedKind, FeedToken
from booking.calendars.tokens import kinds_of
from workshops.clock import ago
from workshops.people.models import User

_SHOWS = {
    FeedKind.TRAINEE: (
        "The days of your seats, with the hours and the place. Where you wait in line or have an offer, its days stand "
        "there as tentative and keep nobody from booking you. Meetings with your mentor stand there too. If you have "
        "taken the days from our e-mails into the same calendar, each is there twice: remove the ones from the e-mail."
    ),
    FeedKind.INSTRUCTOR: (
        "The days you teach, with a link to the roster, which asks you to sign in. Nobody else's name stands in it."
    ),
    FeedKind.MENTOR: "The meetings you have planned as a mentor. Whom you meet does not stand in it.",
    FeedKind.REGISTRAR: (
        "Every cohort, drafts as tentative, and the days on which something is due or decided. No name stands in it."
    ),
}
_SECRET = {
    FeedKind.TRAINEE: (
        "Whoever has its address sees where you are on those days, when you owe something, and where you meet your "
        "mentor, a video call's address included. Give it to your own calendar and to nobody else."
    ),
    FeedKind.INSTRUCTOR: (
        "Whoever has its address sees where you are on those days. Give it to your own calendar and to nobody else."
    ),
    FeedKind.MENTOR: (
        "Whoever has its address sees when and where you meet somebody, a video call's address included. Give it to "
        "your own calendar and to nobody else."
    ),
    FeedKind.REGISTRAR: (
        "Whoever has its address sees cohorts that are not published yet. Give it to your own calendar and to nobody "
        "outside the desk."
    ),
}
WITH_DUE_DATES = frozenset({FeedKind.TRAINEE})
"""Where dates by which something is due stand beside the days, and can be left out."""


@dataclass(frozen=True)
class Own:
    """One private calendar of the reader's, or one that they may make."""

    kind: FeedKind
    token: FeedToken | None
    may_make: bool
    now: datetime

    @property
    def shows(self) -> str:
        """What stands in it."""
        return _SHOWS[self.kind]

    @property
    def secret(self) -> str:
        """What whoever has its address knows, and who therefore must not have it."""
        return _SECRET[self.kind]

    @property
    def seen(self) -> str:
        """Which address the page shows there is: its form says so, and is not taken twice."""
        return _seen(self.token)

    @property
    def has_due_dates(self) -> bool:
        """Whether there are due dates to leave out."""
        return self.kind in WITH_DUE_DATES

    @property
    def fetched(self) -> str:
        """When it was fetched last, and by what."""
        if self.token is None or self.token.last_fetched_at is None:
            return ""
        client = Client(self.token.last_client)
        by = "another program" if client == Client.OTHER else client.label
        return f"{ago(self.token.last_fetched_at, self.now)} by {by}"


def public_calendar() -> Ways:
    """The calendar of all cohorts, for anyone."""
    return Ways(settings.SITE_URL + reverse("calendar-cohorts"), "CINTIMA Module IV workshops")


def own_calendars(person: User, now: datetime) -> list[Own]:
    """The private calendars that they have or may have. One of a role they hold no more can only be ended."""
    tokens = {token.kind: token for token in FeedToken.objects.filter(user=person)}
    held = kinds_of(person)
    return [Own(kind, tokens.get(kind), kind in held, now) for kind in FeedKind if kind in held or kind in tokens]


def is_stale(person: User, kind: FeedKind, seen: str | None) -> bool:
    """Whether a form was sent from a page that showed another address of this calendar than there is, or none."""
    return seen is not None and seen != _seen(FeedToken.objects.filter(user=person, kind=kind).first())


def _seen(token: FeedToken | None) -> str:
    return f"{token.created_at:%Y%m%d%H%M%S%f}" if token else "none"


def ways_to(kind: FeedKind, address: str) -> Ways:
    """How to subscribe to the private calendar that was made at this address."""
    return Ways(address, f"CINTIMA: {kind.label.lower()}")
