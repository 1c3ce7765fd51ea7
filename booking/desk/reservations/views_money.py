"""What a registrar records about the money of one reservation: what arrived, and what was sent back."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from booking.desk.reservations.answering import Asked, carried_out, decided, find, page
from booking.desk.reservations.forms import RefundSentForm, TransferForm
from booking.payments import ledger, paying, settling
from booking.payments.models import Purpose, Refund, RefundStatus
from booking.payments.returning import where_it_counts
from booking.reservations.models import Reservation
from workshops import money
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles


@roles(Role.REGISTRAR)
@require_POST
def transfer(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Record a bank transfer or cheque that arrived; for a reservation that has moved on, where it is now."""
    found = find(public_id)
    counts = where_it_counts(found)
    form = TransferForm(request.POST, reservation=counts, paid_cents=ledger.kept_cents(counts))

    def record(asked: Asked) -> tuple[str, Reservation]:
        settled = paying.record_transfer(
            counts,
            Purpose(asked["purpose"]),
            reference=asked["reference"],
            by=request.user,
            now=current_time(),
        )
        cents = money.in_words(settled.payment.amount_cents, settled.payment.currency)
        there = f" for their seat in {counts.cohort}" if counts.pk != found.pk else ""
        if settled.seat_is_theirs:
            return f"{cents} is recorded{there}, and the seat is theirs.", counts
        goes_back = "No seat was left, so all of it must go back: send it, and record that below."
        return f"{cents} is recorded. {goes_back}", counts

    def again(status: int) -> HttpResponse:
        return page(request, find(counts.public_id), {"transfer": form}, status=status)

    return decided(request, form, record, again, about=(counts,))


@roles(Role.REGISTRAR)
@require_POST
def refund_sent(request: SignedInRequest, public_id: str, refund_id: str) -> HttpResponse:
    """Record that a refund has been sent back."""
    found = find(public_id)
    refund = get_object_or_404(Refund, public_id=refund_id, reservation=found)
    name = f"refund-{refund.public_id}"

    def record(asked: Asked) -> str:
        if refund.status == RefundStatus.SUCCEEDED:
            return "That was recorded before. Nothing has changed."
        settling.refunded(refund, now=current_time(), by=request.user, reference=asked["reference"])
        return f"{money.in_words(refund.amount_cents, refund.payment.currency)} is recorded as sent back."

    return carried_out(request, found, name, RefundSentForm(request.POST, prefix=name), record)
