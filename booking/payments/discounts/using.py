"""Using a discount on a seat that is held, and giving it up again while it is."""

from datetime import datetime

from django.db.models import QuerySet

from booking.payments import gateways, ledger, settling
from booking.payments.discounts import by_name
from booking.payments.discounts.counting import how_many_count, uses_of
from booking.payments.discounts.models import Discount, Redemption
from booking.payments.discounts.rules import Why, as_code, in_full, refusal, takes_off
from booking.payments.gateways.base import Unavailable
from booking.payments.models import UNDER_WAY, Payment, PaymentStatus
from booking.payments.paying import ANSWER_LOST
from booking.payments.returning import story_of
from booking.reservations import owing, reserving
from booking.reservations.models import Reservation, State
from workshops.clock import school_day
from workshops.history.record import record
from workshops.people.models import User
from workshops.transactions import writes


class Refused(Exception):
    """The discount is not used; the message says why, to the person who asked."""

    def __init__(self, why: Why, discount: Discount | None = None) -> None:
        super().__init__(in_full(why, discount))
        self.why = why


def redemption_of(reservation: Reservation) -> Redemption | None:
    """The discount that this reservation has, or had before it moved here, and what it took off; None when none."""
    return Redemption.objects.filter(reservation__in=story_of(reservation)).select_related("discount").first()


def may_be_used(reservation: Reservation, now: datetime) -> bool:
    """Whether a discount could be used on it, or given up: it is held and nothing has been paid."""
    return reservation.state_at(now) == State.HELD and not ledger.kept_cents(reservation)


def use(reservation: Reservation, code: str, *, now: datetime, by: User) -> Reservation:
    """Take what this code is worth off the price of a held seat. A seat that then costs nothing is theirs at once.

    A page that was opened to pay on shows the old amount: it is closed before. Not inside a transaction, therefore.
    Locks the cohort, the seat and the reservation, then the discount, so that its limit holds.

    Raises:
        Refused: with the reason in words; nothing has changed then but that the page to pay on is closed.
    """
    _close_pages(reservation, now)
    return _use(reservation, Discount.objects.filter(code=as_code(code)), now=now, by=by)


def use_own(reservation: Reservation, *, now: datetime, by: User) -> Reservation:
    """The same with the best of those that the trainee has by name: one that was made after the seat was held.

    Raises:
        Refused
    """
    _close_pages(reservation, now)
    applies = own_that_applies(reservation, now)
    wanted = Discount.objects.filter(pk=applies.discount.pk) if applies else Discount.objects.none()
    return _use(reservation, wanted, now=now, by=by)


def own_that_applies(reservation: Reservation, now: datetime) -> by_name.Applies | None:
    """What the trainee has by name and could use on this held seat, which has no discount yet."""
    if redemption_of(reservation):
        return None
    return by_name.that_applies(reservation.trainee_id, reservation.cohort_id, reservation.price_cents, now)


@writes
def _use(reservation: Reservation, wanted: QuerySet[Discount], *, now: datetime, by: User) -> Reservation:
    fresh = _locked(reservation, now)
    if redemption_of(fresh):
        raise Refused(Why.HAS_ONE)
    discount = _locked_rows(wanted).select_related("cohort").first()
    if discount is None:
        raise Refused(Why.UNKNOWN)
    counting = [each for each in uses_of([discount.pk], now)[discount.pk] if each.counts]
    why_not = refusal(
        discount,
        person_id=fresh.trainee_id,
        cohort_id=fresh.cohort_id,
        price_cents=fresh.price_cents,
        uses=how_many_count(counting),
        today=school_day(now),
    )
    if why_not in (None, Why.USED_UP) and any(each.reservation.trainee_id == fresh.trainee_id for each in counting):
        why_not = Why.USED_BEFORE
    if why_not is not None:
        raise Refused(why_not, discount)
    cents = takes_off(discount, fresh.price_cents)
    by_name.redeemed(discount, fresh, cents, now)
    owing.cost_less(fresh, fresh.price_cents - cents, now)
    about = ("reservation", fresh.public_id)
    record("discount-used", about=about, person=fresh.trainee, by=by, now=now, cents=cents)
    if not fresh.deposit_cents:
        # Nothing has to come before the seat is theirs. A fee for moving late may still be owed.
        reserving.secure(fresh, paid_in_full=not fresh.owed_cents, now=now, by=by)
        fresh.refresh_from_db()
    return fresh


def take_off(reservation: Reservation, *, now: datetime, by: User) -> Reservation:
    """Give up the discount of a held seat: it costs again what it did. Not inside a transaction; locks as `use`.

    Raises:
        Refused: when the seat is not held, has been paid on, or has no discount.
    """
    _close_pages(reservation, now)
    return _take_off(reservation, now=now, by=by)


@writes
def _take_off(reservation: Reservation, *, now: datetime, by: User) -> Reservation:
    fresh = _locked(reservation, now)
    redemption = redemption_of(fresh)
    if redemption is None:
        raise Refused(Why.UNKNOWN)
    cents = redemption.amount_cents
    redemption.delete()
    owing.cost_as_before(fresh, fresh.price_cents + cents, now)
    about = ("reservation", fresh.public_id)
    record("discount-taken-off", about=about, person=fresh.trainee, by=by, now=now, cents=cents)
    return fresh


def _locked(reservation: Reservation, now: datetime) -> Reservation:
    """The held reservation, locked with its cohort and seat.

    Raises:
        Refused: when it is not held, or money has come or is on its way.
    """
    fresh = settling.lock_where_it_counts(reservation, now)
    if ledger.kept_cents(fresh):
        raise Refused(Why.PAID)
    if fresh.pk != reservation.pk or fresh.state_at(now) != State.HELD:
        raise Refused(Why.NOT_HELD)
    if _under_way(fresh).exists():
        raise Refused(Why.UNDER_WAY)
    return fresh


def _locked_rows(wanted: QuerySet[Discount]) -> QuerySet[Discount]:
    """Whoever uses the same discount waits here, so that its uses are counted one after the other."""
    return wanted.select_for_update(of=("self",), no_key=True)


def _under_way(reservation: Reservation) -> QuerySet[Payment]:
    return Payment.objects.filter(reservation__in=story_of(reservation), status__in=UNDER_WAY)


def _close_pages(reservation: Reservation, now: datetime) -> None:
    """End attempts that ask for the old amount. One that is with a bank, or just beginning, cannot be ended.

    Raises:
        Refused: when the processor does not answer.
    """
    if reservation.state_at(now) != State.HELD:
        return
    for attempt in _under_way(reservation).select_related("reservation__trainee"):
        begins_now = attempt.status == PaymentStatus.CREATED and now - attempt.created_at < ANSWER_LOST
        if attempt.status == PaymentStatus.PROCESSING or begins_now:
            continue
        try:
            settling.give_up(attempt, now=now)
        except (Unavailable, gateways.NoSuchGateway):
            raise Refused(Why.NO_ANSWER) from None
