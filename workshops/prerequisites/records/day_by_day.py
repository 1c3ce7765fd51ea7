"""What is to be said of single days of a record: those that count already on another one, and those that never can."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from workshops.clock import in_words, school_day
from workshops.people.models import User
from workshops.prerequisites.check import Facts, Rule, days_rule, window_of
from workshops.prerequisites.facts import facts_of, rules_for
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState
from workshops.prerequisites.set_days import runs_in_words
from workshops.programme.models import MODULE_IV

OVER = (RecordState.REJECTED, RecordState.WITHDRAWN)
"""Their days count for nothing."""


@dataclass(frozen=True)
class Elsewhere:
    """The dates of a person's other records that were not refused or withdrawn."""

    claimed: frozenset[date] = frozenset()
    counted: dict[date, str] = field(default_factory=dict)
    """Accepted already, each with the production it is accepted on."""

    def said_of(self, days: Collection[date]) -> list[str]:
        """A sentence for each production on which some of these days count already."""
        on: dict[str, list[date]] = defaultdict(list)
        for day in sorted(set(days) & self.counted.keys()):
            on[self.counted[day]].append(day)
        return [f"{_listed(days)} {_verb(days, 'counts', 'count')} already with {title}" for title, days in on.items()]


def elsewhere(it: OnSetRecord) -> Elsewhere:
    """What a person's other records say about dates. One statement."""
    others = OnSetDay.objects.filter(record__user=it.user_id, is_refused=False).exclude(record=it)
    rows = others.exclude(record__state__in=OVER).select_related("record").order_by("-record")
    counted = {each.day: str(each.record) for each in rows if each.record.state == RecordState.ACCEPTED}
    return Elsewhere(frozenset(each.day for each in rows), counted)


def never_counting(user: User, days: Collection[date], *, now: datetime) -> list[str]:
    """Which of these days cannot count whatever proves them, and why. Two statements, or none without days."""
    rule = days_rule(rules_for(MODULE_IV)) if days else None
    if rule is None:
        return []
    today = school_day(now)
    return outside(rule, facts_of([user.pk], today)[user.pk], days, today)


def outside(rule: Rule, facts: Facts, days: Collection[date], today: date) -> list[str]:
    """The same, from the rule and the facts: a sentence for days before the window, and one for those after. Pure."""
    window, years = window_of(rule, facts, today), rule.within_years or 0
    early = [day for day in days if day < window.first]
    late = [day for day in days if window.last < day]
    since = f"{years} years before you got access to {rule.opens_title}" if window.is_frozen else f"{years} years ago"
    said = []
    if early:
        said.append(f"{_is(early)} before {in_words(window.first)}, {since}; {_cannot(early)}")
    if late and window.is_frozen:
        access = f"when you got access to {rule.opens_title}"
        said.append(f"{_is(late)} after {in_words(window.last)}, {access}; {_cannot(late)}")
    return said


def _is(days: Sequence[date]) -> str:
    return f"{_listed(days)} {_verb(days, 'is', 'are')}"


def _cannot(days: Sequence[date]) -> str:
    return f"{_verb(days, 'it', 'they')} cannot count"


def _listed(days: Sequence[date]) -> str:
    runs = runs_in_words(days)
    return runs[0] if len(runs) == 1 else f"{', '.join(runs[:-1])} and {runs[-1]}"


def _verb(days: Sequence[date], one: str, several: str) -> str:
    return one if len(set(days)) == 1 else several
