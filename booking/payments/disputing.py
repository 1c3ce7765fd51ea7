"""Disputes: money that a payer asks back through their bank. The only writer of disputes.

An inquiry has taken no money. A dispute has: the processor holds it, with a fee, until the bank decides. Until then
nothing of the payment goes back another way (`returning`, `sending`), and a plan charges nothing. The seat stays what
it is; when the money is lost, some of its price is owed again.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Sum

from booking.payments import emails, ledger
from booking.payments.gateways.base import DisputeReport
from booking.payments.models import FROZEN, Dispute, DisputeStatus, Payment, PaymentStatus, RefundStatus
from booking.payments.outside import some_is_gone
from booking.payments.returning import went_another_way
from booking.payments.settling import lock_where_it_counts
from booking.reservations.models import Reservation
from workshops.history.record import record
from workshops.transactions import writes

FORWARD: Mapping[str, frozenset[str]] = {
    DisputeStatus.INQUIRY: frozenset({"open", "won", "lost", "closed"}),
    DisputeStatus.OPEN: frozenset({"won", "lost", "closed"}),
    DisputeStatus.WON: frozenset(),
    DisputeStatus.LOST: frozenset(),
    DisputeStatus.CLOSED: frozenset({"open", "won", "lost"}),
}
"""How a dispute moves on. A question that a bank has closed may still become a dispute."""

TOOK_MONEY = frozenset({DisputeStatus.OPEN, DisputeStatus.WON, DisputeStatus.LOST})
"""Where the processor has held the money, at least for a while."""


class NotReceived(Exception):
    """The payment has not been booked as received: settle it first."""


class DecidedOtherwise(Exception):
    """The bank has decided again, and differently: what was booked of it cannot be unsaid. A person must look."""


@writes
def told(payment: Payment, report: DisputeReport, *, now: datetime) -> Dispute:
    """Book what the processor says of a dispute. Only forward, and each step once, whatever the order of the reports.

    Locks the cohort, the seat, the reservation, the payment, the dispute.

    Raises:
        NotReceived: while the payment is not booked.
        DecidedOtherwise: when it was won and is lost now, or the other way round.
    """
    reservation = lock_where_it_counts(payment.reservation, now)
    fresh = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    if fresh.status != PaymentStatus.SUCCEEDED:
        raise NotReceived
    rows = Dispute.objects.select_for_update(of=("self",)).select_related("payment")
    dispute = rows.filter(processor_id=report.processor_id).first()
    if dispute is None:
        dispute = _made(fresh, reservation, report)
        before = None
    else:
        before = DisputeStatus(dispute.status)
        # What is lost is lost where the money is now, should the reservation have moved meanwhile.
        dispute.reservation = reservation
    for fee in report.fees:
        ledger.post_fee(fee.number, reservation, fee.cents, at=now)
    if before in (DisputeStatus.WON, DisputeStatus.LOST) and report.status not in (before, *FROZEN):
        raise DecidedOtherwise
    if before is None or report.status in FORWARD[before]:
        _move(dispute, before, report, reservation, now)
    elif before in FROZEN and report.answer_by != dispute.answer_by:
        dispute.answer_by = report.answer_by
        dispute.save(update_fields=["answer_by"])
    return dispute


def _made(payment: Payment, reservation: Reservation, report: DisputeReport) -> Dispute:
    return Dispute(
        payment=payment,
        reservation=reservation,
        processor_id=report.processor_id,
        amount_cents=report.cents,
        reason=report.reason,
        opened_at=report.opened_at,
    )


def _move(
    dispute: Dispute, before: DisputeStatus | None, report: DisputeReport, reservation: Reservation, now: datetime
) -> None:
    """Write the step that is told, and those that were missed before it."""
    after = report.status
    if before not in TOOK_MONEY:
        dispute.amount_cents = report.cents  # a bank may ask about more than it takes
    dispute.status, dispute.answer_by = after, report.answer_by
    dispute.closed_at = None if after in FROZEN else now
    dispute.save()
    if before in (None, DisputeStatus.CLOSED) or after == DisputeStatus.OPEN:
        _record("dispute-opened", dispute, reservation, now)
    if after in TOOK_MONEY and before not in TOOK_MONEY:
        ledger.post_dispute(dispute, at=now)
    if after in FROZEN:
        emails.dispute_opened(dispute, reservation, now=now)
        return
    if after == DisputeStatus.WON or (after == DisputeStatus.CLOSED and before in TOOK_MONEY):
        ledger.post_dispute_won(dispute, at=now)
    if after == DisputeStatus.LOST:
        went_another_way(dispute.payment, 0, now=now)  # it is among what was lost already
        ledger.post_dispute_lost(dispute, at=now)
    _record(f"dispute-{after}", dispute, reservation, now)
    emails.dispute_decided(dispute, reservation, _waiting_cents(dispute.payment), now=now)
    if after == DisputeStatus.LOST:
        some_is_gone(reservation, why="Your bank has taken a payment back.", now=now)


def _waiting_cents(payment: Payment) -> int:
    """What was asked for to go back on a payment and has not gone."""
    waiting = payment.refunds.filter(status=RefundStatus.REQUESTED)
    return waiting.aggregate(total=Sum("amount_cents"))["total"] or 0


def _record(what: str, dispute: Dispute, reservation: Reservation, now: datetime) -> None:
    about = ("reservation", reservation.public_id)
    record(what, about=about, person=reservation.trainee, now=now, cents=dispute.amount_cents)
