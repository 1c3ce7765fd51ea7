"""Where a person stands, drawn: the steps of the pathway and what would mend each missing thing."""

from dataclasses import dataclass
from typing import Literal

from workshops.prerequisites.check import Outcome, Standing
from workshops.programme.models import School

StepState = Literal["done", "now", "ahead"]


@dataclass(frozen=True)
class Step:
    """One step of the pathway."""

    mark: str
    name: str
    note: str
    state: StepState


@dataclass(frozen=True)
class Mend:
    """What a person can do about something that is missing."""

    label: str
    url: str


_MARKS = {"module-i": "I", "module-ii": "II", "module-iii": "III"}


def pathway(standing: Standing, *, seat: str) -> list[Step]:
    """The steps from Module I to certification. `seat` says what is known of a seat in Module IV, or nothing."""
    steps, reached = [], True
    for outcome in standing.requirements:
        state: StepState = "done" if outcome.met else "now" if reached else "ahead"
        reached = reached and outcome.met
        mark = _MARKS.get(outcome.code) or str(outcome.needed)
        steps.append(Step(mark, outcome.title, _note(outcome), state))
    note = seat or ("You may reserve a seat" if standing.eligible else "When the steps before it are done")
    steps.append(Step("IV", "Module IV", note, "now" if standing.eligible else "ahead"))
    steps.append(Step("✓", "Certification", "With a mentor, after Module IV", "ahead"))
    return steps


def _note(outcome: Outcome) -> str:
    if outcome.waived:
        return "Waived by the school"
    if outcome.met:
        return "Done"
    if outcome.needed > 1:
        return f"{outcome.counted} of {outcome.needed} accepted"
    return "Not on your record yet"


def mends(standing: Standing, school: School) -> list[tuple[Outcome, Mend | None]]:
    """Each requirement with what can be done about it where it is missing."""
    return [(outcome, _mend(outcome, school)) for outcome in standing.requirements]


def _mend(outcome: Outcome, school: School) -> Mend | None:
    """Where to go about a missing requirement: the online modules, or the school that keeps the record."""
    if outcome.met:
        return None
    if outcome.needed == 1 and school.learning_url:
        return Mend("Go to the online modules", school.learning_url)
    if school.email:
        return Mend("Write to the school", f"mailto:{school.email}")
    return None
