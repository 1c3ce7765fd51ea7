"""What a file would do, and doing it: all of it in one transaction, or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError

from workshops.clock import school_day
from workshops.history.models import HistoryLine
from workshops.history.record import Fact, line, record_all
from workshops.people.addresses import accounts_at
from workshops.people.models import Role, User
from workshops.people.roles import grant_to_new
from workshops.prerequisites.importing.comparing import Known, Plan, plan
from workshops.prerequisites.importing.reading import parse
from workshops.prerequisites.importing.rows import Entry, Kind, OnRecord
from workshops.prerequisites.models import Access, Completion, Entitlement
from workshops.prerequisites.records.lifecycle import Entered, enter
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState
from workshops.programme.models import Module
from workshops.tables import Changed, Row
from workshops.transactions import writes

People = Mapping[str, User]
Modules = Mapping[str, Module]
_WHY = "Imported from a spreadsheet."


def dry_run(text: str, *, by: User, now: datetime) -> Plan:
    """What this file would do. Writes nothing; seven statements, however many rows.

    Raises:
        Unreadable: when the file as a whole cannot be read.
    """
    read = parse(text, {module.code: str(module) for module in Module.objects.all()})
    return _compared(read, by=by, now=now)


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
        raise Changed(_compared(planned.read, by=by, now=now)) from None


@writes
def _carry_out(planned: Plan, *, by: User, now: datetime) -> Plan:
    accounts = {user.pk for user in accounts_at(_emails(planned.read)).values()}
    list(User.objects.filter(pk__in=accounts).select_for_update(no_key=True).only("pk").order_by("pk"))
    fresh = _compared(planned.read, by=by, now=now)
    if fresh.digest != planned.digest or not fresh.is_clean:
        raise Changed(fresh)
    if not fresh.entries:
        return fresh
    people = accounts_at(_emails(fresh.read)) | _make_accounts(fresh, by=by, now=now)
    modules = {module.code: module for module in Module.objects.all()}
    history = [
        *_write_dated(Completion, "completed_on", "completion", fresh.entries, people, modules, by=by, now=now),
        *_write_dated(Access, "granted_on", "access", fresh.entries, people, modules, by=by, now=now),
        *_write_entitlements(fresh.entries, people, modules, by=by, now=now),
    ]
    record_all(history)
    _write_days(fresh.entries, people, by=by, now=now)
    return fresh


def _emails(read: Iterable[Entry | Row]) -> set[str]:
    return {each.email for each in read if isinstance(each, Entry)}


def _compared(read: Sequence[Entry | Row], *, by: User, now: datetime) -> Plan:
    """These rows beside the record as it is now."""
    accounts = accounts_at(_emails(read))
    # A row that names an account which was merged is about the one that took over, under that one's address.
    read = [
        replace(each, email=accounts[each.email].email.lower())
        if isinstance(each, Entry) and each.email in accounts
        else each
        for each in read
    ]
    return plan(read, _known(accounts.values()), today=school_day(now), by_email=by.email)


def _known(accounts: Iterable[User]) -> Known:
    """What the record says of these people, in four statements."""
    address = {user.pk: user.email.lower() for user in accounts}
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
    shown = OnSetRecord.objects.shown_to_school().filter(user__in=users)
    days = (
        OnSetDay.objects.filter(record__in=shown)
        .order_by()
        .values_list("record__user_id", "record__production", "day", "record__state", "is_refused")
    )
    said = [
        (address[user], _folded(production), day, _said(state, left_out))
        for user, production, day, state, left_out in days
    ]
    # A day may be on several records of one production: once accepted, it is on record, whatever became of the others.
    for of_day in (OnRecord.TAKEN_BACK, OnRecord.REFUSED, OnRecord.UNDECIDED, OnRecord.ACCEPTED):
        known.days |= {(email, production, day): found for email, production, day, found in said if found == of_day}
    return known


def _folded(production: str) -> str:
    return " ".join(production.split()).casefold()


def _said(state: str, is_refused: bool) -> OnRecord | None:
    """What the school has said of a day: None of one that its trainee has taken back to change it."""
    if is_refused or state == RecordState.REJECTED:
        return OnRecord.REFUSED
    return {
        RecordState.ACCEPTED: OnRecord.ACCEPTED,
        RecordState.IN_REVIEW: OnRecord.UNDECIDED,
        RecordState.QUESTION: OnRecord.UNDECIDED,
        RecordState.WITHDRAWN: OnRecord.TAKEN_BACK,
    }.get(RecordState(state))


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


def _write_days(entries: Iterable[Entry], people: People, *, by: User, now: datetime) -> None:
    """One accepted record for each person, production, role and proof, with all its days."""
    grouped: dict[tuple[str, str, str, str], list[date]] = {}
    for entry in entries:
        if entry.kind == "set-day":
            grouped.setdefault((entry.email, entry.production, entry.role, entry.proof), []).extend(entry.days)
    entered = [
        Entered(people[email], days, production, role, proof)
        for (email, production, role, proof), days in grouped.items()
    ]
    enter(entered, by=by, now=now, imported=True)


def _line(what: str, user: User, *, by: User, now: datetime, why: str = _WHY, **facts: Fact) -> HistoryLine:
    return line(what, about=("person", user.public_id), person=user, by=by, now=now, why=why, imported=True, **facts)
