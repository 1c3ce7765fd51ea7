"""Bringing in what the school had before, from a spreadsheet."""

from datetime import datetime

from django.http import HttpResponse
from django.views.decorators.http import require_POST, require_safe

from booking.desk import sheets
from booking.desk.moving_in.carrying_out import carry_out, dry_run
from booking.desk.moving_in.reading import COLUMNS
from workshops.people.models import Role, User
from workshops.tables import DryRun, Outcome
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import shows_or_takes


class BroughtIn:
    """Past cohorts, reservations, money received, running plans and lines."""

    name = "moving-in"
    template = "desk/moving_in/moving_in.html"
    home = "desk:owed"
    itself = "desk:moving-in"

    def dry_run(self, text: str, *, by: User, now: datetime) -> DryRun:
        """What this file would do."""
        return dry_run(text, by=by, now=now)

    def carry_out(self, text: str, digest: str, *, by: User, now: datetime) -> DryRun:
        """Do what the dry run showed."""
        return carry_out(text, digest, by=by, now=now)

    def done(self, plan: DryRun) -> str:
        """How many rows were brought in."""
        new = plan.count(Outcome.NEW)
        return f"{new} {'row is' if new == 1 else 'rows are'} brought in. Nobody was written to."


@roles(Role.REGISTRAR)
@shows_or_takes
def moving_in(request: SignedInRequest) -> HttpResponse:
    """Choose or paste a spreadsheet, and see what it would do."""
    return sheets.choose(request, BroughtIn())


@roles(Role.REGISTRAR)
@require_POST
def confirm(request: SignedInRequest) -> HttpResponse:
    """Do what the dry run showed, unless the record has changed meanwhile."""
    return sheets.confirm(request, BroughtIn())


@roles(Role.REGISTRAR)
@require_POST
def report(request: SignedInRequest) -> HttpResponse:
    """The whole dry run as a spreadsheet."""
    return sheets.report(request, BroughtIn())


@roles(Role.REGISTRAR)
@require_safe
def template(_request: SignedInRequest) -> HttpResponse:
    """An empty spreadsheet with every column."""
    return sheets.empty("moving-in.csv", COLUMNS)
