"""Moving to another cohort: seat, money, agreements and promises, all in one transaction or nothing."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import IntegrityError

from booking.payments import ledger
from booking.payments.giving_up import give_up_here
from booking.payments.plans import lifecycle as plans
from booking.reservations import emails, lifecycle, offers, releasing, waitlist
from booking.reservations.admission import Admission, Full, PrerequisitesUnmet, Quote, admit, quote_after_move
from booking.reservations.deadlines import last_day_to_move, last_day_to_move_free
from booking.reservations.models import OWING, EntryState, Reservation, State
from booking.reservations.refunds import comes_back, may_leave
from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort
from workshops.history.record import record_all
from workshops.people.models import User
from workshops.prerequisites.facts import standing_of
from workshops.transactions import TRIES, writes


class TooLate(Exception):
    """A trainee may not move any more; the school may. `last_day` was the last on which they could."""

    def __init__(self, last_day: date) -> None:
        super().__init__()
        self.last_day = last_day


class SameCohort(Exception):
    """There is nothing to move: the seat is in that cohort already."""


class Changed(Exception):
    """The fee is not what was shown. `terms` is what holds now; nothing has been done."""

    def __init__(self, terms: "MovingTerms") -> None:
        super().__init__()
        self.terms = terms


@dataclass(frozen=True)
class MovingTerms:
    """What a move costs and what it changes, shown before anyone presses."""

    fee_cents: int
    stays_not_refundable_cents: int
    """Of what has been paid, what is not refundable at this moment and does not become so again by moving."""
    free_until: date
    possible_until: date


# -- the rules ---------------------------------------------------------------------------------------------------------
def may_move(reservation: Reservation, now: datetime) -> bool:
    """Whether this reservation is one that can move: someone said yes to it, or the school cancelled its cohort."""
    if reservation.state == State.CANCELLED:
        return reservation.choose_until is not None and now < reservation.choose_until
    return reservation.state_at(now) in OWING


def _may_leave_here(reservation: Reservation, now: datetime) -> None:
    if reservation.state != State.CANCELLED and school_day(now) >= reservation.cohort.starts_on:
        raise lifecycle.HasBegun(reservation)
    if not may_move(reservation, now):
        raise lifecycle.Moved(reservation)


def terms_of_move(reservation: Reservation, paid_cents: int, now: datetime, *, by_the_school: bool) -> MovingTerms:
    """What moving would cost now, by the terms frozen when they reserved. Nothing where it is the school's doing.

    Raises:
        TooLate: for a trainee after the last day.
    """
    starts_on, terms, today = reservation.cohort.starts_on, reservation.terms, school_day(now)
    free_until, possible_until = last_day_to_move_free(starts_on, terms), last_day_to_move(starts_on, terms)
    if by_the_school or may_leave(reservation, now) or reservation.state == State.CANCELLED:
        return MovingTerms(0, reservation.not_refundable_cents if by_the_school else 0, free_until, possible_until)
    if today > possible_until:
        raise TooLate(possible_until)
    fee = terms.moving_fee_cents if today > free_until and reservation.state != State.HELD else 0
    # What is kept is no more than was paid; what had stopped being refundable before may be, and is not forgotten.
    stays = max(comes_back(reservation, paid_cents, now).kept_cents, reservation.not_refundable_cents)
    return MovingTerms(fee, stays, free_until, possible_until)


def preview(
    reservation: Reservation, cohort: Cohort, now: datetime, *, by_the_school: bool
) -> tuple[MovingTerms, Quote]:
    """What a move to this cohort would cost, and what would be due when.

    Raises:
        TooLate: for a trainee after the last day.
    """
    terms = terms_of_move(reservation, ledger.kept_cents(reservation), now, by_the_school=by_the_school)
    return terms, quote_after_move(reservation, cohort, school_day(now))


# -- the commands ------------------------------------------------------------------------------------------------------
def move(
    reservation: Reservation,
    to: Cohort,
    *,
    now: datetime,
    by: User,
    why: str = "",
    expected_fee_cents: int | None = None,
) -> Reservation:
    """Move someone to a seat in another cohort; return the new reservation. On any error the old one is untouched.

    Everything they paid comes along, and so do price, terms and the conduct text they agreed to; a hold's clock runs
    on. `by` is the trainee or, on the school's terms, a registrar. An open offer there is accepted by this. The seat
    they leave goes to the line at once. Locks both cohorts, then the seats, the reservations, the payments.

    Raises:
        SameCohort, HasBegun, Moved, TooLate, Changed, BookingClosed, AlreadyReserved, PrerequisitesUnmet, Full
    """
    if reservation.cohort_id == to.pk:
        raise SameCohort
    for more_tries in reversed(range(TRIES)):
        _may_leave_here(reservation, now)
        by_the_school = by.pk != reservation.trainee_id
        preview(reservation, to, now, by_the_school=by_the_school)  # whoever is too late hears that before "full"
        admission = admit(to, reservation.trainee, now=now, leaving=reservation, by_the_school=by_the_school)
        if not admission.offer:
            if admission.someone_waits:
                # In a transaction of its own: whoever waits comes first, whether or not this move goes through.
                releasing.offer_on(admission.cohort, now=now)
                admission = _again(admission, now)
            if not admission.offer and not seats.any_left(to.pk, now):
                raise Full
        try:
            return _move(reservation, admission, now=now, by=by, why=why, expected_fee_cents=expected_fee_cents)
        except seats.CohortFull:
            raise Full from None
        except offers.OfferGone:
            reservation.refresh_from_db()
        except IntegrityError:  # another request of the same person at the same moment
            reservation.refresh_from_db()
            if not more_tries:
                raise
    raise Full


def _again(admission: Admission, now: datetime) -> Admission:
    """The same admission, with the offer that may just have been made to this very person."""
    return replace(admission, offer=offers.open_offer(admission.cohort.pk, admission.trainee.pk, now))


@writes
def _move(
    reservation: Reservation,
    admission: Admission,
    *,
    now: datetime,
    by: User,
    why: str,
    expected_fee_cents: int | None,
) -> Reservation:
    target = admission.cohort
    here_and_there = {reservation.cohort_id, target.pk}
    elsewhere = lifecycle.ran_out_elsewhere(reservation.trainee_id, here_and_there, now)
    target = waitlist.lock_cohorts({*here_and_there, *elsewhere})[target.pk]
    old = lifecycle.lock(reservation)
    _may_leave_here(old, now)
    # A discount may have lowered its price since it was read.
    admission = replace(admission, cohort=target, quote=quote_after_move(old, target, school_day(now)))
    paid = ledger.kept_cents(old)
    terms = terms_of_move(old, paid, now, by_the_school=by.pk != old.trainee_id)
    if expected_fee_cents is not None and terms.fee_cents != expected_fee_cents:
        raise Changed(terms)
    until = lifecycle.in_time(old.held_until, target, now) if old.state == State.HELD else None
    if until and admission.offer and admission.offer.held_until:
        until = max(until, admission.offer.held_until)  # an offer that is accepted lasts at least as long as it was
    seats.release(old.cohort_id, old.trainee_id)
    lifecycle.leave(old, now=now, by=by, why=why, to=target)
    record_all(lifecycle.let_go_elsewhere(old.trainee_id, target.pk, now))
    if admission.offer:
        number = _seat_of_offer(admission.offer, until, now)
    else:
        claimed = seats.claim(target.pk, old.trainee_id, until=until, now=now)
        if claimed.displaced_id is not None:
            lifecycle.expire_displaced(target.pk, claimed.displaced_id, now=now)
        number = claimed.number
    new = _arrive(old, admission, number, until=until, terms=terms, paid=paid, now=now, by=by, why=why)
    for cohort_id in sorted({old.cohort_id, *elsewhere}):
        offers.offer_free_seats(cohort_id, now=now)
    return new


def _seat_of_offer(offer: Reservation, until: datetime | None, now: datetime) -> int:
    """Turn the seat that is offered into the seat they move to; the offer ends with it.

    Raises:
        OfferGone: when it is no offer any more.
    """
    fresh = lifecycle.lock(offer)
    if fresh.state_at(now) != State.OFFERED:
        raise offers.OfferGone(fresh)
    if until:
        seats.hold_longer(fresh.cohort_id, fresh.trainee_id, until=until, now=now)
    else:
        seats.take(fresh.cohort_id, fresh.trainee_id)
    lifecycle.withdraw(fresh, "offer-accepted", now=now, by=fresh.trainee)
    waitlist.ended(fresh, EntryState.SEATED, now)
    return fresh.seat_number


def _arrive(
    old: Reservation,
    admission: Admission,
    number: int,
    *,
    until: datetime | None,
    terms: MovingTerms,
    paid: int,
    now: datetime,
    by: User,
    why: str,
) -> Reservation:
    """The new reservation, with everything that comes along."""
    covered = paid >= old.price_cents + old.fee_cents + terms.fee_cents
    state = State.HELD if until else State.CONFIRMED if covered else State.RESERVED
    new = lifecycle.arrive(
        old,
        admission,
        number,
        state,
        until,
        fee_cents=old.fee_cents + terms.fee_cents,
        not_refundable_cents=terms.stays_not_refundable_cents + terms.fee_cents,
        now=now,
        by=by,
        why=why,
    )
    ledger.carry(old, new, paid, at=now)
    plans.carry(old, new, now=now)
    give_up_here(old, now=now)
    waitlist.seated(new.cohort_id, new.trainee_id, now)
    if terms.fee_cents:
        record_all([lifecycle.line_about("fee-charged", new, now=now, by=by, cents=terms.fee_cents)])
    emails.moved(new, old, by=by, why=why, now=now)
    return new


def accept(
    offer: Reservation, *, now: datetime, by: User, why: str = "", expected_fee_cents: int | None = None
) -> Reservation:
    """Say yes to an offer, whatever else they have: with a seat in another cohort, this is the move they waited for.

    Raises:
        OfferGone: when it ran out, was declined or accepted already.
        Changed: when the move would cost another fee than was shown.
        TooLate: when their other seat cannot be left any more; and whatever else `move` raises, where this is one.
    """
    for more_tries in reversed(range(TRIES)):
        try:
            return offers.accept(offer, now=now, by=by)
        except offers.HasAnotherSeat as has:
            try:
                return move(
                    has.reservation, offer.cohort, now=now, by=by, why=why, expected_fee_cents=expected_fee_cents
                )
            except lifecycle.Moved:
                if not more_tries:
                    raise
        except IntegrityError:
            if not more_tries:
                raise
    raise AssertionError("unreachable")


@writes
def swap(one: Reservation, other: Reservation, *, now: datetime, by: User, why: str) -> tuple[Reservation, Reservation]:
    """Let two people change places, on the school's terms. Locks both cohorts, both seats, both reservations.

    Raises:
        SameCohort: when there is nothing to swap.
        HasBegun, Moved: when either cohort has begun, or either is not held, reserved or confirmed (any more).
        BookingClosed, AlreadyReserved: when one of them cannot have a seat there.
        PrerequisitesUnmet: with the standing of whoever lacks something.
    """
    if one.cohort_id == other.cohort_id:
        raise SameCohort
    both = {one.cohort_id, other.cohort_id}
    ran_out = [lifecycle.ran_out_elsewhere(each.trainee_id, {each.cohort_id}, now) for each in (one, other)]
    cohorts = waitlist.lock_cohorts({*both, *ran_out[0], *ran_out[1]})
    first, second = sorted((one, other), key=lambda each: each.cohort_id)
    locked = {each.pk: lifecycle.lock(each) for each in (first, second)}
    pairs = [(locked[one.pk], locked[other.pk]), (locked[other.pk], locked[one.pk])]
    admissions = {}
    for leaving, entering in pairs:
        _may_leave_here(leaving, now)
        standing, _ = standing_of(leaving.trainee, entering.cohort.module.code, school_day(now), entering.cohort_id)
        if not standing.eligible:
            raise PrerequisitesUnmet(standing)
        admissions[leaving.pk] = admit(entering.cohort, leaving.trainee, now=now, leaving=leaving, by_the_school=True)
    paid = {each.pk: ledger.kept_cents(each) for each in locked.values()}
    until = {
        leaving.pk: lifecycle.in_time(leaving.held_until, entering.cohort, now) if leaving.state == State.HELD else None
        for leaving, entering in pairs
    }
    terms = {each.pk: terms_of_move(each, paid[each.pk], now, by_the_school=True) for each in locked.values()}
    for leaving, entering in pairs:
        offer = admissions[leaving.pk].offer
        if offer:  # a seat more for that cohort's line: they take the other's seat instead
            offers.take_back(lifecycle.lock(offer), EntryState.SEATED, "offer-withdrawn", now=now, by=by, why=why)
        seats.release(leaving.cohort_id, leaving.trainee_id)
        lifecycle.leave(leaving, now=now, by=by, why=why, to=entering.cohort)
        # A seat there that ran out is still theirs on paper, and nobody may have two.
        record_all(lifecycle.let_go_elsewhere(leaving.trainee_id, leaving.cohort_id, now))
    arrived = []
    for leaving, entering in pairs:
        seats.claim(
            entering.cohort_id, leaving.trainee_id, until=until[leaving.pk], now=now, number=entering.seat_number
        )
        arrived.append(
            _arrive(
                leaving,
                admissions[leaving.pk],
                entering.seat_number,
                until=until[leaving.pk],
                terms=terms[leaving.pk],
                paid=paid[leaving.pk],
                now=now,
                by=by,
                why=why,
            )
        )
    for cohort_id in cohorts:
        offers.offer_free_seats(cohort_id, now=now)
    return arrived[0], arrived[1]
