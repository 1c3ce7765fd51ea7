"""Bank transfer and cheque: the registrar records what arrived, and sends back what must go back."""

from booking.payments.gateways.base import Opened, Report, SentBack
from booking.payments.models import Payment, Refund


class Offline:
    """Money that moves outside this product and is recorded here by a person."""

    name = "offline"
    title = "Bank transfer"
    in_words = "bank transfer"
    settles_at_once = False

    def begin(self, payment: Payment) -> Opened:  # noqa: ARG002
        """Nothing to begin: the page shows the school's bank details."""
        return Opened()

    def look(self, payment: Payment) -> Report | None:  # noqa: ARG002
        """Nobody knows but the registrar."""
        return None

    def give_up(self, payment: Payment) -> Report | None:  # noqa: ARG002
        """A transfer that is on its way cannot be stopped."""
        return None

    def send_back(self, refund: Refund) -> SentBack | None:  # noqa: ARG002
        """A person does it and records it."""
        return None

    def look_at_refund(self, refund: Refund) -> SentBack | None:  # noqa: ARG002
        """A person records it."""
        return None
