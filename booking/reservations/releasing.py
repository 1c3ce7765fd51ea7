"""Freeing a seat that ran out, and offering it on in the same transaction."""

from datetime import datetime

from django.db.models import Exists, OuterRef

from booking.reservations import lifecycle, offers, waitlist
from booking.reservations.models import WAITING, Reservation, State, WaitlistEntry
from booking.reservations.rounds import one_by_one
from workshops.cohorts.models import Cohort, CohortStatus, Seat, seat_is_free
from workshops.history.record import record_all
from workshops.transactions import writes


@writes
def expire(reservation: Reservation, *, now: datetime) -> bool:
    """Mark a hold or an offer that ran out, free its seat and offer it on.

    False when someone was faster or it was prolonged. Locks the cohort, the seat, the reservation.
    """
    waitlist.lock_cohort(reservation.cohort_id)
    fresh = lifecycle.lock(reservation)
    if fresh.state not in WAITING or fresh.state_at(now) != State.EXPIRED:
        return False
    record_all(lifecycle.expire_lapsed(fresh, now))
    offers.offer_free_seats(fresh.cohort_id, now=now)
    return True


@writes
def offer_on(cohort: Cohort, *, now: datetime) -> int:
    """Offer what is free in one cohort; return how many offers were made."""
    return len(offers.offer_free_seats(cohort.pk, now=now))


def offer_everywhere(now: datetime) -> int:
    """Offer what has become free, or whom somebody has become eligible for, in every cohort where people wait."""
    waiting = WaitlistEntry.objects.waiting().values("cohort")
    free = Seat.objects.filter(seat_is_free(now), cohort=OuterRef("pk"))
    cohorts = Cohort.objects.filter(Exists(free), pk__in=waiting, status=CohortStatus.PUBLISHED)
    return one_by_one(cohorts, lambda cohort: offer_on(cohort, now=now), "Offering free seats")
