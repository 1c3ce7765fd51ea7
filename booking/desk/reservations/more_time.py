"""How much longer someone may have for a balance, or for what they promised."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from booking.desk.reservations.forms import PayLaterForm, PromiseLongerForm
from booking.reservations.deadlines import last_day_to_keep_a_promise
from booking.reservations.models import Reservation
from workshops.clock import school_day


def pay_later_form(reservation: Reservation, now: datetime, data: Mapping[str, object] | None = None) -> PayLaterForm:
    """Ask for another day for the balance: the cohort's first at the latest."""
    due_on, last = reservation.balance_due_on, reservation.cohort.starts_on
    return PayLaterForm(data, due_on=due_on, last=last, today=school_day(now))


def promise_longer_form(
    reservation: Reservation, now: datetime, data: Mapping[str, object] | None = None
) -> PromiseLongerForm:
    """Ask for another day for the prerequisites, at the latest while the seat can still go to another."""
    last = last_day_to_keep_a_promise(reservation.cohort.starts_on)
    due_on = reservation.provisional_until or school_day(now) - timedelta(days=1)
    return PromiseLongerForm(data, due_on=due_on, last=last, today=school_day(now))
