"""Bank transfer and cheque: the registrar records what arrived, and sends back what must go back."""

from booking.payments.models import Payment, Refund


class Offline:
    """Money that moves outside this product and is recorded here by a person."""

    name = "offline"
    title = "Bank transfer"
    settles_at_once = False

    def begin(self, payment: Payment) -> str:  # noqa: ARG002
        """Nothing to begin: the page shows the school's bank details."""
        return ""

    def send_back(self, refund: Refund) -> bool:  # noqa: ARG002
        """A person does it and records it."""
        return False
