"""Scholarships and vouchers for one person by name: they apply by themselves when that person reserves or accepts.

`admission` looks for one only where it has seen that the person has any; `reserving` and `offers` write it down in the
transaction that takes the seat.
"""

from dataclasses import dataclass
from datetime import datetime

from booking.payments.discounts.counting import how_many_count, uses_of
from booking.payments.discounts.models import Discount, Redemption
from booking.payments.discounts.rules import best, refusal, takes_off
from booking.reservations.models import Reservation
from workshops.clock import school_day
from workshops.history.models import HistoryLine
from workshops.history.record import line
from workshops.rows import insert


@dataclass(frozen=True)
class Applies:
    """A discount that a person has by name, and what it takes off the price of one seat."""

    discount: Discount
    cents: int

    @property
    def title(self) -> str:
        """What it is called: Scholarship."""
        return self.discount.get_kind_display()


class NoLonger(Exception):
    """What would have applied a moment ago does not any more: whoever asks again reads what does."""


def that_applies(
    trainee_id: int, cohort_id: int, price_cents: int, now: datetime, *, locked: bool = False
) -> Applies | None:
    """The discount by name that takes most off this price for this person in this cohort; None when there is none.

    One statement for whoever has none; the uses of what they have are read besides. `locked`: what they have stays as
    it is until the caller's transaction ends.
    """
    rows = Discount.objects.filter(person=trainee_id, ended_at=None).order_by("pk")
    if locked:
        rows = rows.select_for_update(of=("self",), no_key=True)
    own = list(rows) if price_cents else []
    if not own:
        return None
    uses = uses_of([each.pk for each in own], now)
    usable = [
        each
        for each in own
        if refusal(
            each,
            person_id=trainee_id,
            cohort_id=cohort_id,
            price_cents=price_cents,
            uses=how_many_count(uses[each.pk]),
            today=school_day(now),
        )
        is None
    ]
    chosen = best(usable, price_cents)
    return Applies(chosen, takes_off(chosen, price_cents)) if chosen else None


def write_down(applies: Applies, reservation: Reservation, now: datetime) -> HistoryLine:
    """Write down that this reservation, whose price is the lower one already, has it. The caller writes the line.

    Locks the discount. The caller holds the locks before it: the seat's and the reservation's.

    Raises:
        NoLonger: when it was ended or used for another seat at this very moment; nothing has been written.
    """
    locked = Discount.objects.select_for_update(of=("self",), no_key=True).get(pk=applies.discount.pk)
    why_not = refusal(
        locked,
        person_id=reservation.trainee_id,
        cohort_id=reservation.cohort_id,
        price_cents=reservation.price_cents + applies.cents,
        uses=how_many_count(uses_of([locked.pk], now)[locked.pk]),
        today=school_day(now),
    )
    if why_not is not None:
        raise NoLonger
    redeemed(locked, reservation, applies.cents, now)
    return line_about("discount-used", reservation, applies.cents, now)


def redeemed(discount: Discount, reservation: Reservation, cents: int, now: datetime) -> None:
    """This reservation has this discount. The caller has locked both, and asked whether it may."""
    insert([Redemption(discount=discount, reservation=reservation, amount_cents=cents, at=now)])


def line_about(what: str, reservation: Reservation, cents: int, now: datetime) -> HistoryLine:
    """A line of the reservation's history about what its discount did, not written yet; nobody did it by hand."""
    return line(what, about=("reservation", reservation.public_id), person=reservation.trainee, now=now, cents=cents)


def on_offer(offer: Reservation, now: datetime, *, locked: bool = False) -> Applies | None:
    """What comes off an offer if it is accepted now; `locked` as above, for whoever has locked the offer."""
    return that_applies(offer.trainee_id, offer.cohort_id, offer.price_cents, now, locked=locked)


def lower(offer: Reservation, applies: Applies) -> None:
    """Let an offer cost so much less. It has no charges before it is accepted. The caller has locked it."""
    offer.price_cents -= applies.cents
    offer.deposit_cents = min(offer.deposit_cents, offer.price_cents)
    offer.save(update_fields=["price_cents", "deposit_cents"])
