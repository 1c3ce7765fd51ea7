"""Comparing the rows of a file with the record: what each would do. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from workshops.clock import in_words, range_in_words
from workshops.prerequisites.importing.rows import Entry, OnRecord
from workshops.prerequisites.set_days import cannot_be
from workshops.tables import DryRun, Outcome, Row


@dataclass(frozen=True)
class Plan(DryRun):
    """What a file would do, row by row. `entries` is what would be written, `people` the accounts to be made."""

    rows: tuple[Row, ...]
    entries: tuple[Entry, ...]
    people: tuple[tuple[str, str], ...]
    read: tuple[Entry | Row, ...] = field(repr=False)
    """What the file says, to be compared again."""

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
    days: dict[tuple[str, str, date], OnRecord] = field(default_factory=dict)
    """(e-mail, production, day) -> what the school has said of it."""


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
    for day in entry.days[:1] + entry.days[-1:]:
        if fault := cannot_be(day, today):
            return fault, "date"
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
    what_to_do = "A spreadsheet corrects nothing: take the row out, or correct it by hand on the person's page."
    return Outcome.CONTRADICTION, f"The record says {in_words(recorded)}. {what_to_do}", None


def _compare_entitlement(entry: Entry, seen: Known, first_said: dict[tuple[object, ...], int]) -> Compared:
    key = (entry.email, entry.module)
    if key in seen.entitled:
        on_line = first_said.get(("entitlement", *key))
        return Outcome.SAME, f"As line {on_line} says." if on_line else "The record says so already.", None
    seen.entitled.add(key)
    first_said["entitlement", *key] = entry.line
    return Outcome.NEW, "Is added to the record.", entry


_STANDS_AGAINST = {
    OnRecord.TAKEN_BACK: "taken back",
    OnRecord.REFUSED: "looked at and not accepted",
    OnRecord.UNDECIDED: "sent in and not decided yet",
}


def _compare_days(entry: Entry, seen: Known, first_said: dict[tuple[object, ...], int]) -> Compared:
    production = entry.production.casefold()
    states = {day: seen.days.get((entry.email, production, day)) for day in entry.days}
    for state, words in _STANDS_AGAINST.items():
        if days := [day for day, found in states.items() if found == state]:
            what_to_do = "A spreadsheet decides nothing anew: take the row out, and decide on the person's page."
            return Outcome.CONTRADICTION, f"{in_words(days[0])} on this production was {words}. {what_to_do}", None
    new = tuple(day for day, found in states.items() if found is None)
    if not new:
        on_line = first_said.get((entry.email, production, entry.days[0]))
        return Outcome.SAME, f"As line {on_line} says." if on_line else "The record says so already.", None
    for day in new:
        seen.days[entry.email, production, day] = OnRecord.ACCEPTED
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
    days = range_in_words(entry.days[0], entry.days[-1])
    if entry.kind == "set-day":
        return f"On set on {days}: {entry.production}"
    return f"{module} finished on {days}" if entry.kind == "completion" else f"Access to {module} on {days}"
