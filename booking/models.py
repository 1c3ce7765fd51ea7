"""Every model of the upper floor, where Django looks for them."""

from booking.calendars.models import FeedToken, Subscriber
from booking.payments.discounts.models import Discount, Redemption
from booking.payments.inbox.models import InboxEvent
from booking.payments.models import ClosedPeriod, Customer, Dispute, LedgerEntry, Payment, Posting, Refund
from booking.payments.papers.models import Paper, PaperSeries
from booking.payments.payouts.models import Payout
from booking.payments.plans.models import CardSaving, Plan
from booking.reservations.models import Charge, Reservation, WaitlistEntry

__all__ = [
    "CardSaving",
    "Charge",
    "ClosedPeriod",
    "Customer",
    "Discount",
    "Dispute",
    "FeedToken",
    "InboxEvent",
    "LedgerEntry",
    "Paper",
    "PaperSeries",
    "Payment",
    "Payout",
    "Plan",
    "Posting",
    "Redemption",
    "Refund",
    "Reservation",
    "Subscriber",
    "WaitlistEntry",
]
