"""Why money goes back, in words for whoever sends it and whoever decides it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from booking.payments.outside import OUTSIDE, RECORDED_WRONGLY
from booking.payments.refunding import BY_THE_SCHOOL
from booking.payments.settling import LATE, PAID_TWICE, TOO_LITTLE, TOO_MUCH
from booking.reservations.models import Reservation
from booking.reservations.refunds import ComesBack
from workshops.clock import moment_in_words, school_day, with_weekday

WHY: Mapping[str, str] = {
    "nothing-paid": "Nothing had been paid",
    "everything-back": "Cancelled while everything was refundable",
    "deposit-kept": "Cancelled when a part was not refundable any more",
    "nothing-back": "Cancelled when nothing was refundable any more",
    "school-cancelled": "The school cancelled the cohort",
    "school-moved": "The school moved the cohort",
    "goodwill": "The school's goodwill",
    "fee-waived": "The fee was waived",
    LATE: "The payment came when no seat was left",
    PAID_TWICE: "More came than the seat costs",
    TOO_MUCH: "More came than the seat costs",
    TOO_LITTLE: "Less came than was asked for",
    BY_THE_SCHOOL: "The school's decision",
    OUTSIDE: "Sent back at the card processor",
    RECORDED_WRONGLY: "The record was reversed",
}


def why(rule: str) -> str:
    """The rule of a refund in words; a rule that nobody has put into words as it is."""
    return WHY.get(rule, rule.replace("-", " ").capitalize())


def dispute_reason(code: str) -> str:
    """Why a payer's bank asks for the money, in words: the processor's code with spaces."""
    return code.replace("_", " ").replace("-", " ").capitalize() or "No reason given"


def policy_in_words(reservation: Reservation, back: ComesBack, now: datetime) -> str:
    """Why the policy gives back what it gives back at `now`, with the days that decide it."""
    if back.rule == "nothing-paid":
        return "Nothing has been paid, so nothing comes back."
    if back.rule == "school-moved" and reservation.may_leave_until:
        until = moment_in_words(reservation.may_leave_until)
        return f"The school moved the cohort: all of it comes back until {until}."
    terms, first = reservation.terms, reservation.cohort.starts_on
    deposit_until = first - timedelta(days=terms.deposit_refundable_days)
    rest_until = first - timedelta(days=terms.rest_refundable_days)
    today = school_day(now)
    if today <= deposit_until:
        whole = f"Everything is refundable until {with_weekday(deposit_until)}."
        stays = " What had stopped being refundable before the move to this cohort stays with the school."
        return f"{whole}{stays}" if back.kept_cents else whole
    if today <= rest_until:
        return (
            f"The deposit was refundable until {with_weekday(deposit_until)}, "
            f"what was paid beyond it is until {with_weekday(rest_until)}."
        )
    return f"Nothing is refundable any more; the last day was {with_weekday(max(rest_until, deposit_until))}."
