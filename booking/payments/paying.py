"""Beginning a payment: what it may be for, how much, and through which gateway."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.utils.text import slugify

from booking.payments import emails, gateways, ledger
from booking.payments.gateways.base import STRIPE, Opened, Refused, Report, Unavailable, is_without_page
from booking.payments.gateways.offline import Offline
from booking.payments.giving_up import give_up_here
from booking.payments.models import UNDER_WAY, Payment, PaymentStatus, Purpose
from booking.payments.plans.lifecycle import part_to_pay
from booking.payments.returning import received_cents, story_of, where_it_counts
from booking.payments.settling import (
    Settled,
    catch_up,
    close_pages,
    finish,
    give_up,
    lock_where_it_counts,
    settle,
    settle_here,
    told,
)
from booking.reservations import lifecycle
from booking.reservations.models import OWING, Reservation, State
from workshops.people.models import User
from workshops.programme.models import school
from workshops.text import plain
from workshops.transactions import writes

# Stripe keeps a page open for 30 minutes at least and 24 hours at most; a minute is for the way there.
PAGE_AT_LEAST = timedelta(minutes=31)
PAGE_AT_MOST = timedelta(hours=23)
PAGE_OPEN = timedelta(hours=2)
"""How long a page is open where no hold runs out."""
LEAST_BY_CARD = 50
"""Cents. Stripe takes no smaller payment."""
ANSWER_LOST = timedelta(minutes=1)
"""After which no request of ours can still be on its way to the processor."""


class NothingToPay(Exception):
    """The reservation does not owe what the payment would be for. The message says why."""


class HoldRanOut(Exception):
    """The hold ran out before the payment began; the seat can be reserved again while there is one."""


@dataclass(frozen=True)
class Begun:
    """A payment that was begun, and where the person goes on to pay it (empty where there is no such page)."""

    payment: Payment
    checkout_url: str


class OnItsWay(Exception):
    """Another payment for this reservation is with a bank already, and its answer is awaited."""


TOO_LITTLE_FOR_CARD = "No less than 50 cents can be paid by card. Please pay this by bank transfer."


class TooLittleForCard(gateways.NoSuchGateway):
    """The card processor is no way to pay so little. The message says how it is paid instead."""

    def __init__(self) -> None:
        super().__init__(TOO_LITTLE_FOR_CARD)


class TooLittleTime(Exception):
    """The hold ends sooner than a new page to pay on could; the one that was opened can still be used."""


class AlreadyRecorded(Exception):
    """A transfer with this reference has been recorded before."""


class LessThanTheDeposit(Exception):
    """Less came than the deposit, and nobody has said that it is enough. Nothing was recorded."""


def reference_of(typed: str) -> str:
    """A transfer's reference as it is kept and compared: in capitals, with single spaces, 80 characters at most."""
    return plain(typed).upper()[:80]


def owed_for(reservation: Reservation, purpose: Purpose, *, paid_cents: int) -> int:
    """How many cents are missing for `purpose`, whatever has become of the reservation; 0 when none are."""
    due = reservation.deposit_cents if purpose == Purpose.DEPOSIT else reservation.owed_cents
    return max(due - paid_cents, 0)


def amount_for(reservation: Reservation, purpose: Purpose, *, paid_cents: int, now: datetime) -> int:
    """How many cents a payment for `purpose` would take now.

    Raises:
        HoldRanOut: for a hold that ran out.
        NothingToPay: when that is not owed.
    """
    state = reservation.state_at(now)
    if state == State.EXPIRED:
        raise HoldRanOut
    if state not in OWING:
        raise NothingToPay("This reservation has ended; nothing is owed on it.")
    if purpose == Purpose.BALANCE and state == State.HELD:
        raise NothingToPay("The deposit comes first. You can also pay everything at once.")
    if purpose == Purpose.INSTALMENT:
        owed = part_to_pay(reservation, paid_cents, now=now)
    else:
        owed = owed_for(reservation, purpose, paid_cents=paid_cents)
    if not owed:
        raise NothingToPay("That has been paid already. Nothing is owed.")
    return owed


def begin(
    reservation: Reservation,
    purpose: Purpose,
    gateway_name: str,
    *,
    by: User,
    now: datetime,
    keeps_card: bool = False,
) -> Begun:
    """Begin a payment. One that is under way for the same thing through the same gateway is continued instead.

    Choosing a bank transfer makes the hold last as long as the terms give it, once; the processor's page is given the
    time it needs, once. `keeps_card` asks the processor to save the card for a plan that has been chosen with consent.
    The row is written before the processor is asked, and asked under its number, so that an answer that is lost is
    found again by asking once more. Not inside a transaction.

    Raises:
        gateways.NoSuchGateway, HoldRanOut, NothingToPay
        TooLittleForCard: by card, for less than the processor takes. Nothing was written then.
        OnItsWay: while another payment is with a bank and its answer awaited.
        TooLittleTime: when the hold ends before the processor's page could.
        Unavailable: when the processor does not answer. Trying again goes on where this stopped.
        Refused: when it will not do this.
    """
    gateway = gateways.gateway(gateway_name)
    _is_enough_for(gateway_name, _amount_now(reservation, purpose, now))
    _make_room(reservation, purpose, gateway_name, keeps_card=keeps_card, now=now)
    payment = _open(reservation, purpose, gateway_name, keeps_card=keeps_card, now=now)
    if payment.status == PaymentStatus.CREATED:
        try:
            opened = gateway.begin(payment)
        except Refused as refused:
            told(payment, Report(PaymentStatus.FAILED, failure=slugify(refused.code)), now=now)
            raise
        payment = _opened(payment, opened)
    if gateway.settles_at_once and payment.status in UNDER_WAY:
        payment = settle(payment, now=now, by=by, reference="").payment
    return Begun(payment, payment.checkout_url)


def _make_room(
    reservation: Reservation, purpose: Purpose, gateway_name: str, *, keeps_card: bool, now: datetime
) -> None:
    """Ask what has become of the attempt that is under way, and close its page where another is to begin.

    A page whose answer was lost is found again and continued. Where the processor does not answer, the other way goes
    on: should both be paid, one goes back.

    Raises:
        TooLittleTime: when there would be no time for another page; the one that is open stays open.
    """
    under_way = reservation.payments.filter(status__in=UNDER_WAY).select_related("reservation__trainee").first()
    if under_way is None or under_way.gateway != STRIPE:
        return
    if under_way.status == PaymentStatus.CREATED and now - under_way.created_at < ANSWER_LOST:
        if is_without_page(under_way) and gateway_name == STRIPE:
            raise OnItsWay  # a part of a plan is being charged at this moment
        return  # a repeat under the same number gets the same answer
    same = (under_way.purpose, under_way.gateway, under_way.keeps_card) == (purpose, gateway_name, keeps_card)
    try:
        if same and under_way.amount_cents == _amount_now(reservation, purpose, now):
            under_way = catch_up(under_way, now=now)
            if under_way.status != PaymentStatus.CREATED:
                return
        elif gateway_name == STRIPE and under_way.status == PaymentStatus.OPEN:
            _page_would_fit(Reservation.objects.get(pk=reservation.pk), now)
        give_up(under_way, now=now)
    except (Unavailable, gateways.NoSuchGateway):
        return


def _is_enough_for(gateway_name: str, cents: int | None) -> None:
    if gateway_name == STRIPE and cents is not None and cents < LEAST_BY_CARD:
        raise TooLittleForCard


def _amount_now(reservation: Reservation, purpose: Purpose, now: datetime) -> int | None:
    try:
        return amount_for(reservation, purpose, paid_cents=ledger.kept_cents(reservation), now=now)
    except (HoldRanOut, NothingToPay):
        return None


@writes
def _open(
    reservation: Reservation, purpose: Purpose, gateway_name: str, *, now: datetime, keeps_card: bool = False
) -> Payment:
    if gateway_name == Offline.name:
        _wait_for_transfer(reservation, now)
    fresh = lifecycle.lock(reservation)
    amount = amount_for(fresh, purpose, paid_cents=ledger.kept_cents(fresh), now=now)
    _is_enough_for(gateway_name, amount)
    payment = _under_way(fresh, purpose, gateway_name, amount, now, keeps_card=keeps_card)
    if gateway_name == Offline.name:
        emails.how_to_transfer(payment, school().bank_details, now=now)
    elif payment.expires_at is None and gateway_name == STRIPE:
        payment.expires_at, payment.prolonged_hold = _page_until(fresh, now)
        payment.save(update_fields=["expires_at", "prolonged_hold"])
    return payment


def _page_until(reservation: Reservation, now: datetime) -> tuple[datetime, bool]:
    """Until when the processor's page is open, and whether the hold was made longer for it: the two end together.

    Raises:
        TooLittleTime: when the hold has been made longer once already and less than such a page needs is left.
    """
    if reservation.state != State.HELD or reservation.held_until is None:
        return now + PAGE_OPEN, False
    if _page_would_fit(reservation, now):
        return min(reservation.held_until, now + PAGE_AT_MOST), False
    until = now + PAGE_AT_LEAST
    try:
        lifecycle.hold_longer(reservation, until=until, now=now, why="The page to pay on was opened.")
    except lifecycle.Moved:
        raise HoldRanOut from None
    return until, True


def _page_would_fit(reservation: Reservation, now: datetime) -> bool:
    """Whether a new page fits into the hold as it is; False where the hold can be made longer for it.

    What had been prolonged for a page that never came about does not count.

    Raises:
        TooLittleTime: when the hold has been made longer once already.
    """
    if reservation.state_at(now) != State.HELD or reservation.held_until is None:
        return True
    if reservation.held_until >= now + PAGE_AT_LEAST:
        return True
    if reservation.payments.filter(prolonged_hold=True).exclude(checkout_id="").exists():
        raise TooLittleTime
    return False


@writes
def _opened(payment: Payment, opened: Opened) -> Payment:
    """Write down what the processor answered. Where the attempt was given up meanwhile, it stays given up."""
    fresh = Payment.objects.select_for_update(of=("self",)).select_related("reservation__trainee").get(pk=payment.pk)
    fresh.checkout_id, fresh.checkout_url = opened.checkout_id, opened.url
    fresh.expires_at = opened.expires_at or fresh.expires_at
    if fresh.status == PaymentStatus.CREATED:
        fresh.status = PaymentStatus.OPEN
    fresh.save(update_fields=["checkout_id", "checkout_url", "expires_at", "status"])
    return fresh


def _wait_for_transfer(reservation: Reservation, now: datetime) -> None:
    """Prolong the hold of someone who pays by transfer for the first time: seat first, then reservation."""
    until = lifecycle.transfer_awaited_until(reservation.cohort, reservation.terms, now)
    if (
        reservation.state_at(now) == State.HELD
        and reservation.held_until is not None
        and until > reservation.held_until
        and not Payment.objects.filter(reservation__in=story_of(reservation), gateway=Offline.name).exists()
    ):
        try:
            lifecycle.hold_longer(reservation, until=until, now=now, why="Payment by bank transfer was chosen.")
        except lifecycle.Moved:
            raise HoldRanOut from None


def _under_way(
    reservation: Reservation, purpose: Purpose, gateway_name: str, amount: int, now: datetime, *, keeps_card: bool
) -> Payment:
    """The attempt that is under way if it is the same one; otherwise it ends and a new one begins.

    Raises:
        OnItsWay: when it is with a bank already.
    """
    under_way = reservation.payments.filter(status__in=UNDER_WAY).first()
    if under_way and under_way.status == PaymentStatus.PROCESSING:
        raise OnItsWay
    if under_way and gateway_name == STRIPE and is_without_page(under_way):
        raise OnItsWay  # a part of a plan, of which Stripe has not said yet whether it was charged
    asked = (purpose, gateway_name, amount, keeps_card)
    if under_way and (under_way.purpose, under_way.gateway, under_way.amount_cents, under_way.keeps_card) == asked:
        return under_way
    if under_way:
        give_up_here(reservation, now=now)
    return Payment.objects.create(
        reservation=reservation,
        purpose=purpose,
        gateway=gateway_name,
        amount_cents=amount,
        currency=reservation.currency,
        keeps_card=keeps_card,
        created_at=now,
    )


def record_transfer(
    reservation: Reservation,
    purpose: Purpose,
    *,
    reference: str,
    by: User,
    now: datetime,
    amount_cents: int | None = None,
    short_is_enough: bool = False,
) -> Settled:
    """Record a bank transfer or cheque that arrived, whatever has become of the reservation meanwhile.

    `amount_cents` is what came, where that is not what is missing for `purpose`: less of the balance counts for it,
    and what is more than is owed goes back. Late money brings the seat back when one is left, and is owed back
    otherwise: see `settling`. A page to pay by card that is open is closed first, so that nobody pays twice. Not inside
    a transaction.

    Raises:
        AlreadyRecorded: when this reference has been recorded before.
        NothingToPay: when nothing is missing for `purpose`.
        LessThanTheDeposit: unless `short_is_enough`, which takes what came as the deposit.
        OnItsWay: while another payment is with a bank and its answer awaited.
    """
    reference = reference_of(reference)
    if _is_recorded(reference):
        raise AlreadyRecorded
    close_pages(where_it_counts(reservation), now=now)
    try:
        settled = _record_transfer(
            reservation,
            purpose,
            reference=reference,
            by=by,
            now=now,
            amount_cents=amount_cents,
            short_is_enough=short_is_enough,
        )
    except IntegrityError:
        if not _is_recorded(reference):
            raise
        raise AlreadyRecorded from None
    return finish(settled, now=now)


def _is_recorded(reference: str) -> bool:
    return Payment.objects.filter(gateway=Offline.name, reference=reference).exists()


@writes
def _record_transfer(
    reservation: Reservation,
    purpose: Purpose,
    *,
    reference: str,
    by: User,
    now: datetime,
    amount_cents: int | None,
    short_is_enough: bool,
) -> Settled:
    """The payment and what becomes of it, all at once: a reference that was recorded before leaves nothing behind."""
    fresh = lock_where_it_counts(reservation, now)
    kept = ledger.kept_cents(fresh)
    # What went back when it was cancelled does not make a transfer that was on its way any larger.
    came_in = received_cents(fresh) if fresh.state == State.CANCELLED else 0
    amount = owed_for(fresh, purpose, paid_cents=max(kept, came_in))
    if not amount:
        raise NothingToPay("That has been paid already. If the money came twice, send it back at the bank.")
    arriving = amount if amount_cents is None else amount_cents
    is_short = arriving < amount and kept + arriving < fresh.deposit_cents
    if is_short and not short_is_enough and fresh.state != State.CANCELLED:
        raise LessThanTheDeposit
    payment = _under_way(fresh, purpose, Offline.name, amount, now, keeps_card=False)
    return settle_here(
        payment, now=now, by=by, reference=reference, received_cents=arriving, short_is_enough=short_is_enough
    )
