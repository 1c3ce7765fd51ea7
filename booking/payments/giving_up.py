"""Giving up the attempt to pay that is under way, because another begins or the seat has moved on.

Should its money come after all, it is money: `settling` brings it where it counts, or sends it back.
"""

from datetime import datetime

from booking.payments.models import UNDER_WAY, Payment, PaymentStatus, Purpose
from booking.reservations.models import Reservation


def give_up_here(reservation: Reservation, *, now: datetime) -> None:
    """Mark what is under way for a reservation as expired. Inside the transaction that makes it so.

    The processor's page, where there is one, is closed by `settling.give_up`, or closes by itself. A part of a plan
    that is being charged at this moment has none: it counts as unasked, so that `plans.charging` asks what became of
    it before it charges anything else.
    """
    under_way = Payment.objects.filter(reservation=reservation, status__in=UNDER_WAY)
    without_page = under_way.filter(purpose=Purpose.INSTALMENT, checkout_id="", expires_at=None)
    without_page.update(status=PaymentStatus.EXPIRED, settled_at=now, asked_at=None)
    under_way.update(status=PaymentStatus.EXPIRED, settled_at=now)
