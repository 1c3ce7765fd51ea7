"""The ledger: whole cents, added to and never changed. The only writer of entries and postings."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypedDict, cast

from django.db.models import IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django_stubs_ext import WithAnnotations

from booking.payments.models import Account, LedgerEntry, Payment, Posting, Refund, RefundStatus
from booking.reservations.models import Reservation

_RECEIVED_IN: Mapping[str, Account] = {"offline": Account.BANK, "sandbox": Account.SANDBOX}


def post(source: str, reservation: Reservation, amounts: Mapping[Account, int], *, at: datetime) -> None:
    """Book one event. `source` is unique: booking it a second time is an IntegrityError, not a second entry.

    Raises:
        ValueError: when the amounts do not add up to zero.
    """
    if sum(amounts.values()):
        raise ValueError(f"{source} is out of balance by {sum(amounts.values())} cents.")
    entry = LedgerEntry.objects.create(source=source, reservation=reservation, at=at)
    Posting.objects.bulk_create(
        Posting(entry=entry, account=account, amount_cents=cents) for account, cents in amounts.items()
    )


def post_payment(payment: Payment, reservation: Reservation, *, at: datetime) -> None:
    """Book money received: it is held as tuition until the cohort has run.

    `reservation` is where it counts: the one it was paid for, or the one which that has moved on to.
    """
    amount, account = payment.amount_cents, _RECEIVED_IN[payment.gateway]
    post(f"payment:{payment.public_id}", reservation, {account: amount, Account.TUITION_HELD: -amount}, at=at)


def carry(old: Reservation, new: Reservation, cents: int, *, at: datetime) -> None:
    """Book that what was received for `old` counts for `new` from now on. Nothing has to be carried of nothing."""
    if cents:
        post(f"carried-from:{old.public_id}", old, {Account.TUITION_HELD: cents, Account.CARRIED: -cents}, at=at)
        post(f"carried-to:{new.public_id}", new, {Account.CARRIED: cents, Account.TUITION_HELD: -cents}, at=at)


def post_refund(refund: Refund, *, at: datetime) -> None:
    """Book money sent back the way it came."""
    account, amount = _RECEIVED_IN[refund.payment.gateway], refund.amount_cents
    post(f"refund:{refund.public_id}", refund.reservation, {account: -amount, Account.TUITION_HELD: amount}, at=at)


def paid_cents(reservation: Reservation) -> int:
    """What has been received for a reservation, less what went back. A sum, never a stored balance."""
    total = Posting.objects.filter(entry__reservation=reservation, account=Account.TUITION_HELD).aggregate(
        total=Sum("amount_cents")
    )["total"]
    return -(total or 0)


def kept_cents(reservation: Reservation) -> int:
    """What pays for a reservation: what has been received, less what went back and what is owed back."""
    owed_back = Refund.objects.filter(reservation=reservation).exclude(status=RefundStatus.SUCCEEDED)
    total = owed_back.aggregate(total=Sum("amount_cents"))["total"]
    return paid_cents(reservation) - (total or 0)


def owed_back(reservations: Iterable[int]) -> dict[int, int]:
    """What is on its way back for each of these reservations, by their keys; none for the others. One statement."""
    waiting = Refund.objects.exclude(status=RefundStatus.SUCCEEDED).filter(reservation__in=list(reservations))
    return dict(waiting.order_by().values_list("reservation").annotate(total=Sum("amount_cents")))


class Paid(TypedDict):
    """What `with_paid` adds to each reservation."""

    paid_cents: int


def with_paid(reservations: QuerySet[Reservation]) -> "QuerySet[WithAnnotations[Reservation, Paid]]":
    """The same reservations, each with `paid_cents`: the same sum as `paid_cents`, in the same statement."""
    held = Posting.objects.filter(entry__reservation=OuterRef("pk"), account=Account.TUITION_HELD)
    total = held.order_by().values("account").annotate(total=Sum("amount_cents")).values("total")
    summed = reservations.annotate(paid_cents=-Coalesce(Subquery(total, output_field=IntegerField()), 0))
    return cast("QuerySet[WithAnnotations[Reservation, Paid]]", summed)
