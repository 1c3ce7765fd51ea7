"""Why a registrar's move could not be done, in words that say what to do instead."""

from datetime import datetime

from booking.payments import outside, paying, refunding, returning
from booking.reservations import admission, cancelling, lifecycle, moving, reserving, waiting
from booking.reservations.models import Reservation, State
from workshops.clock import with_weekday
from workshops.money import in_words as cents_in_words
from workshops.prerequisites.check import Standing


class SomeoneLacks(admission.Refused):
    """One of two who would change places lacks something there; the message says who and what."""


REFUSALS = (
    admission.Refused,
    cancelling.Changed,
    lifecycle.Moved,
    moving.SameCohort,
    moving.TooLate,
    outside.NotByHand,
    paying.NothingToPay,
    paying.OnItsWay,
    refunding.Changed,
    reserving.NotKeptBack,
    returning.NotThatMuch,
    waiting.SeatsAvailable,
)
"""What the commands on a reservation raise when things have changed or a rule stands against it: answered with 409."""


def in_words(refused: Exception, *, now: datetime, about: Reservation | None = None) -> str:
    """The sentence for one of REFUSALS. `about` is the reservation that the page shows."""
    match refused:
        case lifecycle.HasBegun():
            return "The cohort has begun, so its seats are the instructors' matter. Nothing was changed."
        case lifecycle.Moved():
            return _moved(refused.reservation, about, now)
        case cancelling.Changed():
            currency = about.currency if about else "USD"
            back = cents_in_words(refused.comes_back.cents, currency)
            return f"{back} would come back by now, not what was shown. Look at it again before you release the seat."
        case moving.SameCohort():
            return "That is the cohort they are in already. Choose another."
        case moving.TooLate():
            return f"The last day to move was {with_weekday(refused.last_day)}."
        case reserving.NotKeptBack():
            return "That seat is not kept back any more. Choose another, or keep one back first."
        case waiting.SeatsAvailable():
            return "A seat is free there by now, so nobody needs to wait. Give them that one."
    return _refused(refused, about.currency if about else "USD")


def _refused(refused: Exception, currency: str) -> str:
    match refused:
        case refunding.Changed():
            most = cents_in_words(refused.possible_cents, currency)
            return f"{most} can go back by now, not what was shown. Look at it again before you send money back."
        case returning.NotThatMuch():
            return "Some of that money has gone back by now, or its bank is deciding about it. Nothing was changed."
        case outside.NotByHand():
            return "Only what a person recorded can be reversed. What came by card goes back as a refund."
        case paying.OnItsWay():
            return "Another payment for this seat is with a bank. Record the transfer once that bank has answered."
        case admission.AlreadyReserved() if refused.reservation.state == State.OFFERED:
            return f"They have an offer of a seat in {refused.reservation.cohort}. It is theirs to accept or decline."
        case admission.AlreadyReserved():
            return f"They have a seat already, in {refused.reservation.cohort}. One person has one active seat."
        case admission.PrerequisitesUnmet():
            return f"Something is missing: {missing(refused.standing)}. Record it, or make an exception, and try again."
        case admission.BookingClosed():
            return "This cohort takes no reservations now. It is closed, has begun, or is not published yet."
        case admission.Full():
            return "Every seat of this cohort is taken or held, or owed to those in line."
    return str(refused)


def missing(standing: Standing) -> str:
    """What someone lacks, by the titles of the requirements."""
    return ", ".join(outcome.title for outcome in standing.missing)


def _moved(reservation: Reservation, about: Reservation | None, now: datetime) -> str:
    whose = "The reservation" if about is None or reservation.pk == about.pk else f"{reservation.trainee}'s reservation"
    state = reservation.state_at(now).label.lower()
    return f"{whose} is {state} by now, so this could not be done. Nothing was changed."
