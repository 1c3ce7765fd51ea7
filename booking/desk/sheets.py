"""Bringing in a spreadsheet: a dry run that shows every row, then a button that does it.

Nothing is kept between the two: the rows travel in the form, signed, and are compared with the record once more.
What a sheet says and does is its own matter (`Sheet`); choosing, showing, confirming and downloading are the same.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from django import forms
from django.contrib import messages
from django.core import signing
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from booking.desk.spreadsheet import csv_answer
from workshops.clock import current_time
from workshops.people.models import User
from workshops.tables import MOST_BYTES, Changed, DryRun, Outcome, Unreadable, decode
from workshops.web.access import SignedInRequest

# A page with more rows than this is no use to anyone; the whole dry run can be downloaded.
ROWS_SHOWN = 500
# A form takes a megabyte at most, and the rows are compressed in it.
MOST_CARRIED = 900_000
# What can be mended in the box rather than in the file and uploaded again.
MOST_IN_THE_BOX = 100_000
_ORDER = {Outcome.ERROR: 0, Outcome.CONTRADICTION: 1, Outcome.NEW: 2, Outcome.SAME: 3}


class Sheet(Protocol):
    """One kind of spreadsheet."""

    name: str
    """Signs what is carried from the dry run to the button, so that one kind is not taken for another."""
    template: str
    home: str
    """The page that follows once it is done."""
    itself: str
    """The page where a file is chosen."""

    def dry_run(self, text: str, *, by: User, now: datetime) -> DryRun:
        """What this file would do. Raises Unreadable."""
        ...

    def carry_out(self, text: str, digest: str, *, by: User, now: datetime) -> DryRun:
        """Do what the dry run with this digest showed. Raises Unreadable; Changed when it would do something else."""
        ...

    def done(self, plan: DryRun) -> str:
        """What is said once it has been done."""
        ...


class SheetForm(forms.Form):
    """A spreadsheet, as a file or pasted."""

    file = forms.FileField(
        label="CSV file",
        required=False,
        allow_empty_file=True,
        help_text="UTF-8, commas or semicolons, up to 2 MB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )
    text = forms.CharField(
        label="Or paste the rows here, the line with the columns first",
        required=False,
        strip=False,
        max_length=900_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        """One of the two; a file goes before what stands in the box."""
        cleaned = super().clean() or {}
        if not self.errors and not cleaned.get("file") and not (cleaned.get("text") or "").strip():
            raise forms.ValidationError("Choose a file, or paste the rows.")
        return cleaned


def choose(request: SignedInRequest, sheet: Sheet) -> HttpResponse:
    """Choose or paste a spreadsheet, and see what it would do."""
    if request.method != "POST":
        return _page(request, sheet, SheetForm())
    form = SheetForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, sheet, form, status=422)
    try:
        text = _text(form)
        planned = sheet.dry_run(text, by=request.user, now=current_time())
        carried = _signed(request, sheet, text, planned)
    except Unreadable as fault:
        form.add_error("file" if form.cleaned_data["file"] else "text", str(fault))
        return _page(request, sheet, form, status=422)
    if len(text) <= MOST_IN_THE_BOX:
        form = SheetForm(initial={"text": text})
    return _page(request, sheet, form, planned, carried, status=200 if planned.is_clean else 422)


def confirm(request: SignedInRequest, sheet: Sheet) -> HttpResponse:
    """Do what the dry run showed, unless the record has changed meanwhile."""
    try:
        text, digest = _carried(request, sheet)
        done = sheet.carry_out(text, digest, by=request.user, now=current_time())
    except (signing.BadSignature, Unreadable):
        form = SheetForm({})
        form.add_error(None, "The rows did not arrive whole, so nothing was imported. Choose the file once more.")
        return _page(request, sheet, form, status=422)
    except Changed as changed:
        if changed.plan.is_clean and not changed.plan.is_ready:  # the same button twice
            messages.info(request, "Everything in this file is on record already. Nothing has changed.")
            return redirect(sheet.home)
        if changed.plan.digest != digest:
            words = "The record has changed since the dry run, so nothing was imported. This is how it is now."
            messages.warning(request, words)
        carried = _signed(request, sheet, text, changed.plan)
        return _page(request, sheet, SheetForm(), changed.plan, carried, status=409)
    messages.success(request, sheet.done(done))
    return redirect(sheet.home)


def report(request: SignedInRequest, sheet: Sheet) -> HttpResponse:
    """The whole dry run as a spreadsheet."""
    try:
        text, _ = _carried(request, sheet)
        planned = sheet.dry_run(text, by=request.user, now=current_time())
    except (signing.BadSignature, Unreadable):
        return redirect(sheet.itself)
    header = ("line", "outcome", "e-mail", "fact", "column", "what happens")
    rows = ((row.line, row.outcome.value, row.email, row.fact, row.column, row.message) for row in planned.rows)
    return csv_answer("dry-run.csv", header, rows)


def empty(name: str, columns: Sequence[str]) -> HttpResponse:
    """An empty spreadsheet with every column."""
    return csv_answer(name, columns, ())


def _text(form: SheetForm) -> str:
    uploaded = form.cleaned_data["file"]
    if not uploaded:
        return str(form.cleaned_data["text"])
    if uploaded.size > MOST_BYTES:
        raise Unreadable("The file is larger than 2 MB. Split it into several and import them one after the other.")
    return decode(uploaded.read())


def _salt(request: SignedInRequest, sheet: Sheet) -> str:
    return f"{sheet.name}:{request.user.pk}"


def _signed(request: SignedInRequest, sheet: Sheet, text: str, planned: DryRun) -> str:
    carried = signing.dumps([text, planned.digest], salt=_salt(request, sheet), compress=True)
    if len(carried) > MOST_CARRIED:
        raise Unreadable("This is too much for one go. Split the file into two and import them one after the other.")
    return carried


def _carried(request: SignedInRequest, sheet: Sheet) -> tuple[str, str]:
    text, digest = signing.loads(request.POST.get("carried", ""), salt=_salt(request, sheet))
    return text, digest


def _page(
    request: SignedInRequest,
    sheet: Sheet,
    form: SheetForm,
    planned: DryRun | None = None,
    carried: str = "",
    *,
    status: int = 200,
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
    return TemplateResponse(request, sheet.template, page, status=status)
