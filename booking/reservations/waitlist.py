"""The line: who waits, who is passed over and why, how many seats are owed to it; the only writer of its entries.

Whose turn comes first is one rule: `WaitlistQuerySet.in_turn`. Joining the line and freeing a seat both lock the
cohort's row first (`lock_cohort`), so that no seat can end up free beside someone who has just joined.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import F, Max

from booking.reservations.admission import promise_until
from booking.reservations.deadlines import offer_ends
from booking.reservations.models import IN_LINE, EntryState, Reservation, WaitlistEntry
from workshops.clock import school_day
from workshops.cohorts.models import Cohort
from workshops.people.models import User
from workshops.prerequisites.check import Standing
from workshops.prerequisites.facts import standings_of
from workshops.programme.models import school_terms
from workshops.programme.terms import Terms


def lock_cohort(cohort_id: int) -> Cohort:
    """Lock a cohort's row and read it under the lock: the first lock of whoever joins a line or frees a seat.

    Plain claims neither take it nor wait for it: a new reservation locks its cohort's key only (FOR KEY SHARE).
    """
    Cohort.objects.select_for_update(no_key=True).only("pk").get(pk=cohort_id)
    # In a statement of its own: one that has waited for the lock would bring the row as it is and its relations as
    # they were.
    return Cohort.objects.select_related("module", "venue").get(pk=cohort_id)


def lock_cohorts(cohort_ids: Iterable[int]) -> dict[int, Cohort]:
    """Lock several cohorts, in the order of their keys, so that two who need the same ones cannot block each other."""
    return {cohort_id: lock_cohort(cohort_id) for cohort_id in sorted(set(cohort_ids))}


# -- the rules ---------------------------------------------------------------------------------------------------------
def offers_end(cohort: Cohort, terms: Terms, now: datetime) -> datetime | None:
    """When an offer made now would end; None when the cohort makes none (closed, begun, or no time left by day)."""
    return offer_ends(now, terms, cohort.bookings_close_at) if cohort.is_bookable(now) else None


def may_be_offered(entry: WaitlistEntry, standing: Standing, cohort: Cohort, terms: Terms, today: date) -> bool:
    """Whether a seat may be offered to this person on this day: with an account, warned early enough, and eligible.

    Eligible as for anyone: where the cohort lets people promise the prerequisites, nobody who promises overtakes the
    line.
    """
    may_enter = standing.eligible or promise_until(cohort, terms, today) is not None
    return may_enter and entry.trainee.is_active and has_notice(entry, cohort.starts_on, today)


def has_notice(entry: WaitlistEntry, starts_on: date, today: date) -> bool:
    """Whether the cohort is far enough away for someone who asked for so many days' notice."""
    return (starts_on - today).days >= entry.notice_days


# -- reading -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Line:
    """The line of one cohort: how many wait, and how many of its free seats are owed to them."""

    length: int = 0
    owed: int = 0


def lines(cohorts: Sequence[Cohort], now: datetime) -> Mapping[int, Line]:
    """The lines of these cohorts, by their keys.

    Two statements at most, and two more for a cohort that has both free seats and people waiting: which is so only
    until the next claim, or where nobody in line is eligible.
    """
    waiting: dict[int, list[WaitlistEntry]] = {cohort.pk: [] for cohort in cohorts}
    for entry in WaitlistEntry.objects.waiting().filter(cohort__in=waiting).in_turn().select_related("trainee"):
        waiting[entry.cohort_id].append(entry)
    schools = school_terms() if any(waiting.values()) else Terms()
    return {
        cohort.pk: Line(len(waiting[cohort.pk]), _owed(cohort, waiting[cohort.pk], cohort.terms(schools), now))
        for cohort in cohorts
    }


def _owed(cohort: Cohort, waiting: list[WaitlistEntry], terms: Terms, now: datetime) -> int:
    free = getattr(cohort, "free_seats", None)
    if not waiting or free == 0 or offers_end(cohort, terms, now) is None:
        return 0
    today = school_day(now)
    standings = standings_of([entry.trainee for entry in waiting], cohort.module.code, today, cohort.pk)
    return sum(may_be_offered(entry, standings[entry.trainee_id], cohort, terms, today) for entry in waiting)


def seats_left(cohort: Cohort, line: Line) -> int:
    """How many seats anyone may take: free and lapsed ones less those owed to eligible people waiting, never below 0.

    `cohort` was read with `with_seats_left`.
    """
    free: int = cohort.free_seats  # type: ignore[attr-defined]
    return max(free - line.owed, 0)


def position(entry: WaitlistEntry) -> int | None:
    """Someone's place in the line, 1 for the first; None for whoever does not wait (any more)."""
    if entry.state != EntryState.WAITING:
        return None
    in_turn = WaitlistEntry.objects.waiting().filter(cohort=entry.cohort_id).in_turn().values_list("pk", flat=True)
    return list(in_turn).index(entry.pk) + 1 if entry.pk in in_turn else None


def place_of(cohort_id: int, trainee_id: int) -> WaitlistEntry | None:
    """This person's entry in the line of a cohort, where they wait or have an offer."""
    return WaitlistEntry.objects.filter(cohort=cohort_id, trainee=trainee_id, state__in=IN_LINE).first()


# -- writing, inside the commands that call these ----------------------------------------------------------------------
def joined(cohort: Cohort, trainee: User, *, notice_days: int, now: datetime) -> WaitlistEntry:
    """The entry of someone who joins at the end. The caller has locked the cohort.

    Whoever gets the lock first is first: a request that began earlier and came through later does not slip in front of
    someone who has been told their place already.
    """
    last = WaitlistEntry.objects.waiting().filter(cohort=cohort).aggregate(rank=Max("rank"), at=Max("joined_at"))
    return WaitlistEntry.objects.create(
        cohort=cohort,
        trainee=trainee,
        rank=last["rank"] or 0,
        joined_at=max(now, last["at"] or now),
        revised_at=now,
        notice_days=notice_days,
    )


def _noticed(now: datetime) -> dict[str, Any]:
    """What a change that the person's calendar must notice writes beside it."""
    return {"sequence": F("sequence") + 1, "revised_at": now}


def told(entries: Sequence[WaitlistEntry], today: date) -> None:
    """They have heard today why a free seat has passed them."""
    WaitlistEntry.objects.filter(pk__in=[entry.pk for entry in entries]).update(told_on=today)


def offered(entry: WaitlistEntry, offer: Reservation, now: datetime) -> None:
    """Their turn has come."""
    WaitlistEntry.objects.filter(pk=entry.pk).update(state=EntryState.OFFERED, offer=offer, **_noticed(now))


def ended(offer: Reservation, to: EntryState, now: datetime) -> None:
    """The offer was accepted, declined or ran out: the entry it came from ends with it."""
    WaitlistEntry.objects.filter(offer=offer, state=EntryState.OFFERED).update(state=to, ended_at=now, **_noticed(now))


def seated(cohort_id: int, trainee_id: int, now: datetime) -> None:
    """Whoever got a seat by any road does not wait for one any more."""
    WaitlistEntry.objects.filter(cohort=cohort_id, trainee=trainee_id, state__in=IN_LINE).update(
        state=EntryState.SEATED, ended_at=now, **_noticed(now)
    )


def left(entry: WaitlistEntry, now: datetime) -> bool:
    """They do not want to wait any more. False when they do not wait."""
    return bool(
        WaitlistEntry.objects.filter(pk=entry.pk, state=EntryState.WAITING).update(
            state=EntryState.WITHDRAWN, ended_at=now, **_noticed(now)
        )
    )


def closed(entry: WaitlistEntry, now: datetime) -> None:
    """There is nothing to wait for any more."""
    WaitlistEntry.objects.filter(pk=entry.pk, state=EntryState.WAITING).update(
        state=EntryState.LAPSED, ended_at=now, **_noticed(now)
    )


def hand_over(trainee: User, to: User) -> list[WaitlistEntry]:
    """Give every place in line of one account to another account of the same person; return them.

    The caller has locked the cohorts where they wait, and ended what the two would have twice.

    Raises:
        IntegrityError: when both are in line for the same cohort.
    """
    theirs = list(WaitlistEntry.objects.filter(trainee=trainee))
    WaitlistEntry.objects.filter(trainee=trainee).update(trainee=to)
    return theirs


def needs_notice(entry: WaitlistEntry, days: int) -> None:
    """How far away the cohort must be for a seat to be offered to them."""
    WaitlistEntry.objects.filter(pk=entry.pk).update(notice_days=days)


def renumber(entries: Sequence[WaitlistEntry]) -> None:
    """Number everyone who waits, in this order, from 1."""
    for rank, entry in enumerate(entries, start=1):
        WaitlistEntry.objects.filter(pk=entry.pk).update(rank=rank)
