"""Reading a file of facts: its text, its columns, and each row. Pure."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import cast

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from workshops.prerequisites.importing.rows import Entry, Kind, Outcome, Row
from workshops.prerequisites.set_days import days_in
from workshops.text import plain

COLUMNS = ("e-mail", "name", "fact", "module", "date", "source", "production", "role", "proof")
MOST_ROWS = 10_000
MOST_BYTES = 2 * 1024 * 1024
MOST_DAYS = 50_000
"""Days on set in one file: a few lines can name thousands of them."""
MOST_SHOWN = 60
"""Characters of what somebody typed that a message repeats."""
_LONGEST = {"e-mail": 254, "name": 120, "source": 120, "production": 160, "role": 160, "proof": 200}
# What each kind of fact needs, column by column; the rest may stay empty.
NEEDS: Mapping[Kind, tuple[str, ...]] = {
    "completion": ("module", "date"),
    "access": ("module", "date"),
    "entitlement": ("module", "source"),
    "set-day": ("date", "production", "proof"),
}


class Unreadable(Exception):
    """The file as a whole cannot be read, with a sentence that says what to do."""


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
    days = 0
    for number, cells in records:
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


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the line on which it begins."""
    head = next(iter(text.lstrip("\r\n").splitlines()), "")
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
            "Look there for a quotation mark that is not closed, one in the middle of a cell, or a cell without end."
        ) from None


def _columns(header: Sequence[str]) -> list[str]:
    names = ["e-mail" if name == "email" else name for name in (plain(cell).casefold() for cell in header)]
    while names and not names[-1]:
        names.pop()
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or not names:
        raise Unreadable(
            f"The first line must name the columns. {_shown(''.join(unknown[:1]))} is not one of: {', '.join(COLUMNS)}."
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
    # Control characters and marks that turn the reading direction are left out: a name must not look like another.
    typed = dict(zip(columns, cells, strict=False))
    given = {name: plain(cell) for name, cell in typed.items()}
    email = given.get("e-mail", "").lower()
    try:
        if any(plain(cell) for cell in cells[len(columns) :]):
            raise _BadCell(
                "",
                f"This row has {len(cells)} cells and the first line names {len(columns)} columns. "
                "Put a cell that contains a comma or semicolon in quotation marks.",
            )
        _check_lengths(given)
        _check_email(email, typed.get("e-mail", "").lower())
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
        fact = given.get("fact", "")[:MOST_SHOWN]
        return Row(number, email[: _LONGEST["e-mail"]], fact, Outcome.ERROR, bad.message, bad.column)


def _shown(value: str) -> str:
    """What somebody typed, in quotation marks, cut to what helps to find it."""
    return f"“{value[:MOST_SHOWN]}{'…' if len(value) > MOST_SHOWN else ''}”"


def _check_lengths(given: Mapping[str, str]) -> None:
    for column, most in _LONGEST.items():
        if len(given.get(column, "")) > most:
            raise _BadCell(column, f"This is longer than {most} characters. Shorten it.")


def _check_email(email: str, typed: str) -> None:
    if not email:
        raise _BadCell("e-mail", "Say whose fact this is: the e-mail address is empty.")
    try:
        validate_email(email)
        # An address is not mended: without what was hidden within it, it would be another one.
        is_address = email in typed
    except ValidationError:
        is_address = False
    if not is_address:
        raise _BadCell("e-mail", f"{_shown(email)} is not an e-mail address.")


def _kind(value: str) -> Kind:
    kind = value.casefold().replace(" ", "-")
    if kind not in NEEDS:
        raise _BadCell("fact", f"{_shown(value)} is not a fact that can be imported. Write one of: {', '.join(NEEDS)}.")
    return cast(Kind, kind)


def _module(value: str, modules: Mapping[str, str]) -> str:
    code = modules.get(value.casefold())
    if code is None:
        raise _BadCell(
            "module", f"There is no module {_shown(value)}. Write one of: {', '.join(sorted(set(modules.values())))}."
        )
    return code


def _days(value: str, kind: Kind) -> tuple[date, ...]:
    if " to " in value and kind != "set-day":
        raise _BadCell("date", "This fact has one date. Only days on set may be given as “2026-03-02 to 2026-03-06”.")
    if len(value) > MOST_SHOWN:
        raise _BadCell("date", f"{_shown(value)} is not a date. Write it with the year first: 2026-03-02.")
    try:
        return days_in(value)
    except ValueError as fault:
        raise _BadCell("date", str(fault)) from None
