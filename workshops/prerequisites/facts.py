"""Reading what the school knows of people. Facts are written by `recording`, `waiving` and `importing`."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.db import connection

from workshops.people.models import User
from workshops.prerequisites.check import Facts, Rule, Standing, check
from workshops.prerequisites.models import WaiverKind
from workshops.prerequisites.records.models import RecordState
from workshops.programme.in_force import Programme, programme_now


def rules_for(module_code: str) -> list[Rule]:
    """Every rule on the way to a module: its own and those of all modules beneath it, in the order of the pathway.

    One statement.
    """
    return rules_of(programme_now(), module_code)


def rules_of(programme: Programme, module_code: str) -> list[Rule]:
    """The same rules, from a programme that has been read. Pure."""
    wanted, rules = {module_code}, []
    for requirement in programme.requirements:
        if requirement.module.code not in wanted:
            continue
        if requirement.needs_module:
            wanted.add(requirement.needs_module.code)
        rules.append(
            Rule(
                code=requirement.code,
                title=str(requirement.needs_module)
                if requirement.needs_module
                else f"{requirement.needed} days on professional sets",
                opens=requirement.module.code,
                module=requirement.needs_module.code if requirement.needs_module else None,
                needed=requirement.needed,
                within_years=requirement.within_years,
                opens_title=str(requirement.module),
            )
        )
    return rules[::-1]


def facts_of(users: Iterable[int], today: date, cohort_id: int | None = None) -> dict[int, Facts]:
    """The facts of many people in one statement. Waivers for another cohort than `cohort_id` are left out."""
    known: dict[int, _Known] = {person: _Known() for person in users}
    if known:
        with connection.cursor() as cursor:
            cursor.execute(*_question(list(known), today, cohort_id))
            for person, kind, code, day in cursor.fetchall():
                known[person].add(kind, code, day)
    return {person: found.facts() for person, found in known.items()}


# Written by hand: it is asked for every seat, and building it by the ORM takes longer than answering it. Waivers are
# chosen as by `Waiver.objects.in_force`.
_FACTS = """
SELECT it.user_id, 'completion', module.code, CAST(it.completed_on AS text)
  FROM workshops_completion it JOIN workshops_module module ON module.id = it.module_id WHERE it.user_id {people}
UNION ALL
SELECT it.user_id, 'access', module.code, CAST(it.granted_on AS text)
  FROM workshops_access it JOIN workshops_module module ON module.id = it.module_id WHERE it.user_id {people}
UNION ALL
SELECT it.user_id, 'entitlement', module.code, NULL
  FROM workshops_entitlement it JOIN workshops_module module ON module.id = it.module_id WHERE it.user_id {people}
UNION ALL
SELECT user_id, kind, requirement, CAST(until AS text)
  FROM workshops_waiver WHERE user_id {people} AND revoked_at IS NULL AND (until IS NULL OR until >= %(today)s)
  AND (cohort_id IS NULL OR cohort_id = %(cohort)s)
UNION ALL
SELECT it.user_id, CASE WHEN it.state = 'accepted' THEN 'accepted' ELSE 'in-review' END, '', CAST(days.day AS text)
  FROM workshops_onsetrecord it JOIN workshops_onsetday days ON days.record_id = it.id
  WHERE it.user_id {people} AND it.state IN ('accepted', 'in-review', 'question') AND NOT days.is_refused
"""
_OF_ONE = _FACTS.format(people="= %(people)s")
# One parameter, however many people: SQLite takes a limited number of them.
_OF_MANY = {
    "sqlite": _FACTS.format(people="IN (SELECT value FROM json_each(%(people)s))"),
    "postgresql": _FACTS.format(people="= ANY(%(people)s)"),
}


def _question(people: list[int], today: date, cohort_id: int | None) -> tuple[str, dict[str, Any]]:
    """The statement for these people and its parameters."""
    parameters: dict[str, Any] = {"today": today.isoformat(), "cohort": cohort_id}
    if len(people) == 1:
        return _OF_ONE, {"people": people[0], **parameters}
    several = json.dumps(people) if connection.vendor == "sqlite" else people
    return _OF_MANY[connection.vendor], {"people": several, **parameters}


class _Known:
    """What the rows of one person say, as they come."""

    def __init__(self) -> None:
        self.dates: dict[str, dict[str, date]] = {"completion": {}, "access": {}}
        self.days: dict[str, set[date]] = {RecordState.ACCEPTED: set(), RecordState.IN_REVIEW: set()}
        self.exceptions: dict[str, dict[str, date | None]] = {WaiverKind.WAIVER: {}, WaiverKind.BEFORE: {}}
        self.entitled: set[str] = set()

    def add(self, kind: str, code: str, text: str | None) -> None:
        """Take in one row: what kind of fact, about what, and its date as YYYY-MM-DD where it has one."""
        if kind == "entitlement":
            self.entitled.add(code)
            return
        day = None if text is None else date.fromisoformat(text)
        if kind in self.exceptions:
            given = self.exceptions[kind]
            given[code] = _later(given[code], day) if code in given else day
        elif day is not None and kind in self.dates:
            self.dates[kind][code] = day
        elif day is not None:
            self.days[kind].add(day)

    def facts(self) -> Facts:
        """All of it."""
        return Facts(
            completions=self.dates["completion"],
            access=self.dates["access"],
            accepted_days=frozenset(self.days[RecordState.ACCEPTED]),
            in_review_days=frozenset(self.days[RecordState.IN_REVIEW]),
            waived=self.exceptions[WaiverKind.WAIVER],
            accepted_before=self.exceptions[WaiverKind.BEFORE],
            entitled=frozenset(self.entitled),
        )


def _later(one: date | None, other: date | None) -> date | None:
    """The later of two last days; None has no end."""
    return None if one is None or other is None else max(one, other)


def standing_of(user: User, module_code: str, today: date, cohort_id: int | None = None) -> tuple[Standing, Facts]:
    """One person's standing for a module on `today`, and the facts it was read from. Two statements."""
    facts = facts_of([user.pk], today, cohort_id)[user.pk]
    return check(rules_for(module_code), facts, today), facts


def standings_of(
    users: Sequence[User], module_code: str, today: date, cohort_id: int | None = None
) -> dict[int, Standing]:
    """The standing of many people, by their id, in two statements. `cohort_id`: count waivers given for it too."""
    rules, facts = rules_for(module_code), facts_of([user.pk for user in users], today, cohort_id)
    return {person: check(rules, known, today) for person, known in facts.items()}
