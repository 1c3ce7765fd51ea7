"""One reservation as the desk sees it: its money for whoever keeps the books, its story and forms for the registrar."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django import forms

from booking.desk.reservations.forms import (
    HoldLongerForm,
    MoneyBackForm,
    RefundFailedForm,
    RefundForm,
    RefundSentForm,
    ReverseForm,
    TransferForm,
    WaiveFeeForm,
)
from booking.desk.reservations.more_time import pay_later_form, promise_longer_form
from booking.desk.reservations.previews import Release, may_release, release
from booking.desk.reservations.rules import dispute_reason, why
from booking.payments import gateways, ledger
from booking.payments.balances import Due, due_next
from booking.payments.emails import transfer_reference
from booking.payments.forms import what_is_missing
from booking.payments.gateways.offline import Offline
from booking.payments.models import FROZEN, Dispute, Payment, PaymentStatus, Refund, RefundStatus
from booking.payments.papers.page import Listed, papers_of
from booking.payments.plans.page import ShownPlan, about
from booking.payments.refunding import always_lowers_price
from booking.payments.returning import left_of, possible_cents, story_of
from booking.reservations import moving
from booking.reservations.explaining import without_codes
from booking.reservations.models import OWING, SEATED, Charge, Reservation, State
from booking.reservations.story import Chapter, chapters_of
from workshops.cohorts.models import Cohort
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
    """One attempt to pay, with what went back of it. `before` is the cohort it was made for, where that was another."""

    payment: Payment
    way: str
    refunds: list["GoingBack"]
    before: Cohort | None
    disputes: list["Disputed"]
    reverse: forms.BaseForm | None
    """The form to undo what a person recorded, where nothing of it has gone back."""


@dataclass(frozen=True)
class Disputed:
    """A payer's bank asks for the money of a payment, and why."""

    dispute: Dispute
    why: str


@dataclass(frozen=True)
class GoingBack:
    """One refund, why it is owed, and the form for what a person has to do about it, where that is left to do."""

    refund: Refund
    why: str
    form: forms.BaseForm | None
    """To record that it was sent."""
    failed: forms.BaseForm | None
    """To say how it goes back, after it failed."""


@dataclass(frozen=True)
class ReservationPage:
    """Everything the page shows. `story` and `forms` are empty for whoever only keeps the books."""

    reservation: Reservation
    state: State
    paid_cents: int
    to_send_cents: int
    """Of what has been paid, what is owed back and has not gone."""
    remaining_cents: int
    next: Due | None
    is_overdue: bool
    moved_to: Reservation | None
    """Where it goes on, when it has moved to another cohort."""
    charges: list[Charged]
    payments: list[Paid]
    reference: str
    """What a payer writes on a transfer."""
    story: list[Chapter]
    """Its own, and that of the reservations it moved here from, the newest first."""
    forms: dict[str, forms.BaseForm]
    open: str
    """The form that somebody came to the page for."""
    moves: frozenset[str]
    """Which of "release", "move" and "swap" are possible now; empty for whoever only keeps the books."""
    release: Release | None
    """What releasing the seat would give back, where that is possible and something has been paid."""
    is_own: bool
    frozen_cents: int
    """What a bank is deciding about: nothing of it goes back another way meanwhile."""
    plan: ShownPlan | None
    papers: list[Listed]

    @property
    def owes(self) -> bool:
        """Whether its charges are owed; not any more once it has ended."""
        return self.state in OWING


def reservation_page(
    reservation: Reservation,
    reader: User,
    *,
    now: datetime,
    bound: Mapping[str, forms.BaseForm] | None = None,
    wanted: str = "",
) -> ReservationPage:
    """Gather one reservation's page for this reader; `wanted` is the form they came for."""
    bound = bound or {}
    paid, kept, state = ledger.paid_cents(reservation), ledger.kept_cents(reservation), reservation.state_at(now)
    charges = list(reservation.charges.all())
    # What is on its way back pays for nothing any more; of what has ended, all that came is shown.
    covers = kept if state in OWING else paid
    upcoming = due_next(charges, covers) if state in OWING else None
    charged = _charged(charges, covers, now, owes=state in OWING)
    payments = list(
        Payment.objects.filter(reservation__in=story_of(reservation))
        .select_related("recorded_by", "reservation__cohort")
        .prefetch_related("refunds__recorded_by", "refunds__reservation", "disputes")
    )
    moves = _moves(reservation, state, now) if reader.is_registrar else frozenset()
    return ReservationPage(
        reservation=reservation,
        state=state,
        paid_cents=paid,
        to_send_cents=paid - kept,
        remaining_cents=reservation.remaining_cents(kept) if state in OWING else 0,
        next=upcoming,
        is_overdue=any(each.is_overdue for each in charged),
        moved_to=Reservation.objects.filter(moved_from=reservation).select_related("cohort").first(),
        charges=charged,
        payments=[
            Paid(
                payment=each,
                way=_way(each),
                refunds=_going_back(each, reader, bound),
                before=each.reservation.cohort if each.reservation_id != reservation.pk else None,
                disputes=[Disputed(found, dispute_reason(found.reason)) for found in each.disputes.all()],
                reverse=_reverse(each, state, reader, bound),
            )
            for each in reversed(payments)
        ],
        reference=transfer_reference(Payment(reservation=reservation)),
        story=[without_codes(each) for each in chapters_of(reservation, reader)[::-1]] if reader.is_registrar else [],
        forms={**_forms(reservation, state, kept, now), **bound} if reader.is_registrar else {},
        open=wanted,
        moves=moves,
        release=release(reservation, now) if "release" in moves and kept else None,
        is_own=reservation.trainee_id == reader.pk,
        frozen_cents=sum(
            each.amount_cents for paid in payments for each in paid.disputes.all() if each.status in FROZEN
        ),
        plan=about(reservation, now),
        papers=papers_of(reservation),
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
        if not refund.amount_cents:
            continue  # it was owed no more before it went
        sent, decided = f"refund-{refund.public_id}", f"failed-{refund.public_id}"
        form, failed = bound.get(sent), bound.get(decided)
        if reader.is_registrar and is_to_send(refund, payment):
            form = form or RefundSentForm(prefix=sent)
        elif reader.is_registrar and refund.status == RefundStatus.FAILED:
            failed = failed or RefundFailedForm(prefix=decided)
        shown.append(GoingBack(refund, why(refund.rule), form, failed))
    return shown


def is_to_send(refund: Refund, payment: Payment) -> bool:
    """Whether a person sends this refund at the bank, and has not said that it has gone."""
    by_a_person = refund.by_hand or payment.gateway == Offline.name
    return by_a_person and refund.status in (RefundStatus.REQUESTED, RefundStatus.PENDING)


def _reverse(
    payment: Payment, state: State, reader: User, bound: Mapping[str, forms.BaseForm]
) -> forms.BaseForm | None:
    name = f"reverse-{payment.public_id}"
    if name in bound:
        return bound[name]
    waits = sum(each.amount_cents for each in payment.refunds.all() if is_to_send(each, payment))
    is_whole = payment.status == PaymentStatus.SUCCEEDED and left_of(payment) + waits == payment.amount_cents
    if not reader.is_registrar or payment.gateway != Offline.name or not is_whole or state == State.TRANSFERRED:
        return None
    return ReverseForm(prefix=name)


def _forms(reservation: Reservation, state: State, kept: int, now: datetime) -> dict[str, forms.BaseForm]:
    possible: dict[str, forms.BaseForm] = {}
    # Nobody owes anything on an offer, and what arrives after a move is recorded where the reservation goes on.
    if state != State.TRANSFERRED and reservation.conduct_accepted_at and what_is_missing(reservation, kept):
        possible["transfer"] = TransferForm(reservation=reservation, paid_cents=kept)
    if state == State.HELD:
        possible["longer"] = HoldLongerForm(reservation=reservation)
    if state in (State.RESERVED, State.CONFIRMED) and reservation.remaining_cents(kept):
        possible["balance"] = pay_later_form(reservation, now)
    if state in OWING and reservation.provisional_until:
        possible["promise"] = promise_longer_form(reservation, now)
    if state in OWING and reservation.fee_cents and not always_lowers_price(reservation, now):
        possible["fee"] = WaiveFeeForm()
    if state == State.CANCELLED and reservation.choose_until:
        possible["money"] = MoneyBackForm()
    elif kept > 0 and (form := refund_form(reservation, now)).possible_cents:
        possible["back"] = form
    return possible


def refund_form(reservation: Reservation, now: datetime, data: Mapping[str, object] | None = None) -> RefundForm:
    """Ask how much goes back; what becomes of the price only where a seat stands and its cohort has not run."""
    return RefundForm(
        data,
        possible_cents=possible_cents(reservation),
        currency=reservation.currency,
        has_choice=reservation.state in SEATED and not always_lowers_price(reservation, now),
    )


def _moves(reservation: Reservation, state: State, now: datetime) -> frozenset[str]:
    possible = {
        "release": may_release(reservation, now),
        "move": moving.may_move(reservation, now),
        "swap": state in OWING,
    }
    return frozenset(name for name, is_possible in possible.items() if is_possible)
