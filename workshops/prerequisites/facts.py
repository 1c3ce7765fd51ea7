"""Reading a person's facts, and the writer of single ones; `importing` writes many at once, by the same rules."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import CharField, DateField, Q, Value
from django.db.models.functions import Cast

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
    wanted, rules = {module_code}, []
    requirements = Requirement.objects.select_related("module", "needs_module").order_by("-module__position", "-id")
    for requirement in requirements:
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
    people = list(users)
    rows: dict[int, list[_Row]] = {person: [] for person in people}
    for user_id, kind, code, day in _union(people, today, cohort_id):
        rows[user_id].append(_Row(kind, code, day))
    return {person: _facts(found) for person, found in rows.items()}


class _Row(NamedTuple):
    kind: str
    code: str
    day: date | None


def _facts(rows: list[_Row]) -> Facts:
    dates = {
        kind: {row.code: row.day for row in rows if row.kind == kind and row.day} for kind in ("completion", "access")
    }
    days = {
        state: frozenset(row.day for row in rows if row.kind == state and row.day)
        for state in (RecordState.ACCEPTED, RecordState.IN_REVIEW)
    }
    codes = {
        kind: frozenset(row.code for row in rows if row.kind == kind)
        for kind in (WaiverKind.WAIVER, WaiverKind.BEFORE, "entitlement")
    }
    return Facts(
        completions=dates["completion"],
        access=dates["access"],
        accepted_days=days[RecordState.ACCEPTED],
        in_review_days=days[RecordState.IN_REVIEW],
        waived=codes[WaiverKind.WAIVER],
        accepted_before=codes[WaiverKind.BEFORE],
        entitled=codes["entitlement"],
    )


def _union(people: list[int], today: date, cohort_id: int | None) -> Any:
    """Rows of (person, kind, code, date) from five tables, as one UNION ALL."""

    def text(value: str) -> Value:
        return Value(value, output_field=CharField())

    no_day = Cast(Value(None), DateField())
    waivers = Waiver.objects.in_force(today).filter(Q(cohort=None) | Q(cohort_id=cohort_id), user__in=people).order_by()
    days = OnSetDay.objects.filter(record__user__in=people).exclude(record__state=RecordState.WITHDRAWN).order_by()
    return (
        Completion.objects.filter(user__in=people)
        .values_list("user_id", text("completion"), "module__code", "completed_on")
        .union(
            Access.objects.filter(user__in=people).values_list("user_id", text("access"), "module__code", "granted_on"),
            Entitlement.objects.filter(user__in=people).values_list(
                "user_id", text("entitlement"), "module__code", no_day
            ),
            waivers.values_list("user_id", "kind", "requirement", no_day),
            days.values_list("record__user_id", "record__state", text(""), "day"),
            all=True,
        )
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
