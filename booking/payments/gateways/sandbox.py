"""Play money, so that everything can be tried. Production never runs it."""

from booking.payments.gateways.base import Opened, Report, SentBack
from booking.payments.models import Payment, Refund, RefundStatus


class Sandbox:
    """Receives and sends back play money at once."""

    name = "sandbox"
    title = "Play money"
    in_words = "play money"
    settles_at_once = True

    def begin(self, payment: Payment) -> Opened:  # noqa: ARG002
        """Play money needs no page of its own."""
        return Opened()

    def look(self, payment: Payment) -> Report | None:  # noqa: ARG002
        """What was begun has been received."""
        return None

    def give_up(self, payment: Payment) -> Report | None:  # noqa: ARG002
        """What was begun has been received."""
        return None

    def send_back(self, refund: Refund) -> SentBack | None:  # noqa: ARG002
        """Play money goes back at once."""
        return SentBack(RefundStatus.SUCCEEDED)

    def look_at_refund(self, refund: Refund) -> SentBack | None:  # noqa: ARG002
        """It has gone back."""
        return SentBack(RefundStatus.SUCCEEDED)
