"""What needs a person: money to send, to look for, to decide about. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from booking.desk.reservations.rules import dispute_reason, why
from booking.payments.balances import Due, due_next
from booking.payments.emails import transfer_reference
from booking.payments.gateways.base import STRIPE
from booking.payments.gateways.offline import Offline
from booking.payments.inbox.processing import stuck
from booking.payments.ledger import with_kept
from booking.payments.models import (
    FROZEN,
    UNDER_WAY,
    Dispute,
    DisputeStatus,
    Payment,
    Refund,
    RefundStatus,
)
from booking.payments.outside import OUTSIDE, RECORDED_WRONGLY
from booking.payments.payouts.models import Payout, PayoutStatus
from booking.payments.reconciling.nightly import COMPARED
from booking.reservations.deadlines import end_of_grace
from booking.reservations.lapses import overdue_past_grace
from booking.reservations.models import SEATED, Reservation, State
from workshops.clock import school_day
from workshops.history.models import HistoryLine


@dataclass(frozen=True)
class ToSend:
    """A refund that has not gone back, and why it is owed in words."""

    refund: Refund
    why: str


_TO_SEND = Q(status__in=(RefundStatus.REQUESTED, RefundStatus.PENDING)) & (
    Q(by_hand=True) | Q(payment__gateway=Offline.name)
)


def refunds_to_send() -> list[ToSend]:
    """Money that a person must send back and has not, the oldest first. One statement."""
    return _refunds(Refund.objects.filter(_TO_SEND))


def refunds_failed() -> list[ToSend]:
    """Refunds that did not reach their owner: somebody says how they go back. One statement."""
    return _refunds(Refund.objects.filter(status=RefundStatus.FAILED))


def refunds_on_their_way() -> list[ToSend]:
    """Refunds that the processor was or will be asked for: nobody has to do anything. One statement."""
    by_itself = Refund.objects.filter(status__in=(RefundStatus.REQUESTED, RefundStatus.PENDING))
    return _refunds(by_itself.exclude(_TO_SEND))


def _refunds(which: QuerySet[Refund]) -> list[ToSend]:
    rows = which.select_related("payment", "reservation__trainee", "reservation__cohort")
    return [ToSend(refund, why(refund.rule)) for refund in rows.order_by("requested_at", "pk")]


@dataclass(frozen=True)
class Awaited:
    """A bank transfer that someone said they would make."""

    payment: Payment
    reference: str
    state: State


def transfers_awaited(now: datetime) -> list[Awaited]:
    """Bank transfers that people chose to make and that have not arrived, the oldest first. One statement."""
    payments = (
        Payment.objects.filter(gateway=Offline.name, status__in=UNDER_WAY)
        .select_related("reservation__trainee", "reservation__cohort")
        .order_by("created_at", "pk")
    )
    return [Awaited(each, transfer_reference(each), each.reservation.state_at(now)) for each in payments]


@dataclass(frozen=True)
class PastGrace:
    """A seat whose balance has not come and whose grace is over: somebody must decide."""

    reservation: Reservation
    state: State
    due: Due
    grace_ended_at: datetime
    may_be_decided: bool
    """Not once the cohort has begun."""


def past_grace(now: datetime) -> list[PastGrace]:
    """The seats about which the registrar decides, the longest overdue first. Two statements."""
    found = []
    for reservation in overdue_past_grace(now):
        due = due_next(reservation.charges.all(), reservation.kept_cents)  # type: ignore[attr-defined]
        assert due is not None
        ended_at, state = end_of_grace(due.due_at, reservation.terms), reservation.state_at(now)
        to_come = school_day(now) < reservation.cohort.starts_on
        found.append(PastGrace(reservation, state, due, ended_at, to_come))
    return found


@dataclass(frozen=True)
class TakenBack:
    """A seat whose money went back past this product, with what is owed again."""

    reservation: Reservation
    state: State
    remaining_cents: int
    due_on: date


def taken_back(now: datetime) -> list[TakenBack]:
    """Seats for which money was sent back outside, recorded wrongly, or lost to a dispute, and is owed. One statement.

    What becomes of the seat is the policy's once the balance is overdue, or a registrar's.
    """
    gone = Refund.objects.filter(reservation=OuterRef("pk"), rule__in=(OUTSIDE, RECORDED_WRONGLY))
    lost = Dispute.objects.filter(reservation=OuterRef("pk"), status=DisputeStatus.LOST)
    seats = with_kept(Reservation.objects.filter(state__in=SEATED).filter(Exists(gone) | Exists(lost)))
    owing = seats.filter(kept_cents__lt=F("price_cents") + F("fee_cents")).select_related("trainee", "cohort")
    return [
        TakenBack(each, each.state_at(now), each.remaining_cents(each.kept_cents), each.balance_due_on)
        for each in owing.order_by("balance_due_on", "pk")
    ]


@dataclass(frozen=True)
class Open:
    """A dispute that is not decided: what is asked for, why, and where to answer."""

    dispute: Dispute
    reason: str
    at_the_processor: str
    """The address of the payment in the processor's own pages; empty where it has none."""


def disputes_open() -> list[Open]:
    """Disputes that a bank has not decided, the one to be answered first on top. One statement."""
    rows = Dispute.objects.filter(status__in=FROZEN).select_related(
        "payment", "reservation__trainee", "reservation__cohort"
    )
    return [
        Open(each, dispute_reason(each.reason), dashboard_of(each.payment))
        for each in rows.order_by(F("answer_by").asc(nulls_last=True), "pk")
    ]


def dashboard_of(payment: Payment) -> str:
    """Where a payment stands in Stripe's own pages; empty for money that did not come that way."""
    if payment.gateway != STRIPE or not payment.reference:
        return ""
    mode = "" if settings.STRIPE_LIVE else "test/"
    return f"https://dashboard.stripe.com/{mode}payments/{payment.reference}"


def payouts_to_match() -> QuerySet[Payout]:
    """Payouts that have arrived and are not matched to a line of the bank statement, the oldest first."""
    return Payout.objects.filter(status=PayoutStatus.PAID, matched_at=None).order_by("arrives_on", "pk")


@dataclass(frozen=True)
class Compared:
    """When the books were last compared with the card processor's, and how many differences remain."""

    at: datetime
    remain: int


def last_compared() -> Compared | None:
    """The last comparison of the books; None where there has been none. One statement."""
    line = HistoryLine.objects.filter(what=COMPARED).order_by("-at", "-pk").first()
    return Compared(line.at, int(line.facts.get("remain") or 0)) if line else None


@dataclass(frozen=True)
class Waiting:
    """One list of the page: its rows and its name in addresses."""

    name: str
    rows: Sequence[object]
    asks: bool = True
    """Whether somebody has to do something about it."""


def waiting(now: datetime) -> list[Waiting]:
    """Everything that needs a person, the most urgent first, and what is on its way by itself."""
    return [
        Waiting("past-grace", past_grace(now)),
        Waiting("failed", refunds_failed()),
        Waiting("refunds", refunds_to_send()),
        Waiting("disputes", disputes_open()),
        Waiting("taken-back", taken_back(now)),
        Waiting("events", list(stuck(now))),
        Waiting("transfers", transfers_awaited(now)),
        Waiting("payouts", list(payouts_to_match())),
        Waiting("on-their-way", refunds_on_their_way(), asks=False),
    ]
