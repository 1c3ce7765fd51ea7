"""What each kind of paper says: the words, dates and amounts that are frozen when it is made. Pure functions.

No name and nothing that a person typed is among them: those stand beside it, where erasure can empty them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from booking.payments import gateways
from booking.payments.discounts.models import Redemption
from booking.payments.emails import transfer_reference
from booking.payments.models import Payment, Purpose, Refund
from booking.reservations.explaining import RULES
from booking.reservations.models import Charge, ChargeKind, Reservation
from booking.reservations.promises import refundable_until
from workshops import money
from workshops.clock import in_words, range_in_words, school_day
from workshops.programme.models import School

PLAY, OFFLINE, STRIPE = "sandbox", "offline", "stripe"
RECORDED_WRONGLY = "recorded-wrongly"
_PAID: Mapping[str, str] = {
    Purpose.DEPOSIT: "deposit",
    Purpose.BALANCE: "balance",
    Purpose.FULL: "payment in full",
    Purpose.INSTALMENT: "monthly part",
}


@dataclass(frozen=True)
class Line:
    """One line of the table: what it is for, more about it in small print, and its cents; less is negative."""

    what: str
    cents: int
    about: str = ""


@dataclass(frozen=True)
class Sum:
    """One line beneath the table. The one that matters most is `is_total`."""

    what: str
    cents: int
    is_total: bool = False


@dataclass(frozen=True)
class Due:
    """One charge of an invoice: what is open of it, and by when."""

    what: str
    on: str
    cents: int
    open_cents: int


@dataclass(frozen=True)
class Says:
    """Everything a paper says, apart from whom it is for. `amount_cents` is what it is about, in one figure."""

    school: dict[str, str]
    currency: str
    amount_cents: int
    play_money: bool
    facts: Sequence[tuple[str, str]]
    lines: Sequence[Line]
    sums: Sequence[Sum]
    due: Sequence[Due] = field(default_factory=list)
    notes: Sequence[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)


def of_school(school: School) -> dict[str, str]:
    """The school's details as papers give them."""
    return {
        "name": school.name,
        "legal_name": school.legal_name or school.name,
        "address": school.address.strip(),
        "tax_number": school.tax_number,
        "email": school.email,
    }


# -- receipts ----------------------------------------------------------------------------------------------------------
def receipt(
    payment: Payment, reservation: Reservation, school: School, *, kept_cents: int, seat_is_theirs: bool, now: datetime
) -> Says:
    """What has come by one payment; where it bought the seat, what that costs and what remains.

    `kept_cents` is all that has come for `reservation` by now, this payment included.
    """
    cents, currency = payment.amount_cents, payment.currency
    sums, notes = [Sum("Received", cents, is_total=True)], []
    beyond = min(max(kept_cents - reservation.owed_cents, 0), cents)
    if not seat_is_theirs:
        notes.append("This payment could not buy the seat. All of it goes back, and a credit note says when it has.")
    else:
        sums += [
            Sum("The seat costs", reservation.owed_cents),
            Sum("Received for it so far", kept_cents),
            Sum("Remaining", reservation.remaining_cents(kept_cents)),
        ]
        if beyond:
            notes.append(f"{money.in_words(beyond, currency)} of it is more than the seat costs, and goes back.")
    facts = [
        ("Received on", in_words(school_day(now))),
        (f"Paid {_by(payment.gateway)}", _capital(gateways.title_of(payment.gateway))),
        ("Reservation", reference_of(reservation)),
    ]
    what = f"{_capital(_PAID[payment.purpose])} for a seat in {reservation.cohort.title}"
    return Says(
        school=of_school(school),
        currency=currency,
        amount_cents=cents,
        play_money=payment.gateway == PLAY,
        facts=facts,
        lines=[Line(what, cents, _seat(reservation))],
        sums=sums,
        notes=notes,
    )


# -- invoices ----------------------------------------------------------------------------------------------------------
def invoice(
    reservation: Reservation,
    charges: Sequence[Charge],
    redemption: Redemption | None,
    school: School,
    *,
    kept_cents: int,
    play_money: bool,
    now: datetime,
) -> Says:
    """What a seat costs line by line, what is paid of it, what remains and by when, and until when it is refundable."""
    taken_off = redemption.amount_cents if redemption else 0
    lines = [
        Line(f"Seat in {reservation.cohort.title}", reservation.price_cents + taken_off, _seat(reservation)),
        *([Line(redemption.discount.get_kind_display(), -taken_off)] if redemption else []),
        *([Line("Fee for moving to this cohort", reservation.fee_cents)] if reservation.fee_cents else []),
    ]
    remaining = reservation.remaining_cents(kept_cents)
    notes = [terms_of_refund(reservation)]
    if remaining:
        notes.append(f"With a bank transfer, please give the reference {reference_of(reservation)}.")
    return Says(
        school=of_school(school),
        currency=reservation.currency,
        amount_cents=reservation.owed_cents,
        play_money=play_money,
        facts=[("Date", in_words(school_day(now))), ("Reservation", reference_of(reservation))],
        lines=lines,
        sums=[
            Sum("In all", reservation.owed_cents),
            Sum("Paid so far", kept_cents),
            Sum("Remaining", remaining, is_total=True),
        ],
        due=_due(charges, kept_cents),
        notes=notes,
    )


def _due(charges: Sequence[Charge], kept_cents: int) -> list[Due]:
    """Each charge and what is open of it: payments cover charges as they fall due."""
    rows, left = [], kept_cents
    parts = sum(each.kind == ChargeKind.INSTALMENT for each in charges)
    for charge in charges:
        covered = min(max(left, 0), charge.amount_cents)
        left -= covered
        what = charge.get_kind_display()
        if charge.kind == ChargeKind.INSTALMENT:
            what = f"Monthly part {charge.number} of {parts}"
        on = in_words(school_day(charge.due_at))
        rows.append(Due(what, on, charge.amount_cents, charge.amount_cents - covered))
    return rows


def terms_of_refund(reservation: Reservation) -> str:
    """Until when how much of it comes back to whoever cancels, in one line."""
    everything_until, rest_until = refundable_until(reservation.cohort.starts_on, reservation.terms)
    deposit, stays = reservation.deposit_cents, reservation.not_refundable_cents
    if stays >= deposit:
        everything_until = rest_until
    words = f"If you cancel by {in_words(everything_until)}, everything comes back"
    if stays:
        gone = money.in_words(stays, reservation.currency)
        words += f" but {gone}, which had stopped being refundable before the move to this cohort"
    if everything_until < rest_until:
        rest = money.in_words(deposit, reservation.currency)
        words += f"; by {in_words(rest_until)}, everything but the deposit of {rest}"
    return f"{words}. After that nothing does."


# -- credit notes ------------------------------------------------------------------------------------------------------
def credit_note(refund: Refund, school: School, *, receipt_number: str, before_cents: int, now: datetime) -> Says:
    """What has gone back of one payment and why; or, where it was never received, that its receipt does not count.

    `before_cents` is what had gone back of that payment earlier.
    """
    payment, reservation = refund.payment, refund.reservation
    came, cents, currency = payment.amount_cents, refund.amount_cents, payment.currency
    never_came = refund.rule == RECORDED_WRONGLY
    received_on = in_words(school_day(payment.settled_at or payment.created_at))
    way = OFFLINE if refund.by_hand else payment.gateway
    why = RULES.get(refund.rule, "it was owed")
    facts = [("Date", in_words(school_day(now)))]
    facts += [("Receipt", receipt_number)] if receipt_number else []
    facts += [] if never_came else [(f"Sent back {_by(way)}", _capital(gateways.title_of(way)))]
    facts.append(("Reservation", reference_of(reservation)))
    of = f"{_PAID[payment.purpose]} received on {received_on}"
    what = f"Reversal of the {of}" if never_came else f"Refund of the {of}"
    if cents < came and not never_came:
        what = f"Refund of a part of the {of}"
    sums = [Sum("Taken back" if never_came else "Sent back", cents, is_total=True), Sum("The payment was", came)]
    sums += [Sum("Sent back before", before_cents)] if before_cents else []
    sums.append(Sum("Left of it", came - before_cents - cents))
    note = _NEVER_CAME.format(receipt=_the(receipt_number)) if never_came else f"Why: {why}."
    return Says(
        school=of_school(school),
        currency=currency,
        amount_cents=cents,
        play_money=payment.gateway == PLAY,
        facts=facts,
        lines=[Line(what, cents, f"Seat in {reservation.cohort.title}, {_days(reservation)}")],
        sums=sums,
        notes=[note],
    )


_NEVER_CAME = (
    "This payment had been recorded by mistake: the money did not come, or was not for this seat. "
    "{receipt} does not count any more, and no money was sent."
)


def _the(receipt_number: str) -> str:
    return f"Receipt {receipt_number}" if receipt_number else "Its receipt"


# -- what all of them say ----------------------------------------------------------------------------------------------
def reference_of(reservation: Reservation) -> str:
    """By what the school finds a reservation; it also stands on transfers."""
    return transfer_reference(Payment(reservation=reservation))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _by(gateway: str) -> str:
    """Through Stripe goes more than cards: which of it was used is not known here."""
    return "through" if gateway == STRIPE else "by"


def _seat(reservation: Reservation) -> str:
    cohort = reservation.cohort
    return f"{_days(reservation)}, {cohort.venue.name}, {cohort.venue.city}"


def _days(reservation: Reservation) -> str:
    return range_in_words(reservation.cohort.starts_on, reservation.cohort.ends_on)
