"""The only writer of papers: receipts, credit notes and invoices, each kind numbered without gaps.

A number is taken in the transaction that makes its paper, and whoever wants the next one waits for that transaction: a
paper that is rolled back gives its number back. So papers are made late in a transaction, after every other lock.
"""

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Sum

from booking.payments import ledger
from booking.payments.discounts.models import Redemption
from booking.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from booking.payments.papers import wording
from booking.payments.papers.models import Paper, PaperKind
from booking.payments.papers.numbers import shown_number
from booking.payments.papers.wording import PLAY, Says
from booking.payments.returning import story_of
from booking.reservations import lifecycle
from booking.reservations.models import OWING, Reservation
from workshops.history.record import record
from workshops.people.models import User
from workshops.programme.models import school
from workshops.rows import insert
from workshops.transactions import writes

LONGEST_PAYER = 300


class NothingToInvoice(Exception):
    """Nothing is owed on this reservation: it has ended, nobody has said yes to it, or it costs nothing here."""


def receipt(
    payment: Payment, reservation: Reservation, *, kept_cents: int, seat_is_theirs: bool, now: datetime
) -> Paper:
    """The receipt for a payment that was received just now, in the transaction that settles it, once.

    `reservation` is where it counts, with its cohort, venue and trainee; `kept_cents` all that has come for it,
    this payment included. It is made out to the name that the trainee goes by: the one in their passport stands on
    nothing that they did not ask for. Locks the series of receipts. Three statements.
    """
    says = wording.receipt(
        payment, reservation, school(), kept_cents=kept_cents, seat_is_theirs=seat_is_theirs, now=now
    )
    payer = _name_of(reservation.trainee)
    return _issue(PaperKind.RECEIPT, reservation, says, payer=payer, now=now, payment=payment)


def credit_note(refund: Refund, *, now: datetime) -> Paper:
    """The credit note for a refund that has gone, once: one that came back and was sent anew keeps the one it has.

    Where a payment had been recorded by mistake, it takes back that receipt, and says that no money was sent. The
    caller has locked the refund, in the transaction that books it. Locks the series of credit notes.
    """
    if made := Paper.objects.filter(refund=refund).first():
        return made
    taken_back = Paper.objects.filter(payment=refund.payment_id).first()
    gone = Refund.objects.filter(payment=refund.payment_id, status=RefundStatus.SUCCEEDED).exclude(pk=refund.pk)
    says = wording.credit_note(
        refund,
        school(),
        receipt_number=shown_number(taken_back) if taken_back else "",
        before_cents=gone.aggregate(total=Sum("amount_cents"))["total"] or 0,
        now=now,
    )
    payer = taken_back.payer if taken_back else _name_of(refund.reservation.trainee)
    return _issue(PaperKind.CREDIT_NOTE, refund.reservation, says, payer=payer, now=now, refund=refund)


@writes
def invoice(reservation: Reservation, *, payer: str, by: User, now: datetime) -> Paper:
    """An invoice for what a seat costs, with what is paid and what remains; each time a new one, with a new number.

    `payer` is the name and billing address as they typed it, up to 300 characters. Locks the seat, the reservation, the
    series of invoices.

    Raises:
        NothingToInvoice: when nothing is owed on it.
    """
    fresh = lifecycle.lock(reservation)
    if fresh.state_at(now) not in OWING or not fresh.owed_cents:
        raise NothingToInvoice
    received = Payment.objects.filter(reservation__in=story_of(fresh), status=PaymentStatus.SUCCEEDED)
    says = wording.invoice(
        fresh,
        list(fresh.charges.all()),
        Redemption.objects.select_related("discount").filter(reservation=fresh).first(),
        school(),
        kept_cents=ledger.kept_cents(fresh),
        play_money=received.filter(gateway=PLAY).exists(),
        now=now,
    )
    made = _issue(PaperKind.INVOICE, fresh, says, payer=payer[:LONGEST_PAYER], now=now, by=by)
    about = ("reservation", fresh.public_id)
    record("paper-issued", about=about, person=fresh.trainee, by=by, now=now, paper=f"Invoice {shown_number(made)}")
    return made


def _issue(
    kind: PaperKind,
    reservation: Reservation,
    says: Says,
    *,
    payer: str,
    now: datetime,
    by: User | None = None,
    **about: Any,
) -> Paper:
    paper = Paper(
        kind=kind,
        number=_next_number(kind),
        reservation=reservation,
        payer=payer,
        says=says.as_json(),
        issued_at=now,
        issued_by=by,
        **about,
    )
    insert([paper])
    return paper


# One statement that begins a series and goes on with it: its row stays locked until the transaction ends, and the
# number that a rolled-back one had taken is the next one's.
_TAKE = (
    "INSERT INTO booking_paperseries (kind, last_number) VALUES (%s, 1) "
    "ON CONFLICT (kind) DO UPDATE SET last_number = booking_paperseries.last_number + 1 RETURNING last_number"
)


def _next_number(kind: PaperKind) -> int:
    if not connection.in_atomic_block:
        raise RuntimeError("A number is taken in the transaction that makes its paper, or there would be gaps.")
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [kind.value])
        return int(cursor.fetchone()[0])


def _name_of(trainee: User) -> str:
    return "" if trainee.erased_at else str(trainee)[:LONGEST_PAYER]
