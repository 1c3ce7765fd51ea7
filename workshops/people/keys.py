"""Making and revoking API tokens: the only writer of them, apart from the note of when one was last used."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from workshops.history.record import record
from workshops.people.models import ApiToken, Scope, User
from workshops.people.presence import hold_open
from workshops.transactions import writes


@writes
def issue(
    user: User, *, name: str, scopes: Iterable[Scope], lasts: timedelta, by: User | None, now: datetime
) -> tuple[ApiToken, str]:
    """Make a token; return it with its key, which cannot be had again. Locks its person.

    Raises:
        Closed: when they were erased or merged away.
    """
    hold_open(user)
    chosen = list(scopes)
    token, key = ApiToken.issue(user, name=name, scopes=chosen, now=now, lasts=lasts)
    about = ("person", user.public_id)
    record("token-issued", about=about, person=user, by=by, now=now, why=name, scopes=" ".join(chosen))
    return token, key


@writes
def revoke(token: ApiToken, *, by: User, now: datetime) -> bool:
    """End a token at once; the next request that carries it is refused. False when it had been revoked before."""
    changed = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now)
    if changed:
        about = ("person", token.user.public_id)
        record("token-revoked", about=about, person=token.user, by=by, now=now, why=token.name)
    return bool(changed)
