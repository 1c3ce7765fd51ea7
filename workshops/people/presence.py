"""Whether an account is open, for commands that give it something while others may be merging or erasing it."""

from django.db import connection
from django.db.models import QuerySet

from workshops.people.closing import Closed
from workshops.people.models import User


def open_account(user_id: int) -> QuerySet[User]:
    """This account, if it is open."""
    return User.objects.filter(pk=user_id, is_active=True)


def stays_open(user_id: int) -> bool:
    """Whether this account is open; if so, nobody closes it before the caller's transaction ends.

    The first lock of whoever is about to lock a cohort or a seat of theirs and give them something there. It is shared,
    so that only those who close accounts (`lock`) wait for it. `cohorts.seats.claim` can ask it in its own statement.
    """
    locking = " FOR SHARE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM workshops_user WHERE id = %s AND is_active{locking}", [user_id])  # noqa: S608
        return cursor.fetchone() is not None


def lock(*user_ids: int) -> dict[int, User]:
    """Lock these accounts, in the order of their keys, and read them under the lock."""
    locked = User.objects.select_for_update(no_key=True).filter(pk__in=user_ids).order_by("pk")
    return {user.pk: user for user in locked}


def hold_open(user: User) -> User:
    """The account of somebody about whom something is written now, locked: nobody closes it until that is committed.

    The first lock of whoever writes, since closing an account locks that first as well. An account whose person may
    not sign in at the moment is open all the same.

    Raises:
        Closed: when it was erased or merged into another one, maybe since it was read.
    """
    found = lock(user.pk).get(user.pk)
    if found is None or found.is_closed:
        raise Closed(found)
    return found
