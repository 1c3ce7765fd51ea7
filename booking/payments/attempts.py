"""Attempts and refunds that are under way: the worker asks what has become of them, should nobody tell us."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import F, Q

from booking.payments import gateways, sending, settling
from booking.payments.gateways.base import STRIPE, Unavailable
from booking.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from booking.reservations.rounds import one_by_one

log = logging.getLogger(__name__)
T = TypeVar("T", Payment, Refund)

AT_ONCE = 20
"""Each may wait for an answer; a round must not keep the worker from everything else."""
BEGUN = timedelta(minutes=2)
"""After which whoever was asking the processor for a page has its answer or has lost it."""
NO_WORD = timedelta(minutes=10)
"""How long an open page is left alone: the processor tells us by itself when it is paid on."""
OPEN_EVERY = timedelta(minutes=15)
BANK_EVERY = timedelta(hours=6)


def look_again_due(now: datetime) -> int:
    """Ask about what is under way and whose time has come, the longest unasked first; return how much has moved on.

    While the processor does not answer, the round ends quietly and each is asked about again when its time comes.

    Raises:
        Exception: the last one met, after the others have been tried, when nothing came of any.
    """
    if STRIPE not in gateways.offered():
        return 0
    try:
        moved = _asked(_attempts(now), lambda each: _look(each, now), now, "Asking about a payment")
        return moved + _asked(_refunds(now), lambda each: _look_at_refund(each, now), now, "Asking about a refund")
    except _Quiet as unavailable:
        log.warning("Stripe does not answer; what is under way is asked about later. %s", unavailable.__cause__)
        return unavailable.moved


class _Quiet(Exception):
    """The processor does not answer: nobody else is asked about in this round."""

    moved = 0


def _attempts(now: datetime) -> list[Payment]:
    begun = Q(status=PaymentStatus.CREATED, created_at__lte=now - BEGUN) & _unasked_since(now - BEGUN)
    closed = Q(status=PaymentStatus.OPEN, expires_at__lte=now) & (
        Q(asked_at=None) | Q(asked_at__lt=F("expires_at")) | Q(asked_at__lte=now - BEGUN)
    )
    open_long = Q(status=PaymentStatus.OPEN, created_at__lte=now - NO_WORD) & _unasked_since(now - OPEN_EVERY)
    with_a_bank = Q(status=PaymentStatus.PROCESSING) & _unasked_since(now - BANK_EVERY)
    due = Payment.objects.filter(begun | closed | open_long | with_a_bank, gateway=STRIPE)
    rows = due.select_related("reservation__trainee", "reservation__cohort__module")
    return list(rows.order_by(F("asked_at").asc(nulls_first=True), "created_at", "pk")[:AT_ONCE])


def _refunds(now: datetime) -> list[Refund]:
    due = Refund.objects.filter(_unasked_since(now - BANK_EVERY), status=RefundStatus.PENDING, payment__gateway=STRIPE)
    rows = due.select_related("payment", "reservation__trainee")
    return list(rows.order_by(F("asked_at").asc(nulls_first=True), "requested_at", "pk")[:AT_ONCE])


def _unasked_since(moment: datetime) -> Q:
    return Q(asked_at=None) | Q(asked_at__lte=moment)


def _asked(rows: list[T], ask: Callable[[T], int], now: datetime, what: str) -> int:
    """Ask about each of these until the processor does not answer; return how many have moved on."""
    moved, silent = 0, []

    def one(row: T) -> int:
        nonlocal moved
        # Written first: one that cannot be asked about is not the first again in the next round, and the next.
        type(row).objects.filter(pk=row.pk).update(asked_at=now)
        try:
            done = ask(row)
        except Unavailable as unavailable:
            silent.append(unavailable)
            return 0
        moved += done
        return done

    one_by_one(_until(rows, silent), one, what)
    if silent:
        quiet = _Quiet()
        quiet.moved = moved
        raise quiet from silent[0]
    return moved


def _until(rows: Iterable[T], silent: list[Unavailable]) -> Iterable[T]:
    for row in rows:
        if silent:
            return
        yield row


def _look(payment: Payment, now: datetime) -> int:
    """What became of one; an attempt that nobody knows there has come to nothing."""
    after = settling.catch_up(payment, now=now)
    if after.status == PaymentStatus.CREATED:
        after = settling.give_up(payment, now=now)
    return int(after.status != payment.status)


def _look_at_refund(refund: Refund, now: datetime) -> int:
    return int(sending.look_again(refund, now=now).status != refund.status)
