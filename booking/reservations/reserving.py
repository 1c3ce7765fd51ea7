"""Taking a seat: by a trainee, by a registrar for someone, and by money that has come."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.db import IntegrityError

from booking.payments.discounts import by_name
from booking.reservations import emails, lifecycle, offers, waitlist
from booking.reservations.admission import Admission, AlreadyReserved, BookingClosed, Full, admit
from booking.reservations.models import Reservation, State
from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.record import record_all
from workshops.people.models import User
from workshops.people.presence import stays_open
from workshops.prerequisites.facts import standing_of
from workshops.transactions import TRIES, writes


def hold(cohort: Cohort, trainee: User, *, now: datetime, by: User | None = None, why: str = "") -> Reservation:
    """Take a seat for `trainee` and hold it for its deposit; straight on where nothing is owed now.

    Whoever calls this has shown the conduct text in force and been told that it is accepted: the reservation records
    which version, and when. `by` is who asked: the trainee unless a registrar acts for them, and says `why`. Whoever
    has an offer in this cohort accepts it by this.

    Whether they may is read before the transaction begins, so that a refusal takes no lock. The transaction locks one
    account (shared) and one
    seat row, then the reservation of whoever's lapsed hold it displaces; where people wait in line, or something of
    theirs has run out elsewhere, those cohorts first.

    Raises:
        BookingClosed, AlreadyReserved, PrerequisitesUnmet, Full: in that order.
    """
    for more_tries in reversed(range(TRIES)):
        admission = admit(cohort, trainee, now=now)
        if not admission.offer and not admission.seats_left:
            raise Full
        try:
            if admission.offer:
                return offers.accept(admission.offer, now=now, by=by or trainee, conduct_id=admission.conduct_id)
            taken = _hold(admission, now=now, by=by or trainee, why=why)
        except seats.CohortFull:
            raise Full from None
        except offers.OfferGone:
            continue
        except offers.HasAnotherSeat as has:
            raise AlreadyReserved(has.reservation) from None
        except (IntegrityError, by_name.NoLonger):
            # Two requests of one person at the same moment: the database let one through, and asking again finds it.
            # Or someone took their lapsed seat meanwhile, and then they may have another. Or their discount was ended
            # or used at this very moment, and then the price is another one.
            if not more_tries:
                raise
        else:
            if taken is None:
                raise Full
            return taken
    raise Full


@writes
def _hold(admission: Admission, *, now: datetime, by: User, why: str) -> Reservation | None:
    """The transaction of `hold`. None when the free seats went to those in line: that much is done and stays done."""
    cohort, trainee = admission.cohort, admission.trainee
    elsewhere = [lapsed for lapsed in admission.lapsed if lapsed.cohort_id != cohort.pk]
    if (admission.someone_waits or admission.lapsed) and not stays_open(trainee.pk):
        raise BookingClosed  # merged or erased at this very moment; otherwise claiming the seat finds out
    if elsewhere or admission.someone_waits:
        waitlist.lock_cohorts({cohort.pk, *(lapsed.cohort_id for lapsed in elsewhere)})
    for lapsed in elsewhere:
        record_all(lifecycle.expire_lapsed(lapsed, now))
        offers.offer_free_seats(lapsed.cohort_id, now=now)
    if admission.someone_waits:
        offers.offer_free_seats(cohort.pk, now=now)
        if mine := offers.open_offer(cohort.pk, trainee.pk, now):  # it was their turn
            return offers.accept(mine, now=now, by=by, conduct_id=admission.conduct_id)
        if not seats.any_left(cohort.pk, now):
            return None
    if any(lapsed.cohort_id == cohort.pk for lapsed in admission.lapsed):
        # Whoever is taking their lapsed seat at this moment goes first: nobody has two, not even in between.
        seats.lock(cohort.pk, trainee.pk)
    if admission.over:
        lifecycle.are_over(admission.over)
    try:
        return _sit_down(admission, now=now, by=by, why=why)
    except seats.CohortFull:
        if not admission.someone_waits:
            raise
        return None


def _sit_down(
    admission: Admission, *, now: datetime, by: User, number: int | None = None, why: str = ""
) -> Reservation:
    """Claim a seat, or this very one, and begin the reservation. Raises CohortFull before it has changed anything.

    Raises NoLonger when the discount of the quote is gone: the caller's transaction must not stand then.
    """
    cohort, trainee, cost = admission.cohort, admission.trainee, admission.quote
    until = (
        lifecycle.held_until(cohort, admission.terms, now, by_the_school=by != trainee) if cost.deposit_cents else None
    )
    claimed = seats.claim(cohort.pk, trainee.pk, until=until, now=now, number=number, keeping_open=True)
    # The school may have moved it, or changed its venue, while they waited for the seat: they are told how it is now.
    admission = replace(admission, cohort=Cohort.objects.select_related("module", "venue").get(pk=cohort.pk))
    lines = []
    if claimed.displaced_id is not None:
        lines += lifecycle.displaced(cohort.pk, claimed.displaced_id, now)
    state = lifecycle.state_for(cost.price_cents, until)
    reservation = lifecycle.begin(admission, claimed.number, state, until, now)
    lines.append(
        lifecycle.line_about(
            f"reservation-{state}", reservation, now=now, by=by, why=why, seat=claimed.number, rules=admission.rules
        )
    )
    if admission.discount:
        lines.append(by_name.write_down(admission.discount, reservation, now))
    record_all(lines)
    if admission.someone_waits or number is not None:
        waitlist.seated(cohort.pk, trainee.pk, now)
    emails.state_changed(reservation, now=now)
    return reservation


class NotKeptBack(Exception):
    """The seat is not one that the school keeps back (any more)."""


def place(cohort: Cohort, trainee: User, number: int, *, now: datetime, by: User, why: str) -> Reservation:
    """Give someone a seat that the school has kept back: the one road past the line, for a registrar with a reason.

    Prerequisites are asked as of anyone; bookings' hours are not. Locks the cohort and those where something of theirs
    has run out, then the seat.

    Raises:
        BookingClosed, AlreadyReserved, PrerequisitesUnmet: in that order.
        NotKeptBack: when nobody keeps that seat back (any more).
    """
    for more_tries in reversed(range(TRIES)):
        admission = admit(cohort, trainee, now=now, by_the_school=True)
        if admission.offer:
            raise AlreadyReserved(admission.offer)
        try:
            return _place(admission, number, now=now, by=by, why=why)
        except (IntegrityError, by_name.NoLonger):  # another seat, or no discount, at this very moment: ask again
            if not more_tries:
                raise
    raise AssertionError("unreachable")


@writes
def _place(admission: Admission, number: int, *, now: datetime, by: User, why: str) -> Reservation:
    cohort = admission.cohort
    if not stays_open(admission.trainee.pk):
        raise BookingClosed
    locked = waitlist.lock_cohorts({cohort.pk, *(lapsed.cohort_id for lapsed in admission.lapsed)})
    if locked[cohort.pk].status == CohortStatus.CANCELLED:
        raise BookingClosed  # called off since: its seats are blocked for good, not kept back
    for lapsed in admission.lapsed:
        record_all(lifecycle.expire_lapsed(lapsed, now))
    lifecycle.are_over(admission.over)
    if not seats.give_out(cohort.pk, number):
        raise NotKeptBack
    made = _sit_down(admission, now=now, by=by, number=number, why=why)
    for lapsed in admission.lapsed:
        offers.offer_free_seats(lapsed.cohort_id, now=now)
    return made


def secure(
    reservation: Reservation,
    *,
    paid_in_full: bool,
    now: datetime,
    by: User | None,
    told: Mapping[str, str] | None = None,
) -> bool:
    """Make the seat of a reservation that has been paid for theirs; False when it ran out and no seat is left to them.

    `told` is what the message of it may say of the money that came.

    Must be called inside a transaction that has locked the cohort and those where something of this person's has run
    out (`settling.lock_where_it_counts`). Locks the seat, then the reservation; its state is read under that lock. Late
    money comes after everyone eligible who waits in line.
    """
    fresh = lifecycle.lock(reservation)
    if fresh.state_at(now) == State.EXPIRED and fresh.state != State.OFFERED:
        offers.offer_free_seats(fresh.cohort_id, now=now)  # a lapsed hold is a free seat, and may be owed to the line
        fresh = lifecycle.lock(reservation)
    to = State.CONFIRMED if paid_in_full else State.RESERVED
    rules: str | None = ""
    if fresh.state in (State.RESERVED, State.CONFIRMED):
        if to == State.CONFIRMED != fresh.state:
            lifecycle.move(fresh, to, now=now, by=by, told=told)
        return True
    if fresh.state == State.HELD:
        # Whether a worker has noticed yet that it ran out makes no difference.
        if fresh.state_at(now) != State.HELD:
            rules = _may_come_back(fresh, now)
        if rules is None or not seats.take(fresh.cohort_id, fresh.trainee_id):
            return False
    elif fresh.state == State.EXPIRED and (rules := _may_come_back(fresh, now)) is not None:
        elsewhere = lifecycle.ran_out_elsewhere(fresh.trainee_id, {fresh.cohort_id}, now)
        record_all(lifecycle.let_go_elsewhere(fresh.trainee_id, fresh.cohort_id, now))
        for cohort_id in elsewhere:
            offers.offer_free_seats(cohort_id, now=now)
        try:
            claimed = seats.claim(fresh.cohort_id, fresh.trainee_id, until=None, now=now)
        except seats.CohortFull:
            return False
        if claimed.displaced_id is not None:
            lifecycle.expire_displaced(fresh.cohort_id, claimed.displaced_id, now=now)
        fresh.seat_number = claimed.number
        waitlist.seated(fresh.cohort_id, fresh.trainee_id, now)
    else:
        return False
    lifecycle.move(fresh, to, now=now, by=by, told=told, rules=rules)
    return True


def _may_come_back(reservation: Reservation, now: datetime) -> str | None:
    """Whether an expired reservation may have a seat again: as for anyone who reserves, bookings' hours apart.

    None where it may not; otherwise the version of the rules that say so, empty where a promise does.
    """
    cohort, today = reservation.cohort, school_day(now)
    if cohort.status not in (CohortStatus.PUBLISHED, CohortStatus.CLOSED) or cohort.starts_on <= today:
        return None
    if reservation.conduct_accepted_at is None:  # an offer that nobody accepted
        return None
    others = Reservation.objects.holding_a_seat(now).filter(trainee=reservation.trainee_id)
    seated = others.exclude(state=State.OFFERED)
    if others.filter(cohort=cohort).exists() or seated.filter(is_only_one=True, cohort__ends_on__gte=today).exists():
        return None
    if reservation.provisional_until is not None and today <= reservation.provisional_until:
        return ""
    standing, _ = standing_of(reservation.trainee, cohort.module.code, today, cohort.pk)
    return standing.rules if standing.eligible else None
