"""The secrets of private calendars: the only writer of `FeedToken`.

A secret is known to whoever made it and to the calendar they gave it to; here is only its hash. It is no less than a
password for the days of one person in one role, so whoever loses it makes a new one, and the old one ends with that.
"""

import secrets
from datetime import datetime, timedelta

from django.conf import settings

from booking.calendars.clients import client_of
from booking.calendars.models import Client, FeedKind, FeedToken
from workshops.history.record import record
from workshops.people.models import Role, User
from workshops.people.presence import hold_open
from workshops.transactions import unless_busy, writes

NOTED_EVERY = timedelta(hours=1)
"""How old the note of the last fetch may be before another one is worth a write."""


class NoSuchRole(Exception):
    """This person does not hold the role whose calendar this is."""


def kinds_of(person: User) -> list[FeedKind]:
    """The kinds of calendar that this person may have: those of the roles they hold."""
    return [kind for kind in FeedKind if Role(kind) in person.roles]


def check(person: User, kind: FeedKind) -> None:
    """Raise NoSuchRole unless they may have this calendar."""
    if kind not in kinds_of(person):
        raise NoSuchRole(kind)


def address_of(kind: FeedKind, secret: str) -> str:
    """Where a private calendar is fetched."""
    return f"{settings.SITE_URL}/calendar/{kind}/{secret}.ics"


@writes
def make(user: User, kind: FeedKind, *, now: datetime) -> tuple[FeedToken, str]:
    """Make a secret address for this calendar of theirs; return the token and the address, which cannot be had again.

    Where they have one already, it ends in the same moment; whether due dates stand in the calendar is kept. Locks the
    account.

    Raises:
        Closed: when it was erased or merged away.
        NoSuchRole: when they do not hold the role.
    """
    hold_open(user)
    if not user.role_grants.filter(role=kind).exists():
        raise NoSuchRole(kind)
    secret = secrets.token_urlsafe(32)
    fresh = {"digest": FeedToken.digest_of(secret), "created_at": now, "last_fetched_at": None, "last_client": ""}
    replaced = FeedToken.objects.filter(user=user, kind=kind).update(**fresh)
    if not replaced:
        FeedToken.objects.create(user=user, kind=kind, **fresh)
    _record("feed-replaced" if replaced else "feed-made", user, kind, by=user, now=now)
    return FeedToken.objects.get(user=user, kind=kind), address_of(kind, secret)


@writes
def revoke(user: User, kind: FeedKind, *, by: User, now: datetime) -> bool:
    """End this calendar's address at once; False when there is none. It may be one of a role they hold no more."""
    deleted, _ = FeedToken.objects.filter(user=user, kind=kind).delete()
    if deleted:
        _record("feed-revoked", user, kind, by=by, now=now)
    return bool(deleted)


@writes
def revoke_all(user: User, *, by: User, now: datetime) -> None:
    """End every private calendar of an account that somebody else takes over."""
    for kind in FeedKind:
        revoke(user, kind, by=by, now=now)


@writes
def set_due_dates(user: User, kind: FeedKind, *, shown: bool) -> bool:
    """Whether dates by which something is due stand in this calendar; False when there is no such calendar."""
    return bool(FeedToken.objects.filter(user=user, kind=kind).update(with_due_dates=shown))


def fetched(
    token_id: int, user_agent: str, *, last_fetched_at: datetime | None, last_client: str, now: datetime
) -> None:
    """Note that a calendar was fetched, and by what kind of program.

    `last_fetched_at` and `last_client` are what its token says. It is written once in `NOTED_EVERY`, and when another
    kind of program comes. A note is worth no waiting: where the row or the database is busy, it is left to the next
    fetch, and nobody hears of it.
    """
    client = client_of(user_agent)
    if last_fetched_at is not None and last_client == client and now - last_fetched_at < NOTED_EVERY:
        return
    _note(token_id, client, now)


@unless_busy
def _note(token_id: int, client: Client, now: datetime) -> None:
    free = FeedToken.objects.select_for_update(skip_locked=True).filter(pk=token_id).values_list("pk", flat=True)
    FeedToken.objects.filter(pk__in=list(free)).update(last_fetched_at=now, last_client=client)


def _record(what: str, user: User, kind: FeedKind, *, by: User, now: datetime) -> None:
    record(what, about=("person", user.public_id), person=user, by=by, now=now, kind=str(kind))
