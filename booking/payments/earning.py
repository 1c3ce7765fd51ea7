"""When a cohort has run, what was held for its seats is earned; what is missing of it is owed."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Concat

from booking.payments import ledger
from booking.payments.models import LedgerEntry
from booking.reservations import lifecycle
from booking.reservations.models import SEATED, Reservation
from booking.reservations.rounds import one_by_one
from workshops.clock import school_day
from workshops.history.record import record
from workshops.transactions import writes

AT_ONCE = 100


def earn_due(now: datetime) -> int:
    """Book the tuition of the seats whose cohort has ended; return how many."""
    booked = LedgerEntry.objects.filter(source=Concat(Value("earned:"), OuterRef("public_id")))
    over = Reservation.objects.filter(state__in=SEATED, cohort__ends_on__lt=school_day(now)).exclude(
        price_cents=0, fee_cents=0
    )
    waiting = over.exclude(Exists(booked)).select_related("cohort", "trainee").order_by("pk")
    return one_by_one(waiting[:AT_ONCE], lambda each: _earn(each, now), "Booking tuition as earned")


@writes
def _earn(reservation: Reservation, now: datetime) -> bool:
    fresh = lifecycle.lock(reservation)
    if fresh.state not in SEATED or ledger.is_booked(f"earned:{fresh.public_id}"):
        return False
    ledger.earn(fresh, at=now)
    about, cents = ("reservation", fresh.public_id), fresh.owed_cents
    record("tuition-earned", about=about, person=fresh.trainee, now=now, cents=cents)
    return True
