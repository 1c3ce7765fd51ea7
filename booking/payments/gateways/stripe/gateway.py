"""Stripe as a way to pay."""

from booking.payments.gateways.base import STRIPE, Opened, Report, SentBack, is_without_page
from booking.payments.gateways.stripe import cards, checkout, refunds
from booking.payments.models import Payment, Refund


class Stripe:
    """Cards and what else Stripe offers, on a page of Stripe's own."""

    name = STRIPE
    title = "Card and more, by Stripe"
    in_words = "Stripe"
    settles_at_once = False

    def begin(self, payment: Payment) -> Opened:
        """Have the page made."""
        return checkout.open_page(payment)

    def look(self, payment: Payment) -> Report | None:
        """Ask by the payment's page, or by its charge where no page is."""
        return cards.look(payment) if is_without_page(payment) else checkout.look(payment)

    def give_up(self, payment: Payment) -> Report | None:
        """Close the page. A charge without one has been decided by the time that Stripe answers."""
        return cards.look(payment) if is_without_page(payment) else checkout.close(payment)

    def send_back(self, refund: Refund) -> SentBack | None:
        """Stripe sends it the way it came."""
        return refunds.send(refund)

    def look_at_refund(self, refund: Refund) -> SentBack | None:
        """Ask Stripe."""
        return refunds.look(refund)
