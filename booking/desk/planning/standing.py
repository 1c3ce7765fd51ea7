"""The registrar's page about the standing of a cohort's trainees, and the same as a spreadsheet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django import forms
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from booking.desk.planning.trainees import ANYTHING, NOTHING, Trainee, trainees_of
from booking.desk.spreadsheet import Cell, csv_answer
from workshops.clock import current_time
from workshops.cohorts.models import Cohort
from workshops.people.models import Role
from workshops.prerequisites.check import Outcome, Rule
from workshops.prerequisites.facts import rules_for
from workshops.web.access import SignedInRequest, roles

EVERYONE = "all"


class StandingFilter(forms.Form):
    """Whom to show."""

    who = forms.ChoiceField(
        label="Who",
        required=False,
        choices=[("", "With a seat, in line or aiming for it"), (EVERYONE, "All trainees")],
    )
    missing = forms.ChoiceField(label="What they miss", required=False)

    def __init__(self, asked: QueryDict, rules: Sequence[Rule]) -> None:
        super().__init__(asked)
        field = self.fields["missing"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", "Show all of them"),
            (ANYTHING, "Something is missing"),
            (NOTHING, "Nothing is missing"),
            *((rule.code, f"{rule.title} missing") for rule in rules),
        ]


@dataclass(frozen=True)
class Shown:
    """What was asked for, and who was found."""

    form: StandingFilter
    rules: Sequence[Rule]
    trainees: list[Trainee]
    asked: dict[str, str]

    @property
    def query(self) -> str:
        """The same question, for the address of the spreadsheet."""
        return urlencode(self.asked)

    @property
    def eligible(self) -> int:
        """How many of them have everything."""
        return sum(each.standing.eligible for each in self.trainees)


@roles(Role.REGISTRAR)
@require_safe
def standing(request: SignedInRequest, code: str) -> HttpResponse:
    """Every trainee of a cohort with what they have and miss, all on one page."""
    cohort = _cohort(code)
    shown = _asked(cohort, request.GET, current_time())
    return TemplateResponse(request, "desk/planning/standing.html", {"cohort": cohort, "shown": shown})


@roles(Role.REGISTRAR)
@require_safe
def standing_csv(request: SignedInRequest, code: str) -> HttpResponse:
    """The same as a spreadsheet."""
    cohort = _cohort(code)
    shown = _asked(cohort, request.GET, current_time())
    header = ["name", "email", "in_this_cohort", "provisional_until", "eligible"]
    for rule in shown.rules:
        header += [rule.code, f"{rule.code}-changes-on"]
        if rule.counts_days:
            header += [f"{rule.code}-counted", f"{rule.code}-in-review", f"{rule.code}-needed"]
    return csv_answer(f"standing-{cohort.code}.csv", header, _rows(shown.trainees))


def _rows(trainees: Iterable[Trainee]) -> Iterable[list[Cell]]:
    for each in trainees:
        until = each.here.provisional_until
        row: list[Cell] = [each.name, each.email, each.here.words, until.isoformat() if until else ""]
        row.append("yes" if each.standing.eligible else "no")
        for outcome in each.standing.requirements:
            row += [_state(outcome), outcome.changes_on.isoformat() if outcome.changes_on else ""]
            if outcome.counts_days:
                row += [outcome.counted, outcome.in_review, outcome.needed]
        yield row


def _state(outcome: Outcome) -> str:
    if outcome.met:
        return "waived" if outcome.waived else "met"
    return "in review" if outcome.in_review else "missing"


def _asked(cohort: Cohort, query: QueryDict, now: datetime) -> Shown:
    """Who is asked for. What the form does not know is as if it had not been asked."""
    rules = rules_for(cohort.module.code)
    form = StandingFilter(query, rules)
    form.is_valid()
    asked = {name: form.cleaned_data[name] for name in ("who", "missing") if form.cleaned_data.get(name)}
    everyone, missing = asked.get("who") == EVERYONE, asked.get("missing", "")
    return Shown(form, rules, trainees_of(cohort, rules, everyone=everyone, missing=missing, now=now), asked)


def _cohort(code: str) -> Cohort:
    return get_object_or_404(Cohort.objects.select_related("module"), code=code)
