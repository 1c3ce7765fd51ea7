"""The one check of prerequisites: pure functions from rules and facts to reasons.

The rules are the programme's; the facts are one person's. Pages, the API, the reserve button, the line and the desk all
read the same `Standing`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from workshops.clock import in_words

MOST_DRAWN = 40
"""More days than this are told of, and not drawn."""


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
    opens_title: str = ""
    """The module that it opens, as people call it."""

    @property
    def counts_days(self) -> bool:
        """Whether it asks for days on set."""
        return self.module is None


def days_rule(rules: Sequence[Rule]) -> Rule | None:
    """The rule among these that asks for days on set, where one does."""
    return next((rule for rule in rules if rule.counts_days), None)


def version_of(rules: Sequence[Rule]) -> str:
    """The version of these rules, kept with what they decided: the same for the same rules, and readable by itself.

    For example ``module-i, module-ii, on-set-days 10 in 10 years, module-iii``.
    """
    return ", ".join(
        rule.code if rule.within_years is None else f"{rule.code} {rule.needed} in {rule.within_years} years"
        for rule in rules
    )


_DAYS = re.compile(r"\S+ (?P<needed>[0-9]+) in (?P<years>[0-9]+) years")


def rules_in_words(version: str) -> str:
    """A version of the rules for people: Module I, 10 days on set within 10 years, Module III."""
    return ", ".join(_rule_in_words(each) for each in version.split(", ") if each)


def _rule_in_words(code: str) -> str:
    if found := _DAYS.fullmatch(code):
        return f"{found['needed']} days on set within {found['years']} years"
    if code.startswith("module-"):
        return f"Module {code.removeprefix('module-').upper()}"
    return code.replace("-", " ")


@dataclass(frozen=True)
class Facts:
    """What the school knows about one person."""

    completions: Mapping[str, date] = field(default_factory=dict)
    access: Mapping[str, date] = field(default_factory=dict)
    accepted_days: frozenset[date] = frozenset()
    in_review_days: frozenset[date] = frozenset()
    waived: Mapping[str, date | None] = field(default_factory=dict)
    """Requirements waived by a registrar, for the cohort in question, with the last day; None for good."""
    accepted_before: Mapping[str, date | None] = field(default_factory=dict)
    """Requirements met by proof that was accepted before this system existed, likewise."""
    entitled: frozenset[str] = frozenset()
    """Modules already paid for."""

    @property
    def training_began(self) -> date | None:
        """The first day on which the school let them into a module or they finished one, as far as it is on record."""
        return min([*self.access.values(), *self.completions.values()], default=None)

    def is_in_training(self, day: date) -> bool:
        """Whether their training had begun by this day."""
        return self.training_began is not None and day >= self.training_began


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
    """The first day on which it is not met any more if nothing else is recorded; None where no such day comes."""
    module: str | None = None
    """Code of the module to be finished; None where days are counted."""
    opens_title: str = ""
    """The module that it opens, as people call it."""
    outside: int = 0
    """How many days are accepted and do not count, for they lie outside the window."""
    window: "Window | None" = None
    """Between which dates days count; None where a module is to be finished."""
    lacks_access_date: bool = False
    """Whether the module that it opens is finished, and the day of access, from which days are counted, not known."""

    @property
    def counts_days(self) -> bool:
        """Whether it asks for days on set."""
        return self.module is None

    @property
    def to_go(self) -> int:
        """How many are still to be sent if the school accepts all that it has in review."""
        return max(self.needed - self.counted - self.in_review, 0)

    @property
    def takes(self) -> tuple[str, ...]:
        """One mark for each day that is needed, for drawings: counted, review, or nothing. Not for long rows."""
        if not self.counts_days or self.needed > MOST_DRAWN:
            return ()
        counted = min(self.counted, self.needed)
        review = min(self.in_review, self.needed - counted)
        return ("counted",) * counted + ("review",) * review + ("",) * (self.needed - counted - review)

    @property
    def by_evidence(self) -> bool:
        """Whether what was counted is enough, without any exception."""
        return self.counted >= self.needed


@dataclass(frozen=True)
class Standing:
    """Where a person is with everything a module asks for."""

    as_of: date
    requirements: tuple[Outcome, ...]
    rules: str
    """The version of the rules that were asked: see `version_of`."""

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
    outcomes = tuple(_outcome(rule, facts, today) for rule in rules)
    return Standing(as_of=today, requirements=outcomes, rules=version_of(rules))


@dataclass(frozen=True)
class Window:
    """The dates between which days on set count, both included."""

    first: date
    last: date
    """The as-of date."""
    is_frozen: bool
    """Whether the school has let the person into the module that the days open: then the window moves no more."""

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def window_of(rule: Rule, facts: Facts, today: date) -> Window:
    """Where days count for a rule that asks for days.

    It is counted back from the as-of date: the day access to the module was granted, and today where it was not.
    """
    granted = facts.access.get(rule.opens)
    as_of = granted or today
    return Window(years_before(as_of, rule.within_years or 0), as_of, is_frozen=granted is not None)


def lacks_access_date(rule: Rule, facts: Facts) -> bool:
    """Whether days are counted back from today only because the day they got access was never written down.

    Whoever has finished a module had access to it.
    """
    return rule.counts_days and rule.opens in facts.completions and rule.opens not in facts.access


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
    found = _days(rule, facts, today) if rule.counts_days else _completion(rule, facts)
    lasting = [found.lasts_until] if found.met else []
    before = _exception(facts.accepted_before, rule, today)
    exception = _exception(facts.waived, rule, today)
    met, waived, message = found.met, False, found.message
    if not met and before:
        met, message = True, f"Accepted by the school before this system existed{before.words}."
    elif not met and exception:
        met, waived, message = True, True, f"Waived by the school{exception.words}."
    # Several grounds hold side by side: it stays met until the last of them ends.
    lasting += [each.until for each in (before, exception) if each]
    return Outcome(
        code=rule.code,
        title=rule.title,
        met=met,
        waived=waived,
        needed=rule.needed,
        counted=found.counted,
        in_review=found.in_review,
        message=message,
        changes_on=_day_after_all(lasting),
        module=rule.module,
        opens_title=rule.opens_title,
        outside=found.outside,
        window=window_of(rule, facts, today) if rule.counts_days else None,
        lacks_access_date=lacks_access_date(rule, facts),
    )


@dataclass(frozen=True)
class _Exception:
    """A registrar's decision that holds today."""

    until: date | None

    @property
    def words(self) -> str:
        return f", until the end of {in_words(self.until)}" if self.until else ""


def _exception(given: Mapping[str, date | None], rule: Rule, today: date) -> _Exception | None:
    if rule.code not in given:
        return None
    until = given[rule.code]
    return None if until is not None and until < today else _Exception(until)


def _day_after_all(last_days: Sequence[date | None]) -> date | None:
    """The day after the last of these; None where there is none, where one has no end, or where the calendar ends."""
    ends = [last for last in last_days if last is not None]
    if not ends or len(ends) < len(last_days) or max(ends) == date.max:
        return None
    return max(ends) + timedelta(days=1)


@dataclass(frozen=True)
class _Found:
    """What a person has of one requirement, exceptions apart."""

    met: bool
    counted: int
    in_review: int
    message: str
    lasts_until: date | None = None
    """The last day on which it is met, where days go on ageing."""
    outside: int = 0


def _completion(rule: Rule, facts: Facts) -> _Found:
    finished = facts.completions.get(rule.module or "")
    if finished:
        return _Found(True, 1, 0, f"Finished on {in_words(finished)}.")
    message = f"{rule.title} is not on your record. Finish it online; if you have, write to the school and it is added."
    return _Found(False, 0, 0, message)


def _days(rule: Rule, facts: Facts, today: date) -> _Found:
    """Count distinct dates in the window. What is in review is shown, and does not count."""
    years = rule.within_years or 0
    window = window_of(rule, facts, today)
    counted = sorted(day for day in facts.accepted_days if day in window)
    in_review = sum(day in window for day in facts.in_review_days - facts.accepted_days)
    met, outside = len(counted) >= rule.needed, len(facts.accepted_days) - len(counted)
    counts = f"{len(counted)} of {rule.needed} days accepted"
    if len(counted) > rule.needed:
        counts = f"{len(counted)} days accepted where {rule.needed} are needed"
    if met and window.is_frozen:
        message = f"{counts}, counted back from {in_words(window.last)}, when your access was granted."
        return _Found(met, len(counted), in_review, message, outside=outside)
    if met:
        # Ageing takes the oldest first: the count falls short on the day the needed-th youngest stops counting.
        last = last_day_it_counts(counted[-rule.needed], years)
        message = f"{counts} within the last {years} years."
        return _Found(met, len(counted), in_review, message, last, outside)
    to_go = max(rule.needed - len(counted) - in_review, 0)
    waiting = f", {in_review} in review" if in_review else ""
    more = f", {to_go} to go" if to_go else ""
    if outside:
        counts = f"{len(counted)} of your {outside + len(counted)} accepted days count, and {rule.needed} are needed"
    if window.is_frozen:
        message = (
            f"{counts}{waiting}{more}. You got access to {rule.opens_title} on {in_words(window.last)}, so only days "
            f"between {in_words(window.first)} and then can still be added. If you have none, write to the school."
        )
        return _Found(met, len(counted), in_review, message, outside=outside)
    message = (
        f"{counts}{waiting}{more}. Days count when they were worked on professional sets between "
        f"{in_words(window.first)} and {in_words(window.last)} and the school has accepted the proof."
    )
    return _Found(met, len(counted), in_review, message, outside=outside)
