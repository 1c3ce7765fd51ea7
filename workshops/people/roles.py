"""Giving and taking roles: the only writer of them."""

from datetime import datetime

from django.db.models import QuerySet

from workshops.history.record import line, record, record_all
from workshops.people.models import Role, RoleGrant, User
from workshops.people.presence import hold_open
from workshops.transactions import writes


def registrars() -> QuerySet[RoleGrant]:
    """The grants of all who can run the desk, in the order in which they are locked: a closed account cannot."""
    return RoleGrant.objects.filter(role=Role.REGISTRAR, user__is_active=True).order_by("pk")


@writes
def grant(user: User, role: Role, *, by: User | None, now: datetime) -> bool:
    """Give `user` this role; say whether that changed anything. Locks them.

    Raises:
        Closed: when they were erased or merged away.
    """
    hold_open(user)
    _, created = RoleGrant.objects.get_or_create(user=user, role=role, defaults={"granted_at": now})
    if created:
        record("role-granted", about=("person", user.public_id), person=user, by=by, now=now, why=role.label)
    user.__dict__.pop("roles", None)
    return created


@writes
def grant_to_new(users: list[User], role: Role, *, by: User | None, now: datetime) -> None:
    """Give this role to people whose accounts have just been made: two statements, however many they are."""
    RoleGrant.objects.bulk_create(RoleGrant(user=user, role=role, granted_at=now) for user in users)
    record_all(
        [
            line("role-granted", about=("person", user.public_id), person=user, by=by, now=now, why=role.label)
            for user in users
        ]
    )


@writes
def withdraw(user: User, role: Role, *, by: User | None, now: datetime, why: str = "") -> bool:
    """Take this role from `user`, for a reason where there is one to tell; say whether that changed anything."""
    deleted, _ = RoleGrant.objects.filter(user=user, role=role).delete()
    if deleted:
        record(
            "role-withdrawn",
            about=("person", user.public_id),
            person=user,
            by=by,
            now=now,
            why=". ".join(filter(None, (role.label, why))),
        )
    user.__dict__.pop("roles", None)
    return bool(deleted)
