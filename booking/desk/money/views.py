"""The money pages, which registrar and bookkeeper read: nothing is changed here."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.utils.timezone import localtime
from django.views.decorators.http import require_safe

from booking.desk.money.books import (
    Period,
    journal,
    lines_of,
    owed,
    past_grace,
    refunds_waiting,
    totals,
    transfers_awaited,
    trial_balance,
)
from booking.desk.money.forms import PeriodForm
from booking.desk.spreadsheet import amount, csv_answer
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles

A_PAGE = 50


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def what_is_owed(request: SignedInRequest) -> HttpResponse:
    """What is owed on seats, where a decision is due, what must go back, and which transfers are on their way."""
    now = current_time()
    lines = owed(now)
    shown = Paginator(lines, A_PAGE).get_page(request.GET.get("page"))
    page = {
        "page": shown,
        "totals": totals(lines),
        "past_grace": past_grace(now),
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
        "fee",
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
            amount(line.reservation.fee_cents),
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
