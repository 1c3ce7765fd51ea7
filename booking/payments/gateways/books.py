"""What a processor's own books say, in words of this product's: made to be compared with ours. Whole cents."""

from dataclasses import dataclass
from datetime import date, datetime

from booking.payments.gateways.base import DisputeReport, Report, SentBack
from booking.payments.payouts.models import PayoutStatus


@dataclass(frozen=True)
class TheirPayment:
    """A payment as the processor has it. `ours` is our number of it; "" where it does not say so.

    `page_id` is the page that it was paid on, or could be; "" where it has none, or was not found by it.
    """

    ours: str
    intent_id: str
    report: Report
    currency: str
    at: datetime
    page_id: str = ""


@dataclass(frozen=True)
class TheirRefund:
    """A refund as the processor has it. `ours` is our number of it, and `attempt` which try; "" for one made there."""

    intent_id: str
    cents: int
    answer: SentBack
    at: datetime
    ours: str = ""
    attempt: str = ""


@dataclass(frozen=True)
class TheirDispute:
    """A dispute as the processor has it."""

    intent_id: str
    report: DisputeReport


@dataclass(frozen=True)
class Movement:
    """One movement of money on the account: `cents` came (or went, negative), and `fee_cents` were kept for it."""

    number: str
    intent_id: str
    cents: int
    fee_cents: int
    at: datetime

    @property
    def net_cents(self) -> int:
        """What it changed the balance by."""
        return self.cents - self.fee_cents


@dataclass(frozen=True)
class TheirPayout:
    """A payout as the processor has it. `ours_cents` is what of it is for seats; None where nobody can tell."""

    processor_id: str
    status: PayoutStatus
    cents: int
    ours_cents: int | None
    currency: str
    arrives_on: date


@dataclass(frozen=True)
class TheirBooks:
    """Everything of ours that the processor knows since a moment, and its movements of our money since ever.

    Sales of the school's that are not ours are not in it.
    """

    payments: tuple[TheirPayment, ...] = ()
    refunds: tuple[TheirRefund, ...] = ()
    disputes: tuple[TheirDispute, ...] = ()
    movements: tuple[Movement, ...] = ()
    payouts: tuple[TheirPayout, ...] = ()
