"""Where a person stands, drawn: the steps of the pathway and what would mend each missing thing."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse

from workshops.clock import in_words
from workshops.people.models import User
from workshops.prerequisites.check import Outcome, Standing
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState
from workshops.programme.models import School

StepState = Literal["done", "now", "ahead"]


@dataclass(frozen=True)
class Step:
    """One step of the pathway."""

    mark: str
    name: str
    note: str
    state: StepState
    counted: int = 0
    """Of a step that counts days and is not done: how many per cent of them are accepted."""
    with_review: int = 0
    """The same, as if what is in review were accepted too."""


@dataclass(frozen=True)
class Mend:
    """What a person can do about something that is missing."""

    label: str
    url: str


_MARKS = {"module-i": "I", "module-ii": "II", "module-iii": "III"}


def pathway(standing: Standing, *, seat: str, finished_on: date | None = None) -> list[Step]:
    """The steps from Module I to certification, in the order of the rules.

    `seat` says what is known of a seat in Module IV, or nothing; `finished_on` is when Module IV itself was finished.
    """
    steps, reached = [], True
    for outcome in standing.requirements:
        state: StepState = "done" if outcome.met else "now" if reached else "ahead"
        reached = reached and outcome.met
        mark = _MARKS.get(outcome.code) or str(outcome.needed)
        counted, review = _shares(outcome)
        steps.append(Step(mark, outcome.title, _note(outcome), state, counted, review))
    if finished_on:
        steps.append(Step("IV", "Module IV", f"Finished on {in_words(finished_on)}", "done"))
        steps.append(Step("✓", "Certification", "With a mentor", "now"))
        return steps
    note = seat or ("You may reserve a seat" if standing.eligible else "When the steps before it are done")
    steps.append(Step("IV", "Module IV", note, "now" if standing.eligible else "ahead"))
    steps.append(Step("✓", "Certification", "With a mentor, after Module IV", "ahead"))
    return steps


def _shares(outcome: Outcome) -> tuple[int, int]:
    """How much of a number of days is there, and how much with what is in review, per cent."""
    if not outcome.counts_days or outcome.met:
        return 0, 0
    both = min(outcome.counted + outcome.in_review, outcome.needed)
    return 100 * outcome.counted // outcome.needed, 100 * both // outcome.needed


def _note(outcome: Outcome) -> str:
    if outcome.waived:
        return "Waived by the school"
    if outcome.met:
        return "Done"
    if not outcome.counts_days:
        return "Not on your record yet"
    waiting = f", {outcome.in_review} in review" if outcome.in_review else ""
    more = f", {outcome.to_go} to go" if outcome.to_go else ""
    return f"{outcome.counted} {'count' if outcome.outside else 'accepted'}{waiting}{more}"


def mends(standing: Standing, school: School, trainee: User) -> list[tuple[Outcome, Mend | None]]:
    """Each requirement with the one thing that this person can do about it where it is missing.

    Two statements at most where days are missing, otherwise none.
    """
    return [(outcome, _mend(outcome, school, trainee)) for outcome in standing.requirements]


def _mend(outcome: Outcome, school: School, trainee: User) -> Mend | None:
    if outcome.met:
        return None
    if outcome.counts_days:
        asked = asked_about(trainee)
        if asked:
            return Mend("Answer the school's question", asked.get_absolute_url())
        begun = draft_that_would_do(trainee, outcome)
        if outcome.to_go and begun:
            return Mend(f"Finish and send {begun}", begun.get_absolute_url())
        return Mend("Add days on set" if outcome.to_go else "See your records", reverse("records"))
    if school.learning_url:
        return Mend("Go to the online modules", school.learning_url)
    if school.email:
        return Mend("Write to the school", f"mailto:{school.email}")
    return None


def asked_about(trainee: User) -> OnSetRecord | None:
    """The record about which the school's question waits longest for an answer. One statement."""
    return OnSetRecord.objects.filter(user=trainee, state=RecordState.QUESTION).order_by("sent_at", "pk").first()


def draft_that_would_do(trainee: User, outcome: Outcome) -> OnSetRecord | None:
    """The record begun and never sent whose days would be enough if the school accepted them. One statement."""
    window = outcome.window
    if window is None:
        return None
    known = OnSetDay.objects.filter(record__user=trainee, day=OuterRef("days__day"), is_refused=False).filter(
        record__state__in=(RecordState.ACCEPTED, RecordState.IN_REVIEW, RecordState.QUESTION)
    )
    days = Q(~Exists(known), days__day__range=(window.first, window.last))
    drafts = OnSetRecord.objects.filter(user=trainee, state=RecordState.DRAFT)
    would_do = drafts.annotate(adds=Count("days", filter=days)).filter(adds__gte=outcome.to_go)
    return would_do.order_by("-adds", "pk").first()
