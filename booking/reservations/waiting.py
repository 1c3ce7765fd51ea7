"""Joining the line, leaving it, and the registrar's reordering of it."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError

from booking.reservations import emails, lifecycle, offers, releasing, waitlist
from booking.reservations.admission import AlreadyReserved, BookingClosed, promise_until
from booking.reservations.models import EntryState, Reservation, State, WaitlistEntry
from booking.reservations.rounds import one_by_one
from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort
from workshops.history.record import history_of, record, record_all
from workshops.people.models import User
from workshops.people.presence import stays_open
from workshops.prerequisites.facts import standing_of
from workshops.programme.models import school_terms
from workshops.transactions import TRIES, writes


class SeatsAvailable(Exception):
    """Nobody needs to wait: a seat could be reserved instead."""


class NotWaiting(Exception):
    """The entry has ended or has an offer by now."""


class LineChanged(Exception):
    """The line is not the one that was shown: someone joined, left or got an offer meanwhile."""


def join(
    cohort: Cohort, trainee: User, *, now: datetime, notice_days: int = 0, by: User | None = None, why: str = ""
) -> tuple[WaitlistEntry, bool]:
    """Put someone at the end of the line; return their entry, and whether it is new. Waiting already changes nothing.

    They need not be eligible yet. A seat that they have in another cohort is kept meanwhile. Locks the cohort.

    Raises:
        BookingClosed: when the cohort takes no reservations now.
        AlreadyReserved: with a seat in this cohort.
        SeatsAvailable: when a seat could be reserved instead.
    """
    if seats.any_left(cohort.pk, now):
        # In a transaction of its own: what is free goes to those who wait already, whatever becomes of this request.
        releasing.offer_on(cohort, now=now)
    for more_tries in reversed(range(TRIES)):
        try:
            return _join(cohort, trainee, now=now, notice_days=notice_days, by=by or trainee, why=why)
        except IntegrityError:  # the same person in two windows, or reserving at the same moment
            if not more_tries:
                raise
    raise AssertionError("unreachable")


@writes
def _join(
    cohort: Cohort, trainee: User, *, now: datetime, notice_days: int, by: User, why: str
) -> tuple[WaitlistEntry, bool]:
    is_open = stays_open(trainee.pk)
    fresh = waitlist.lock_cohort(cohort.pk)
    if not is_open or not fresh.is_bookable(now):
        raise BookingClosed
    here = Reservation.objects.holding_a_seat(now).filter(cohort=cohort, trainee=trainee)
    if seated := here.exclude(state=State.OFFERED).select_related("cohort", "trainee").first():
        raise AlreadyReserved(seated)
    if known := waitlist.place_of(cohort.pk, trainee.pk):
        if known.offer is None or known.offer.state_at(now) == State.OFFERED:
            return known, False
        # Their offer ran out and nobody has noticed yet: it goes on to the next, and they to the end.
        seats.release_lapsed(cohort.pk, trainee.pk, now)
        record_all(lifecycle.expired(known.offer, now))
    offers.offer_free_seats(cohort.pk, now=now)  # what is free and owed to the others is not available
    if seats.any_left(cohort.pk, now):
        raise SeatsAvailable
    entry = waitlist.joined(fresh, trainee, notice_days=notice_days, now=now)
    place = waitlist.position(entry) or 1
    about = ("waitlist", entry.public_id)
    record("line-joined", about=about, person=trainee, by=by, now=now, why=why, place=place, days=notice_days)
    today = school_day(now)
    standing, _ = standing_of(trainee, fresh.module.code, today, fresh.pk)
    may_promise = promise_until(fresh, fresh.terms(school_terms()), today) is not None
    emails.line_joined(entry, place, standing, may_promise=may_promise, now=now)
    return entry, True


@writes
def leave(entry: WaitlistEntry, *, now: datetime, by: User, why: str = "") -> WaitlistEntry:
    """Take someone out of the line; an open offer is declined by that. Locks the cohort. Having left changes nothing.

    Raises:
        NotWaiting: when it has ended in another way.
    """
    waitlist.lock_cohort(entry.cohort_id)
    fresh = _fresh(entry)
    if fresh.state == EntryState.OFFERED and fresh.offer is not None:
        try:
            offers.decline(fresh.offer, now=now, by=by, why=why)
        except offers.OfferGone:
            raise NotWaiting from None
        if by.pk != fresh.trainee_id:
            emails.line_left(fresh, why=why, now=now)
        return _fresh(entry)
    if fresh.state == EntryState.WITHDRAWN:
        return fresh
    if not waitlist.left(fresh, now):
        raise NotWaiting
    record("line-left", about=("waitlist", fresh.public_id), person=fresh.trainee, by=by, now=now, why=why)
    if by.pk != fresh.trainee_id:
        emails.line_left(fresh, why=why, now=now)
    return _fresh(entry)


@writes
def set_notice(entry: WaitlistEntry, days: int, *, now: datetime, by: User) -> WaitlistEntry:
    """Say how many days' notice someone needs; a seat that is free and fits is theirs at once. Locks the cohort.

    Raises:
        NotWaiting: when they do not wait any more.
    """
    waitlist.lock_cohort(entry.cohort_id)
    fresh = _fresh(entry)
    if fresh.state != EntryState.WAITING:
        raise NotWaiting
    if fresh.notice_days != days:
        waitlist.needs_notice(fresh, days)
        about = ("waitlist", fresh.public_id)
        record("line-notice-changed", about=about, person=fresh.trainee, by=by, now=now, days=days)
        offers.offer_free_seats(fresh.cohort_id, now=now)
    return _fresh(entry)


@writes
def reorder(cohort: Cohort, order: Sequence[str], *, now: datetime, by: User, why: str) -> None:
    """Bring those who wait into this order, by their public ids, for a reason. Locks the cohort.

    Whoever comes to a later place is told, with the reason.

    Raises:
        LineChanged: when these are not exactly the people who wait now.
    """
    waitlist.lock_cohort(cohort.pk)
    waiting = list(
        WaitlistEntry.objects.waiting().filter(cohort=cohort).in_turn().select_related("trainee", "cohort__venue")
    )
    before = [entry.public_id for entry in waiting]
    if sorted(order) != sorted(before):
        raise LineChanged
    if list(order) == before:
        return
    by_id = {entry.public_id: entry for entry in waiting}
    waitlist.renumber([by_id[public_id] for public_id in order])
    moved_back = []
    for place, public_id in enumerate(order, start=1):
        if place != (was := before.index(public_id) + 1):
            entry, about = by_id[public_id], ("waitlist", public_id)
            record("line-reordered", about=about, person=entry.trainee, by=by, now=now, why=why, place=place, was=was)
            if place > was and entry.trainee_id != by.pk:
                moved_back.append((entry, was, place))
    record("line-reordered-here", about=("cohort", cohort.public_id), by=by, now=now, why=why)
    times = history_of("cohort", cohort.public_id).filter(what="line-reordered-here").count()
    emails.line_reordered(moved_back, why=why, step=times, now=now)


@writes
def close(cohort: Cohort, *, why: str, now: datetime, by: User | None = None) -> int:
    """End the line of a cohort that has begun or will not run, and tell everyone in it; return how many waited.

    Locks the cohort. Open offers are their callers' matter.
    """
    waitlist.lock_cohort(cohort.pk)
    waiting = list(
        WaitlistEntry.objects.waiting().filter(cohort=cohort).in_turn().select_related("trainee", "cohort__venue")
    )
    for entry in waiting:
        waitlist.closed(entry, now)
        about = ("waitlist", entry.public_id)
        record("line-closed", about=about, person=entry.trainee, by=by, now=now, why=why)
        emails.line_closed(entry, why=why, now=now)
    return len(waiting)


def close_begun(now: datetime) -> int:
    """End the lines of cohorts that have begun; return how many people were told."""
    begun = Cohort.objects.filter(
        pk__in=WaitlistEntry.objects.waiting().values("cohort"), starts_on__lte=school_day(now)
    )
    return one_by_one(begun, lambda cohort: close(cohort, why="It has begun.", now=now), "Closing a line")


def _fresh(entry: WaitlistEntry) -> WaitlistEntry:
    return WaitlistEntry.objects.select_related(
        "trainee", "cohort__venue", "cohort__module", "offer__cohort__venue", "offer__trainee"
    ).get(pk=entry.pk)
