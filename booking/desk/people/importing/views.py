"""Bringing in facts from a spreadsheet: a dry run that shows every row, then a button that does it.

Nothing is kept between the two: the rows travel in the form, signed, and are compared with the record once more.
"""

from django.contrib import messages
from django.core import signing
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from booking.desk.people.importing import accounts
from booking.desk.people.importing.forms import ImportForm
from booking.desk.spreadsheet import csv_answer
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.prerequisites.importing.carrying_out import Changed, dry_run
from workshops.prerequisites.importing.comparing import Plan
from workshops.prerequisites.importing.reading import COLUMNS, MOST_BYTES, Unreadable, decode
from workshops.prerequisites.importing.rows import Outcome
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import shows_or_takes

# A page with more rows than this is no use to anyone; the whole dry run can be downloaded.
ROWS_SHOWN = 500
# A form takes a megabyte at most, and the rows are compressed in it.
MOST_CARRIED = 900_000
# What can be mended in the box rather than in the file and uploaded again.
MOST_IN_THE_BOX = 100_000
_ORDER = {Outcome.ERROR: 0, Outcome.CONTRADICTION: 1, Outcome.NEW: 2, Outcome.SAME: 3}


@roles(Role.REGISTRAR)
@shows_or_takes
def import_facts(request: SignedInRequest) -> HttpResponse:
    """Choose or paste a spreadsheet, and see what it would do."""
    if request.method != "POST":
        return _page(request, ImportForm())
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        text = _text(form)
        planned = dry_run(text, by=request.user, now=current_time())
        carried = _signed(request, text, planned)
    except Unreadable as fault:
        form.add_error("file" if form.cleaned_data["file"] else "text", str(fault))
        return _page(request, form, status=422)
    if len(text) <= MOST_IN_THE_BOX:
        form = ImportForm(initial={"text": text})
    return _page(request, form, planned, carried, status=200 if planned.is_clean else 422)


@roles(Role.REGISTRAR)
@require_POST
def confirm(request: SignedInRequest) -> HttpResponse:
    """Do what the dry run showed, unless the record has changed meanwhile."""
    try:
        text, digest = _carried(request)
        planned = dry_run(text, by=request.user, now=current_time())
        if planned.digest != digest:
            raise Changed(planned)
        done = accounts.import_facts(planned, by=request.user, now=current_time())
    except (signing.BadSignature, Unreadable):
        form = ImportForm({})
        form.add_error(None, "The rows did not arrive whole, so nothing was imported. Choose the file once more.")
        return _page(request, form, status=422)
    except Changed as changed:
        if changed.plan.is_clean and not changed.plan.is_ready:  # the same button twice
            messages.info(request, "Everything in this file is on record already. Nothing has changed.")
            return redirect("desk:people")
        if changed.plan.digest != digest:
            words = "The record has changed since the dry run, so nothing was imported. This is how it is now."
            messages.warning(request, words)
        return _page(request, ImportForm(), changed.plan, _signed(request, text, changed.plan), status=409)
    new, made = done.count(Outcome.NEW), len(done.people)
    opened = f" {made} {'account was' if made == 1 else 'accounts were'} made." if made else ""
    messages.success(request, f"{new} {'fact is' if new == 1 else 'facts are'} on record now.{opened}")
    return redirect("desk:people")


@roles(Role.REGISTRAR)
@require_POST
def report(request: SignedInRequest) -> HttpResponse:
    """The whole dry run as a spreadsheet."""
    try:
        text, _ = _carried(request)
        planned = dry_run(text, by=request.user, now=current_time())
    except (signing.BadSignature, Unreadable):
        return redirect("desk:import")
    header = ("line", "outcome", "e-mail", "fact", "column", "what happens")
    rows = ((row.line, row.outcome.value, row.email, row.fact, row.column, row.message) for row in planned.rows)
    return csv_answer("dry-run.csv", header, rows)


@roles(Role.REGISTRAR)
@require_safe
def template(_request: SignedInRequest) -> HttpResponse:
    """An empty spreadsheet with every column."""
    return csv_answer("facts.csv", COLUMNS, ())


def _text(form: ImportForm) -> str:
    uploaded = form.cleaned_data["file"]
    if not uploaded:
        return str(form.cleaned_data["text"])
    if uploaded.size > MOST_BYTES:
        raise Unreadable("The file is larger than 2 MB. Split it into several and import them one after the other.")
    return decode(uploaded.read())


def _salt(request: SignedInRequest) -> str:
    return f"facts-import:{request.user.pk}"


def _signed(request: SignedInRequest, text: str, planned: Plan) -> str:
    carried = signing.dumps([text, planned.digest], salt=_salt(request), compress=True)
    if len(carried) > MOST_CARRIED:
        raise Unreadable("This is too much for one go. Split the file into two and import them one after the other.")
    return carried


def _carried(request: SignedInRequest) -> tuple[str, str]:
    text, digest = signing.loads(request.POST.get("carried", ""), salt=_salt(request))
    return text, digest


def _page(
    request: SignedInRequest, form: ImportForm, planned: Plan | None = None, carried: str = "", *, status: int = 200
) -> HttpResponse:
    rows = sorted(planned.rows, key=lambda row: (_ORDER[row.outcome], row.line)) if planned else []
    page = {
        "form": form,
        "plan": planned,
        "carried": carried,
        "counts": {outcome.value: planned.count(outcome) for outcome in Outcome} if planned else {},
        "rows": rows[:ROWS_SHOWN],
        "rows_left_out": max(len(rows) - ROWS_SHOWN, 0),
    }
    return TemplateResponse(request, "desk/people/importing/import.html", page, status=status)
