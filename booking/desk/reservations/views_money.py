"""What a registrar records and decides about the money of one reservation: what arrived, and what goes back."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from booking.desk.reservations.answering import Asked, carried_out, decided, find, page
from booking.desk.reservations.forms import (
    BY_HAND,
    RefundFailedForm,
    RefundSentForm,
    ReverseForm,
    TransferForm,
    cents_of,
)
from booking.desk.reservations.page import is_to_send, refund_form
from booking.payments import ledger, outside, paying, refunding, sending
from booking.payments.models import Payment, Refund, RefundStatus
from booking.payments.returning import possible_cents, story_of, where_it_counts
from booking.reservations.models import OWING, Reservation
from workshops import money
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.prerequisites.deciding import BadFact
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
            form.purpose,
            reference=asked["reference"],
            by=request.user,
            now=current_time(),
            amount_cents=form.cents,
            short_is_enough=form.short_is_enough,
        )
        cents = money.in_words(settled.payment.amount_cents, settled.payment.currency)
        there = f" for their seat in {counts.cohort}" if counts.pk != found.pk else ""
        if not settled.seat_is_theirs:
            goes_back = "No seat was left, so all of it must go back: send it, and record that below."
            return f"{cents} is recorded. {goes_back}", counts
        if settled.refund:
            beyond = money.in_words(settled.refund.amount_cents, settled.payment.currency)
            more = f"{beyond} of it is more than is owed and must go back: send it, and record that below."
            return f"{cents} is recorded{there}, and the seat is theirs. {more}", counts
        return f"{cents} is recorded{there}, and the seat is theirs.", counts

    def again(status: int) -> HttpResponse:
        return page(request, find(counts.public_id), {"transfer": form}, status=status)

    return decided(request, form, record, again, about=(counts,))


@roles(Role.REGISTRAR)
@require_POST
def reverse(request: SignedInRequest, public_id: str, payment_id: str) -> HttpResponse:
    """Undo the record of a transfer or cheque that did not come, or was not theirs."""
    found = find(public_id)
    payment = get_object_or_404(Payment, public_id=payment_id, reservation__in=story_of(found))
    name = f"reverse-{payment.public_id}"

    def undo(asked: Asked) -> str:
        outside.reverse(payment, why=asked["why"], by=request.user, now=current_time())
        words = money.in_words(payment.amount_cents, payment.currency)
        fresh = find(found.public_id)
        owed = fresh.state in OWING and fresh.remaining_cents(ledger.kept_cents(fresh))
        then = " It is owed again, and the seat stays theirs." if owed else ""
        return f"The record of {words} is reversed.{then}"

    return carried_out(request, found, name, ReverseForm(request.POST, prefix=name), undo)


@roles(Role.REGISTRAR)
@require_POST
def refund(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Send back a part of what was paid, or all of it, by the school's own decision."""
    found, now = find(public_id), current_time()
    form = refund_form(found, now, request.POST)

    def send(asked: Asked) -> tuple[str, Reservation]:
        refunds = refunding.refund(
            found,
            cents_of(asked["amount"]),
            why=asked["why"],
            lowers_price=form.lowers_price,
            by=request.user,
            now=now,
            expected_possible_cents=asked["expected_cents"],
        )
        words = money.in_words(sum(each.amount_cents for each in refunds), found.currency)
        return f"{words} goes back, and {found.trainee} is told.{_on_its_way(refunds)}", found

    def again(status: int) -> HttpResponse:
        fresh = find(public_id)
        form.offer(possible_cents(fresh))
        return page(request, fresh, {form.prefix or "": form}, status=status)

    return decided(request, form, send, again, about=(found,))


def _on_its_way(refunds: list[Refund]) -> str:
    """What is left to do about money that goes back, as a sentence that follows another."""
    if all(each.status == RefundStatus.SUCCEEDED for each in refunds):
        return " It has been sent."
    if any(is_to_send(each, each.payment) for each in refunds):
        return " Send it at the bank, and record that below."
    return " The card processor has been asked to send it."


@roles(Role.REGISTRAR)
@require_POST
def refund_sent(request: SignedInRequest, public_id: str, refund_id: str) -> HttpResponse:
    """Record that a refund has been sent back."""
    found = find(public_id)
    refund = get_object_or_404(Refund.objects.select_related("payment"), public_id=refund_id, reservation=found)
    name = f"refund-{refund.public_id}"

    def record(asked: Asked) -> str:
        if refund.status == RefundStatus.SUCCEEDED:
            return "That was recorded before. Nothing has changed."
        if not is_to_send(refund, refund.payment):
            raise BadFact("The card processor sends this one back. Only what a person sends is recorded here.")
        sending.refunded(refund, now=current_time(), by=request.user, reference=asked["reference"])
        return f"{money.in_words(refund.amount_cents, refund.payment.currency)} is recorded as sent back."

    return carried_out(request, found, name, RefundSentForm(request.POST, prefix=name), record)


@roles(Role.REGISTRAR)
@require_POST
def refund_failed(request: SignedInRequest, public_id: str, refund_id: str) -> HttpResponse:
    """Say how a refund that failed goes back: asked for once more, or by bank transfer."""
    found = find(public_id)
    refund = get_object_or_404(Refund.objects.select_related("payment"), public_id=refund_id, reservation=found)
    name = f"failed-{refund.public_id}"

    def decide(asked: Asked) -> str:
        words = money.in_words(refund.amount_cents, refund.payment.currency)
        if refund.status != RefundStatus.FAILED:
            return "That was decided before. Nothing has changed."
        now = current_time()
        if asked["how"] == BY_HAND:
            sending.by_hand_instead(refund, now=now, by=request.user, why=asked["why"])
            return f"{words} goes back by bank transfer: send it, and record that below."
        fresh = sending.ask_again(refund, now=now, by=request.user, why=asked["why"])
        sent = sending.send_back(fresh, now=now)
        if sent.status == RefundStatus.FAILED:
            return f"{words} was asked for again, and it failed again. Send it by bank transfer."
        return f"{words} was asked for again.{' It has been sent.' if sent.status == RefundStatus.SUCCEEDED else ''}"

    return carried_out(request, found, name, RefundFailedForm(request.POST, prefix=name), decide)
