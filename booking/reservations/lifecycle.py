"""The only writer of a reservation's state.

Each move is a conditional update of the state it expects, in the transaction that also moves the seat, writes the
history and queues the message. Locks go in the order cohort, seat, reservation, charge, payment.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError

from booking.reservations import emails
from booking.reservations.admission import Admission, Full, admit
from booking.reservations.models import LIVE, Charge, ChargeKind, Reservation, State
from workshops.clock import business_days_later, end_of_school_day, school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.models import HistoryLine
from workshops.history.record import line, record_all
from workshops.people.models import User
from workshops.prerequisites.facts import standing_of
from workshops.programme.terms import Terms
from workshops.transactions import TRIES, writes

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


class Moved(Exception):
    """The reservation is no longer in the state that this move starts from."""

    def __init__(self, reservation: Reservation) -> None:
        super().__init__(f"It is {reservation.state} by now.")
        self.reservation = reservation


def hold(cohort: Cohort, trainee: User, *, now: datetime, by: User | None = None) -> Reservation:
    """Take a seat for `trainee` and hold it for its deposit; straight on where nothing is owed now.

    Whoever calls this has shown the conduct text in force and been told that it is accepted: the reservation records
    which version, and when. `by` is who asked: the trainee unless a registrar acts for them.

    Whether they may is read before the transaction begins, so that a refusal takes no lock. The transaction locks one
    seat row, then the reservation of whoever's lapsed hold it displaces.

    Raises:
        BookingClosed, AlreadyReserved, PrerequisitesUnmet, Full: in that order.
    """
    for more_tries in reversed(range(TRIES)):
        admission = admit(cohort, trainee, now=now)
        if not seats.any_left(admission.cohort.pk, now):
            raise Full
        try:
            return _hold(admission, now=now, by=by or trainee)
        except seats.CohortFull:
            raise Full from None
        except IntegrityError:
            # Two requests of one person at the same moment: the database let one through, and asking again finds it.
            # Or someone took their lapsed seat meanwhile, and then they may have another.
            if not more_tries:
                raise
    raise AssertionError("unreachable")


@writes
def _hold(admission: Admission, *, now: datetime, by: User) -> Reservation:
    cohort, trainee, cost = admission.cohort, admission.trainee, admission.quote
    until = _held_until(admission, now, by_the_school=by != trainee) if cost.deposit_cents else None
    lines = []
    for lapsed in admission.lapsed:
        if lapsed.cohort_id != cohort.pk:
            lines += _expire_lapsed(lapsed, now)
        else:  # whoever is taking their lapsed seat at this moment goes first: nobody has two, not even in between
            seats.lock(cohort.pk, trainee.pk)
    if admission.over:
        # Cohorts that have ended hold no active seats; the constraint needs to know.
        Reservation.objects.filter(pk__in=[each.pk for each in admission.over]).update(is_only_one=False)
    claimed = seats.claim(cohort.pk, trainee.pk, until=until, now=now)
    if claimed.displaced_id is not None:
        lines += _displaced(cohort.pk, claimed.displaced_id, now)
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
        terms_frozen=admission.terms.as_json(),
        conduct_id=admission.conduct_id,
        conduct_accepted_at=now,
        is_only_one=admission.terms.one_active_seat,
        created_at=now,
    )
    _charge(reservation, now)
    lines.append(_line(f"reservation-{state}", reservation, now=now, by=by, seat=claimed.number))
    record_all(lines)
    emails.state_changed(reservation, now=now)
    return reservation


def _held_until(admission: Admission, now: datetime, *, by_the_school: bool) -> datetime:
    """When a hold runs out. One that a registrar makes for someone, who may be asleep, waits as for a bank transfer."""
    if by_the_school:
        return transfer_awaited_until(admission.cohort, admission.terms, now)
    return now + timedelta(minutes=admission.terms.hold_minutes)


def transfer_awaited_until(cohort: Cohort, terms: Terms, now: datetime) -> datetime:
    """Until when a seat waits for a bank transfer: some working days, and never past the end of bookings."""
    return min(business_days_later(now, terms.transfer_hold_days), cohort.bookings_close_at)


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


@writes
def expire_displaced(cohort_id: int, occupant_id: int, *, now: datetime) -> None:
    """Expire the reservation of someone whose lapsed seat has just gone to another, or has gone altogether."""
    record_all(_displaced(cohort_id, occupant_id, now))


def _displaced(cohort_id: int, occupant_id: int, now: datetime) -> list[HistoryLine]:
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
    return [_line("reservation-expired", reservation, now=now, why="The deposit was not here in time.")]


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
    fresh = lock(reservation)
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
    Charge.objects.filter(reservation=reservation, kind=ChargeKind.DEPOSIT).update(due_at=until)
    record_all([_line("hold-prolonged", reservation, now=now, by=by, why=why)])


def secure(reservation: Reservation, *, paid_in_full: bool, now: datetime, by: User | None) -> bool:
    """Make the seat of a reservation that has been paid for theirs; False when it ran out and no seat is left.

    Must be called inside a transaction. Locks the seat, then the reservation; its state is read under that lock.
    """
    fresh = lock(reservation)
    to = State.CONFIRMED if paid_in_full else State.RESERVED
    if fresh.state in (State.RESERVED, State.CONFIRMED):
        if to != fresh.state and to in MOVES[State(fresh.state)]:
            move(fresh, to, now=now, by=by)
        return True
    if fresh.state == State.HELD:
        if not seats.take(fresh.cohort_id, fresh.trainee_id):
            return False
    elif fresh.state == State.EXPIRED and _may_come_back(fresh, now):
        _let_go_elsewhere(fresh, now)
        try:
            claimed = seats.claim(fresh.cohort_id, fresh.trainee_id, until=None, now=now)
        except seats.CohortFull:
            return False
        if claimed.displaced_id is not None:
            expire_displaced(fresh.cohort_id, claimed.displaced_id, now=now)
        fresh.seat_number = claimed.number
    else:
        return False
    move(fresh, to, now=now, by=by)
    return True


def lock(reservation: Reservation) -> Reservation:
    """The reservation as it is now; its seat and then itself locked until the caller's transaction ends."""
    seats.lock(reservation.cohort_id, reservation.trainee_id)
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


def _let_go_elsewhere(reservation: Reservation, now: datetime) -> None:
    """End what this person has in other cohorts and is over: holds that ran out, and seats where the cohort has ended.

    Nobody need have noticed them before, but the constraint of one active seat a person would.
    """
    others = Reservation.objects.filter(trainee=reservation.trainee_id, state__in=LIVE)
    for other in others.exclude(cohort=reservation.cohort_id).select_related("cohort__venue", "trainee"):
        if other.state_at(now) == State.EXPIRED:
            record_all(_expire_lapsed(other, now))
        elif other.cohort.ends_on < school_day(now):
            Reservation.objects.filter(pk=other.pk).update(is_only_one=False)


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
