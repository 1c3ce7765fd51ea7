"""The messages a reservation causes, one for each state it comes to."""

from datetime import datetime

from django.conf import settings

from booking.reservations.models import Reservation, State
from workshops import money
from workshops.clock import moment_for, with_weekday
from workshops.messages.outbox import queue

# An offer is made by the line and speaks for itself; a move is told by the reservation it led to.
_TOLD = {State.HELD, State.RESERVED, State.CONFIRMED, State.EXPIRED, State.CANCELLED}


def state_changed(reservation: Reservation, *, now: datetime) -> None:
    """Queue the message about the state that `reservation` has just come to, in the caller's transaction."""
    if reservation.state in _TOLD:
        about = ("reservation", reservation.public_id)
        queue(f"reservation-{reservation.state}", about, reservation.trainee, context(reservation), now=now)


def context(reservation: Reservation) -> dict[str, str]:
    """What the words of these messages may name, each value ready to be read."""
    cohort, venue, trainee = reservation.cohort, reservation.cohort.venue, reservation.trainee
    balance = reservation.price_cents - reservation.deposit_cents
    return {
        "cohort": cohort.title,
        "days": f"{with_weekday(cohort.starts_on)} to {with_weekday(cohort.ends_on)}",
        "venue": f"{venue.name}, {venue.address}, {venue.city}",
        "seat": str(reservation.seat_number),
        "held_until": moment_for(reservation.held_until, trainee.time_zone) if reservation.held_until else "",
        "price": money.in_words(reservation.price_cents, reservation.currency),
        "deposit": money.in_words(reservation.deposit_cents, reservation.currency) if reservation.deposit_cents else "",
        "balance": money.in_words(balance, reservation.currency) if balance else "",
        "balance_due_on": with_weekday(reservation.balance_due_on),
        "link": f"{settings.SITE_URL}{reservation.get_absolute_url()}",
        "cohort_link": f"{settings.SITE_URL}{cohort.get_absolute_url()}",
    }
