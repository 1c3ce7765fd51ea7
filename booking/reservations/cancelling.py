"""Cancelling: the seat goes to the line at once, and what comes back is what the policy says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from booking.payments import ledger
from booking.payments.balances import due_next
from booking.payments.models import Refund, RefundStatus
from booking.payments.plans import lifecycle as plans
from booking.payments.returning import is_in_dispute, is_with_bank, owe_back
from booking.payments.sending import send_back
from booking.payments.settling import close_pages
from booking.reservations import emails, lifecycle, offers, owing, waitlist
from booking.reservations.deadlines import end_of_grace
from booking.reservations.lifecycle import HasBegun
from booking.reservations.models import OWING, EntryState, Reservation, State
from booking.reservations.refunds import ComesBack, comes_back, everything
from booking.reservations.rounds import one_by_one
from workshops import money
from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.history.record import record_all
from workshops.people.models import User
from workshops.transactions import writes


class Changed(Exception):
    """What would come back is not what was shown. `comes_back` is what it is now; nothing has been done."""

    def __init__(self, now_comes_back: ComesBack) -> None:
        super().__init__()
        self.comes_back = now_comes_back


@dataclass(frozen=True)
class Cancelled:
    """A reservation that was cancelled, and what goes back of its money."""

    reservation: Reservation
    comes_back: ComesBack
    refunds: Sequence[Refund]

    @property
    def refund_status(self) -> RefundStatus | None:
        """How far all of it has come: as far as the part that is furthest behind; None when nothing goes back."""
        order = (RefundStatus.FAILED, RefundStatus.REQUESTED, RefundStatus.PENDING, RefundStatus.SUCCEEDED)
        return next((status for status in order for each in self.refunds if each.status == status), None)


def preview(reservation: Reservation, now: datetime) -> ComesBack:
    """What would come back if this reservation were cancelled now."""
    return comes_back(reservation, ledger.kept_cents(reservation), now)


def cancel(
    reservation: Reservation,
    *,
    now: datetime,
    by: User | None,
    why: str = "",
    all_of_it: bool = False,
    expected_cents: int | None = None,
) -> Cancelled:
    """Cancel a reservation: seat, state, refunds and the next offer in one transaction; the money is sent after it.

    `all_of_it` is a registrar's goodwill. `expected_cents` is what the page showed: where something else would come
    back by now, nothing is done. The refunds go the way the money came, whatever becomes of them does not change the
    seat's fate. Locks the cohort, the seat, the reservation, its payments.

    Raises:
        Moved: when it is not held, reserved or confirmed (any more).
        HasBegun: once the cohort has begun.
        Changed: see `expected_cents`.
    """
    return _sent(_cancel(reservation, now=now, by=by, why=why, all_of_it=all_of_it, expected_cents=expected_cents), now)


@writes
def _cancel(
    reservation: Reservation,
    *,
    now: datetime,
    by: User | None,
    why: str,
    all_of_it: bool = False,
    expected_cents: int | None = None,
) -> Cancelled:
    waitlist.lock_cohort(reservation.cohort_id)
    fresh = lifecycle.lock(reservation)
    state = fresh.state_at(now)
    if state not in OWING:
        raise lifecycle.Moved(fresh)
    if school_day(now) >= fresh.cohort.starts_on:
        raise HasBegun(fresh)
    paid = ledger.kept_cents(fresh)
    back = everything(paid, "goodwill") if all_of_it else comes_back(fresh, paid, now)
    if expected_cents is not None and back.cents != expected_cents:
        raise Changed(back)
    why_back = reason_of(back)
    refunds = owe_back(fresh, back.cents, rule=back.rule, why=why_back, by=by, now=now, despite_disputes=True)
    ledger.keep(fresh, at=now)
    plans.close(fresh, why="The seat was given up.", now=now)
    seats.release(fresh.cohort_id, fresh.trainee_id)
    lifecycle.move(fresh, State.CANCELLED, now=now, by=by, why=why, told=told(fresh, back))
    offers.offer_free_seats(fresh.cohort_id, now=now)
    return Cancelled(fresh, back, refunds)


def cancel_overdue(reservation: Reservation, *, now: datetime) -> Cancelled:
    """Release a seat whose balance did not come within the grace; the policy says what goes back.

    Raises:
        Moved: when it has been paid, put off, moved or cancelled meanwhile.
        HasBegun: once the cohort has begun.
    """
    return _sent(_cancel_overdue(reservation, now=now), now)


@writes
def _cancel_overdue(reservation: Reservation, *, now: datetime) -> Cancelled:
    waitlist.lock_cohort(reservation.cohort_id)
    fresh = lifecycle.lock(reservation)
    due = due_next(fresh.charges.all(), ledger.kept_cents(fresh))
    if due is None or end_of_grace(due.due_at, fresh.terms) >= now or is_with_bank(fresh):
        raise lifecycle.Moved(fresh)
    return _cancel(reservation, now=now, by=None, why="The balance was not here when the grace was over.")


def cancel_unkept(reservation: Reservation, *, now: datetime) -> Cancelled:
    """Release a provisional seat whose prerequisites did not come; the policy says what goes back.

    Raises:
        Moved: when it is provisional no more, or has more time.
        HasBegun: once the cohort has begun.
    """
    return _sent(_cancel_unkept(reservation, now=now), now)


@writes
def _cancel_unkept(reservation: Reservation, *, now: datetime) -> Cancelled:
    waitlist.lock_cohort(reservation.cohort_id)
    fresh = lifecycle.lock(reservation)
    if fresh.provisional_until is None or school_day(now) <= fresh.provisional_until:
        raise lifecycle.Moved(fresh)
    return _cancel(reservation, now=now, by=None, why="What the module asks for did not come in time.")


def _sent(cancelled: Cancelled, now: datetime) -> Cancelled:
    """The same, once the transaction has been committed: send back what is owed back."""
    refunds = [send_back(each, now=now) for each in cancelled.refunds]
    close_pages(cancelled.reservation, now=now)
    return Cancelled(cancelled.reservation, cancelled.comes_back, refunds)


def told(reservation: Reservation, back: ComesBack) -> dict[str, str]:
    """What the message says about the money; empty where nothing was paid."""
    return {
        "comes_back": money.in_words(back.cents, reservation.currency) if back.cents else "",
        "how": how_it_goes(reservation),
        "stays": money.in_words(back.kept_cents, reservation.currency) if back.kept_cents else "",
    }


def how_it_goes(reservation: Reservation) -> str:
    """How money goes back, and when where somebody else decides that, as the end of a sentence."""
    if is_in_dispute(reservation):
        return "the way it came, once your bank has decided about the payment that it was asked for"
    return "the way it came"


def reason_of(back: ComesBack) -> str:
    """The rule in words, for the history."""
    return {
        "nothing-paid": "Nothing had been paid.",
        "everything-back": "Cancelled while everything was refundable.",
        "deposit-kept": "Cancelled when the deposit was not refundable any more.",
        "nothing-back": "Cancelled when nothing was refundable any more.",
        "school-cancelled": "The school cancelled the cohort.",
        "school-moved": "The school moved the cohort.",
        "goodwill": "The school's decision.",
    }[back.rule]


# -- a fee -------------------------------------------------------------------------------------------------------------
@writes
def _waive_fee(reservation: Reservation, *, now: datetime, by: User, why: str) -> list[Refund]:
    waitlist.lock_cohort(reservation.cohort_id)
    fresh = lifecycle.lock(reservation)
    has_run = school_day(now) > fresh.cohort.ends_on  # what it cost has been earned by then
    if fresh.state not in OWING or not fresh.fee_cents or has_run:
        raise lifecycle.Moved(fresh)
    fee, paid = fresh.fee_cents, ledger.kept_cents(fresh)
    left = plans.left_of(fresh, paid)
    owing.without_fee(fresh, now)
    plans.split_again(fresh, left, paid, now=now)
    record_all([lifecycle.line_about("fee-waived", fresh, now=now, by=by, why=why, cents=fee)])
    too_much = max(paid - fresh.owed_cents, 0)
    emails.fee_waived(fresh, fee_cents=fee, back_cents=too_much, why=why, now=now)
    if fresh.state == State.RESERVED and paid >= fresh.owed_cents:
        lifecycle.move(fresh, State.CONFIRMED, now=now, by=by)
    why_back = "The fee was waived."
    return owe_back(fresh, too_much, rule="fee-waived", why=why_back, by=by, now=now, despite_disputes=True)


def waive_fee(reservation: Reservation, *, now: datetime, by: User, why: str) -> list[Refund]:
    """Let someone off the fee for moving, and tell them; what they have paid of it goes back. Locks as `cancel` does.

    Raises:
        Moved: when it has ended or no fee is owed.
    """
    return [send_back(each, now=now) for each in _waive_fee(reservation, now=now, by=by, why=why)]


# -- the school cancelled, and the money has stayed for another cohort -------------------------------------------------
def take_the_money(reservation: Reservation, *, now: datetime, by: User | None) -> Cancelled:
    """End the choice that a cancelled cohort left someone with: all of it goes back.

    Raises:
        Moved: when there is no such choice (any more).
    """
    return _sent(_take_the_money(reservation, now=now, by=by), now)


@writes
def _take_the_money(reservation: Reservation, *, now: datetime, by: User | None) -> Cancelled:
    fresh = lifecycle.lock(reservation)
    if fresh.state != State.CANCELLED or fresh.choose_until is None:
        raise lifecycle.Moved(fresh)
    back, reason = everything(ledger.kept_cents(fresh), "school-cancelled"), "The school cancelled the cohort."
    refunds = owe_back(fresh, back.cents, rule=back.rule, why=reason, by=by, now=now, despite_disputes=True)
    lifecycle.chosen(fresh)
    return Cancelled(fresh, back, refunds)


def choices_over(now: datetime) -> int:
    """Send back the money of those whose time to choose is over; return how many."""
    over = Reservation.objects.filter(choose_until__lte=now).select_related("cohort", "trainee").order_by("pk")[:100]
    return one_by_one(over, lambda each: _send_back_unless_chosen(each, now), "Sending money back")


def _send_back_unless_chosen(reservation: Reservation, now: datetime) -> bool:
    try:
        take_the_money(reservation, now=now, by=None)
    except lifecycle.Moved:
        return False
    return True


# -- the school cancels a cohort: one reservation's part, inside `calling_off` -----------------------------------------
def called_off(reservation: Reservation, *, choose_until: datetime, why: str, now: datetime, by: User) -> None:
    """End one reservation of a cohort that the school cancels. The caller has locked the cohort and all its seats."""
    fresh = lifecycle.lock(reservation)
    state = fresh.state_at(now)
    if state == State.EXPIRED:
        record_all(lifecycle.expire_lapsed(fresh, now))
        return
    if state == State.OFFERED:
        offers.take_back(fresh, EntryState.LAPSED, "offer-withdrawn", now=now, by=by, why=why)
        emails.called_off(fresh, owed_cents=0, why=why, now=now)
        return
    paid = ledger.kept_cents(fresh)
    seats.release(fresh.cohort_id, fresh.trainee_id)
    plans.close(fresh, why="The school cancelled the cohort.", now=now)
    lifecycle.call_off(fresh, choose_until=choose_until if paid else None, why=why, now=now, by=by)
    emails.called_off(fresh, owed_cents=paid, why=why, now=now)
