"""Comparing two books. Pure: what the processor says, what we have, and where they differ, in words for a person."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from booking.payments import disputing, sending
from booking.payments.gateways.books import Movement, TheirBooks, TheirDispute, TheirPayment, TheirPayout, TheirRefund
from booking.payments.models import FROZEN, UNDER_WAY, DisputeStatus, Payment, PaymentStatus, Refund, RefundStatus
from booking.payments.payouts.models import PayoutStatus
from booking.payments.reconciling.ours import BEGUN, OurBooks
from booking.payments.settling import FORWARD
from workshops import money
from workshops.clock import in_words, school_day

About = TheirPayment | TheirRefund | TheirDispute | TheirPayout | Movement | Payment | Refund | None
LEFT_ALONE = timedelta(hours=1)
"""How long a refund may wait to be sent before that is worth a word."""


@dataclass(frozen=True)
class Difference:
    """One thing that the two books tell differently. Cents, as each has them; `about` is what it is mended by."""

    code: str
    words: str
    can_be_mended: bool
    theirs_cents: int = 0
    ours_cents: int = 0
    about: About = None


def differences(theirs: TheirBooks, ours: OurBooks, *, since: datetime, now: datetime) -> list[Difference]:
    """Every difference, in the order in which they are mended: a payment before what has become of it."""
    movements = (each for each in theirs.movements if not _is_older(each, ours))
    theirs = replace(theirs, movements=tuple(movements))
    known = {each.reference: each for each in ours.payments.values() if each.reference}
    # What is not booked yet is known by our number there: its refunds, disputes and fees are found with it.
    known |= {
        each.intent_id: ours.payments[each.ours]
        for each in theirs.payments
        if each.intent_id and each.intent_id not in known and each.ours in ours.payments
    }
    return [
        *_payments(theirs, ours, known),
        *_attempts(theirs, ours, now),
        *_payments_not_there(theirs, ours, since),
        *_fees(theirs, ours, known),
        *_refunds(theirs, ours, known),
        *_refunds_not_there(theirs, ours, since, now),
        *_disputes(theirs, ours, known),
        *_payouts(theirs, ours),
        *_sum(theirs, ours),
    ]


def _is_older(moved: Movement, ours: OurBooks) -> bool:
    opened = ours.opened.get(moved.intent_id)
    return opened is not None and moved.at <= opened


# -- payments ----------------------------------------------------------------------------------------------------------
def _payments(theirs: TheirBooks, ours: OurBooks, known: Mapping[str, Payment]) -> Iterator[Difference]:
    for each in theirs.payments:
        payment = ours.payments.get(each.ours) or known.get(each.intent_id)
        if payment is not None:
            yield from _payment(each, payment)
        elif each.report.status == PaymentStatus.SUCCEEDED:
            cents = each.report.cents
            words = f"{_received(each)} for payment {each.ours} on {_on(each.at)}, and there is no such payment here."
            yield Difference("payment-unknown", words, False, theirs_cents=cents, about=each)


def _payment(each: TheirPayment, payment: Payment) -> Iterator[Difference]:
    name, cents, has = payment.public_id, each.report.cents, payment.amount_cents
    here, there = payment.status, each.report.status
    received = there == PaymentStatus.SUCCEEDED
    if each.currency != payment.currency:
        words = f"Payment {name} is in {each.currency} at Stripe and was asked for in {payment.currency}."
        yield Difference("payment-wrong-money", words, False, cents, has, each)
    elif received and here != PaymentStatus.SUCCEEDED:
        words = f"{_received(each)} for payment {name} on {_on(each.at)}, and the books do not know it."
        yield Difference("payment-missing", words, True, cents, 0, each)
    elif received and payment.reference != each.intent_id:
        words = (
            f"{_received(each)} for payment {name} on {_on(each.at)} as {each.intent_id}, and it had been received "
            f"before as {payment.reference}. It came twice; send one of the two back at Stripe."
        )
        yield Difference("payment-twice", words, False, cents, has, each)
    elif received and has != cents:
        words = f"{_received(each)} for payment {name}, and the books say {money.in_words(has)}."
        yield Difference("payment-other-amount", words, False, cents, has, each)
    elif here in UNDER_WAY and there in FORWARD[here]:
        words = (
            f"Payment {name} over {money.in_words(has)} is {PaymentStatus(there).label.lower()} at Stripe and "
            f"{PaymentStatus(here).label.lower()} here."
        )
        yield Difference("attempt-behind", words, True, about=each)


def _attempts(theirs: TheirBooks, ours: OurBooks, now: datetime) -> Iterator[Difference]:
    """Attempts that are under way here and that nobody knows there."""
    there = {each.ours for each in theirs.payments}
    for payment in ours.payments.values():
        if payment.status in UNDER_WAY and payment.public_id not in there and payment.created_at <= now - BEGUN:
            words = f"Payment {payment.public_id} was begun on {_on(payment.created_at)}, and Stripe does not know it."
            yield Difference("attempt-unknown", words, True, ours_cents=payment.amount_cents, about=payment)


def _payments_not_there(theirs: TheirBooks, ours: OurBooks, since: datetime) -> Iterator[Difference]:
    """What was booked as received since then, and was not received there."""
    received = {each.intent_id for each in theirs.payments if each.report.status == PaymentStatus.SUCCEEDED}
    for payment in ours.payments.values():
        is_recent = payment.settled_at is not None and payment.settled_at >= since
        if payment.status == PaymentStatus.SUCCEEDED and is_recent and payment.reference not in received:
            amount = money.in_words(payment.amount_cents)
            words = f"The books say that {amount} were received as payment {payment.public_id}, and Stripe does not."
            yield Difference("payment-not-there", words, False, ours_cents=payment.amount_cents, about=payment)


def _received(each: TheirPayment) -> str:
    return f"Stripe received {money.in_words(each.report.cents)}"


def _fees(theirs: TheirBooks, ours: OurBooks, known: Mapping[str, Payment]) -> Iterator[Difference]:
    for each in theirs.movements:
        booked = ours.fees.get(each.number, 0)
        payment = known.get(each.intent_id)
        if payment is None or payment.status != PaymentStatus.SUCCEEDED or each.fee_cents == booked:
            continue  # a payment that is not booked yet brings its fee along
        fee = money.in_words(each.fee_cents)
        if each.number in ours.fees:
            words = f"Stripe kept {fee} of {each.number} on {_on(each.at)}, and the books say {money.in_words(booked)}."
        else:
            words = f"Stripe kept {fee} of payment {payment.public_id} on {_on(each.at)}, and the books do not know it."
        yield Difference(
            "fee-other-amount" if each.number in ours.fees else "fee-missing",
            words,
            each.number not in ours.fees,
            each.fee_cents,
            booked,
            each,
        )


# -- money that went back ----------------------------------------------------------------------------------------------
def _refunds(theirs: TheirBooks, ours: OurBooks, known: Mapping[str, Payment]) -> Iterator[Difference]:
    by_number = {each.processor_id: each for each in ours.refunds if each.processor_id}
    by_name = {(each.public_id, str(each.attempt)): each for each in ours.refunds if not each.processor_id}
    names = {each.public_id for each in ours.refunds}
    for each in theirs.refunds:
        refund = by_number.get(each.answer.processor_id) or by_name.get((each.ours, each.attempt))
        if refund is not None:
            yield from _refund(each, refund)
            continue
        payment = known.get(each.intent_id)
        if payment is None or each.answer.status != RefundStatus.SUCCEEDED:
            continue
        amount, when = money.in_words(each.cents), _on(each.at)
        if each.ours in names:
            words = f"Stripe sent {amount} back on {when} as {each.answer.processor_id}, once more than was asked for."
            yield Difference("refund-twice", words, False, each.cents, 0, each)
        else:
            words = f"Stripe sent {amount} of payment {payment.public_id} back on {when}, and the books do not know it."
            yield Difference("refund-missing", words, True, each.cents, 0, each)


def _refund(each: TheirRefund, refund: Refund) -> Iterator[Difference]:
    there, here = each.answer.status, RefundStatus(refund.status)
    amount = money.in_words(each.cents)
    if each.cents != refund.amount_cents:
        words = f"Refund {refund.public_id} is {amount} at Stripe and {money.in_words(refund.amount_cents)} here."
        yield Difference("refund-other-amount", words, False, each.cents, refund.amount_cents, each)
    elif there != here:
        words = (
            f"Refund {refund.public_id} of {amount} is {there.label.lower()} at Stripe and {here.label.lower()} here."
        )
        can_be_mended = there in sending.FORWARD[here]
        code = "refund-behind" if can_be_mended else "refund-other-state"
        yield Difference(code, words, can_be_mended, each.cents, refund.amount_cents, each)


def _refunds_not_there(theirs: TheirBooks, ours: OurBooks, since: datetime, now: datetime) -> Iterator[Difference]:
    numbers = {each.answer.processor_id for each in theirs.refunds}
    names = {(each.ours, each.attempt) for each in theirs.refunds}
    frozen = {each.payment_id for each in ours.disputes.values() if each.status in FROZEN}
    for refund in ours.refunds:
        amount, cents = money.in_words(refund.amount_cents), refund.amount_cents
        # Of one that left no room because all had gone another way, nothing went.
        is_recent = cents and refund.settled_at is not None and refund.settled_at >= since
        if refund.status == RefundStatus.SUCCEEDED and is_recent and refund.processor_id not in numbers:
            words = f"The books say that {amount} went back as refund {refund.public_id}, and Stripe does not."
            yield Difference("refund-not-there", words, False, ours_cents=cents, about=refund)
        waits = refund.status == RefundStatus.REQUESTED and refund.requested_at <= now - LEFT_ALONE
        if waits and refund.payment_id not in frozen and (refund.public_id, str(refund.attempt)) not in names:
            words = f"Refund {refund.public_id} of {amount} waits to be sent since {_on(refund.requested_at)}."
            yield Difference("refund-not-sent", words, True, ours_cents=cents, about=refund)


def _disputes(theirs: TheirBooks, ours: OurBooks, known: Mapping[str, Payment]) -> Iterator[Difference]:
    for each in theirs.disputes:
        payment = known.get(each.intent_id)
        if payment is None:
            continue
        dispute, report = ours.disputes.get(each.report.processor_id), each.report
        what = f"The dispute over {money.in_words(report.cents)} of payment {payment.public_id}"
        if dispute is None:
            words = f"{what} of {_on(report.opened_at)} is not in the books."
            yield Difference("dispute-missing", words, True, report.cents, 0, each)
        elif dispute.status != report.status:
            here = DisputeStatus(dispute.status)
            words = f"{what} is {report.status.label.lower()} at Stripe and {here.label.lower()} here."
            can_be_mended = report.status in disputing.FORWARD[here]
            code = "dispute-behind" if can_be_mended else "dispute-other-state"
            yield Difference(code, words, can_be_mended, report.cents, dispute.amount_cents, each)


# -- what arrived at the bank, and the sum -----------------------------------------------------------------------------
def _payouts(theirs: TheirBooks, ours: OurBooks) -> Iterator[Difference]:
    for each in theirs.payouts:
        payout, name = ours.payouts.get(each.processor_id), f"The payout of {money.in_words(each.cents)}"
        what = f"{name} for {in_words(each.arrives_on)}"
        booked, part = ours.paid_out.get(each.processor_id), each.ours_cents
        if payout is None:
            yield Difference("payout-missing", f"{what} is not in the books.", True, each.cents, 0, each)
        elif payout.status not in (each.status, PayoutStatus.FAILED):
            words = f"{what} is {each.status.label.lower()} at Stripe and {payout.get_status_display().lower()} here."
            yield Difference("payout-behind", words, True, each.cents, payout.amount_cents, each)
        elif booked is not None and part is not None and booked != part:
            words = f"{what} carried {money.in_words(part)} for seats, and the books say {money.in_words(booked)}."
            yield Difference("payout-other-part", words, False, part, booked, each)
        elif booked is None and part and payout.status == PayoutStatus.PAID:
            words = f"{what} carried {money.in_words(part)} for seats, and the books do not know it."
            yield Difference("payout-behind", words, True, part, 0, each)


def _sum(theirs: TheirBooks, ours: OurBooks) -> Iterator[Difference]:
    """The whole account since ever. A refund leaves Stripe's balance when it begins, and our books when it has gone."""
    waiting = sum(each.cents for each in theirs.refunds if each.answer.status == RefundStatus.PENDING)
    there = sum(each.net_cents for each in theirs.movements) + waiting
    if there != ours.processor_cents:
        words = (
            f"All in all, Stripe's account has had {money.in_words(there)} of ours before payouts, and the books say "
            f"{money.in_words(ours.processor_cents)}."
        )
        yield Difference("processor-sum", words, False, there, ours.processor_cents)


def _on(moment: datetime) -> str:
    return in_words(school_day(moment))
