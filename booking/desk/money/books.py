"""What the books say: the journal, what each account comes to, and the tuition held as of a day. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from booking.payments.models import Account, LedgerEntry, Posting
from workshops.clock import SCHOOL_ZONE
from workshops.cohorts.models import Cohort


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


_EVENTS = {
    "payment": "Payment",
    "carried-from": "Carried to another cohort from",
    "carried-to": "Carried from another cohort to",
    "refund-owed": "Refund owed",
    "refund": "Refund sent",
    "refund-less": "Refund owed no more",
    "refund-returned": "Refund that came back",
    "dispute": "Dispute",
    "dispute-won": "Dispute won",
    "dispute-lost": "Dispute lost",
    "fee": "Processor fee",
    "earned": "Tuition earned",
    "kept": "Deposit kept",
    "payout": "Payout to the bank",
    "payout-failed": "Payout that came back",
    "opening": "Brought in from earlier records",
}
"""The first word of a source, in words for people; after it comes the number of what it is about."""


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
        return f"{_EVENTS.get(kind, kind.replace('-', ' ').capitalize())} {key[:8]}"

    @property
    def currency(self) -> str:
        """What it is in; an entry about no seat is in the school's."""
        return self.entry.reservation.currency if self.entry.reservation else "USD"


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


@dataclass(frozen=True)
class Held:
    """Tuition that is held for one cohort; None is what belongs to none."""

    cohort: Cohort | None
    cents: int


def tuition_held(on: date) -> list[Held]:
    """Tuition held at the end of a day in Los Angeles, by cohort, the earliest first. Two statements."""
    entries = LedgerEntry.objects.filter(Period(last=on).holds()).values("pk")
    rows = (
        Posting.objects.filter(entry__in=entries, account=Account.TUITION_HELD)
        .order_by()
        .values_list("entry__reservation__cohort")
        .annotate(total=Sum("amount_cents"))
    )
    sums = {cohort: -total for cohort, total in rows if total}
    known = Cohort.objects.in_bulk([key for key in sums if key is not None])
    listed = [Held(known[key] if key is not None else None, cents) for key, cents in sums.items()]
    return sorted(listed, key=lambda each: (each.cohort.starts_on, each.cohort.pk) if each.cohort else (date.max, 0))
