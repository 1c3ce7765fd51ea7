"""Bringing in facts about people from a spreadsheet."""

from datetime import datetime
from typing import cast

from django.http import HttpResponse
from django.views.decorators.http import require_POST, require_safe

from booking.desk import sheets
from booking.desk.people.importing import accounts
from workshops.people.models import Role, User
from workshops.prerequisites.importing.carrying_out import dry_run
from workshops.prerequisites.importing.comparing import Plan
from workshops.prerequisites.importing.reading import COLUMNS
from workshops.tables import Changed, DryRun, Outcome
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import shows_or_takes


class Facts:
    """Completions, access, entitlements and days on set; whoever has no account gets one."""

    name = "facts-import"
    template = "desk/people/importing/import.html"
    home = "desk:people"
    itself = "desk:import"

    def dry_run(self, text: str, *, by: User, now: datetime) -> DryRun:
        """What this file would do."""
        return dry_run(text, by=by, now=now)

    def carry_out(self, text: str, digest: str, *, by: User, now: datetime) -> DryRun:
        """Do what the dry run showed."""
        planned = dry_run(text, by=by, now=now)
        if planned.digest != digest:
            raise Changed(planned)
        return accounts.import_facts(planned, by=by, now=now)

    def done(self, plan: DryRun) -> str:
        """How many facts and accounts there are more."""
        new, made = plan.count(Outcome.NEW), len(cast(Plan, plan).people)
        opened = f" {made} {'account was' if made == 1 else 'accounts were'} made." if made else ""
        return f"{new} {'fact is' if new == 1 else 'facts are'} on record now.{opened}"


@roles(Role.REGISTRAR)
@shows_or_takes
def import_facts(request: SignedInRequest) -> HttpResponse:
    """Choose or paste a spreadsheet, and see what it would do."""
    return sheets.choose(request, Facts())


@roles(Role.REGISTRAR)
@require_POST
def confirm(request: SignedInRequest) -> HttpResponse:
    """Do what the dry run showed, unless the record has changed meanwhile."""
    return sheets.confirm(request, Facts())


@roles(Role.REGISTRAR)
@require_POST
def report(request: SignedInRequest) -> HttpResponse:
    """The whole dry run as a spreadsheet."""
    return sheets.report(request, Facts())


@roles(Role.REGISTRAR)
@require_safe
def template(_request: SignedInRequest) -> HttpResponse:
    """An empty spreadsheet with every column."""
    return sheets.empty("facts.csv", COLUMNS)
