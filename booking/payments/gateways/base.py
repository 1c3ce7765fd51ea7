"""What a way to pay must be able to do, and what it answers, in words of this product's own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from booking.payments.models import DisputeStatus, Payment, PaymentStatus, Purpose, Refund, RefundStatus

STRIPE = "stripe"
"""The name of the one gateway that speaks to a processor."""


class Unavailable(Exception):
    """The processor does not answer, or is too busy. Nothing is lost: the same is asked again later."""


class Refused(Exception):
    """The processor will not do this. `code` is its reason; asking the same again gets the same answer."""

    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(words or code)
        self.code = code


class WrongMoney(Exception):
    """What came back is not what was asked for: another currency, or play money for real. A person must look."""


@dataclass(frozen=True)
class Opened:
    """A payment that the processor knows of: where it is paid (empty where there is no page), and until when."""

    url: str = ""
    checkout_id: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Fee:
    """What the processor took of one movement of money, by the number of its balance transaction."""

    number: str
    cents: int


@dataclass(frozen=True)
class Card:
    """A card that its owner let us save: its number and theirs at the processor, and words that tell it from others."""

    card_id: str
    payer_id: str
    words: str


@dataclass(frozen=True)
class Report:
    """What a processor says has become of a payment, asked at this moment."""

    status: PaymentStatus
    cents: int = 0
    reference: str = ""
    failure: str = ""
    fee: Fee | None = None
    card: Card | None = None


@dataclass(frozen=True)
class SentBack:
    """What a processor says has become of a refund, asked at this moment."""

    status: RefundStatus
    processor_id: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Told:
    """An event by its numbers. `ours` is our own number of what it is about, where we had put it there."""

    event_id: str
    kind: str
    object_id: str
    intent_id: str
    ours: str
    happened_at: datetime


@dataclass(frozen=True)
class DisputeReport:
    """What a processor says of a dispute, asked at this moment. Cents; the fees are those of its movements of money."""

    processor_id: str
    status: DisputeStatus
    cents: int
    reason: str
    opened_at: datetime
    answer_by: datetime | None = None
    fees: tuple[Fee, ...] = ()


def is_without_page(payment: Payment) -> bool:
    """Whether it is a part of a plan that is charged without its owner: what is paid on a page ends with the page."""
    return payment.purpose == Purpose.INSTALMENT and not payment.checkout_id and payment.expires_at is None


class Gateway(Protocol):
    """A way to pay. Its methods may speak to the outside and are never called inside a database transaction."""

    name: str
    title: str
    in_words: str
    """How a sentence names it, for example `bank transfer`."""
    settles_at_once: bool
    """Whether a payment that was begun has been received by then."""

    def begin(self, payment: Payment) -> Opened:
        """Begin a payment, or find the one that was begun under its number.

        Raises:
            Unavailable, Refused
        """
        ...

    def look(self, payment: Payment) -> Report | None:
        """Ask what has become of a payment; None where there is nobody to ask, or nobody knows of it.

        Raises:
            Unavailable, WrongMoney
        """
        ...

    def give_up(self, payment: Payment) -> Report | None:
        """Close the page to pay on, so that nothing comes by it any more; return what has become of the payment.

        Raises:
            Unavailable, WrongMoney
        """
        ...

    def send_back(self, refund: Refund) -> SentBack | None:
        """Send money back; None where somebody has to do it by hand.

        Raises:
            Unavailable
        """
        ...

    def look_at_refund(self, refund: Refund) -> SentBack | None:
        """Ask what has become of a refund that the processor has; None where there is nobody to ask.

        Raises:
            Unavailable
        """
        ...
