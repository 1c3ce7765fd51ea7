"""What the processor pays out to the bank: fetched afresh, written down, and booked for the part that is ours."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Concat

from booking.payments import gateways, ledger
from booking.payments.gateways.base import STRIPE
from booking.payments.gateways.books import TheirPayout
from booking.payments.models import Account, LedgerEntry, Payment
from booking.payments.payouts.models import Payout, PayoutStatus
from workshops.transactions import writes


def catch_up(payout_id: str, *, now: datetime) -> Payout:
    """Ask Stripe how a payout stands and book it. Not inside a transaction.

    Raises:
        gateways.NoSuchGateway: without keys.
        Unavailable, Refused
    """
    if STRIPE not in gateways.offered():
        raise gateways.NoSuchGateway(STRIPE)
    from booking.payments.gateways.stripe import books

    return told(books.payout(payout_id, known_intents()), now=now)


def known_intents() -> frozenset[str]:
    """Every payment that these books know as one of Stripe's, by its number there.

    What was brought in with the opening balances was paid out, or will be, outside of these books.
    """
    booked = LedgerEntry.objects.filter(source=Concat(Value("payment:"), OuterRef("public_id")))
    known = Payment.objects.filter(Exists(booked), gateway=STRIPE).exclude(reference="")
    return frozenset(known.values_list("reference", flat=True))


@writes
def told(theirs: TheirPayout, *, now: datetime) -> Payout:
    """Write down how a payout stands, and book our part once it has arrived; the reverse where it came back later.

    Once each, however often it is told. What of it is ours does not change once it is booked. Locks the payout.
    """
    payout, _ = Payout.objects.get_or_create(
        processor_id=theirs.processor_id,
        defaults={
            "status": theirs.status,
            "amount_cents": theirs.cents,
            "ours_cents": theirs.ours_cents,
            "currency": theirs.currency,
            "arrives_on": theirs.arrives_on,
            "seen_at": now,
        },
    )
    payout = Payout.objects.select_for_update(of=("self",)).get(pk=payout.pk)
    arrived = f"payout:{payout.processor_id}"
    if not ledger.is_booked(arrived):
        # A payout that could not be itemised keeps what a person could find out of it.
        payout.ours_cents = payout.ours_cents if theirs.ours_cents is None else theirs.ours_cents
    if payout.status != PayoutStatus.FAILED:
        payout.status = theirs.status
    payout.amount_cents, payout.arrives_on, payout.seen_at = theirs.cents, theirs.arrives_on, now
    payout.save()
    ours = payout.ours_cents or 0
    if payout.status == PayoutStatus.PAID and ours and not ledger.is_booked(arrived):
        ledger.post(arrived, None, {Account.BANK: ours, Account.PROCESSOR: -ours}, at=now)
    back = f"payout-failed:{payout.processor_id}"
    if payout.status == PayoutStatus.FAILED and ledger.is_booked(arrived) and not ledger.is_booked(back):
        ledger.post(back, None, {Account.PROCESSOR: ours, Account.BANK: -ours}, at=now)
    return payout
