"""What came, went and is owed, by cohort and by month of the school's calendar: the ledger's sums. Reads only."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce, TruncMonth

from booking.desk.money.owed import Owed
from booking.payments.models import Account, Posting
from booking.payments.plans.rules import months_later
from booking.reservations.models import Charge, Reservation, State
from workshops.clock import SCHOOL_ZONE, school_day
from workshops.cohorts.models import Cohort


@dataclass(frozen=True)
class Sums:
    """Cents of one cohort, or of one month, or of all."""

    due: int = 0
    """What the seats that stand cost, by when it falls due."""
    received: int = 0
    """What came, with what was carried here from another cohort."""
    refunded: int = 0
    disputed: int = 0
    """What payers' banks took, less what they gave back."""
    kept: int = 0
    """Of reservations that have ended, what stays with the school."""
    owed: int = 0
    overdue: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})

    @property
    def anything(self) -> bool:
        """Whether there is anything to show."""
        return any(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True)
class OfMonth:
    """One month of the school's calendar, by its first day."""

    month: date
    sums: Sums


@dataclass(frozen=True)
class OfCohort:
    """One cohort; None is what belongs to none."""

    cohort: Cohort | None
    sums: Sums


@dataclass(frozen=True)
class Overview:
    """The whole, by month and by cohort. Both add up to `whole`."""

    whole: Sums
    months: list[OfMonth]
    """Every month from the first in which something happened or falls due to the last, the earliest first."""
    cohorts: list[OfCohort]
    """The latest first."""


MONEY = (Account.PROCESSOR, Account.BANK, Account.SANDBOX)
_RECEIVED = Q(account__in=MONEY, entry__source__startswith="payment:") | Q(
    account__in=(Account.CARRIED, Account.OPENING)
)
_REFUNDED = Q(account=Account.REFUNDS_UNDERWAY) & (
    Q(entry__source__startswith="refund:") | Q(entry__source__startswith="refund-returned:")
)
_DISPUTED = Q(account=Account.DISPUTED) & (
    Q(entry__source__startswith="dispute:") | Q(entry__source__startswith="dispute-won:")
)

Key = tuple[int | None, date]


def overview(lines: Iterable[Owed], now: datetime) -> Overview:
    """Add up the ledger and what is owed (`lines`, as of `now`). Three statements."""
    found: dict[Key, Sums] = defaultdict(Sums)
    for row in _booked():
        key = row["entry__reservation__cohort"], row["month"]
        found[key] += Sums(**{name: row[name] for name in ("received", "refunded", "disputed", "kept")})
    for row in _due(now):
        found[row["reservation__cohort"], row["month"]] += Sums(due=row["total"])
    for line in lines:
        for each in line.missing:
            key = line.reservation.cohort_id, month_of(each.charge.due_at)
            found[key] += Sums(owed=each.cents, overdue=each.cents if each.is_overdue else 0)
    return Overview(
        whole=sum(found.values(), Sums()),
        months=_by_month(found, now),
        cohorts=_by_cohort(found),
    )


def month_of(moment: datetime) -> date:
    """The first day of the month in which a moment falls in Los Angeles."""
    return school_day(moment).replace(day=1)


def _booked() -> Iterable[dict[str, Any]]:
    """What the ledger says, by cohort and month. One statement."""
    rows = Posting.objects.annotate(moment=TruncMonth("entry__at", tzinfo=SCHOOL_ZONE))
    sums = (
        rows.order_by()
        .values("entry__reservation__cohort", "moment")
        .annotate(
            received=Coalesce(Sum("amount_cents", filter=_RECEIVED), 0),
            refunded=Coalesce(Sum("amount_cents", filter=_REFUNDED), 0),
            disputed=Coalesce(Sum("amount_cents", filter=_DISPUTED), 0),
            kept=-Coalesce(Sum("amount_cents", filter=Q(account=Account.DEPOSITS_KEPT)), 0),
        )
    )
    return ({**row, "month": row["moment"].date()} for row in sums)


def _due(now: datetime) -> Iterable[dict[str, Any]]:
    """What the charges of seats that stand come to, by cohort and month. One statement."""
    standing = Reservation.objects.holding_a_seat(now).exclude(state=State.OFFERED)
    rows = Charge.objects.filter(reservation__in=standing.values("pk"))
    sums = rows.annotate(moment=TruncMonth("due_at", tzinfo=SCHOOL_ZONE)).order_by()
    totals = sums.values("reservation__cohort", "moment").annotate(total=Sum("amount_cents"))
    return ({**row, "month": row["moment"].date()} for row in totals)


def _by_month(found: Mapping[Key, Sums], now: datetime) -> list[OfMonth]:
    sums: dict[date, Sums] = defaultdict(Sums)
    for (_, month), each in found.items():
        sums[month] += each
    this = month_of(now)
    month, last = min([this, *sums]), max([this, *sums])
    months = []
    while month <= last:
        months.append(OfMonth(month, sums[month]))
        month = months_later(month, 1)
    return months


def _by_cohort(found: Mapping[Key, Sums]) -> list[OfCohort]:
    sums: dict[int | None, Sums] = defaultdict(Sums)
    for (cohort, _), each in found.items():
        sums[cohort] += each
    known = Cohort.objects.in_bulk([key for key in sums if key is not None])
    listed = [OfCohort(known[key] if key is not None else None, each) for key, each in sums.items() if each.anything]
    none_last = date.min
    return sorted(
        listed,
        key=lambda each: (each.cohort.starts_on if each.cohort else none_last, each.cohort.pk if each.cohort else 0),
        reverse=True,
    )


# -- twelve months at a time -------------------------------------------------------------------------------------------
SHOWN = 12
BEFORE = 5
"""Of the months that are shown at first, so many lie before this one: what falls due is ahead."""


@dataclass(frozen=True)
class Window:
    """Some months in a row, and where to look for those before and after them; None where there are none."""

    months: list[OfMonth]
    sums: Sums
    earlier: date | None
    later: date | None


def window(months: list[OfMonth], now: datetime, first: date | None = None) -> Window:
    """Twelve of these months from `first` on, or those around the month of `now`; all where there are no more."""
    keys = [each.month for each in months]
    wanted = first.replace(day=1) if first else months_later(month_of(now), -BEFORE)
    begins = min(sum(key < wanted for key in keys), max(len(keys) - SHOWN, 0))
    shown = months[begins : begins + SHOWN]
    return Window(
        months=shown,
        sums=sum((each.sums for each in shown), Sums()),
        earlier=keys[max(begins - SHOWN, 0)] if begins else None,
        later=keys[begins + SHOWN] if begins + SHOWN < len(keys) else None,
    )
