"""The books: journal, trial balance, tuition held. Registrar and bookkeeper read them; a registrar closes them."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.timezone import localtime
from django.views.decorators.http import require_POST, require_safe

from booking.desk.money.books import Period, journal, lines_of, trial_balance, tuition_held
from booking.desk.money.forms import AsOfForm, CloseForm, PeriodForm
from booking.desk.spreadsheet import amount, csv_answer
from booking.payments import closing
from booking.payments.models import ClosedPeriod
from workshops.clock import current_time, in_words, school_day
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles

A_PAGE = 50


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
            line.entry.reservation.public_id if line.entry.reservation else "",
            line.account.value,
            line.currency,
            amount(line.debit_cents),
            amount(line.credit_cents),
        )
        for line in lines_of(journal(_period(form)).order_by("at", "pk"))
    )
    return csv_answer("journal.csv", header, rows)


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def trial_balance_csv(request: SignedInRequest) -> HttpResponse:
    """The trial balance of a period as a spreadsheet."""
    rows = (
        (
            each.account.value,
            each.account.label,
            amount(each.debit_cents),
            amount(each.credit_cents),
            amount(each.cents),
        )
        for each in trial_balance(_period(PeriodForm(request.GET)))
    )
    return csv_answer("trial-balance.csv", ("account", "name", "debit", "credit", "balance"), rows)


def _period(form: PeriodForm) -> Period:
    return Period(form.cleaned_data["first"], form.cleaned_data["last"]) if form.is_valid() else Period()


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def held(request: SignedInRequest) -> HttpResponse:
    """Tuition that was held at the end of a day, by cohort."""
    form = AsOfForm(request.GET)
    on = (form.cleaned_data["on"] if form.is_valid() else None) or school_day(current_time())
    found = tuition_held(on)
    page = {
        "form": form if form.is_bound and request.GET.get("on") else AsOfForm(initial={"on": on}),
        "on": on,
        "page": Paginator(found, A_PAGE).get_page(request.GET.get("page")),
        "cents": sum(each.cents for each in found),
    }
    return TemplateResponse(request, "desk/money/held.html", page, status=200 if form.is_valid() else 422)


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def held_csv(request: SignedInRequest) -> HttpResponse:
    """The same as a spreadsheet."""
    form = AsOfForm(request.GET)
    on = (form.cleaned_data["on"] if form.is_valid() else None) or school_day(current_time())
    rows = (
        (
            on.isoformat(),
            each.cohort.code if each.cohort else "",
            each.cohort.title if each.cohort else "Without a cohort",
            each.cohort.starts_on.isoformat() if each.cohort else "",
            each.cohort.ends_on.isoformat() if each.cohort else "",
            amount(each.cents),
        )
        for each in tuition_held(on)
    )
    return csv_answer("tuition-held.csv", ("as of", "code", "cohort", "first day", "last day", "held"), rows)


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def closed(request: SignedInRequest) -> HttpResponse:
    """Through which days the books are closed, and for the registrar the form to close them through a later one."""
    return _closed_page(request, CloseForm(today=school_day(current_time())))


@roles(Role.REGISTRAR)
@require_POST
def close(request: SignedInRequest) -> HttpResponse:
    """Close the books through a day that is over. It cannot be undone."""
    now = current_time()
    form = CloseForm(request.POST, today=school_day(now))
    if form.is_valid():
        through = form.cleaned_data["through"]
        try:
            closing.close(through, by=request.user, now=now)
        except closing.CannotClose as refused:
            form.add_error("through", str(refused))
        else:
            messages.success(request, f"The books are closed through {in_words(through)}.")
            return redirect("desk:closed")
    return _closed_page(request, form, status=422)


def _closed_page(request: SignedInRequest, form: CloseForm, *, status: int = 200) -> HttpResponse:
    periods = ClosedPeriod.objects.select_related("closed_by")
    page = {
        "form": form if request.user.is_registrar else None,
        "page": Paginator(periods, A_PAGE).get_page(request.GET.get("page")),
        "through": closing.closed_through(),
    }
    return TemplateResponse(request, "desk/money/closed.html", page, status=status)
