"""The money pages, which registrar and bookkeeper read: nothing is changed here."""

from collections.abc import Sequence

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.template.response import TemplateResponse
from django.utils.timezone import localtime
from django.views.decorators.http import require_safe

from booking.desk.money.attention import last_compared, waiting
from booking.desk.money.forms import MonthForm
from booking.desk.money.overview import Sums, month_of, overview, window
from booking.desk.money.owed import owed, totals
from booking.desk.money.picture import picture
from booking.desk.spreadsheet import Cell, amount, csv_answer
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles

A_PAGE = 50
A_LIST = 10
"""So many rows of each list are shown where all lists are."""


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def all_of_it(request: SignedInRequest) -> HttpResponse:
    """What came, went and is owed, by month and by cohort, with a picture of what was received against what is due."""
    now, form = current_time(), MonthForm(request.GET)
    lines = owed(now)
    found = overview(lines, now)
    shown = window(found.months, now, form.cleaned_data["first"] if form.is_valid() else None)
    lists = waiting(now)
    page = {
        "whole": found.whole,
        "overdue_count": sum(line.is_overdue for line in lines),
        "window": shown,
        "picture": picture(shown.months, month_of(now)),
        "page": Paginator(found.cohorts, A_PAGE).get_page(request.GET.get("page")),
        "waits": sum(len(each.rows) for each in lists if each.asks),
    }
    return TemplateResponse(request, "desk/money/overview.html", page)


_SUMS = ("due", "received", "refunded", "disputed", "kept", "owed", "overdue")


def _cells(sums: Sums) -> Sequence[Cell]:
    return [amount(getattr(sums, name)) for name in _SUMS]


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def months_csv(_request: SignedInRequest) -> HttpResponse:
    """Every month as a spreadsheet."""
    now = current_time()
    rows = ((f"{each.month:%Y-%m}", *_cells(each.sums)) for each in overview(owed(now), now).months)
    return csv_answer("money-by-month.csv", ("month", *_SUMS), rows)


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def cohorts_csv(_request: SignedInRequest) -> HttpResponse:
    """Every cohort as a spreadsheet."""
    now = current_time()
    rows = (
        (
            each.cohort.code if each.cohort else "",
            each.cohort.title if each.cohort else "Without a cohort",
            each.cohort.starts_on.isoformat() if each.cohort else "",
            *_cells(each.sums),
        )
        for each in overview(owed(now), now).cohorts
    )
    return csv_answer("money-by-cohort.csv", ("code", "cohort", "first day", *_SUMS), rows)


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def by_reservation(request: SignedInRequest) -> HttpResponse:
    """What is owed on each seat, the most urgent first."""
    lines = owed(current_time())
    shown = Paginator(lines, A_PAGE).get_page(request.GET.get("page"))
    return TemplateResponse(request, "desk/money/owed.html", {"page": shown, "totals": totals(lines)})


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
def needs_a_person(request: SignedInRequest) -> HttpResponse:
    """What somebody has to send, look for or decide: the head of each list, or one of them page by page."""
    lists = waiting(current_time())
    only = request.GET.get("list", "")
    if only and only not in {each.name for each in lists}:
        raise Http404
    chosen = [each for each in lists if each.name == only or not only]
    size, number = (A_PAGE, request.GET.get("page")) if only else (A_LIST, None)
    page = {
        "only": only,
        "lists": {each.name.replace("-", "_"): Paginator(each.rows, size).get_page(number) for each in chosen},
        "waits": sum(len(each.rows) for each in lists if each.asks),
        "compared": last_compared(),
        "anything": any(each.rows for each in chosen),
    }
    return TemplateResponse(request, "desk/money/needs_a_person.html", page)
