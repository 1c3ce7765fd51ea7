"""Sending money back: asking the gateway, and booking what it answers, whoever reports it and however often."""

import logging
from datetime import datetime, timedelta

from django.db.models import F, Q

from booking.payments import emails, gateways, ledger
from booking.payments.gateways.base import SentBack, Unavailable
from booking.payments.gateways.offline import Offline
from booking.payments.models import FROZEN, Refund, RefundStatus
from booking.payments.papers import issuing
from workshops.history.record import record
from workshops.people.models import User
from workshops.transactions import writes

log = logging.getLogger(__name__)

AT_ONCE = 50
ASK_AGAIN = timedelta(minutes=5)
"""How long a refund that the processor did not take is left alone before it is asked for again."""

FORWARD: dict[str, frozenset[str]] = {
    RefundStatus.REQUESTED: frozenset({RefundStatus.PENDING, RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    RefundStatus.PENDING: frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    # A bank may return what had gone: the processor says so days later.
    RefundStatus.SUCCEEDED: frozenset({RefundStatus.FAILED}),
    RefundStatus.FAILED: frozenset(),
}
"""How a refund moves on within one attempt. One that failed begins again by `ask_again` or `by_hand_instead`."""


def send_back_due(now: datetime) -> int:
    """Send back what was asked for and not begun, the longest unasked first; return how many have gone.

    While a processor does not answer, the round ends with the one that found out.
    """
    waiting = Refund.objects.filter(
        Q(asked_at=None) | Q(asked_at__lte=now - ASK_AGAIN),
        status=RefundStatus.REQUESTED,
        by_hand=False,
        payment__gateway__in=gateways.offered(),
    ).exclude(payment__disputes__status__in=FROZEN)
    refunds = waiting.exclude(payment__gateway=Offline.name).select_related("payment", "reservation__trainee")
    gone = 0
    for refund in refunds.order_by(F("asked_at").asc(nulls_first=True), "requested_at", "pk")[:AT_ONCE]:
        try:
            gone += _send_back(refund, now).status != RefundStatus.REQUESTED
        except Unavailable:
            break
    return gone


def send_back(refund: Refund, *, now: datetime) -> Refund:
    """Ask the gateway to send a refund back; where a person must do it, or it does not answer, it stays asked for.

    Not inside a transaction. Asking twice sends it once: the refund's number and attempt are the processor's key.
    """
    try:
        return _send_back(refund, now)
    except Unavailable:
        return refund


def _send_back(refund: Refund, now: datetime) -> Refund:
    """As `send_back`, and raises `Unavailable` where the processor does not answer."""
    if refund.by_hand or refund.status != RefundStatus.REQUESTED:
        return refund
    if refund.payment.disputes.filter(status__in=FROZEN).exists():
        return refund  # no processor sends back what a bank is deciding about; it goes when that is over
    Refund.objects.filter(pk=refund.pk, attempt=refund.attempt).update(asked_at=now)
    try:
        answer = gateways.gateway(refund.payment.gateway).send_back(refund)
    except Unavailable:
        log.warning("Refund %s could not be asked for; it is asked for again.", refund.public_id)
        raise
    return told(refund, answer, now=now, attempt=refund.attempt) if answer else refund


def look_again(refund: Refund, *, now: datetime) -> Refund:
    """Ask the gateway what has become of a refund. Not inside a transaction.

    Raises:
        Unavailable, Refused
    """
    answer = gateways.gateway(refund.payment.gateway).look_at_refund(refund)
    return told(refund, answer, now=now, attempt=refund.attempt) if answer else refund


@writes
def told(
    refund: Refund,
    answer: SentBack,
    *,
    now: datetime,
    attempt: int | None = None,
    by: User | None = None,
    reference: str = "",
) -> Refund:
    """Book what is said of a refund. Only forward, and once. Locks the refund.

    `attempt` is the one that was asked about, where the answer may have been long on its way.
    """
    fresh = _locked(refund)
    if attempt is not None and attempt != fresh.attempt:
        return fresh  # it failed meanwhile and was begun anew: what is said of the try before ends neither
    if not answer.processor_id and fresh.status != RefundStatus.REQUESTED:
        return fresh  # a refusal without a number, and the money has gone some other way or is on its way
    if answer.processor_id and fresh.processor_id and answer.processor_id != fresh.processor_id:
        return fresh  # of an earlier attempt
    if answer.status not in FORWARD[RefundStatus(fresh.status)]:
        return fresh
    had_gone = fresh.status == RefundStatus.SUCCEEDED
    fresh.status, fresh.failure = answer.status, answer.failure[:60]
    fresh.processor_id = answer.processor_id or fresh.processor_id
    fresh.settled_at = None if answer.status == RefundStatus.PENDING else now
    if answer.status == RefundStatus.SUCCEEDED:
        fresh.recorded_by, fresh.reference = by, reference or fresh.reference
    fresh.save()
    reservation = fresh.reservation
    about, person = ("reservation", reservation.public_id), reservation.trainee
    if answer.status == RefundStatus.SUCCEEDED:
        ledger.post_refund(fresh, at=now)
        record("refund-sent", about=about, person=person, by=by, now=now, cents=fresh.amount_cents)
        emails.has_gone_back(fresh, now=now)
        issuing.credit_note(fresh, now=now)
    elif answer.status == RefundStatus.FAILED:
        if had_gone:
            ledger.post_refund_returned(fresh, at=now)
        record("refund-failed", about=about, person=person, now=now, cents=fresh.amount_cents, why=answer.failure)
        emails.refund_failed(fresh, now=now)
    return fresh


def refunded(refund: Refund, *, now: datetime, by: User | None, reference: str) -> Refund:
    """Book a refund that a person has sent by the bank. A second time changes nothing."""
    return told(refund, SentBack(RefundStatus.SUCCEEDED), now=now, by=by, reference=reference)


@writes
def ask_again(refund: Refund, *, now: datetime, by: User, why: str) -> Refund:
    """Begin a refund that failed anew, the same way; the caller sends it (`send_back`) after the transaction.

    A second time changes nothing. Locks the refund.
    """
    return _begin_again(refund, now=now, by=by, why=why, by_hand=False)


@writes
def by_hand_instead(refund: Refund, *, now: datetime, by: User, why: str) -> Refund:
    """Have a refund that failed sent by bank transfer: a person does it and records it. Locks the refund."""
    return _begin_again(refund, now=now, by=by, why=why, by_hand=True)


@writes
def sent_there(refund: Refund, found: SentBack, *, now: datetime) -> Refund:
    """Book that somebody sent at the processor what was asked for here and had not gone. Locks the refund.

    Also where a person was to send it by the bank: nobody need do that any more.
    """
    again = _begin_again(refund, now=now, by=None, why="It was sent at the card processor.", by_hand=False)
    if again.by_hand and again.status == RefundStatus.REQUESTED:
        again.by_hand = False
        again.save(update_fields=["by_hand"])
    return told(again, found, now=now)


def _begin_again(refund: Refund, *, now: datetime, by: User | None, why: str, by_hand: bool) -> Refund:
    fresh = _locked(refund)
    if fresh.status != RefundStatus.FAILED:
        return fresh
    fresh.status, fresh.attempt, fresh.by_hand = RefundStatus.REQUESTED, fresh.attempt + 1, by_hand
    fresh.processor_id, fresh.failure, fresh.settled_at, fresh.asked_at = "", "", None, None
    fresh.save()
    reservation = fresh.reservation
    about, cents = ("reservation", reservation.public_id), fresh.amount_cents
    record("refund-again", about=about, person=reservation.trainee, by=by, now=now, why=why, cents=cents)
    return fresh


def _locked(refund: Refund) -> Refund:
    rows = Refund.objects.select_for_update(of=("self",)).select_related("payment", "reservation__trainee")
    return rows.get(pk=refund.pk)
