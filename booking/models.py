"""Every model of the upper floor, where Django looks for them."""

from booking.payments.models import LedgerEntry, Payment, Posting, Refund
from booking.reservations.models import Charge, Reservation, WaitlistEntry

__all__ = ["Charge", "LedgerEntry", "Payment", "Posting", "Refund", "Reservation", "WaitlistEntry"]
