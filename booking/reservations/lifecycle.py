"""The only writer of a reservation's state.

Each move is a conditional update of the state it expects, in the transaction that also moves the seat, writes the
history and queues the message. Locks go in the order cohort, seat, reservation, charge, payment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypedDict, cast

from django.db import IntegrityError
from django.db.models import OuterRef, Subquery
from django_stubs_ext import WithAnnotations

from booking.reservations import emails
from booking.reservations.models import LIVE, Charge, ChargeKind, Reservation, State
from workshops.clock import end_of_school_day, school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.models import HistoryLine
from workshops.history.record import line, record_all
from workshops.people.models import User
from workshops.prerequisites.check import Standing
from workshops.prerequisites.facts import standing_of
from workshops.programme.models import ConductText, Price, school_terms
from workshops.programme.terms import Terms
from workshops.transactions import writes

# Late money may bring an expired reservation back, when a seat is left: see `payments.settling`.
MOVES: Mapping[State, frozenset[State]] = {
    State.OFFERED: frozenset({State.HELD, State.EXPIRED}),
    State.HELD: frozenset({State.RESERVED, State.CONFIRMED, State.EXPIRED, State.CANCELLED, State.TRANSFERRED}),
    State.RESERVED: frozenset({State.CONFIRMED, State.CANCELLED, State.TRANSFERRED}),
    State.CONFIRMED: frozenset({State.CANCELLED, State.TRANSFERRED}),
    State.EXPIRED: frozenset({State.RESERVED, State.CONFIRMED}),
    State.CANCELLED: frozenset(),
    State.TRANSFERRED: frozenset(),
}


class Refused(Exception):
    """A seat was refused. When several reasons hold, the first of: closed, already reserved, prerequisites, full."""


class BookingClosed(Refused):
    """The cohort takes no reservations now."""


class AlreadyReserved(Refused):
    """The person holds a seat, in this cohort or (where the terms allow one only) in another."""

    def __init__(self, reservation: Reservation) -> None:
        super().__init__()
        self.reservation = reservation


class PrerequisitesUnmet(Refused):
    """Something that the module asks for is missing."""

    def __init__(self, standing: Standing) -> None:
        super().__init__()
        self.standing = standing


class Full(Refused):
    """No seat is left."""


class Moved(Exception):
    """The reservation is no longer in the state that this move starts from."""

    def __init__(self, reservation: Reservation) -> None:
        super().__init__(f"It is {reservation.state} by now.")
        self.reservation = reservation


@dataclass(frozen=True)
class Quote:
    """What a seat would cost this person, and when, if they reserved at this moment."""

    price_cents: int
    deposit_cents: int
    currency: str
    balance_due_on: date
    paid_elsewhere: bool

    @property
    def balance_cents(self) -> int:
        """What is left after the deposit."""
        return self.price_cents - self.deposit_cents


def quote(cohort: Cohort, terms: Terms, price: Price | None, *, entitled: bool, today: date) -> Quote:
    """Work out price, deposit and balance date. Once the balance date has come, everything is due at once."""
    due_on = cohort.starts_on - timedelta(days=terms.balance_due_days)
    cents = 0 if entitled or price is None else price.amount_cents
    deposit = cents if today >= due_on else min(terms.deposit_cents, cents)
    return Quote(
        price_cents=cents,
        deposit_cents=deposit,
        currency=price.currency if price else "USD",
        balance_due_on=due_on,
        paid_elsewhere=entitled,
    )


def hold(cohort: Cohort, trainee: User, *, now: datetime, by: User | None = None) -> Reservation:
    """Take a seat for `trainee` and hold it for its deposit; straight on where nothing is owed now.

    Whoever calls this has shown the conduct text in force and been told that it is accepted: the reservation records
    which version, and when. `by` is who asked: the trainee unless a registrar acts for them.

    Locks one seat row, then the reservation of whoever's lapsed hold it displaces.

    Raises:
        BookingClosed, AlreadyReserved, PrerequisitesUnmet, Full: in that order.
    """
    try:
        return _hold(cohort, trainee, now=now, by=by)
    except IntegrityError:
        # Two requests of one person at the same moment: the database let one through, and that one counts.
        rival = Reservation.objects.filter(trainee=trainee, state__in=LIVE).select_related("cohort").first()
        if rival is None:
            raise
        raise AlreadyReserved(rival) from None


@writes
def _hold(cohort: Cohort, trainee: User, *, now: datetime, by: User | None) -> Reservation:
    cohort = fresh = _as_it_stands(cohort.pk, school_day(now))
    if not cohort.is_bookable(now) or fresh.price_cents is None:
        raise BookingClosed
    terms = cohort.terms(school_terms())
    own = list(Reservation.objects.filter(trainee=trainee, state__in=LIVE).select_related("cohort"))
    _refuse_second_seat(own, cohort, terms, now)
    if over := [past.pk for past in own if past.is_only_one and past.cohort.ends_on < school_day(now)]:
        # Cohorts that have ended are no active seats; this is what the constraint needs to know.
        Reservation.objects.filter(pk__in=over).update(is_only_one=False)
    standing, facts = standing_of(trainee, cohort.module.code, school_day(now), cohort.pk)
    if not standing.eligible:
        raise PrerequisitesUnmet(standing)
    price = Price(amount_cents=fresh.price_cents, currency=fresh.price_currency or "USD")
    cost = quote(cohort, terms, price, entitled=cohort.module.code in facts.entitled, today=school_day(now))
    until = now + timedelta(minutes=terms.hold_minutes) if cost.deposit_cents else None
    lines = [
        entry
        for reservation in own
        if reservation.state_at(now) == State.EXPIRED and reservation.cohort_id != cohort.pk
        for entry in _expire_lapsed(reservation, now)
    ]
    try:
        claimed = seats.claim(cohort.pk, trainee.pk, until=until, now=now)
    except seats.CohortFull:
        raise Full from None
    if claimed.displaced_id is not None:
        lines += _expire_displaced(cohort.pk, claimed.displaced_id, now)
    state = State.HELD if until else State.RESERVED if cost.price_cents else State.CONFIRMED
    reservation = Reservation.objects.create(
        trainee=trainee,
        cohort=cohort,
        seat_number=claimed.number,
        state=state,
        held_until=until,
        price_cents=cost.price_cents,
        deposit_cents=cost.deposit_cents,
        currency=cost.currency,
        paid_elsewhere=cost.paid_elsewhere,
        balance_due_on=cost.balance_due_on,
        terms_frozen=terms.as_json(),
        conduct_id=fresh.conduct_id,
        conduct_accepted_at=now,
        is_only_one=terms.one_active_seat,
        created_at=now,
    )
    _charge(reservation, now)
    lines.append(_line(f"reservation-{state}", reservation, now=now, by=by or trainee, seat=claimed.number))
    record_all(lines)
    emails.state_changed(reservation, now=now)
    return reservation


class _AsItStands(TypedDict):
    price_cents: int | None
    price_currency: str | None
    conduct_id: int


def _as_it_stands(cohort_id: int, today: date) -> "WithAnnotations[Cohort, _AsItStands]":
    """The cohort, the price of its module today and the conduct text in force, in one statement."""
    price = Price.objects.filter(item=OuterRef("module__code")).on(today)
    cohorts = (
        Cohort.objects.filter(pk=cohort_id)
        .select_related("module", "venue")
        .annotate(
            price_cents=Subquery(price.values("amount_cents")[:1]),
            price_currency=Subquery(price.values("currency")[:1]),
            conduct_id=Subquery(ConductText.objects.order_by("-version").values("pk")[:1]),
        )
    )
    return cast("WithAnnotations[Cohort, _AsItStands]", cohorts.get())


def _refuse_second_seat(own: list[Reservation], cohort: Cohort, terms: Terms, now: datetime) -> None:
    today = school_day(now)
    for reservation in own:
        if reservation.state_at(now) == State.EXPIRED:
            continue
        still_to_come = reservation.cohort.ends_on >= today
        if reservation.cohort_id == cohort.pk or (terms.one_active_seat and still_to_come):
            raise AlreadyReserved(reservation)


def _charge(reservation: Reservation, now: datetime) -> None:
    deposit, balance = reservation.deposit_cents, reservation.price_cents - reservation.deposit_cents
    due = end_of_school_day(reservation.balance_due_on)
    Charge.objects.bulk_create(
        Charge(reservation=reservation, kind=kind, amount_cents=cents, due_at=at)
        for kind, cents, at in (
            (ChargeKind.DEPOSIT, deposit, reservation.held_until or now),
            (ChargeKind.BALANCE, balance, due),
        )
        if cents
    )


def move(
    reservation: Reservation,
    to: State,
    *,
    now: datetime,
    by: User | None = None,
    why: str = "",
    held_until: datetime | None = None,
) -> None:
    """Bring a reservation to another state: update, history, message. The caller moves the seat, before this.

    Raises:
        Moved: when it is not in the state it was read in, or that move is not allowed.
    """
    if to not in MOVES[State(reservation.state)] or not _update(reservation, to, held_until=held_until):
        reservation.refresh_from_db()
        raise Moved(reservation)
    record_all([_line(f"reservation-{to}", reservation, now=now, by=by, why=why, seat=reservation.seat_number)])
    emails.state_changed(reservation, now=now)


def _update(reservation: Reservation, to: State, *, held_until: datetime | None = None) -> bool:
    changed = Reservation.objects.filter(pk=reservation.pk, state=reservation.state).update(
        state=to, held_until=held_until, seat_number=reservation.seat_number
    )
    if changed:
        reservation.state, reservation.held_until = to, held_until
    return bool(changed)


def _expire_displaced(cohort_id: int, occupant_id: int, now: datetime) -> list[HistoryLine]:
    """Expire the reservation whose lapsed seat was just taken. Its seat is gone already."""
    reservation = (
        Reservation.objects.run_out(now)
        .filter(cohort_id=cohort_id, trainee_id=occupant_id)
        .select_related("cohort__venue", "trainee")
        .first()
    )
    return _expired(reservation, now) if reservation else []


def _expire_lapsed(reservation: Reservation, now: datetime) -> list[HistoryLine]:
    seats.release_lapsed(reservation.cohort_id, reservation.trainee_id, now)
    return _expired(reservation, now)


def _expired(reservation: Reservation, now: datetime) -> list[HistoryLine]:
    if not _update(reservation, State.EXPIRED):
        return []
    emails.state_changed(reservation, now=now)
    return [_line("reservation-expired", reservation, now=now, why="The hold ran out before its deposit was paid.")]


@writes
def expire(reservation: Reservation, *, now: datetime) -> bool:
    """Mark a hold that ran out and free its seat. False when someone was faster or the hold was prolonged."""
    if not seats.release_lapsed(reservation.cohort_id, reservation.trainee_id, now):
        return False
    lines = _expired(reservation, now)
    record_all(lines)
    return bool(lines)


@writes
def cancel_hold(reservation: Reservation, *, now: datetime, by: User, why: str = "") -> Reservation:
    """Give back a seat that no money has been paid for.

    Raises:
        Moved: when it is not held any more: paid, expired or cancelled meanwhile.
    """
    seats.lock(reservation.cohort_id, reservation.trainee_id)
    fresh = _locked(reservation)
    if fresh.state_at(now) != State.HELD:
        raise Moved(fresh)
    seats.release(fresh.cohort_id, fresh.trainee_id)
    move(fresh, State.CANCELLED, now=now, by=by, why=why)
    return fresh


@writes
def hold_longer(reservation: Reservation, *, until: datetime, now: datetime, why: str, by: User | None = None) -> None:
    """Move the end of a hold.

    Raises:
        Moved: when the hold has run out or is none any more.
    """
    prolonged = seats.hold_longer(reservation.cohort_id, reservation.trainee_id, until=until, now=now)
    changed = Reservation.objects.filter(pk=reservation.pk, state=State.HELD, held_until__gt=now).update(
        held_until=until
    )
    if not prolonged or not changed:
        reservation.refresh_from_db()
        raise Moved(reservation)
    reservation.held_until = until
    record_all([_line("hold-prolonged", reservation, now=now, by=by, why=why)])


def secure(reservation: Reservation, *, paid_in_full: bool, now: datetime, by: User | None) -> bool:
    """Make the seat of a reservation that has been paid for theirs; False when it ran out and no seat is left.

    Must be called inside a transaction. Locks the seat, then the reservation; its state is read under that lock.
    """
    seats.lock(reservation.cohort_id, reservation.trainee_id)
    fresh = _locked(reservation)
    to = State.CONFIRMED if paid_in_full else State.RESERVED
    if fresh.state in (State.RESERVED, State.CONFIRMED):
        if to != fresh.state and to in MOVES[State(fresh.state)]:
            move(fresh, to, now=now, by=by)
        return True
    if fresh.state == State.HELD:
        if not seats.take(fresh.cohort_id, fresh.trainee_id):
            return False
    elif fresh.state == State.EXPIRED and _may_come_back(fresh, now):
        try:
            claimed = seats.claim(fresh.cohort_id, fresh.trainee_id, until=None, now=now)
        except seats.CohortFull:
            return False
        if claimed.displaced_id is not None:
            record_all(_expire_displaced(fresh.cohort_id, claimed.displaced_id, now))
        fresh.seat_number = claimed.number
    else:
        return False
    move(fresh, to, now=now, by=by)
    return True


def _locked(reservation: Reservation) -> Reservation:
    """The reservation as it is now, locked until the transaction ends."""
    return (
        Reservation.objects.select_for_update(of=("self",))
        .select_related("cohort__venue", "cohort__module", "trainee")
        .get(pk=reservation.pk)
    )


def _may_come_back(reservation: Reservation, now: datetime) -> bool:
    """Whether an expired reservation may have a seat again: as for anyone who reserves, bookings' hours apart."""
    cohort, today = reservation.cohort, school_day(now)
    if cohort.status not in (CohortStatus.PUBLISHED, CohortStatus.CLOSED) or cohort.starts_on <= today:
        return False
    others = Reservation.objects.holding_a_seat(now).filter(trainee=reservation.trainee_id)
    if others.filter(cohort=cohort).exists() or others.filter(is_only_one=True, cohort__ends_on__gte=today).exists():
        return False
    return standing_of(reservation.trainee, cohort.module.code, today, cohort.pk)[0].eligible


def _line(
    what: str,
    reservation: Reservation,
    *,
    now: datetime,
    by: User | None = None,
    why: str = "",
    seat: int | None = None,
) -> HistoryLine:
    facts = {"seat": seat} if seat else {}
    return line(
        what, about=("reservation", reservation.public_id), person=reservation.trainee, now=now, by=by, why=why, **facts
    )
