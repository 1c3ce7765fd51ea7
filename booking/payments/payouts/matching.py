"""Matching a payout to the line of the bank statement that it is."""

from datetime import datetime

from booking.payments.payouts.models import Payout, PayoutStatus
from workshops.history.record import record
from workshops.people.models import User
from workshops.transactions import writes


class MatchedAlready(Exception):
    """The payout is matched to a line of the bank statement; `reference` is that line."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"This payout is matched to {reference} already.")
        self.reference = reference


class NotArrived(Exception):
    """Only a payout that has arrived is on a bank statement. The message says how it stands."""


@writes
def match(payout: Payout, reference: str, *, by: User, now: datetime) -> Payout:
    """Say which line of the bank statement a payout is. Locks the payout.

    Raises:
        MatchedAlready, NotArrived
        ValueError: for a line without a name; forms ask for one.
    """
    line = " ".join(reference.split())
    if not line:
        raise ValueError("A line of the bank statement has a name.")
    fresh = Payout.objects.select_for_update(of=("self",)).get(pk=payout.pk)
    if fresh.matched_at is not None:
        raise MatchedAlready(fresh.bank_reference)
    if fresh.status != PayoutStatus.PAID:
        raise NotArrived(f"This payout has not arrived: {fresh.get_status_display().lower()}.")
    fresh.bank_reference, fresh.matched_at, fresh.matched_by = line, now, by
    fresh.save(update_fields=["bank_reference", "matched_at", "matched_by"])
    record("payout-matched", about=("payout", fresh.public_id), by=by, now=now, why=line)
    return fresh
