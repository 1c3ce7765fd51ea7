"""What a way to pay must be able to do."""

from typing import Protocol

from booking.payments.models import Payment, Refund


class Gateway(Protocol):
    """A way to pay. Its methods may speak to the outside and are never called inside a database transaction."""

    name: str
    title: str
    settles_at_once: bool
    """Whether a payment that was begun has been received by then."""

    def begin(self, payment: Payment) -> str:
        """Begin a payment; return the address where the person goes on, or an empty text where there is none."""
        ...

    def send_back(self, refund: Refund) -> bool:
        """Send money back; return whether it has gone. False: somebody still has to do it."""
        ...
