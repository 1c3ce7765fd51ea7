"""Money that the school sends back by its own decision: the whole or a part, whichever payments it came by."""

from datetime import datetime

from booking.payments import emails, ledger, outside
from booking.payments.models import Refund
from booking.payments.plans import lifecycle as plans
from booking.payments.returning import NotThatMuch, owe_back, possible_cents
from booking.payments.sending import send_back
from booking.reservations import lifecycle, owing, waitlist
from booking.reservations.models import SEATED, Reservation
from workshops.clock import school_day
from workshops.history.record import record
from workshops.people.models import User
from workshops.prerequisites.deciding import BadFact, not_their_own
from workshops.transactions import writes

BY_THE_SCHOOL = "by-the-school"


class Changed(Exception):
    """What could go back is not what was shown. `possible_cents` is what it is now; nothing has been done."""

    def __init__(self, possible: int) -> None:
        super().__init__()
        self.possible_cents = possible


def always_lowers_price(reservation: Reservation, now: datetime) -> bool:
    """Whether a refund can only make the seat cost less: once its cohort has run, its price has been earned."""
    return reservation.cohort.ends_on < school_day(now)


def refund(
    reservation: Reservation,
    cents: int,
    *,
    why: str,
    lowers_price: bool,
    by: User,
    now: datetime,
    expected_possible_cents: int,
) -> list[Refund]:
    """Send back `cents` of what was paid, the way it came, and tell the person; return the refunds.

    A seat that is theirs either costs so much less from now on (`lowers_price`), and what remains to be paid stays as
    it was; or so much of its price is owed again by the date of the balance. Of a reservation that has ended it comes
    out of what was kept. `expected_possible_cents` is what the page showed as possible. Locks the cohort, the seat,
    the reservation, its payments; the money is sent after the transaction.

    Raises:
        BadFact: about one's own reservation, or where it is not for this command; the message says why.
        Changed: see `expected_possible_cents`.
        NotThatMuch: for more than was received, less what has gone, is on its way, or is disputed.
    """
    asked = _refund(
        reservation,
        cents,
        why=why,
        lowers_price=lowers_price,
        by=by,
        now=now,
        expected_possible_cents=expected_possible_cents,
    )
    return [send_back(each, now=now) for each in asked]


@writes
def _refund(
    reservation: Reservation,
    cents: int,
    *,
    why: str,
    lowers_price: bool,
    by: User,
    now: datetime,
    expected_possible_cents: int,
) -> list[Refund]:
    waitlist.lock_cohort(reservation.cohort_id)
    fresh = lifecycle.lock(reservation)
    not_their_own(fresh.trainee, by)
    possible = possible_cents(fresh)
    if possible != expected_possible_cents:
        raise Changed(possible)
    if not 0 < cents <= possible:
        raise NotThatMuch(f"{possible} of {cents} cents can go back for {fresh.public_id}.")
    if fresh.choose_until:
        raise BadFact("They may still choose another cohort for this money. Send all of it back at once instead.")
    if fresh.state not in SEATED:
        refunds = owe_back(fresh, cents, rule=BY_THE_SCHOOL, why=why, by=by, now=now)
        emails.school_sends_back(refunds, price_cents=None, why=why, now=now)
        return refunds
    if lowers_price or always_lowers_price(fresh, now):
        _cost_less(fresh, cents, why=why, by=by, now=now)
        refunds = owe_back(fresh, cents, rule=BY_THE_SCHOOL, why=why, by=by, now=now)
        emails.school_sends_back(refunds, price_cents=fresh.owed_cents, why=why, now=now)
        return refunds
    refunds = owe_back(fresh, cents, rule=BY_THE_SCHOOL, why=why, by=by, now=now)
    _deposit_within(fresh, ledger.kept_cents(fresh), now)
    outside.some_is_gone(fresh, why=f"The school sends it back to you: {why}", now=now, by=by)
    return refunds


def _cost_less(reservation: Reservation, cents: int, *, why: str, by: User, now: datetime) -> None:
    """Lower the price by what goes back; the parts of a running plan that are still to come stay as they were."""
    if cents > reservation.price_cents:
        raise BadFact("That is more than the price. A fee for moving goes back when it is waived.")
    kept = ledger.kept_cents(reservation)
    left = plans.left_of(reservation, kept)
    owing.cost_less(reservation, reservation.price_cents - cents, now)
    _deposit_within(reservation, kept - cents, now)
    plans.split_again(reservation, left, kept - cents, now=now)
    about = ("reservation", reservation.public_id)
    record("price-lowered", about=about, person=reservation.trainee, by=by, now=now, why=why, cents=cents)


def _deposit_within(reservation: Reservation, kept_cents: int, now: datetime) -> None:
    """Where less is left than the deposit was, take that as the deposit: the rest is due with the balance."""
    if kept_cents < reservation.deposit_cents:
        owing.smaller_deposit(reservation, kept_cents, now)
        reservation.deposit_cents = kept_cents
