"""The only writer of seats.

Every road to a seat goes through `claim`. Each function is meant to run inside the transaction of the command that
calls it, and returns facts: which seat, and whose lapsed hold it displaced. Locks are always taken in the order
cohort, seat, reservation, entry in the line, charge, payment; whoever keeps to it cannot block another for ever.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Case, DateTimeField, Exists, F, QuerySet, Value, When

from workshops.cohorts.models import Cohort, Seat, SeatStatus, seat_is_free
from workshops.compiled import Compiled, Parameter
from workshops.people.models import User
from workshops.people.presence import open_account


class CohortFull(Exception):
    """No seat is left for whoever asked."""


@dataclass(frozen=True)
class Claimed:
    """A seat that was claimed, and the occupant whose hold on it had run out (it may be the same person)."""

    number: int
    displaced_id: int | None


class SeatsInUse(Exception):
    """The cohort cannot shrink that far: `occupants` are in the seats that would go."""

    def __init__(self, free: int, occupants: list[User]) -> None:
        super().__init__(f"Only {free} seats are free.")
        self.free = free
        self.occupants = occupants


def make(cohort: Cohort, capacity: int, *, now: datetime) -> list[int]:
    """Bring the cohort to `capacity` seats: add rows, or remove free ones from the highest number down.

    A seat whose hold ran out is as good as a free one and goes after those. Returns the ids of the occupants whose
    lapsed holds went with their seats. Locks the seats that are free.

    Raises:
        SeatsInUse: when fewer than needed are free; nothing has changed then.
    """
    numbers = list(cohort.seats.values_list("number", flat=True))
    if capacity > len(numbers):
        unused = (number for number in range(1, capacity + len(numbers) + 1) if number not in set(numbers))
        Seat.objects.bulk_create(
            Seat(cohort=cohort, number=number)
            for number, _ in zip(unused, range(capacity - len(numbers)), strict=False)
        )
        return []
    surplus = len(numbers) - capacity
    free = list(
        cohort.seats.select_for_update()
        .filter(seat_is_free(now))
        .order_by(F("held_until").asc(nulls_first=True), "-number")
    )
    if len(free) < surplus:
        occupants = User.objects.filter(seats__in=cohort.seats.exclude(seat_is_free(now)))
        raise SeatsInUse(len(free), list(occupants.order_by("name", "email")))
    Seat.objects.filter(pk__in=[seat.pk for seat in free[:surplus]]).delete()
    return [seat.occupant_id for seat in free[:surplus] if seat.occupant_id is not None]


def any_left(cohort_id: int, now: datetime) -> bool:
    """Whether a seat could be claimed, as of `now`. Takes no lock: most people who come too late need no more."""
    return Seat.objects.filter(seat_is_free(now), cohort_id=cohort_id).exists()


def claim(
    cohort_id: int,
    occupant_id: int,
    *,
    until: datetime | None,
    now: datetime,
    number: int | None = None,
    keeping_open: bool = False,
) -> Claimed:
    """Take one seat for this person: held until `until`, or taken for good when that is None.

    `number` asks for one certain seat, for two people who change places.

    A seat whose hold ran out is as good as a free one, and the person's own comes first, since nobody may have two.
    Locks the one seat it takes. Where every free seat is being taken by others at this moment, it waits for them once,
    because one of them may yet step back.

    `keeping_open`, for whoever asks for themselves and has locked nothing that says whose it is: their account must be
    open, and stays so until the transaction ends. It is the same statement, since it is asked for every seat.

    Raises:
        CohortFull: when no seat is left, or that account was merged or erased at this very moment.
    """
    if number is None:
        wanted = {"cohort": cohort_id, "occupant": occupant_id, "now": now}
        ways = [_FREE, _FREE_SOON] if connection.features.has_select_for_update else [_FREE]
    else:
        wanted = {"cohort": cohort_id, "number": number, "now": now}
        ways = [_THAT_ONE]
    found = next((seat for way in ways if (seat := _take(way, wanted, occupant_id, until, keeping_open))), None)
    if found is None:
        raise CohortFull
    return found


def _free(**which: Parameter) -> QuerySet[Seat]:
    free = Seat.objects.filter(
        seat_is_free(Parameter("now", DateTimeField())), cohort=Parameter("cohort", _KEY), **which
    )
    return free.only("pk", "number", "occupant_id")


def _own_first(free: QuerySet[Seat]) -> QuerySet[Seat]:
    return free.order_by(
        Case(When(occupant=Parameter("occupant", _KEY), then=Value(0)), default=Value(1)),
        F("held_until").asc(nulls_first=True),
        "number",
    )[:1]


_KEY = BigIntegerField()
_FREE = Compiled(lambda: _own_first(_free().select_for_update(skip_locked=True)))
_FREE_SOON = Compiled(lambda: _own_first(_free().select_for_update()))
_THAT_ONE = Compiled(lambda: _free(number=Parameter("number", _KEY)).order_by().select_for_update())
_ANYONE = "SELECT %s"
_WHO = "SELECT id FROM workshops_user WHERE id = %s AND is_active FOR SHARE"
_TO = "UPDATE workshops_seat SET status = %s, occupant_id = %s, held_until = %s"


def _take(
    way: Compiled[Seat], wanted: dict[str, Any], occupant_id: int, until: datetime | None, keeping_open: bool
) -> Claimed | None:
    """Find a seat, lock it and make it theirs: one statement on PostgreSQL, which returns who had it before."""
    becomes = [SeatStatus.HELD if until else SeatStatus.TAKEN, occupant_id, until]
    if connection.vendor == "sqlite":
        for seat in way(**wanted):
            its = Seat.objects.filter(pk=seat.pk)
            its = its.filter(Exists(open_account(occupant_id))) if keeping_open else its
            if its.update(status=becomes[0], occupant_id=occupant_id, held_until=until):
                return Claimed(number=seat.number, displaced_id=seat.occupant_id)
        return None
    finding, values = way.statement(**wanted)
    who = _WHO if keeping_open else _ANYONE
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH it AS MATERIALIZED ({finding}), who AS MATERIALIZED ({who}) "
            f"{_TO} FROM it, who WHERE workshops_seat.id = it.id RETURNING it.number, it.occupant_id",
            [*values, occupant_id, *becomes],
        )
        row = cursor.fetchone()
    return Claimed(*row) if row else None


def lock(cohort_id: int, occupant_id: int) -> None:
    """Lock this person's seat, if they have one, for a command that will decide about it after reading more."""
    list(Seat.objects.select_for_update().filter(cohort_id=cohort_id, occupant_id=occupant_id).values_list("pk"))


def lock_of(people: Collection[int]) -> None:
    """Lock every seat of these people, in whatever cohort, for a command that will hand them over."""
    seats = Seat.objects.select_for_update(no_key=True).filter(occupant__in=people)
    list(seats.order_by("pk").values_list("pk"))


def hand_over(occupant_id: int, to_id: int) -> None:
    """Give every seat of one account to another account of the same person. The caller has locked them all.

    Raises:
        IntegrityError: when both have one in the same cohort.
    """
    Seat.objects.filter(occupant_id=occupant_id).update(occupant_id=to_id)


def take(cohort_id: int, occupant_id: int) -> bool:
    """Make this person's held seat theirs for good. False when they have none (any more)."""
    return bool(
        Seat.objects.filter(cohort_id=cohort_id, occupant_id=occupant_id, status=SeatStatus.HELD).update(
            status=SeatStatus.TAKEN, held_until=None
        )
    )


def hold_longer(cohort_id: int, occupant_id: int, *, until: datetime, now: datetime) -> bool:
    """Move the end of a hold that has not run out. False when there is none (any more)."""
    return bool(
        Seat.objects.filter(
            cohort_id=cohort_id, occupant_id=occupant_id, status=SeatStatus.HELD, held_until__gt=now
        ).update(held_until=until)
    )


def release(cohort_id: int, occupant_id: int) -> int | None:
    """Free this person's seat, held or taken; return its number, or None when they have none."""
    number = (
        Seat.objects.select_for_update()
        .filter(cohort_id=cohort_id, occupant_id=occupant_id)
        .values_list("number", flat=True)
        .first()
    )
    if number is not None:
        Seat.objects.filter(cohort_id=cohort_id, occupant_id=occupant_id).update(
            status=SeatStatus.FREE, occupant=None, held_until=None
        )
    return number


def release_lapsed(cohort_id: int, occupant_id: int, now: datetime) -> bool:
    """Free this person's seat if its hold has run out; False when it has not, or is someone else's by now."""
    return bool(
        Seat.objects.filter(
            cohort_id=cohort_id, occupant_id=occupant_id, status=SeatStatus.HELD, held_until__lte=now
        ).update(status=SeatStatus.FREE, occupant=None, held_until=None)
    )


@dataclass(frozen=True)
class Kept:
    """A seat that is kept back, and the occupant whose lapsed hold on it ended with that."""

    number: int
    displaced_id: int | None


class SeatInUse(Exception):
    """The seat cannot be kept back: `occupant` has it."""

    def __init__(self, number: int, occupant: User) -> None:
        super().__init__(f"Seat {number} is in use.")
        self.number = number
        self.occupant = occupant


def keep_back(cohort_id: int, number: int, *, now: datetime) -> Kept | None:
    """Let nobody have this seat: free, or with a hold that ran out, it becomes blocked. None when it is already.

    Locks the seat. A cohort must have one of this number.

    Raises:
        SeatInUse: when someone holds or has taken it; nothing has changed then.
    """
    # Without its occupant: who waited for a lock gets the row as it is now, but joined to whoever was there before.
    seat = Seat.objects.select_for_update().get(cohort=cohort_id, number=number)
    if seat.status == SeatStatus.BLOCKED:
        return None
    is_over = seat.held_until is not None and seat.held_until <= now
    if seat.occupant is not None and not is_over:
        raise SeatInUse(number, seat.occupant)
    Seat.objects.filter(pk=seat.pk).update(status=SeatStatus.BLOCKED, occupant=None, held_until=None)
    return Kept(number, seat.occupant_id)


def give_out(cohort_id: int, number: int) -> bool:
    """Let anyone have a seat that was kept back. False when it is not (any more)."""
    return bool(
        Seat.objects.filter(cohort=cohort_id, number=number, status=SeatStatus.BLOCKED).update(status=SeatStatus.FREE)
    )


def shut(cohort_id: int) -> None:
    """Block every seat that nobody has: a cohort that will not run gives none away, whoever is asking at this moment.

    The caller has freed the others and holds the locks of all of them (`lock_all`).
    """
    Seat.objects.filter(cohort_id=cohort_id, status=SeatStatus.FREE).update(status=SeatStatus.BLOCKED)


def lock_all(cohort_id: int) -> None:
    """Lock every seat of a cohort: whoever is taking one has taken it before this returns, or waits until it ends."""
    list(Seat.objects.select_for_update().filter(cohort_id=cohort_id).order_by("pk").values_list("pk"))
