"""Giving someone a seat, begun from the cohort: which cohort, and by which of the person's forms."""

from datetime import datetime
from typing import Literal

from booking.desk.planning.overview import may_give_seats
from booking.reservations import waitlist
from workshops.cohorts.models import Cohort, Seat, SeatStatus

Road = Literal["reserve", "place", "line", ""]


def cohort_to_fill(code: str, now: datetime) -> Cohort | None:
    """The cohort with this code, where someone may still be seated in it. What else was asked for is passed over."""
    found = Cohort.objects.with_seats_left(now).select_related("module").filter(code=code).first() if code else None
    return found if found and may_give_seats(found, now) else None


def road_to(cohort: Cohort, now: datetime) -> tuple[Road, Seat | None]:
    """The form that leads to a seat there today, with the seat where one is kept back; "" where none does.

    `cohort` was read by `cohort_to_fill`.
    """
    is_bookable = cohort.is_bookable(now)
    if is_bookable and waitlist.seats_left(cohort, waitlist.lines([cohort], now)[cohort.pk]):
        return "reserve", None
    if kept_back := cohort.seats.filter(status=SeatStatus.BLOCKED).order_by("number").first():
        return "place", kept_back
    return ("line" if is_bookable else ""), None
