"""Reading a person's facts, and the writer of single ones; `importing` writes many at once, by the same rules."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection

from workshops.clock import in_words, school_day
from workshops.history.record import record
from workshops.people.models import User
from workshops.prerequisites.check import Facts, Rule, Standing, check
from workshops.prerequisites.models import (
    Access,
    Completion,
    Entitlement,
    OnSetDay,
    OnSetRecord,
    RecordState,
    Waiver,
    WaiverKind,
)
from workshops.programme.in_force import Programme, programme_now
from workshops.programme.models import Module, Requirement
from workshops.transactions import writes


class Contradiction(Exception):
    """The record already says something else. `recorded` is what it says."""

    def __init__(self, recorded: date) -> None:
        super().__init__(f"The record says {in_words(recorded)}.")
        self.recorded = recorded


class BadFact(Exception):
    """A fact that cannot be true, with a sentence that says why."""


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
SELECT user_id, kind, requirement, NULL
  FROM workshops_waiver WHERE user_id {people} AND revoked_at IS NULL AND (until IS NULL OR until >= %(today)s)
  AND (cohort_id IS NULL OR cohort_id = %(cohort)s)
UNION ALL
SELECT it.user_id, it.state, '', CAST(days.day AS text)
  FROM workshops_onsetrecord it JOIN workshops_onsetday days ON days.record_id = it.id
  WHERE it.user_id {people} AND it.state <> 'withdrawn'
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
        self.codes: dict[str, set[str]] = {WaiverKind.WAIVER: set(), WaiverKind.BEFORE: set(), "entitlement": set()}

    def add(self, kind: str, code: str, day: str | None) -> None:
        """Take in one row: what kind of fact, about what, and its date as YYYY-MM-DD where it has one."""
        if day is None:
            self.codes[kind].add(code)
        elif kind in self.dates:
            self.dates[kind][code] = date.fromisoformat(day)
        else:
            self.days[kind].add(date.fromisoformat(day))

    def facts(self) -> Facts:
        """All of it."""
        return Facts(
            completions=self.dates["completion"],
            access=self.dates["access"],
            accepted_days=frozenset(self.days[RecordState.ACCEPTED]),
            in_review_days=frozenset(self.days[RecordState.IN_REVIEW]),
            waived=frozenset(self.codes[WaiverKind.WAIVER]),
            accepted_before=frozenset(self.codes[WaiverKind.BEFORE]),
            entitled=frozenset(self.codes["entitlement"]),
        )


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


@writes
def complete(
    user: User, module: Module, on: date, *, by: User | None, now: datetime, why: str = "", correct: bool = False
) -> bool:
    """Record that `user` finished `module` on a date. True when it is new or corrected, False when already known.

    Raises:
        BadFact: for a date that has not come, or when the registrar is the person.
        Contradiction: when another date is on record and `correct` was not asked for with a reason.
    """
    return _dated(Completion, "completed_on", "completion", user, module, on, by=by, now=now, why=why, correct=correct)


@writes
def grant_access(
    user: User, module: Module, on: date, *, by: User | None, now: datetime, why: str = "", correct: bool = False
) -> bool:
    """Record the day the school let `user` into `module`. Same promises as `complete`."""
    return _dated(Access, "granted_on", "access", user, module, on, by=by, now=now, why=why, correct=correct)


def _dated(
    model: type[Completion] | type[Access],
    field: str,
    what: str,
    user: User,
    module: Module,
    on: date,
    *,
    by: User | None,
    now: datetime,
    why: str,
    correct: bool,
) -> bool:
    _not_in_the_future(on, now)
    not_their_own(user, by)
    # The person's row is the lock: two registrars entering the same fact get one outcome and one honest answer.
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
    known = model._default_manager.filter(user=user, module=module).first()
    recorded = getattr(known, field) if known else None
    if recorded == on:
        return False
    if recorded and not (correct and why):
        raise Contradiction(recorded)
    model._default_manager.update_or_create(
        user=user, module=module, defaults={field: on, "recorded_at": now, "recorded_by": by}
    )
    verb = "corrected" if recorded else "recorded"
    record(
        f"{what}-{verb}",
        about=("person", user.public_id),
        person=user,
        by=by,
        now=now,
        why=why,
        module=module.code,
        on=on.isoformat(),
        before=recorded.isoformat() if recorded else None,
    )
    return True


@writes
def entitle(user: User, module: Module, source: str, *, by: User | None, now: datetime) -> bool:
    """Record that `module` is already paid for. False when that was known.

    Raises:
        BadFact: when the registrar is the person.
    """
    not_their_own(user, by)
    _, created = Entitlement.objects.get_or_create(
        user=user, module=module, defaults={"source": source, "recorded_at": now, "recorded_by": by}
    )
    if created:
        about = ("person", user.public_id)
        record("entitlement-recorded", about=about, person=user, by=by, now=now, why=source, module=module.code)
    return created


@writes
def accept_days(
    user: User, days: Iterable[date], *, production: str, role: str, proof: str, by: User | None, now: datetime
) -> OnSetRecord:
    """Record days on set whose proof a registrar has accepted.

    Raises:
        BadFact: without days, for a day that has not come, or when the registrar is the person.
    """
    distinct = sorted(set(days))
    if not distinct:
        raise BadFact("Enter at least one date.")
    _not_in_the_future(distinct[-1], now)
    not_their_own(user, by)
    accepted = OnSetRecord.objects.create(
        user=user,
        production=production,
        role=role,
        proof=proof,
        state=RecordState.ACCEPTED,
        decided_at=now,
        decided_by=by,
    )
    OnSetDay.objects.bulk_create(OnSetDay(record=accepted, day=day) for day in distinct)
    about = ("person", user.public_id)
    record("days-accepted", about=about, person=user, by=by, now=now, why=proof, days=len(distinct), record=accepted.pk)
    return accepted


@writes
def take_back_days(on_set_record: OnSetRecord, *, why: str, by: User, now: datetime) -> bool:
    """Take back the acceptance of an on-set record, for a reason. False when that was done already.

    Raises:
        BadFact: when the registrar is the person.
    """
    not_their_own(on_set_record.user, by)
    changed = OnSetRecord.objects.filter(pk=on_set_record.pk, state=RecordState.ACCEPTED).update(
        state=RecordState.WITHDRAWN, decided_at=now, decided_by=by
    )
    if changed:
        user = on_set_record.user
        about = ("person", user.public_id)
        record("days-taken-back", about=about, person=user, by=by, now=now, why=why, record=on_set_record.pk)
    return bool(changed)


@writes
def waive(
    user: User,
    requirement: str,
    *,
    kind: WaiverKind,
    reason: str,
    by: User,
    now: datetime,
    cohort_id: int | None = None,
    until: date | None = None,
) -> Waiver:
    """Decide that a requirement counts as met, with the reason.

    Raises:
        BadFact: without a reason, for an unknown requirement, or when the registrar is the person.
    """
    if not reason.strip():
        raise BadFact("Say why: whoever reads this in two years will need it.")
    if not Requirement.objects.filter(code=requirement).exists():
        raise BadFact("There is no such requirement.")
    not_their_own(user, by)
    waiver = Waiver.objects.create(
        user=user,
        requirement=requirement,
        kind=kind,
        cohort_id=cohort_id,
        reason=reason.strip(),
        until=until,
        given_at=now,
        given_by=by,
    )
    what = "waiver-given" if kind == WaiverKind.WAIVER else "accepted-before-recorded"
    about = ("person", user.public_id)
    record(what, about=about, person=user, by=by, now=now, why=reason.strip(), requirement=requirement)
    return waiver


@writes
def take_back_waiver(waiver: Waiver, *, why: str, by: User, now: datetime) -> bool:
    """Take back a waiver, for a reason. Seats that were taken under it stay. False when that was done already.

    Raises:
        BadFact: when the registrar is the person.
    """
    not_their_own(waiver.user, by)
    changed = Waiver.objects.filter(pk=waiver.pk, revoked_at=None).update(revoked_at=now)
    if changed:
        about = ("person", waiver.user.public_id)
        record(
            "waiver-taken-back",
            about=about,
            person=waiver.user,
            by=by,
            now=now,
            why=why,
            requirement=waiver.requirement,
        )
    return bool(changed)


def _not_in_the_future(day: date, now: datetime) -> None:
    if day > school_day(now):
        raise BadFact(f"{in_words(day)} has not come yet.")


def not_their_own(user: User, by: User | None) -> None:
    """Keep registrars from deciding about themselves.

    Raises:
        BadFact: when both are the same person.
    """
    if by is not None and by.pk == user.pk:
        raise BadFact("Nobody decides about their own record. Ask another registrar.")
