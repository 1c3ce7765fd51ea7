"""The money pages. Registrar and bookkeeper read them; only the registrar changes anything."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.timezone import localtime
from django.utils.timezone import now as current_time
from django.views.decorators.http import require_POST, require_safe

from booking.desk.money.books import (
    Period,
    journal,
    lines_of,
    owed,
    refunds_waiting,
    totals,
    transfers_awaited,
    trial_balance,
)
from booking.desk.money.forms import CancelHoldForm, HoldLongerForm, PeriodForm, RefundSentForm, TransferForm
from booking.desk.money.page import reservation_page
from booking.desk.money.spreadsheet import amount, csv_answer
from booking.payments import ledger, paying, settling
from booking.payments.models import Purpose, Refund, RefundStatus
from booking.reservations import lifecycle
from booking.reservations.models import Reservation
from workshops import money
from workshops.clock import moment_in_words
from workshops.people.models import Role
from workshops.prerequisites.facts import BadFact, not_their_own
from workshops.web.access import SignedInRequest, roles

A_PAGE = 50
Asked = dict[str, Any]


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def what_is_owed(request: SignedInRequest) -> HttpResponse:
    """What is owed on seats, what must go back, and which transfers are on their way."""
    now = current_time()
    lines = owed(now)
    shown = Paginator(lines, A_PAGE).get_page(request.GET.get("page"))
    page = {
        "page": shown,
        "totals": totals(lines),
        "refunds": refunds_waiting(),
        "transfers": transfers_awaited(now),
    }
    return TemplateResponse(request, "desk/money/owed.html", page)


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def owed_csv(_request: SignedInRequest) -> HttpResponse:
    """The same list as a spreadsheet."""
    header = (
        "reservation",
        "payer",
        "cohort",
        "state",
        "currency",
        "price",
        "paid",
        "remaining",
        "next",
        "due",
        "overdue",
    )
    rows = (
        (
            line.reservation.public_id,
            str(line.reservation.trainee),
            line.reservation.cohort.title,
            line.state.label,
            line.reservation.currency,
            amount(line.reservation.price_cents),
            amount(line.paid_cents),
            amount(line.remaining_cents),
            amount(line.next.amount_cents),
            localtime(line.next.due_at).isoformat(timespec="minutes"),
            "yes" if line.is_overdue else "no",
        )
        for line in owed(current_time())
    )
    return csv_answer("owed.csv", header, rows)


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def the_journal(request: SignedInRequest) -> HttpResponse:
    """Every entry of the ledger in a period, and what each account comes to."""
    form = PeriodForm(request.GET)
    period = _period(form)
    balances = trial_balance(period)
    shown = Paginator(journal(period), A_PAGE).get_page(request.GET.get("page"))
    page = {
        "form": form,
        "page": shown,
        "lines": lines_of(shown),
        "balances": balances,
        "debit_cents": sum(balance.debit_cents for balance in balances),
        "credit_cents": sum(balance.credit_cents for balance in balances),
    }
    return TemplateResponse(request, "desk/money/journal.html", page, status=200 if form.is_valid() else 422)


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def journal_csv(request: SignedInRequest) -> HttpResponse:
    """The journal as a spreadsheet: one line a posting, the oldest first. It names no person."""
    form = PeriodForm(request.GET)
    header = ("entry", "at", "source", "reservation", "account", "currency", "debit", "credit")
    rows = (
        (
            line.entry.pk,
            localtime(line.entry.at).isoformat(timespec="seconds"),
            line.entry.source,
            line.entry.reservation.public_id,
            line.account.value,
            line.entry.reservation.currency,
            amount(line.debit_cents),
            amount(line.credit_cents),
        )
        for line in lines_of(journal(_period(form)).order_by("at", "pk"))
    )
    return csv_answer("journal.csv", header, rows)


def _period(form: PeriodForm) -> Period:
    return Period(form.cleaned_data["first"], form.cleaned_data["last"]) if form.is_valid() else Period()


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def reservation(request: SignedInRequest, public_id: str) -> HttpResponse:
    """One reservation: its money, and for the registrar its story and what can be done."""
    return _page(request, _reservation(public_id))


@roles(Role.REGISTRAR)
@require_POST
def transfer(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Record a bank transfer or cheque that arrived."""
    found = _reservation(public_id)
    form = TransferForm(request.POST, reservation=found, paid_cents=ledger.kept_cents(found))

    def record(asked: Asked) -> str:
        settled = paying.record_transfer(
            found,
            Purpose(asked["purpose"]),
            reference=asked["reference"],
            by=request.user,
            now=current_time(),
        )
        cents = money.in_words(settled.payment.amount_cents, settled.payment.currency)
        if settled.seat_is_theirs:
            return f"{cents} is recorded, and the seat is theirs."
        return f"{cents} is recorded. No seat was left, so all of it must go back: send it, and record that below."

    return _carried_out(request, found, "transfer", form, record)


@roles(Role.REGISTRAR)
@require_POST
def refund_sent(request: SignedInRequest, public_id: str, refund_id: str) -> HttpResponse:
    """Record that a refund has been sent back."""
    found = _reservation(public_id)
    refund = get_object_or_404(Refund, public_id=refund_id, payment__reservation=found)
    name = f"refund-{refund.public_id}"

    def record(asked: Asked) -> str:
        if refund.status == RefundStatus.SUCCEEDED:
            return "That was recorded before. Nothing has changed."
        settling.refunded(refund, now=current_time(), by=request.user, reference=asked["reference"])
        return f"{money.in_words(refund.amount_cents, refund.payment.currency)} is recorded as sent back."

    return _carried_out(request, found, name, RefundSentForm(request.POST, prefix=name), record)


@roles(Role.REGISTRAR)
@require_POST
def longer(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Let a hold last longer."""
    found = _reservation(public_id)

    def prolong(asked: Asked) -> str:
        lifecycle.hold_longer(found, until=asked["until"], now=current_time(), why=asked["why"], by=request.user)
        return f"The seat is held until {moment_in_words(asked['until'])}."

    return _carried_out(request, found, "longer", HoldLongerForm(request.POST, reservation=found), prolong)


@roles(Role.REGISTRAR)
@require_POST
def cancel(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Give back a seat that nobody has paid for."""
    found = _reservation(public_id)

    def give_back(asked: Asked) -> str:
        lifecycle.cancel_hold(found, now=current_time(), by=request.user, why=asked["why"])
        return f"Cancelled. Seat {found.seat_number} is free again, and {found.trainee} is told."

    return _carried_out(request, found, "cancel", CancelHoldForm(request.POST), give_back)


def _reservation(public_id: str) -> Reservation:
    return get_object_or_404(
        Reservation.objects.select_related("trainee", "cohort__venue", "cohort__module"), public_id=public_id
    )


def _carried_out(
    request: SignedInRequest, found: Reservation, name: str, form: forms.BaseForm, act: Callable[[Asked], str]
) -> HttpResponse:
    """Do what one form of the page asks, say so, and show the page; what is refused keeps what was typed."""
    status = 422
    if form.is_valid():
        try:
            not_their_own(found.trainee, request.user)
            said = act(form.cleaned_data)
        except BadFact as refused:
            form.add_error(None, str(refused))
        except paying.AlreadyRecorded:
            form.add_error(
                "reference", "A transfer with this reference is on record already. Look at the statement again."
            )
        except paying.NothingToPay as refused:
            form.add_error(None, str(refused))
            status = 409
        except lifecycle.Moved:
            found = _reservation(found.public_id)
            state = found.state_at(current_time()).label.lower()
            form.add_error(None, f"The reservation is {state} by now, so this could not be done. Nothing was changed.")
            status = 409
        else:
            messages.success(request, said)
            return redirect("desk:reservation", found.public_id)
    return _page(request, found, {name: form}, status=status)


def _page(
    request: SignedInRequest, found: Reservation, bound: dict[str, forms.BaseForm] | None = None, *, status: int = 200
) -> HttpResponse:
    shown = reservation_page(found, request.user, now=current_time(), bound=bound)
    return TemplateResponse(
        request, "desk/money/reservation.html", {"page": shown, "bound": bound or {}}, status=status
    )
