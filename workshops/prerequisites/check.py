"""The one check of prerequisites: pure functions from rules and facts to reasons.

The rules are the programme's; the facts are one person's. Pages, the API, the reserve button and later the line all
read the same `Standing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from workshops.clock import in_words


@dataclass(frozen=True)
class Rule:
    """One requirement. Either `module` must be finished, or `needed` days within `within_years` be accepted."""

    code: str
    title: str
    opens: str
    """Code of the module that it opens."""
    module: str | None = None
    needed: int = 1
    within_years: int | None = None


@dataclass(frozen=True)
class Facts:
    """What the school knows about one person."""

    completions: Mapping[str, date] = field(default_factory=dict)
    access: Mapping[str, date] = field(default_factory=dict)
    accepted_days: frozenset[date] = frozenset()
    in_review_days: frozenset[date] = frozenset()
    waived: frozenset[str] = frozenset()
    """Requirements waived by a registrar, for the cohort in question."""
    accepted_before: frozenset[str] = frozenset()
    """Requirements met by proof that was accepted before this system existed."""
    entitled: frozenset[str] = frozenset()
    """Modules already paid for."""


@dataclass(frozen=True)
class Outcome:
    """What became of one requirement, with the words and numbers that explain it."""

    code: str
    title: str
    met: bool
    waived: bool
    needed: int
    counted: int
    in_review: int
    message: str
    changes_on: date | None


@dataclass(frozen=True)
class Standing:
    """Where a person is with everything a module asks for."""

    as_of: date
    requirements: tuple[Outcome, ...]

    @property
    def eligible(self) -> bool:
        """Whether every requirement is met or waived."""
        return all(outcome.met for outcome in self.requirements)

    @property
    def missing(self) -> tuple[Outcome, ...]:
        """What is not met yet."""
        return tuple(outcome for outcome in self.requirements if not outcome.met)


def check(rules: Sequence[Rule], facts: Facts, today: date) -> Standing:
    """Compare one person's facts with the rules, as they stand on `today` (a date in Los Angeles)."""
    return Standing(as_of=today, requirements=tuple(_outcome(rule, facts, today) for rule in rules))


def years_before(day: date, years: int) -> date:
    """The same calendar day `years` earlier; ten years before 29 February is 28 February."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def last_day_it_counts(day: date, years: int) -> date:
    """The last as-of date whose window of `years` years still reaches back to `day`, the anniversary included."""
    try:
        last = day.replace(year=day.year + years)
    except ValueError:  # worked on 29 February, and the anniversary's year has none
        last = day.replace(year=day.year + years, day=28)
    following = last + timedelta(days=1)
    return following if years_before(following, years) <= day else last


def _outcome(rule: Rule, facts: Facts, today: date) -> Outcome:
    if rule.module is not None:
        met, counted, in_review, message, changes_on = *_completion(rule, facts), None
    else:
        met, counted, in_review, message, changes_on = _days(rule, facts, today)
    waived = not met and rule.code in facts.waived
    if not met and rule.code in facts.accepted_before:
        met, waived, message, changes_on = True, False, "Accepted by the school before this system existed.", None
    elif waived:
        met, message, changes_on = True, "Waived by the school.", None
    return Outcome(
        code=rule.code,
        title=rule.title,
        met=met,
        waived=waived,
        needed=rule.needed,
        counted=counted,
        in_review=in_review,
        message=message,
        changes_on=changes_on,
    )


def _completion(rule: Rule, facts: Facts) -> tuple[bool, int, int, str]:
    finished = facts.completions.get(rule.module or "")
    if finished:
        return True, 1, 0, f"Finished on {in_words(finished)}."
    return (
        False,
        0,
        0,
        (f"{rule.title} is not on your record. Finish it online; if you have, write to the school and it is added."),
    )


def _days(rule: Rule, facts: Facts, today: date) -> tuple[bool, int, int, str, date | None]:
    """Count distinct dates in the window that ends on the as-of date.

    The as-of date is the day access to the module was granted; without a grant it is today, and days go on ageing.
    """
    years = rule.within_years or 0
    granted = facts.access.get(rule.opens)
    as_of = granted or today
    window = (years_before(as_of, years), as_of)
    counted = sorted(day for day in facts.accepted_days if window[0] <= day <= window[1])
    in_review = {day for day in facts.in_review_days - facts.accepted_days if window[0] <= day <= window[1]}
    met = len(counted) >= rule.needed
    counts = f"{len(counted)} of {rule.needed} days accepted"
    if len(counted) > rule.needed:
        counts = f"{len(counted)} days accepted where {rule.needed} are needed"
    changes_on = None
    if met and granted:
        message = f"{counts}, counted back from {in_words(granted)}, when your access was granted."
    elif met:
        # Ageing takes the oldest first: the count falls short on the day the needed-th youngest stops counting.
        changes_on = last_day_it_counts(counted[-rule.needed], years) + timedelta(days=1)
        message = f"{counts} within the last {years} years."
    else:
        missing = rule.needed - len(counted)
        waiting = f", {len(in_review)} in review" if in_review else ""
        message = (
            f"{counts}{waiting}, {missing} to go. Days count when they were worked on professional sets between "
            f"{in_words(window[0])} and {in_words(window[1])} and the school has accepted the proof."
        )
    return met, len(counted), len(in_review), message, changes_on
