"""The ledger: whole cents, added to and never changed. The only writer of entries and postings.

What has come for a reservation stands against it on four accounts: tuition held, tuition earned once the cohort has
run, deposits kept once it was cancelled, and refunds underway; what a trainee still owes after the cohort has run
stands on a fifth, the other way round. Each sum that a page shows is a sum of these.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypedDict, cast

from django.db.models import IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce
from django_stubs_ext import WithAnnotations

from booking.payments.models import Account, Dispute, LedgerEntry, Payment, Posting, Refund
from booking.reservations.models import Reservation

RECEIVED_IN: Mapping[str, Account] = {
    "stripe": Account.PROCESSOR,
    "offline": Account.BANK,
    "sandbox": Account.SANDBOX,
}
"""Where money is once it has come, by gateway."""

KEPT_ON = (Account.TUITION_HELD, Account.TUITION_EARNED, Account.DEPOSITS_KEPT, Account.OWED)
"""What pays for a reservation stands on these."""
PAID_ON = (*KEPT_ON, Account.REFUNDS_UNDERWAY)
"""The same, and what is on its way back and has not gone."""


def post(source: str, reservation: Reservation | None, amounts: Mapping[Account, int], *, at: datetime) -> None:
    """Book one event. `source` is unique: booking it a second time is an IntegrityError, not a second entry.

    Accounts with nothing on them are left out. The database refuses entries of a closed period.

    Raises:
        ValueError: when the amounts do not add up to zero.
    """
    if sum(amounts.values()):
        raise ValueError(f"{source} is out of balance by {sum(amounts.values())} cents.")
    entry = LedgerEntry.objects.create(source=source, reservation=reservation, at=at)
    Posting.objects.bulk_create(
        Posting(entry=entry, account=account, amount_cents=cents) for account, cents in amounts.items() if cents
    )


def is_booked(source: str) -> bool:
    """Whether this event has been booked."""
    return LedgerEntry.objects.filter(source=source).exists()


# -- money that comes --------------------------------------------------------------------------------------------------
def post_payment(payment: Payment, reservation: Reservation, *, at: datetime) -> None:
    """Book money received: first what is owed for a cohort that has run, the rest is held until the cohort has run.

    `reservation` is where it counts: the one it was paid for, or the one which that has moved on to.
    """
    amount = payment.amount_cents
    owed = min(max(_on(reservation, Account.OWED), 0), amount)
    sides = {RECEIVED_IN[payment.gateway]: amount, Account.OWED: -owed, Account.TUITION_HELD: owed - amount}
    post(f"payment:{payment.public_id}", reservation, sides, at=at)


def post_opening(payment: Payment, reservation: Reservation, *, at: datetime) -> None:
    """Book money that had been received before these books began: it stands in the bank's opening balance already."""
    amount = payment.amount_cents
    sides = {Account.OPENING: amount, Account.TUITION_HELD: -amount}
    post(f"opening:{payment.public_id}", reservation, sides, at=at)


def carry(old: Reservation, new: Reservation, cents: int, *, at: datetime) -> None:
    """Book that what was received for `old` counts for `new` from now on. Nothing has to be carried of nothing."""
    if cents:
        post(f"carried-from:{old.public_id}", old, {Account.TUITION_HELD: cents, Account.CARRIED: -cents}, at=at)
        post(f"carried-to:{new.public_id}", new, {Account.CARRIED: cents, Account.TUITION_HELD: -cents}, at=at)


def post_fee(number: str, reservation: Reservation | None, cents: int, *, at: datetime) -> bool:
    """Book what the processor took for itself, once for each of its balance transactions; False when it is booked.

    A fee that it gives back is negative. Nothing is booked of nothing.
    """
    source = f"fee:{number}"
    if not cents or is_booked(source):
        return False
    post(source, reservation, {Account.FEES: cents, Account.PROCESSOR: -cents}, at=at)
    return True


# -- money that goes back ----------------------------------------------------------------------------------------------
def owe_refund(refund: Refund, *, at: datetime, is_owed_again: bool = False) -> None:
    """Book that a refund is owed: it pays for the reservation no more, and has not gone yet.

    `is_owed_again`: the price stays as it is, so that once the cohort has run its owner owes what has gone.
    """
    into, cents = Account.REFUNDS_UNDERWAY, refund.amount_cents
    sides = _out_of(refund.reservation, cents, into, is_owed_again=is_owed_again)
    post(f"refund-owed:{refund.public_id}", refund.reservation, sides, at=at)


def post_refund(refund: Refund, *, at: datetime) -> None:
    """Book that a refund has gone: out of where the money came in, or of the bank where a person sent it."""
    account = Account.BANK if refund.by_hand else RECEIVED_IN[refund.payment.gateway]
    amount = refund.amount_cents
    source = f"refund:{refund.public_id}" + (f":{refund.attempt}" if refund.attempt else "")
    post(source, refund.reservation, {Account.REFUNDS_UNDERWAY: amount, account: -amount}, at=at)


def owe_less(refund: Refund, cents: int, *, at: datetime) -> None:
    """Book that so much of a refund is owed no more, because its owner has had it another way."""
    sides = {Account.REFUNDS_UNDERWAY: cents, Account.TUITION_HELD: -cents}
    post(f"refund-less:{refund.public_id}:{refund.amount_cents}", refund.reservation, sides, at=at)


def post_refund_returned(refund: Refund, *, at: datetime) -> None:
    """Book that a refund which had gone did not reach its owner and is with the processor again: it is owed still."""
    account, amount = RECEIVED_IN[refund.payment.gateway], refund.amount_cents
    source = f"refund-returned:{refund.public_id}:{refund.attempt}"
    post(source, refund.reservation, {account: amount, Account.REFUNDS_UNDERWAY: -amount}, at=at)


# -- disputes ----------------------------------------------------------------------------------------------------------
def post_dispute(dispute: Dispute, *, at: datetime) -> None:
    """Book that the processor holds money for a dispute. What has been paid for the seat is as it was until decided."""
    amount = dispute.amount_cents
    sides = {Account.DISPUTED: amount, Account.PROCESSOR: -amount}
    post(f"dispute:{dispute.public_id}", dispute.reservation, sides, at=at)


def post_dispute_won(dispute: Dispute, *, at: datetime) -> None:
    """Book that the processor gave the money of a dispute back to the school."""
    amount = dispute.amount_cents
    sides = {Account.PROCESSOR: amount, Account.DISPUTED: -amount}
    post(f"dispute-won:{dispute.public_id}", _disputed_at(dispute), sides, at=at)


def post_dispute_lost(dispute: Dispute, *, at: datetime) -> None:
    """Book that the payer has their money back by their bank: it pays for the seat no more."""
    amount, held_at, key = dispute.amount_cents, _disputed_at(dispute), dispute.public_id
    if held_at == dispute.reservation:
        sides = _out_of(dispute.reservation, amount, Account.DISPUTED, is_owed_again=True)
        post(f"dispute-lost:{key}", dispute.reservation, sides, at=at)
        return
    # The seat has moved on with its money since: what is lost is lost there, and was held under the one before.
    post(f"dispute-lost-from:{key}", held_at, {Account.CARRIED: amount, Account.DISPUTED: -amount}, at=at)
    sides = _out_of(dispute.reservation, amount, Account.CARRIED, is_owed_again=True)
    post(f"dispute-lost:{key}", dispute.reservation, sides, at=at)


def _disputed_at(dispute: Dispute) -> Reservation:
    """The reservation under which the money of a dispute was booked as disputed."""
    return Reservation.objects.get(entries__source=f"dispute:{dispute.public_id}")


# -- what time and decisions make of it --------------------------------------------------------------------------------
def earn(reservation: Reservation, *, at: datetime) -> None:
    """Book that the cohort of a reservation has run: its price is earned, and what is missing of it is owed."""
    held, price = -_on(reservation, Account.TUITION_HELD), reservation.owed_cents
    used = min(held, price)
    sides = {Account.TUITION_HELD: used, Account.OWED: price - used, Account.TUITION_EARNED: -price}
    post(f"earned:{reservation.public_id}", reservation, sides, at=at)


def keep(reservation: Reservation, *, at: datetime) -> None:
    """Book that what is held for a reservation which has ended stays with the school. Nothing of nothing."""
    held = -_on(reservation, Account.TUITION_HELD)
    if held > 0:
        sides = {Account.TUITION_HELD: held, Account.DEPOSITS_KEPT: -held}
        post(f"kept:{reservation.public_id}", reservation, sides, at=at)


def _out_of(reservation: Reservation, cents: int, into: Account, *, is_owed_again: bool = False) -> dict[Account, int]:
    """Take `cents` off what a reservation has: of what is held first, then of what was kept, then of what was earned.

    What was earned stays earned where it is owed again. Where all of them together hold less, what is missing is owed:
    it had gone back another way before.
    """
    sides, left = {into: -cents}, cents
    earned = () if is_owed_again else (Account.TUITION_EARNED,)
    for account in (Account.TUITION_HELD, Account.DEPOSITS_KEPT, *earned):
        part = min(max(-_on(reservation, account), 0), left)
        sides[account], left = part, left - part
    sides[Account.OWED] = left
    return sides


# -- sums --------------------------------------------------------------------------------------------------------------
def _on(reservation: Reservation, *accounts: Account) -> int:
    """What stands on these accounts for a reservation: debits less credits."""
    total = Posting.objects.filter(entry__reservation=reservation, account__in=accounts).aggregate(
        total=Sum("amount_cents")
    )["total"]
    return total or 0


def paid_cents(reservation: Reservation) -> int:
    """What has been received for a reservation, less what went back. A sum, never a stored balance."""
    return -_on(reservation, *PAID_ON)


def kept_cents(reservation: Reservation) -> int:
    """What pays for a reservation: what has been received, less what went back and what is owed back."""
    return -_on(reservation, *KEPT_ON)


def owed_back(reservations: Iterable[int]) -> dict[int, int]:
    """What is on its way back for each of these reservations, by their keys; none for the others. One statement."""
    underway = Posting.objects.filter(entry__reservation__in=list(reservations), account=Account.REFUNDS_UNDERWAY)
    sums = underway.order_by().values_list("entry__reservation").annotate(total=Sum("amount_cents"))
    return {key: -total for key, total in sums if key is not None and total}


class Paid(TypedDict):
    """What `with_paid` adds to each reservation."""

    paid_cents: int


def with_paid(reservations: QuerySet[Reservation]) -> "QuerySet[WithAnnotations[Reservation, Paid]]":
    """The same reservations, each with `paid_cents`: the same sum as `paid_cents`, in the same statement."""
    summed = reservations.annotate(paid_cents=_sum_of(PAID_ON))
    return cast("QuerySet[WithAnnotations[Reservation, Paid]]", summed)


class Kept(TypedDict):
    """What `with_kept` adds to each reservation."""

    kept_cents: int


def with_kept(reservations: QuerySet[Reservation]) -> "QuerySet[WithAnnotations[Reservation, Kept]]":
    """The same reservations, each with `kept_cents`: the same sum as `kept_cents`, in the same statement."""
    summed = reservations.annotate(kept_cents=_sum_of(KEPT_ON))
    return cast("QuerySet[WithAnnotations[Reservation, Kept]]", summed)


def _sum_of(accounts: tuple[Account, ...]) -> CombinedExpression:
    lines = Posting.objects.filter(entry__reservation=OuterRef("pk"), account__in=accounts)
    # One group for all of them: `entry__reservation` is the same in each.
    total = lines.order_by().values("entry__reservation").annotate(total=Sum("amount_cents")).values("total")
    return -Coalesce(Subquery(total, output_field=IntegerField()), 0)
