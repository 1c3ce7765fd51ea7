"""What the money pages ask: what is owed, what waits, and what the ledger says. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from booking.desk.reservations.rules import why
from booking.payments.balances import Due, due_next
from booking.payments.emails import transfer_reference
from booking.payments.gateways.offline import Offline
from booking.payments.ledger import with_paid
from booking.payments.models import UNDER_WAY, Account, LedgerEntry, Payment, Posting, Refund, RefundStatus
from booking.reservations.deadlines import end_of_grace
from booking.reservations.lapses import overdue_past_grace
from booking.reservations.models import Reservation, State
from workshops.clock import SCHOOL_ZONE, school_day


@dataclass(frozen=True)
class Owed:
    """What one reservation still owes, and what of it comes next."""

    reservation: Reservation
    state: State
    paid_cents: int
    remaining_cents: int
    next: Due
    is_overdue: bool


@dataclass(frozen=True)
class Total:
    """Sums in one currency."""

    currency: str
    remaining_cents: int
    overdue_cents: int
    overdue_count: int


@dataclass(frozen=True)
class Awaited:
    """A bank transfer that someone said they would make."""

    payment: Payment
    reference: str
    state: State


def owed(now: datetime) -> list[Owed]:
    """Everything that is owed on seats as of `now`, the most urgent first. Two statements."""
    live = with_paid(Reservation.objects.holding_a_seat(now)).exclude(state=State.OFFERED)
    unpaid = live.filter(paid_cents__lt=F("price_cents") + F("fee_cents"))
    lines = []
    for reservation in unpaid.select_related("trainee", "cohort").prefetch_related("charges"):
        paid: int = reservation.paid_cents
        upcoming = due_next(reservation.charges.all(), paid)
        if upcoming is None:
            continue
        lines.append(
            Owed(
                reservation=reservation,
                state=reservation.state_at(now),
                paid_cents=paid,
                remaining_cents=reservation.owed_cents - paid,
                next=upcoming,
                is_overdue=upcoming.due_at < now,
            )
        )
    return sorted(lines, key=lambda line: (line.next.due_at, line.reservation.pk))


def totals(lines: Iterable[Owed]) -> list[Total]:
    """What is owed in all, and how much of it is overdue, by currency."""
    found: dict[str, Total] = {}
    for line in lines:
        currency = line.reservation.currency
        sofar = found.get(currency, Total(currency, 0, 0, 0))
        found[currency] = Total(
            currency,
            sofar.remaining_cents + line.remaining_cents,
            sofar.overdue_cents + (line.next.amount_cents if line.is_overdue else 0),
            sofar.overdue_count + line.is_overdue,
        )
    return [found[currency] for currency in sorted(found)]


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
        due = due_next(reservation.charges.all(), reservation.paid_cents)  # type: ignore[attr-defined]
        assert due is not None
        ended_at, state = end_of_grace(due.due_at, reservation.terms), reservation.state_at(now)
        to_come = school_day(now) < reservation.cohort.starts_on
        found.append(PastGrace(reservation, state, due, ended_at, to_come))
    return found


@dataclass(frozen=True)
class ToSend:
    """A refund that has not gone back, and why it is owed in words."""

    refund: Refund
    why: str


def refunds_waiting() -> list[ToSend]:
    """Money that must go back and has not, the oldest first. One statement."""
    waiting = (
        Refund.objects.exclude(status=RefundStatus.SUCCEEDED)
        .select_related("payment", "reservation__trainee", "reservation__cohort")
        .order_by("requested_at", "pk")
    )
    return [ToSend(refund, why(refund.rule)) for refund in waiting]


def transfers_awaited(now: datetime) -> list[Awaited]:
    """Bank transfers that people chose to make and that have not arrived, the oldest first. One statement."""
    payments = (
        Payment.objects.filter(gateway=Offline.name, status__in=UNDER_WAY)
        .select_related("reservation__trainee", "reservation__cohort")
        .order_by("created_at", "pk")
    )
    return [Awaited(each, transfer_reference(each), each.reservation.state_at(now)) for each in payments]


@dataclass(frozen=True)
class Period:
    """Days in Los Angeles, both included; None where it is open."""

    first: date | None = None
    last: date | None = None

    def holds(self) -> Q:
        """Entries that were booked in it."""
        wanted = Q()
        if self.first:
            wanted &= Q(at__gte=datetime.combine(self.first, time.min, SCHOOL_ZONE))
        if self.last:
            wanted &= Q(at__lt=datetime.combine(self.last + timedelta(days=1), time.min, SCHOOL_ZONE))
        return wanted


def journal(period: Period) -> QuerySet[LedgerEntry]:
    """The entries of the ledger, the newest first, each with its postings."""
    entries: QuerySet[LedgerEntry] = LedgerEntry.objects.filter(period.holds())
    return entries.select_related("reservation").prefetch_related("postings").order_by("-at", "-pk")


_EVENTS = {"carried-from": "Carried to another cohort from", "carried-to": "Carried from another cohort to"}
"""Sources that need more than their first word: after these comes the reservation."""


@dataclass(frozen=True)
class Booked:
    """One posting as a line of the journal: cents on one side, none on the other."""

    entry: LedgerEntry
    account: Account
    debit_cents: int
    credit_cents: int

    @property
    def what(self) -> str:
        """What was booked, in words: its source begins with the kind of event."""
        kind, _, key = self.entry.source.partition(":")
        return f"{_EVENTS.get(kind, kind.capitalize())} {key[:8]}"


def lines_of(entries: Iterable[LedgerEntry]) -> list[Booked]:
    """The postings of these entries, one line each."""
    return [
        Booked(entry, Account(posting.account), max(posting.amount_cents, 0), max(-posting.amount_cents, 0))
        for entry in entries
        for posting in entry.postings.all()
    ]


@dataclass(frozen=True)
class Balance:
    """One account: what was booked on either side of it."""

    account: Account
    debit_cents: int
    credit_cents: int

    @property
    def cents(self) -> int:
        """Debits less credits."""
        return self.debit_cents - self.credit_cents


def trial_balance(period: Period) -> list[Balance]:
    """Each account that was used, with its debits and credits in the period. One statement."""
    entries = LedgerEntry.objects.filter(period.holds()).values("pk")
    sums = (
        Posting.objects.filter(entry__in=entries)
        .values("account")
        .annotate(
            debit=Coalesce(Sum("amount_cents", filter=Q(amount_cents__gt=0)), 0),
            credit=-Coalesce(Sum("amount_cents", filter=Q(amount_cents__lt=0)), 0),
        )
        .order_by("account")
    )
    return [Balance(Account(row["account"]), row["debit"], row["credit"]) for row in sums]
