"""Reading a file of facts: its text, its columns, and each row. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import cast

from workshops.prerequisites.importing.rows import Entry, Kind
from workshops.prerequisites.set_days import days_in
from workshops.tables import MOST_SHOWN, BadCell, Outcome, Row, Unreadable, check_email, columns_of, records, shown
from workshops.text import plain

COLUMNS = ("e-mail", "name", "fact", "module", "date", "source", "production", "role", "proof")
MOST_ROWS = 10_000
MOST_DAYS = 50_000
"""Days on set in one file: a few lines can name thousands of them."""
_LONGEST = {"e-mail": 254, "name": 120, "source": 120, "production": 160, "role": 160, "proof": 200}
# What each kind of fact needs, column by column; the rest may stay empty.
NEEDS: Mapping[Kind, tuple[str, ...]] = {
    "completion": ("module", "date"),
    "access": ("module", "date"),
    "entitlement": ("module", "source"),
    "set-day": ("date", "production", "proof"),
}


def parse(text: str, modules: Mapping[str, str]) -> tuple[Entry | Row, ...]:
    """Read every row: an entry, or a row that says what is wrong with it. `modules` maps each code to its title.

    Raises:
        Unreadable: when the file as a whole cannot be read.
    """
    lines = records(text)
    columns = columns_of(lines, COLUMNS, needed=("e-mail", "fact"))
    aliases = {alias.casefold(): code for code, title in modules.items() for alias in _names(code, title)}
    read: list[Entry | Row] = []
    days = 0
    for number, cells in lines:
        if not any(plain(cell) for cell in cells):
            continue
        if len(read) == MOST_ROWS:
            raise Unreadable(f"The file has more than {MOST_ROWS:,} rows. Split it and import the parts one by one.")
        read.append(each := _entry(number, cells, columns, aliases))
        days += len(each.days) if isinstance(each, Entry) else 0
        if days > MOST_DAYS:
            raise Unreadable(f"The file names more than {MOST_DAYS:,} days on set. Split it and import it in parts.")
    if not read:
        raise Unreadable("The file names its columns and has no rows under them.")
    return tuple(read)


def _names(code: str, title: str) -> tuple[str, ...]:
    """Everything people call a module: module-ii, Module II, II."""
    return (code, title, title.removeprefix("Module "))


def _entry(number: int, cells: Sequence[str], columns: Sequence[str], modules: Mapping[str, str]) -> Entry | Row:
    # Control characters and marks that turn the reading direction are left out: a name must not look like another.
    typed = dict(zip(columns, cells, strict=False))
    given = {name: plain(cell) for name, cell in typed.items()}
    email = given.get("e-mail", "").lower()
    try:
        if any(plain(cell) for cell in cells[len(columns) :]):
            raise BadCell(
                "",
                f"This row has {len(cells)} cells and the first line names {len(columns)} columns. "
                "Put a cell that contains a comma or semicolon in quotation marks.",
            )
        _check_lengths(given)
        check_email(email, typed.get("e-mail", "").lower())
        kind = _kind(given.get("fact", ""))
        for column in NEEDS[kind]:
            if not given.get(column):
                raise BadCell(column, f"“{kind}” needs the column “{column}”, and it is empty here.")
        return Entry(
            line=number,
            email=email,
            name=given.get("name", ""),
            kind=kind,
            module=_module(given["module"], modules) if "module" in NEEDS[kind] else "",
            days=_days(given["date"], kind) if "date" in NEEDS[kind] else (),
            **{name: given.get(name, "") for name in ("source", "production", "role", "proof")},
        )
    except BadCell as bad:
        fact = given.get("fact", "")[:MOST_SHOWN]
        return Row(number, email[: _LONGEST["e-mail"]], fact, Outcome.ERROR, bad.message, bad.column)


def _check_lengths(given: Mapping[str, str]) -> None:
    for column, most in _LONGEST.items():
        if len(given.get(column, "")) > most:
            raise BadCell(column, f"This is longer than {most} characters. Shorten it.")


def _kind(value: str) -> Kind:
    kind = value.casefold().replace(" ", "-")
    if kind not in NEEDS:
        raise BadCell("fact", f"{shown(value)} is not a fact that can be imported. Write one of: {', '.join(NEEDS)}.")
    return cast(Kind, kind)


def _module(value: str, modules: Mapping[str, str]) -> str:
    code = modules.get(value.casefold())
    if code is None:
        raise BadCell(
            "module", f"There is no module {shown(value)}. Write one of: {', '.join(sorted(set(modules.values())))}."
        )
    return code


def _days(value: str, kind: Kind) -> tuple[date, ...]:
    if " to " in value and kind != "set-day":
        raise BadCell("date", "This fact has one date. Only days on set may be given as “2026-03-02 to 2026-03-06”.")
    if len(value) > MOST_SHOWN:
        raise BadCell("date", f"{shown(value)} is not a date. Write it with the year first: 2026-03-02.")
    try:
        return days_in(value)
    except ValueError as fault:
        raise BadCell("date", str(fault)) from None
