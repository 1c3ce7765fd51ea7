"""Play money, so that everything can be tried. Production never runs it."""

from booking.payments.models import Payment, Refund


class Sandbox:
    """Receives and sends back play money at once."""

    name = "sandbox"
    title = "Play money"
    settles_at_once = True

    def begin(self, payment: Payment) -> str:  # noqa: ARG002
        """Play money needs no page of its own."""
        return ""

    def send_back(self, refund: Refund) -> bool:  # noqa: ARG002
        """Play money goes back at once."""
        return True
