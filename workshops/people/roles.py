"""Giving and taking roles: the only writer of them."""

from datetime import datetime

from workshops.history.record import record
from workshops.people.models import Role, RoleGrant, User
from workshops.transactions import writes


@writes
def grant(user: User, role: Role, *, by: User | None, now: datetime) -> bool:
    """Give `user` this role; say whether that changed anything."""
    _, created = RoleGrant.objects.get_or_create(user=user, role=role, defaults={"granted_at": now})
    if created:
        record("role-granted", about=("person", user.public_id), person=user, by=by, now=now, why=role.label)
    user.__dict__.pop("roles", None)
    return created


@writes
def withdraw(user: User, role: Role, *, by: User | None, now: datetime) -> bool:
    """Take this role from `user`; say whether that changed anything."""
    deleted, _ = RoleGrant.objects.filter(user=user, role=role).delete()
    if deleted:
        record("role-withdrawn", about=("person", user.public_id), person=user, by=by, now=now, why=role.label)
    user.__dict__.pop("roles", None)
    return bool(deleted)
