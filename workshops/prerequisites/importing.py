"""Facts from a spreadsheet: read, compared with the record, shown row by row, then written all at once or not at all.

Reading and comparing are pure. A file says nothing twice: what the record already says is "same", so the same file
changes nothing the second time. What contradicts the record is never overwritten; a registrar corrects it on the
person's page, with a reason.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, cast

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError
from django.db.models import QuerySet
from django.db.models.functions import Lower

from workshops.clock import in_words, school_day
from workshops.history.models import HistoryLine
from workshops.history.record import Fact, line, record_all
from workshops.people.models import Role, User
from workshops.people.roles import grant_to_new
from workshops.prerequisites.models import Access, Completion, Entitlement, OnSetDay, OnSetRecord, RecordState
from workshops.programme.models import Module
from workshops.transactions import writes

COLUMNS = ("e-mail", "name", "fact", "module", "date", "source", "production", "role", "proof")
MOST_ROWS = 10_000
MOST_BYTES = 2 * 1024 * 1024
LONGEST_RANGE = 366
People = Mapping[str, User]
Modules = Mapping[str, Module]
_WHY = "Imported from a spreadsheet."
_LONGEST = {"e-mail": 254, "name": 120, "source": 120, "production": 160, "role": 160, "proof": 200}

Kind = Literal["completion", "access", "entitlement", "set-day"]
# What each kind of fact needs, column by column; the rest may stay empty.
NEEDS: Mapping[Kind, tuple[str, ...]] = {
    "completion": ("module", "date"),
    "access": ("module", "date"),
    "entitlement": ("module", "source"),
    "set-day": ("date", "production", "proof"),
}


class Unreadable(Exception):
    """The file as a whole cannot be read, with a sentence that says what to do."""


class Changed(Exception):
    """The record has changed since the plan was made. `plan` is what the same rows would do now."""

    def __init__(self, plan: "Plan") -> None:
        super().__init__()
        self.plan = plan


class Outcome(StrEnum):
    """What a row would do."""

    NEW = "new"
    SAME = "same"
    CONTRADICTION = "contradiction"
    ERROR = "error"


@dataclass(frozen=True)
class Entry:
    """One row that could be read: one fact about one person."""

    line: int
    email: str
    name: str
    kind: Kind
    module: str = ""
    days: tuple[date, ...] = ()
    source: str = ""
    production: str = ""
    role: str = ""
    proof: str = ""


@dataclass(frozen=True)
class Row:
    """What becomes of one row of the file. `column` names the cell to look at, where it is one."""

    line: int
    email: str
    fact: str
    outcome: Outcome
    message: str
    column: str = ""


@dataclass(frozen=True)
class Plan:
    """What a file would do, row by row. `entries` is what would be written, `people` the accounts to be made."""

    rows: tuple[Row, ...]
    entries: tuple[Entry, ...]
    people: tuple[tuple[str, str], ...]
    read: tuple[Entry | Row, ...] = field(repr=False)
    """What the file says, to be compared again."""

    def count(self, outcome: Outcome) -> int:
        """How many rows have this outcome."""
        return sum(row.outcome == outcome for row in self.rows)

    @property
    def is_clean(self) -> bool:
        """Whether nothing stands in the way: no row is wrong, and none contradicts the record."""
        return all(row.outcome in (Outcome.NEW, Outcome.SAME) for row in self.rows)

    @property
    def is_ready(self) -> bool:
        """Whether there is something to write and nothing stands in the way."""
        return self.is_clean and bool(self.entries)

    @property
    def digest(self) -> str:
        """The same for two plans exactly when they would do the same."""
        told = [[row.line, row.email, row.fact, row.outcome, row.message] for row in self.rows]
        return hashlib.sha256(json.dumps([told, self.people]).encode()).hexdigest()


@dataclass
class Known:
    """What the record says of the people in a file. Keys are e-mail addresses in lower case."""

    people: dict[str, int] = field(default_factory=dict)
    """The account of each."""
    dated: dict[tuple[str, str, str], date] = field(default_factory=dict)
    """(e-mail, "completion" or "access", module) -> date."""
    entitled: set[tuple[str, str]] = field(default_factory=set)
    days: dict[tuple[str, str, date], str] = field(default_factory=dict)
    """(e-mail, production, day) -> state of its record."""


# -- reading the file --------------------------------------------------------------------------------------------------
def decode(data: bytes) -> str:
    """The text of an uploaded file.

    Raises:
        Unreadable: when it is too big, not UTF-8, or no text at all.
    """
    if len(data) > MOST_BYTES:
        raise Unreadable("The file is larger than 2 MB. Split it into several and import them one after the other.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"PK\x03\x04")):
        raise Unreadable("This is not a CSV file in UTF-8. Save it again as “CSV UTF-8 (comma delimited)”.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(
            f"Line {number} has letters in another encoding than UTF-8. "
            "Save the file again as “CSV UTF-8 (comma delimited)”."
        ) from None


def parse(text: str, modules: Mapping[str, str]) -> tuple[Entry | Row, ...]:
    """Read every row: an entry, or a row that says what is wrong with it. `modules` maps each code to its title.

    Raises:
        Unreadable: when the file as a whole cannot be read.
    """
    text = text.removeprefix("\ufeff")
    if "\x00" in text:
        raise Unreadable("This is not a text file. Save the sheet as “CSV UTF-8 (comma delimited)”.")
    records = _records(text)
    try:
        _, header = next(records)
    except StopIteration:
        raise Unreadable("The file is empty. The first line names the columns, each further line is a fact.") from None
    columns = _columns(header)
    aliases = {alias.casefold(): code for code, title in modules.items() for alias in _names(code, title)}
    read: list[Entry | Row] = []
    for number, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        if len(read) == MOST_ROWS:
            raise Unreadable(f"The file has more than {MOST_ROWS:,} rows. Split it and import the parts one by one.")
        read.append(_entry(number, cells, columns, aliases))
    if not read:
        raise Unreadable("The file names its columns and has no rows under them.")
    return tuple(read)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the line on which it begins."""
    head = text.lstrip("\r\n").partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            if cells:
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error:
        raise Unreadable(
            f"From line {begins} on the file cannot be read. "
            "Look there for a quotation mark that is not closed, or one in the middle of a cell."
        ) from None


def _columns(header: Sequence[str]) -> list[str]:
    names = ["e-mail" if name == "email" else name for name in (cell.strip().casefold() for cell in header)]
    while names and not names[-1]:
        names.pop()
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or not names:
        raise Unreadable(
            f"The first line must name the columns. “{''.join(unknown[:1])}” is not one of: {', '.join(COLUMNS)}."
        )
    if twice := [name for name in names if names.count(name) > 1]:
        raise Unreadable(f"The column “{twice[0]}” is there twice. Keep one of them.")
    if missing := [name for name in ("e-mail", "fact") if name not in names]:
        raise Unreadable(f"The column “{missing[0]}” is missing. Start from the template, which has them all.")
    return names


def _names(code: str, title: str) -> tuple[str, ...]:
    """Everything people call a module: module-ii, Module II, II."""
    return (code, title, title.removeprefix("Module "))


class _BadCell(Exception):
    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column, self.message = column, message


def _entry(number: int, cells: Sequence[str], columns: Sequence[str], modules: Mapping[str, str]) -> Entry | Row:
    given = {name: " ".join(cell.split()) for name, cell in zip(columns, cells, strict=False)}
    email = given.get("e-mail", "").lower()
    try:
        if any(cell.strip() for cell in cells[len(columns) :]):
            raise _BadCell(
                "",
                f"This row has {len(cells)} cells and the first line names {len(columns)} columns. "
                "Put a cell that contains a comma or semicolon in quotation marks.",
            )
        _check_lengths(given)
        _check_email(email)
        kind = _kind(given.get("fact", ""))
        for column in NEEDS[kind]:
            if not given.get(column):
                raise _BadCell(column, f"“{kind}” needs the column “{column}”, and it is empty here.")
        return Entry(
            line=number,
            email=email,
            name=given.get("name", ""),
            kind=kind,
            module=_module(given["module"], modules) if "module" in NEEDS[kind] else "",
            days=_days(given["date"], kind) if "date" in NEEDS[kind] else (),
            **{name: given.get(name, "") for name in ("source", "production", "role", "proof")},
        )
    except _BadCell as bad:
        return Row(number, email, given.get("fact", ""), Outcome.ERROR, bad.message, bad.column)


def _check_lengths(given: Mapping[str, str]) -> None:
    for column, most in _LONGEST.items():
        if len(given.get(column, "")) > most:
            raise _BadCell(column, f"This is longer than {most} characters. Shorten it.")


def _check_email(email: str) -> None:
    if not email:
        raise _BadCell("e-mail", "Say whose fact this is: the e-mail address is empty.")
    try:
        validate_email(email)
    except ValidationError:
        raise _BadCell("e-mail", f"“{email}” is not an e-mail address.") from None


def _kind(value: str) -> Kind:
    kind = value.casefold().replace(" ", "-")
    if kind not in NEEDS:
        raise _BadCell("fact", f"“{value}” is not a fact that can be imported. Write one of: {', '.join(NEEDS)}.")
    return cast(Kind, kind)


def _module(value: str, modules: Mapping[str, str]) -> str:
    code = modules.get(value.casefold())
    if code is None:
        raise _BadCell(
            "module", f"There is no module “{value}”. Write one of: {', '.join(sorted(set(modules.values())))}."
        )
    return code


def _days(value: str, kind: Kind) -> tuple[date, ...]:
    first, _, last = (part.strip() for part in value.partition(" to "))
    if last and kind != "set-day":
        raise _BadCell("date", "This fact has one date. Only days on set may be given as “2026-03-02 to 2026-03-06”.")
    begin, end = _day(first), _day(last or first)
    if end < begin:
        raise _BadCell("date", f"{in_words(end)} is before {in_words(begin)}. Write the earlier date first.")
    if (end - begin).days >= LONGEST_RANGE:
        raise _BadCell("date", "This is more than a year of days in a row. Please look at the dates again.")
    return tuple(begin + timedelta(days=days) for days in range((end - begin).days + 1))


def _day(value: str) -> date:
    try:
        return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007  (a date has no zone)
    except ValueError:
        raise _BadCell("date", f"“{value}” is not a date. Write it with the year first: 2026-03-02.") from None


# -- comparing it with the record --------------------------------------------------------------------------------------
def plan(read: Sequence[Entry | Row], known: Known, *, today: date, by_email: str) -> Plan:
    """Compare rows with the record. Pure: the same rows, record and day give the same plan."""
    names = _names_given(read, known)
    seen = Known(dict(known.people), dict(known.dated), set(known.entitled), dict(known.days))
    first_said: dict[tuple[object, ...], int] = {}
    rows, entries, people = [], [], {}
    for each in read:
        if isinstance(each, Row):
            rows.append(each)
            continue
        row, entry = _compare(each, seen, first_said, names, today=today, by_email=by_email)
        if entry:
            entries.append(entry)
            if entry.email not in known.people:
                people[entry.email] = names[entry.email][0]
        rows.append(row)
    return Plan(tuple(rows), tuple(entries), tuple(people.items()), tuple(read))


def _names_given(read: Iterable[Entry | Row], known: Known) -> dict[str, tuple[str, int]]:
    """The name given for each address without an account, with the line that gives it first."""
    names: dict[str, tuple[str, int]] = {}
    for each in read:
        if isinstance(each, Entry) and each.name and each.email not in known.people:
            names.setdefault(each.email, (each.name, each.line))
    return names


def _compare(
    entry: Entry,
    seen: Known,
    first_said: dict[tuple[object, ...], int],
    names: Mapping[str, tuple[str, int]],
    *,
    today: date,
    by_email: str,
) -> tuple[Row, Entry | None]:
    fact = _fact(entry)

    def answer(outcome: Outcome, message: str, column: str = "") -> Row:
        return Row(entry.line, entry.email, fact, outcome, message, column)

    if fault := _fault(entry, seen, names, today=today, by_email=by_email):
        return answer(Outcome.ERROR, *fault), None
    account = f" An account is made for {names[entry.email][0]}." if entry.email not in seen.people else ""
    compare = {"set-day": _compare_days, "entitlement": _compare_entitlement}.get(entry.kind, _compare_dated)
    outcome, message, write = compare(entry, seen, first_said)
    return answer(outcome, message + (account if write else "")), write


def _fault(
    entry: Entry, seen: Known, names: Mapping[str, tuple[str, int]], *, today: date, by_email: str
) -> tuple[str, str] | None:
    if entry.email == by_email.lower():
        return "Nobody decides about their own record. Ask another registrar to import this row.", "e-mail"
    if entry.days and entry.days[-1] > today:
        return f"{in_words(entry.days[-1])} has not come yet.", "date"
    if entry.email not in seen.people:
        if entry.email not in names:
            return (
                "Nobody has an account with this address. Correct it, or fill in the column “name” and one is made.",
                "e-mail",
            )
        name, on_line = names[entry.email]
        if entry.name and entry.name != name:
            return f"Line {on_line} gives this address the name {name}. Make them the same.", "name"
    return None


Compared = tuple[Outcome, str, Entry | None]


def _compare_dated(entry: Entry, seen: Known, first_said: dict[tuple[object, ...], int]) -> Compared:
    key, day = (entry.email, entry.kind, entry.module), entry.days[0]
    recorded, on_line = seen.dated.get(key), first_said.get(key)
    if recorded is None:
        seen.dated[key], first_said[key] = day, entry.line
        return Outcome.NEW, "Is added to the record.", entry
    if recorded == day:
        return Outcome.SAME, f"As line {on_line} says." if on_line else "The record says so already.", None
    if on_line:
        return Outcome.ERROR, f"Line {on_line} gives {in_words(recorded)} for the same. Keep the right one.", None
    return (
        Outcome.CONTRADICTION,
        f"The record says {in_words(recorded)}. Take the row out, or correct the record on the person's page first.",
        None,
    )


def _compare_entitlement(entry: Entry, seen: Known, first_said: dict[tuple[object, ...], int]) -> Compared:
    key = (entry.email, entry.module)
    if key in seen.entitled:
        on_line = first_said.get(("entitlement", *key))
        return Outcome.SAME, f"As line {on_line} says." if on_line else "The record says so already.", None
    seen.entitled.add(key)
    first_said["entitlement", *key] = entry.line
    return Outcome.NEW, "Is added to the record.", entry


def _compare_days(entry: Entry, seen: Known, first_said: dict[tuple[object, ...], int]) -> Compared:
    production = entry.production.casefold()
    states = {day: seen.days.get((entry.email, production, day)) for day in entry.days}
    for state, words in ((RecordState.WITHDRAWN, "taken back"), (RecordState.IN_REVIEW, "sent in and not decided yet")):
        if days := [day for day, found in states.items() if found == state]:
            return (
                Outcome.CONTRADICTION,
                f"{in_words(days[0])} on this production was {words}. Take the row out; decide on the person's page.",
                None,
            )
    new = tuple(day for day, found in states.items() if found is None)
    if not new:
        on_line = first_said.get((entry.email, production, entry.days[0]))
        return Outcome.SAME, f"As line {on_line} says." if on_line else "The record says so already.", None
    for day in new:
        seen.days[entry.email, production, day] = RecordState.ACCEPTED
        first_said[entry.email, production, day] = entry.line
    added = "Is accepted." if len(new) == 1 else f"{len(new)} days are accepted."
    already = len(entry.days) - len(new)
    return (
        Outcome.NEW,
        added + (f" {already} of the row's days are on record already." if already else ""),
        replace(entry, days=new),
    )


def _fact(entry: Entry) -> str:
    """What a row says, in words."""
    module = f"Module {entry.module.removeprefix('module-').upper()}"
    if entry.kind == "entitlement":
        return f"{module} paid for: {entry.source}"
    days = in_words(entry.days[0])
    if len(entry.days) > 1:
        days += f" to {in_words(entry.days[-1])}"
    if entry.kind == "set-day":
        return f"On set on {days}: {entry.production}"
    return f"{module} finished on {days}" if entry.kind == "completion" else f"Access to {module} on {days}"


# -- the record --------------------------------------------------------------------------------------------------------
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
