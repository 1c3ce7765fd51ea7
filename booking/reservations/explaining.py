"""Why money comes back or stays, and how far it has come, in words for the person whose it is. Pure functions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from booking.payments import gateways
from booking.payments.models import FROZEN, Refund, RefundStatus
from booking.reservations.admission import Quote
from booking.reservations.models import Reservation
from booking.reservations.promises import refundable_until
from booking.reservations.refunds import ComesBack
from booking.reservations.story import Chapter
from workshops import money
from workshops.clock import in_words, moment_for, school_day, with_weekday
from workshops.cohorts.models import Cohort
from workshops.programme.terms import Terms

RULES: Mapping[str, str] = {
    "everything-back": "everything was refundable on that day",
    "deposit-kept": "it is what was still refundable on that day",
    "school-cancelled": "the school cancelled the cohort",
    "school-moved": "the school had moved the cohort",
    "goodwill": "the school decided so",
    "late-no-seat": "it came when no seat was left",
    "paid-twice": "it was more than the seat costs",
    "too-much": "it was more than the seat costs",
    "too-little": "it was less than was asked for",
    "by-the-school": "the school decided so",
    "outside": "the school sent it back outside this system",
    "recorded-wrongly": "it had been recorded by mistake",
    "fee-waived": "the school waived the fee for moving",
}
"""Each rule by which a refund may be owed, as the end of a sentence."""


FAILURES: Mapping[str, str] = {
    "expired_or_canceled_card": "the card has expired or was cancelled",
    "lost_or_stolen_card": "the card was reported lost or stolen",
    "insufficient_funds": "the school's account at Stripe did not hold enough at that moment",
    "declined": "the bank did not take it",
    "charge_for_pending_refund_disputed": "a bank had been asked about the payment meanwhile",
    "merchant_request": "the school had it stopped",
    "charge_already_refunded": "it had gone back already",
    "unknown": "the bank gave no reason",
}
"""Why a refund failed, by the processor's code, in words. What is not here is shown as it came."""


def without_codes(chapter: Chapter) -> Chapter:
    """A line of a story with words for the processor's code of why a refund failed."""
    said = chapter.told
    if "could not be sent back" not in said.what or said.why not in FAILURES:
        return chapter
    return replace(chapter, told=replace(said, why=FAILURES[said.why]))


def reasons(reservation: Reservation, back: ComesBack, now: datetime) -> list[str]:
    """Why so much comes back and the rest stays, if they cancel now: the rule with its dates, a sentence each."""
    if back.rule == "nothing-paid":
        return ["You have paid nothing here, so nothing comes back and nothing is owed."]
    if back.rule == "school-moved" and reservation.may_leave_until:
        until = moment_for(reservation.may_leave_until, reservation.trainee.time_zone)
        return [f"The school moved the cohort. Until {until} everything you have paid comes back."]
    rule, kept_by_it = _by_the_day(reservation, back, now)
    if back.kept_cents <= kept_by_it:
        return [rule]
    return [_from_before(reservation, back), _beyond_it(reservation, back)]


def _by_the_day(reservation: Reservation, back: ComesBack, now: datetime) -> tuple[str, int]:
    """The rule of this day, and how much it leaves with the school."""
    today, paid = school_day(now), back.cents + back.kept_cents
    everything_until, rest_until = refundable_until(reservation.cohort.starts_on, reservation.terms)
    if not reservation.deposit_cents:
        everything_until = rest_until
    first, last = with_weekday(everything_until), with_weekday(rest_until)
    if today <= everything_until:
        return f"Until {first} everything you have paid comes back.", 0
    if today <= rest_until:
        deposit = min(reservation.deposit_cents, paid)
        beyond = "What you have paid beyond it comes back" if paid > deposit else "What is paid beyond it comes back"
        return f"The deposit was refundable until {first}. {beyond} until {last}.", deposit
    if everything_until < rest_until:
        return f"The deposit was refundable until {first}, the rest until {last}.", paid
    return f"What you have paid was refundable until {first}.", paid


def _from_before(reservation: Reservation, back: ComesBack) -> str:
    """What stays although the day would let it go: moving does not make money refundable again."""
    stays, fee = money.in_words(back.kept_cents, reservation.currency), reservation.fee_cents
    stays = f"{stays} of it" if back.cents else f"All of it, {stays},"
    if fee and fee >= reservation.not_refundable_cents:
        return f"{stays} is the fee for moving here and stays with the school."
    with_fee = " (the fee for moving included)" if fee else ""
    return f"{stays}{with_fee} had stopped being refundable before you moved here, and stays with the school."


def _beyond_it(reservation: Reservation, back: ComesBack) -> str:
    """Until when the rest comes back, where a part stays whatever the day."""
    everything_until, rest_until = refundable_until(reservation.cohort.starts_on, reservation.terms)
    covers_deposit = reservation.not_refundable_cents >= reservation.deposit_cents
    last = with_weekday(rest_until if covers_deposit else everything_until)
    return f"The rest comes back until {last}." if back.cents else f"What you pay beyond it comes back until {last}."


def seat_to_be(
    cohort: Cohort,
    terms: Terms,
    quote: Quote,
    *,
    provisional_until: date | None,
    fee_cents: int = 0,
    not_refundable_cents: int = 0,
) -> Reservation:
    """A reservation that nobody has made yet, to ask the rules about. It is never saved."""
    return Reservation(
        cohort=cohort,
        terms_frozen=terms.as_json(),
        price_cents=quote.price_cents,
        deposit_cents=quote.deposit_cents,
        currency=quote.currency,
        paid_elsewhere=quote.paid_elsewhere,
        fee_cents=fee_cents,
        not_refundable_cents=not_refundable_cents,
        provisional_until=provisional_until,
    )


def refund_in_words(refund: Refund) -> str:
    """How far one refund has come, and why it is owed."""
    amount = money.in_words(refund.amount_cents, refund.payment.currency)
    way = gateways.title_of("offline" if refund.by_hand else refund.payment.gateway)
    why = RULES.get(refund.rule, "it is owed to you")
    on = f" on {in_words(school_day(refund.settled_at))}" if refund.settled_at else ""
    if refund.rule == "recorded-wrongly":
        return f"A payment of {amount} was taken off the record{on}: {why}. No money moved."
    if refund.status == RefundStatus.SUCCEEDED:
        return f"{amount} was sent back{on} ({way}): {why}."
    if refund.status == RefundStatus.FAILED:
        return (
            f"{amount} could not be sent back yet ({way}): {why}. Please write to the school, so that it reaches you."
        )
    if refund.status == RefundStatus.PENDING:
        return f"{amount} is on its way back ({way}): {why}."
    if refund.payment.disputes.filter(status__in=FROZEN).exists():
        return (
            f"{amount} goes back to you ({way}) once your bank has decided about the payment it was asked for: {why}."
        )
    if refund.attempt:
        return f"{amount} is sent once more ({way}), for it did not reach you the first time: {why}."
    return f"{amount} goes back to you ({way}): {why}. You are told when it has been sent."


def way_of(gateway_name: str) -> str:
    """How money goes by a way to pay, as the end of a sentence; also where it is not offered any more."""
    return gateways.how(gateway_name)
