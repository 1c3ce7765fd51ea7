"""Giving up the attempt to pay that is under way, because another begins or the seat has moved on.

Should its money come after all, it is money: `settling` brings it where it counts, or sends it back.
"""

from datetime import datetime

from booking.payments.models import UNDER_WAY, Payment, PaymentStatus
from booking.reservations.models import Reservation


def give_up_here(reservation: Reservation, *, now: datetime) -> None:
    """Mark what is under way for a reservation as expired. Inside the transaction that makes it so.

    The processor's page, where there is one, is closed by `settling.give_up`, or closes by itself.
    """
    under_way = Payment.objects.filter(reservation=reservation, status__in=UNDER_WAY)
    under_way.update(status=PaymentStatus.EXPIRED, settled_at=now)
