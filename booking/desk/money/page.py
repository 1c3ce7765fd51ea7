"""One reservation as the desk sees it: its money for whoever keeps the books, its story and forms for the registrar."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django import forms

from booking.desk.money.forms import CancelHoldForm, HoldLongerForm, RefundSentForm, TransferForm
from booking.payments import gateways, ledger
from booking.payments.balances import Due, due_next
from booking.payments.emails import transfer_reference
from booking.payments.forms import what_is_missing
from booking.payments.models import Payment, Refund, RefundStatus
from booking.reservations.models import OWING, Charge, Reservation, State
from workshops.history.record import history_of
from workshops.history.words import Told, told
from workshops.people.models import User


@dataclass(frozen=True)
class Charged:
    """One charge, and how much of it has been paid."""

    charge: Charge
    paid_cents: int
    is_overdue: bool

    @property
    def is_paid(self) -> bool:
        """Whether it is covered."""
        return self.paid_cents >= self.charge.amount_cents


@dataclass(frozen=True)
class Paid:
    """One attempt to pay, with what went back of it."""

    payment: Payment
    way: str
    refunds: list["GoingBack"]


@dataclass(frozen=True)
class GoingBack:
    """One refund, and the form to record that it was sent, where that is left to do."""

    refund: Refund
    form: forms.BaseForm | None


@dataclass(frozen=True)
class ReservationPage:
    """Everything the page shows. `story` and `forms` are empty for whoever only keeps the books."""

    reservation: Reservation
    state: State
    paid_cents: int
    remaining_cents: int
    next: Due | None
    is_overdue: bool
    charges: list[Charged]
    payments: list[Paid]
    reference: str
    """What a payer writes on a transfer."""
    story: list[Told]
    forms: dict[str, forms.BaseForm]
    is_own: bool

    @property
    def owes(self) -> bool:
        """Whether its charges are owed; not any more once it has ended."""
        return self.state in OWING


def reservation_page(
    reservation: Reservation, reader: User, *, now: datetime, bound: Mapping[str, forms.BaseForm] | None = None
) -> ReservationPage:
    """Gather one reservation's page for this reader."""
    bound = bound or {}
    paid, state = ledger.paid_cents(reservation), reservation.state_at(now)
    charges = list(reservation.charges.all())
    upcoming = due_next(charges, paid) if state in OWING else None
    charged = _charged(charges, paid, now, owes=state in OWING)
    payments = list(reservation.payments.select_related("recorded_by").prefetch_related("refunds__recorded_by"))
    story = list(history_of("reservation", reservation.public_id)) if reader.is_registrar else []
    return ReservationPage(
        reservation=reservation,
        state=state,
        paid_cents=paid,
        remaining_cents=max(reservation.price_cents - paid, 0) if state in OWING else 0,
        next=upcoming,
        is_overdue=any(each.is_overdue for each in charged),
        charges=charged,
        payments=[Paid(each, _way(each), _going_back(each, reader, bound)) for each in reversed(payments)],
        reference=transfer_reference(Payment(reservation=reservation)),
        story=[told(line, reader) for line in reversed(story)],
        forms={**_forms(reservation, state, ledger.kept_cents(reservation)), **bound} if reader.is_registrar else {},
        is_own=reservation.trainee_id == reader.pk,
    )


def _charged(charges: list[Charge], paid: int, now: datetime, *, owes: bool) -> list[Charged]:
    shown: list[Charged] = []
    left = max(paid, 0)
    for charge in charges:
        covered = min(left, charge.amount_cents)
        left -= covered
        shown.append(Charged(charge, covered, owes and covered < charge.amount_cents and charge.due_at < now))
    return shown


def _way(payment: Payment) -> str:
    offered = gateways.offered().get(payment.gateway)
    return offered.title if offered else payment.gateway


def _going_back(payment: Payment, reader: User, bound: Mapping[str, forms.BaseForm]) -> list[GoingBack]:
    shown = []
    for refund in payment.refunds.all():
        name = f"refund-{refund.public_id}"
        waits = refund.status != RefundStatus.SUCCEEDED and reader.is_registrar
        shown.append(GoingBack(refund, (bound.get(name) or RefundSentForm(prefix=name)) if waits else None))
    return shown


def _forms(reservation: Reservation, state: State, paid: int) -> dict[str, forms.BaseForm]:
    possible: dict[str, forms.BaseForm] = {}
    if what_is_missing(reservation, paid):
        possible["transfer"] = TransferForm(reservation=reservation, paid_cents=paid)
    if state == State.HELD:
        possible["longer"] = HoldLongerForm(reservation=reservation)
        possible["cancel"] = CancelHoldForm()
    return possible
