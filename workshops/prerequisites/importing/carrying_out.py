"""What a file would do, and doing it: all of it in one transaction, or nothing."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError
from django.db.models import QuerySet
from django.db.models.functions import Lower

from workshops.clock import school_day
from workshops.history.models import HistoryLine
from workshops.history.record import Fact, line, record_all
from workshops.people.models import Role, User
from workshops.people.roles import grant_to_new
from workshops.prerequisites.importing.comparing import Known, Plan, plan
from workshops.prerequisites.importing.reading import parse
from workshops.prerequisites.importing.rows import Entry, Kind, Row
from workshops.prerequisites.models import Access, Completion, Entitlement, OnSetDay, OnSetRecord, RecordState
from workshops.programme.models import Module
from workshops.transactions import writes

People = Mapping[str, User]
Modules = Mapping[str, Module]
_WHY = "Imported from a spreadsheet."


class Changed(Exception):
    """The record has changed since the plan was made. `plan` is what the same rows would do now."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan


def dry_run(text: str, *, by: User, now: datetime) -> Plan:
    """What this file would do. Writes nothing; six statements, however many rows.

    Raises:
        Unreadable: when the file as a whole cannot be read.
    """
    read = parse(text, {module.code: str(module) for module in Module.objects.all()})
    return plan(read, _known(_emails(read)), today=school_day(now), by_email=by.email)


def carry_out(planned: Plan, *, by: User, now: datetime) -> Plan:
    """Do what a plan says: all of it in one transaction, or nothing. Returns the plan as it was carried out.

    The rows are compared with the record once more under a lock on everyone they are about.

    Raises:
        Changed: when they would do something else by now, or a row is wrong; nothing has been written then.
    """
    try:
        return _carry_out(planned, by=by, now=now)
    except IntegrityError:
        # Someone wrote one of these facts, or opened one of these accounts, between our look and our writing.
        raise Changed(
            plan(planned.read, _known(_emails(planned.read)), today=school_day(now), by_email=by.email)
        ) from None


@writes
def _carry_out(planned: Plan, *, by: User, now: datetime) -> Plan:
    emails = _emails(planned.read)
    list(_accounts(emails).select_for_update(no_key=True).only("pk").order_by("pk"))
    known = _known(emails)
    fresh = plan(planned.read, known, today=school_day(now), by_email=by.email)
    if fresh.digest != planned.digest or not fresh.is_clean:
        raise Changed(fresh)
    if not fresh.entries:
        return fresh
    people = _make_accounts(fresh, by=by, now=now)
    people |= {user.email.lower(): user for user in User.objects.filter(pk__in=known.people.values())}
    modules = {module.code: module for module in Module.objects.all()}
    history = [
        *_write_dated(Completion, "completed_on", "completion", fresh.entries, people, modules, by=by, now=now),
        *_write_dated(Access, "granted_on", "access", fresh.entries, people, modules, by=by, now=now),
        *_write_entitlements(fresh.entries, people, modules, by=by, now=now),
        *_write_days(fresh.entries, people, by=by, now=now),
    ]
    record_all(history)
    return fresh


def _emails(read: Iterable[Entry | Row]) -> set[str]:
    return {each.email for each in read if isinstance(each, Entry)}


def _accounts(emails: Iterable[str]) -> QuerySet[User]:
    return User.objects.alias(address=Lower("email")).filter(address__in=list(emails))


def _known(emails: Iterable[str]) -> Known:
    """What the record says of these people, in five statements."""
    address = {pk: email.lower() for pk, email in _accounts(emails).values_list("pk", "email")}
    known, users = Known({email: pk for pk, email in address.items()}), list(address)
    for kind, rows in (
        (
            "completion",
            Completion.objects.filter(user__in=users).values_list("user_id", "module__code", "completed_on"),
        ),
        ("access", Access.objects.filter(user__in=users).values_list("user_id", "module__code", "granted_on")),
    ):
        known.dated |= {(address[user], kind, module): day for user, module, day in rows}
    entitlements = Entitlement.objects.filter(user__in=users).values_list("user_id", "module__code")
    known.entitled = {(address[user], module) for user, module in entitlements}
    days = (
        OnSetDay.objects.filter(record__user__in=users)
        .order_by()
        .values_list("record__user_id", "record__production", "day", "record__state")
    )
    # A day may be on two records of one production: once accepted, it is on record, whatever became of the other.
    for state in (RecordState.WITHDRAWN, RecordState.IN_REVIEW, RecordState.ACCEPTED):
        known.days |= {
            (address[user], " ".join(production.split()).casefold(), day): found
            for user, production, day, found in days
            if found == state
        }
    return known


def _make_accounts(planned: Plan, *, by: User, now: datetime) -> dict[str, User]:
    """Accounts for the people who have none. They sign in with a code by e-mail, and begin as trainees."""
    made = User.objects.bulk_create(
        User(email=email, name=name, password=make_password(None)) for email, name in planned.people
    )
    record_all(
        [line("account-made", about=("person", user.public_id), person=user, by=by, now=now, why=_WHY) for user in made]
    )
    grant_to_new(made, Role.TRAINEE, by=by, now=now)
    return {user.email: user for user in made}


def _write_dated(
    model: type[Completion] | type[Access],
    column: str,
    kind: Kind,
    entries: Iterable[Entry],
    people: People,
    modules: Modules,
    *,
    by: User,
    now: datetime,
) -> list[HistoryLine]:
    mine = [entry for entry in entries if entry.kind == kind]
    rows: list[Any] = [
        model(
            user=people[entry.email],
            module=modules[entry.module],
            recorded_at=now,
            recorded_by=by,
            **{column: entry.days[0]},
        )
        for entry in mine
    ]
    model._default_manager.bulk_create(rows)
    return [
        _line(
            f"{kind}-recorded", people[entry.email], by=by, now=now, module=entry.module, on=entry.days[0].isoformat()
        )
        for entry in mine
    ]


def _write_entitlements(
    entries: Iterable[Entry], people: People, modules: Modules, *, by: User, now: datetime
) -> list[HistoryLine]:
    mine = [entry for entry in entries if entry.kind == "entitlement"]
    Entitlement.objects.bulk_create(
        Entitlement(
            user=people[entry.email],
            module=modules[entry.module],
            source=entry.source,
            recorded_at=now,
            recorded_by=by,
        )
        for entry in mine
    )
    return [
        _line("entitlement-recorded", people[entry.email], by=by, now=now, why=entry.source, module=entry.module)
        for entry in mine
    ]


def _write_days(entries: Iterable[Entry], people: People, *, by: User, now: datetime) -> list[HistoryLine]:
    """One accepted record for each person, production, role and proof, with all its days."""
    grouped: dict[tuple[str, str, str, str], list[date]] = {}
    for entry in entries:
        if entry.kind == "set-day":
            grouped.setdefault((entry.email, entry.production, entry.role, entry.proof), []).extend(entry.days)
    made = OnSetRecord.objects.bulk_create(
        OnSetRecord(
            user=people[email],
            production=production,
            role=role,
            proof=proof,
            state=RecordState.ACCEPTED,
            decided_at=now,
            decided_by=by,
        )
        for email, production, role, proof in grouped
    )
    pairs = list(zip(made, grouped.values(), strict=True))
    OnSetDay.objects.bulk_create(OnSetDay(record=record, day=day) for record, days in pairs for day in sorted(days))
    return [
        _line("days-accepted", record.user, by=by, now=now, why=record.proof, days=len(days), record=record.pk)
        for record, days in pairs
    ]


def _line(what: str, user: User, *, by: User, now: datetime, why: str = _WHY, **facts: Fact) -> HistoryLine:
    return line(what, about=("person", user.public_id), person=user, by=by, now=now, why=why, imported=True, **facts)
