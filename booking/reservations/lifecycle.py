"""The only writer of a reservation's state.

Each move is a conditional update of the state it expects, in the transaction that also moves the seat, writes the
history and queues the message. The commands that people and the clock give stand above this module (`reserving`,
`offers`, `releasing`, `moving`, `cancelling`, …); what they share is here. Locks go in the order cohort, seat,
reservation, entry in the line, charge, payment.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import F

from booking.calendars import invitations
from booking.reservations import emails, owing, waitlist
from booking.reservations.admission import Admission
from booking.reservations.deadlines import last_day_to_keep_a_promise
from booking.reservations.models import LIVE, OWING, SEATED, WAITING, EntryState, Reservation, State, in_calendar
from workshops.clock import business_days_later, end_of_school_day, moment_in_words, school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort
from workshops.history.models import HistoryLine
from workshops.history.record import line, record_all
from workshops.people.models import User
from workshops.programme.terms import Terms
from workshops.rows import insert
from workshops.transactions import Busy, writes

# Late money may bring an expired reservation back, when a seat is left: see `payments.settling`. What a cohort that the
# school cancelled has received may go on to another one: see `moving`.
MOVES: Mapping[State, frozenset[State]] = {
    State.OFFERED: frozenset({State.HELD, State.RESERVED, State.CONFIRMED, State.EXPIRED, State.CANCELLED}),
    State.HELD: frozenset({State.RESERVED, State.CONFIRMED, State.EXPIRED, State.CANCELLED, State.TRANSFERRED}),
    State.RESERVED: frozenset({State.CONFIRMED, State.CANCELLED, State.TRANSFERRED}),
    # Back to reserved: money that had paid for it was taken back from outside, so some of it is owed again.
    State.CONFIRMED: frozenset({State.RESERVED, State.CANCELLED, State.TRANSFERRED}),
    State.EXPIRED: frozenset({State.RESERVED, State.CONFIRMED}),
    State.CANCELLED: frozenset({State.TRANSFERRED}),
    State.TRANSFERRED: frozenset(),
}


class Moved(Exception):
    """The reservation is no longer in the state that this move starts from."""

    def __init__(self, reservation: Reservation) -> None:
        super().__init__(f"It is {reservation.state} by now.")
        self.reservation = reservation


class HasBegun(Moved):
    """Its cohort has begun: its seats are the instructors' matter by now, and nobody leaves them on paper."""


# -- beginning ---------------------------------------------------------------------------------------------------------
def begin(
    admission: Admission,
    seat_number: int,
    state: State,
    held_until: datetime | None,
    now: datetime,
    *,
    charged: bool = True,
) -> Reservation:
    """The row of a reservation that begins in this state, with its charges; an offer has none until it is accepted.

    The caller has claimed the seat, writes the history and queues the message.
    """
    cost = admission.quote
    reservation = Reservation(
        trainee=admission.trainee,
        cohort=admission.cohort,
        seat_number=seat_number,
        state=state,
        held_until=held_until,
        price_cents=cost.price_cents,
        deposit_cents=cost.deposit_cents,
        currency=cost.currency,
        paid_elsewhere=cost.paid_elsewhere,
        balance_due_on=cost.balance_due_on,
        terms_frozen=admission.terms.as_json(),
        conduct_id=admission.conduct_id,
        conduct_accepted_at=None if state == State.OFFERED else now,
        provisional_until=admission.provisional_until,
        is_only_one=admission.terms.one_active_seat,
        created_at=now,
        revised_at=now,
    )
    insert([reservation])
    if charged and state != State.OFFERED:
        owing.charge(reservation, now)
    return reservation


def state_for(price_cents: int, held_until: datetime | None) -> State:
    """Where someone who says yes comes to: a hold, or straight on where no deposit is owed."""
    return State.HELD if held_until else State.RESERVED if price_cents else State.CONFIRMED


def held_until(cohort: Cohort, terms: Terms, now: datetime, *, by_the_school: bool) -> datetime:
    """When a hold runs out. One that a registrar makes for someone, who may be asleep, waits as for a bank transfer."""
    if by_the_school:
        return transfer_awaited_until(cohort, terms, now)
    return now + timedelta(minutes=terms.hold_minutes)


def transfer_awaited_until(cohort: Cohort, terms: Terms, now: datetime) -> datetime:
    """Until when a seat waits for a bank transfer: some working days, and never past the end of bookings.

    Where the school gives out a seat after those have ended, it is the first day that ends the waiting.
    """
    return min(business_days_later(now, terms.transfer_hold_days), _latest(cohort, now))


def in_time(held_until: datetime | None, cohort: Cohort, now: datetime) -> datetime | None:
    """The end of a hold that comes to this cohort: its clock runs on, but not past the end of bookings here."""
    return min(held_until, _latest(cohort, now)) if held_until else None


def _latest(cohort: Cohort, now: datetime) -> datetime:
    eve = end_of_school_day(cohort.starts_on - timedelta(days=1))
    return cohort.bookings_close_at if cohort.bookings_close_at > now else eve


def agreed(offer: Reservation, conduct_id: int, now: datetime) -> None:
    """Write down which conduct text was agreed to with an offer, and when. The caller has locked the reservation."""
    offer.conduct_id, offer.conduct_accepted_at = conduct_id, now
    offer.save(update_fields=["conduct", "conduct_accepted_at"])


# -- moving on ---------------------------------------------------------------------------------------------------------
def lock(reservation: Reservation) -> Reservation:
    """The reservation as it is now; its seat and then itself locked until the caller's transaction ends.

    Raises:
        Busy: when it came to another account of the same person since it was read: whoever asks again reads that one.
    """
    seats.lock(reservation.cohort_id, reservation.trainee_id)
    fresh = (
        Reservation.objects.select_for_update(of=("self",))
        .select_related("cohort__venue", "cohort__module", "trainee")
        .get(pk=reservation.pk)
    )
    if fresh.trainee_id != reservation.trainee_id:
        raise Busy
    return fresh


def move(
    reservation: Reservation,
    to: State,
    *,
    now: datetime,
    by: User | None = None,
    why: str = "",
    held_until: datetime | None = None,
    told: Mapping[str, str] | None = None,
    rules: str = "",
    **facts: str | int,
) -> None:
    """Bring a reservation to another state: update, history, message. The caller moves the seat, before this.

    `told` adds to what the words of the message may name, `facts` to what the line of history knows; `rules` is the
    version of the prerequisites' rules, where this was decided by asking them.

    Raises:
        Moved: when it is not in the state it was read in, or that move is not allowed.
    """
    if to not in MOVES[State(reservation.state)] or not _update(reservation, to, now, held_until=held_until):
        reservation.refresh_from_db()
        raise Moved(reservation)
    known: dict[str, str | int] = {**facts, **({"rules": rules} if rules else {})}
    seat = reservation.seat_number
    record_all([line_about(f"reservation-{to}", reservation, now=now, by=by, why=why, seat=seat, **known)])
    emails.state_changed(reservation, now=now, by=by, why=why, told=told)


def withdraw(offer: Reservation, what: str, *, now: datetime, by: User | None, why: str = "") -> None:
    """End an offer that nobody has accepted, without a message of its own: who declines knows, who closes tells all.

    Raises:
        Moved: when it is no offer any more.
    """
    if offer.state != State.OFFERED or not _update(offer, State.CANCELLED, now):
        raise Moved(offer)
    record_all([line_about(what, offer, now=now, by=by, why=why, seat=offer.seat_number)])


def owes_again(reservation: Reservation, *, why: str, now: datetime, by: User | None = None) -> None:
    """Money that had paid for a seat is gone and some of the price is owed again; the seat is not touched.

    The caller has locked it and tells the person. Nothing happens to one that was not paid in full.
    """
    if reservation.state == State.CONFIRMED and _update(reservation, State.RESERVED, now):
        record_all([line_about("reservation-owes-again", reservation, now=now, by=by, why=why)])


def paid_before(reservation: Reservation, *, why: str, now: datetime, by: User) -> None:
    """A seat is paid in full by money that had come before this system: confirmed, and nobody is written to.

    The caller has locked it and booked the money. Nothing happens to one that is not reserved.
    """
    if reservation.state == State.RESERVED and _update(reservation, State.CONFIRMED, now):
        seat = reservation.seat_number
        record_all([line_about("reservation-confirmed", reservation, now=now, by=by, why=why, seat=seat)])


def call_off(reservation: Reservation, *, choose_until: datetime | None, why: str, now: datetime, by: User) -> None:
    """Cancel what stood in a cohort that the school cancels; its money waits for a choice until `choose_until`.

    The caller has locked it and freed the seat, and tells the person.

    Raises:
        Moved: when that move is not allowed from its state.
    """
    if State.CANCELLED not in MOVES[State(reservation.state)] or not _update(reservation, State.CANCELLED, now):
        raise Moved(reservation)
    reservation.choose_until = choose_until
    reservation.save(update_fields=["choose_until"])
    record_all(
        [line_about("reservation-cancelled", reservation, now=now, by=by, why=why, seat=reservation.seat_number)]
    )


def leave(old: Reservation, *, to: Cohort, now: datetime, by: User, why: str) -> None:
    """Mark a reservation as moved to another cohort. The caller has locked it, freed its seat, and tells the person.

    Raises:
        Moved: when that move is not allowed from its state.
    """
    if State.TRANSFERRED not in MOVES[State(old.state)] or not _update(old, State.TRANSFERRED, now):
        raise Moved(old)
    record_all([line_about("reservation-transferred", old, now=now, by=by, why=why, cohort=to.title)])


def arrive(
    old: Reservation,
    admission: Admission,
    seat_number: int,
    state: State,
    held_until: datetime | None,
    *,
    fee_cents: int,
    not_refundable_cents: int,
    now: datetime,
    by: User,
    why: str,
) -> Reservation:
    """The reservation that `old` goes on as in another cohort: its price, terms and conduct text, new dates."""
    new = begin(admission, seat_number, state, held_until, now, charged=False)
    new.moved_from = old
    new.conduct_accepted_at = old.conduct_accepted_at
    new.fee_cents, new.not_refundable_cents = fee_cents, not_refundable_cents
    # Its invitation goes on under one UID: see `calendars.invitations`.
    new.calendar_id, new.sequence = old.calendar_id, old.sequence + 1
    told = ["calendar_id", "sequence"]
    new.save(update_fields=["moved_from", "conduct_accepted_at", "fee_cents", "not_refundable_cents", *told])
    owing.charge(new, now)
    came = {"cohort": old.cohort.title, "rules": admission.rules}
    record_all([line_about("reservation-moved", new, now=now, by=by, why=why, seat=seat_number, **came)])
    return new


def keep_before(reservation: Reservation, cohort: Cohort, now: datetime) -> None:
    """Let a hold or an offer end with the bookings of a cohort that has moved, and a promise before it begins.

    The caller has locked the reservation and its seat.
    """
    until = in_time(reservation.held_until, cohort, now)
    if until and until != reservation.held_until:
        seats.hold_longer(cohort.pk, reservation.trainee_id, until=until, now=now)
        reservation.held_until = until
        reservation.save(update_fields=["held_until"])
        owing.deposit_due(reservation, until)
    last = last_day_to_keep_a_promise(cohort.starts_on)
    if reservation.provisional_until and reservation.provisional_until > last:
        reservation.provisional_until = last
        reservation.save(update_fields=["provisional_until"])
        noticed(reservation, now)


def free_to_leave(reservation: Reservation, *, until: datetime, now: datetime, by: User, why: str) -> None:
    """The school has moved the cohort: leaving or moving costs nothing until then. The caller has locked it."""
    reservation.may_leave_until = until
    reservation.save(update_fields=["may_leave_until"])
    words = moment_in_words(until)
    record_all([line_about("leaving-free", reservation, now=now, by=by, why=why, until=words)])


def promise_kept(reservation: Reservation, *, rules: str, now: datetime) -> None:
    """What was promised has come, by these rules: the seat is provisional no more. The caller has locked it."""
    reservation.provisional_until = None
    reservation.save(update_fields=["provisional_until"])
    noticed(reservation, now)
    record_all([line_about("promise-kept", reservation, now=now, rules=rules)])
    emails.promise_kept(reservation, now=now)


@writes
def promise_longer(reservation: Reservation, *, until: date, now: datetime, why: str, by: User) -> None:
    """Give someone more time for the prerequisites they promised. Locks the seat and the reservation.

    Raises:
        Moved: when their seat is not provisional (any more).
    """
    fresh = lock(reservation)
    if fresh.state_at(now) not in OWING or fresh.provisional_until is None:
        raise Moved(fresh)
    fresh.provisional_until = until
    fresh.save(update_fields=["provisional_until"])
    noticed(fresh, now)
    record_all([line_about("promise-prolonged", fresh, now=now, by=by, why=why, on=until.isoformat())])
    emails.promise_longer(fresh, why=why, now=now)


def chosen(reservation: Reservation) -> None:
    """The choice between the money and another cohort has been made. The caller has locked the reservation."""
    reservation.choose_until = None
    reservation.save(update_fields=["choose_until"])


def noticed(reservation: Reservation, now: datetime) -> None:
    """Something about it changes that its person's calendar must notice. The caller has locked it."""
    reservation.sequence, reservation.revised_at = reservation.sequence + 1, now
    reservation.save(update_fields=["sequence", "revised_at"])


def _raised(reservation: Reservation, to: State, now: datetime) -> int:
    """By how much this move raises its sequence: by nothing where calendars say the same of it before and after."""
    if in_calendar(to) == in_calendar(reservation.state):
        return 0
    # A hold that ran out is cancelled with the next number, whether or not anyone has noticed: see `calendars.stamps`.
    # Late money gives the seat another one than that.
    has_run_out = reservation.state in WAITING and reservation.state_at(now) == State.EXPIRED
    return 2 if has_run_out and to in SEATED else 1


def _update(reservation: Reservation, to: State, now: datetime, *, held_until: datetime | None = None) -> bool:
    calendar: dict[str, Any] = {}
    raised = _raised(reservation, to, now)
    if raised:
        calendar = {"sequence": F("sequence") + raised, "revised_at": now}
    changed = Reservation.objects.filter(pk=reservation.pk, state=reservation.state).update(
        state=to, held_until=held_until, seat_number=reservation.seat_number, choose_until=None, **calendar
    )
    if changed and calendar:
        # Whatever is said of it next carries the number that this gave it; only whoever holds its lock gives one.
        reservation.sequence, reservation.revised_at = reservation.sequence + raised, now
    if changed:
        reservation.state, reservation.held_until, reservation.choose_until = to, held_until, None
    return bool(changed)


@writes
def hold_longer(reservation: Reservation, *, until: datetime, now: datetime, why: str, by: User | None = None) -> None:
    """Move the end of a hold. Someone for whom the school does it (`by`) is told.

    Raises:
        Moved: when the hold has run out or is none any more.
    """
    prolonged = seats.hold_longer(reservation.cohort_id, reservation.trainee_id, until=until, now=now)
    changed = Reservation.objects.filter(pk=reservation.pk, state=State.HELD, held_until__gt=now).update(
        held_until=until
    )
    if not prolonged or not changed:
        # Inside a transaction of the caller's, the seat must not keep what the reservation does not have.
        reservation.refresh_from_db()
        raise Moved(reservation)
    reservation.held_until = until
    owing.deposit_due(reservation, until)
    record_all([line_about("hold-prolonged", reservation, now=now, by=by, why=why)])
    if by is not None:
        emails.hold_longer(reservation, why=why, now=now)


@writes
def pay_later(reservation: Reservation, *, until: date, now: datetime, why: str, by: User) -> None:
    """Move the date by which the balance is due. Locks the seat and the reservation.

    Raises:
        Moved: when it is not reserved, or everything is paid by now.
    """
    fresh = lock(reservation)
    if fresh.state != State.RESERVED:
        raise Moved(fresh)
    owing.due_later(fresh, until, now)
    reservation.balance_due_on = until
    record_all([line_about("balance-put-off", fresh, now=now, by=by, why=why, on=until.isoformat())])
    emails.balance_put_off(fresh, why=why, now=now)


def hand_over(trainee: User, to: User, *, now: datetime, by: User, why: str) -> None:
    """Give every reservation of one account, with its whole story, to another account of the same person.

    Days to come that it was invited to leave the calendar of its address and come to that of the other, each with a
    number of its own: where one calendar reads both addresses, they stay in it, in whatever order the two arrive.
    The caller has locked them all, hands over the seats, has ended what the two would have twice, and has handed over
    the messages.

    Raises:
        IntegrityError: when both have one that is live in the same cohort, or may have one active seat only.
    """
    theirs = list(Reservation.objects.filter(trainee=trainee).select_related("cohort__venue"))
    Reservation.objects.filter(trainee=trainee).update(trainee=to)
    for reservation in theirs:
        reservation.trainee = to
        if reservation.state in SEATED:
            noticed(reservation, now)  # an invitation names whom it is for: the next one is for another address
            if reservation.cohort.ends_on >= school_day(now) and invitations.is_invited(reservation):
                emails.days_leave(reservation, trainee, now=now)
                noticed(reservation, now)
                emails.days_come(reservation, now=now)
    record_all([line_about("brought-over", reservation, now=now, by=by, why=why) for reservation in theirs])


# -- running out -------------------------------------------------------------------------------------------------------
@writes
def expire_displaced(cohort_id: int, occupant_id: int, *, now: datetime) -> None:
    """Expire the reservation of someone whose lapsed seat has just gone to another, or has gone altogether."""
    record_all(displaced(cohort_id, occupant_id, now))


def displaced(cohort_id: int, occupant_id: int, now: datetime) -> list[HistoryLine]:
    """The same as `expire_displaced`, for a caller who has more history to write."""
    reservation = (
        Reservation.objects.run_out(now)
        .filter(cohort_id=cohort_id, trainee_id=occupant_id)
        .select_related("cohort__venue", "trainee")
        .first()
    )
    return expired(reservation, now) if reservation else []


def expired(reservation: Reservation, now: datetime) -> list[HistoryLine]:
    """Mark a hold or an offer as run out; the seat is another's matter. The lines are the caller's to write."""
    was_offered = reservation.state == State.OFFERED
    if not _update(reservation, State.EXPIRED, now):
        return []
    if was_offered:
        waitlist.ended(reservation, EntryState.LAPSED, now)
        emails.offer_ran_out(reservation, now=now)
        return [line_about("offer-lapsed", reservation, now=now, why="Nobody answered in time.")]
    emails.state_changed(reservation, now=now)
    return [line_about("reservation-expired", reservation, now=now, why="The deposit was not here in time.")]


def expire_lapsed(reservation: Reservation, now: datetime) -> list[HistoryLine]:
    """Free the seat of a hold or an offer that ran out, and mark it so. The caller has locked the cohort."""
    seats.release_lapsed(reservation.cohort_id, reservation.trainee_id, now)
    return expired(reservation, now)


def ran_out_elsewhere(trainee_id: int, cohort_ids: set[int], now: datetime) -> list[int]:
    """The keys of other cohorts where a hold or an offer of this person has run out and nobody has noticed.

    Whoever ends them (`let_go_elsewhere`) locks these cohorts first, and offers the seats to those who wait there.
    """
    run_out = Reservation.objects.run_out(now).filter(trainee=trainee_id).exclude(cohort__in=cohort_ids)
    return sorted(set(run_out.values_list("cohort", flat=True)))


def let_go_elsewhere(trainee_id: int, cohort_id: int, now: datetime) -> list[HistoryLine]:
    """End what this person has in other cohorts and is over: holds that ran out, and seats where the cohort has ended.

    Nobody need have noticed them before, but the constraint of one active seat a person would.
    """
    lines = []
    others = Reservation.objects.filter(trainee=trainee_id, state__in=LIVE)
    for other in others.exclude(cohort=cohort_id).select_related("cohort__venue", "trainee"):
        if other.state_at(now) == State.EXPIRED:
            lines += expire_lapsed(other, now)
        elif other.cohort.ends_on < school_day(now):
            are_over([other])
    return lines


def are_over(reservations: Sequence[Reservation]) -> None:
    """Cohorts that have ended hold no active seats; the constraint of one active seat a person needs to know."""
    Reservation.objects.filter(pk__in=[each.pk for each in reservations]).update(is_only_one=False)


def line_about(
    what: str,
    reservation: Reservation,
    *,
    now: datetime,
    by: User | None = None,
    why: str = "",
    seat: int | None = None,
    **facts: str | int | None,
) -> HistoryLine:
    """A line of a reservation's history, not written yet."""
    known = {**({"seat": seat} if seat else {}), **facts}
    return line(
        what, about=("reservation", reservation.public_id), person=reservation.trainee, now=now, by=by, why=why, **known
    )
