"""Reading a spreadsheet that was saved as CSV: its text, its columns, its rows, and what is wrong in plain words."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from workshops.text import plain

MOST_BYTES = 2 * 1024 * 1024
MOST_SHOWN = 60
"""Characters of what somebody typed that a message repeats."""


class Outcome(StrEnum):
    """What a row would do."""

    NEW = "new"
    SAME = "same"
    CONTRADICTION = "contradiction"
    ERROR = "error"


@dataclass(frozen=True)
class Row:
    """What becomes of one row of the file. `column` names the cell to look at, where it is one."""

    line: int
    email: str
    fact: str
    outcome: Outcome
    message: str
    column: str = ""


class DryRun:
    """What a file would do, row by row."""

    rows: tuple[Row, ...]

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
        return self.is_clean and bool(self.count(Outcome.NEW))

    @property
    def digest(self) -> str:
        """The same for two dry runs exactly when they would do the same."""
        raise NotImplementedError


class Changed(Exception):
    """The record has changed since the dry run. `plan` is what the same rows would do now; nothing has been written."""

    def __init__(self, plan: DryRun) -> None:
        super().__init__()
        self.plan = plan


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


class BadCell(Exception):
    """One cell cannot be read. `column` names it; the message says what to do."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column, self.message = column, message


def records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the line on which it begins.

    Raises:
        Unreadable: when the file as a whole cannot be read.
    """
    text = text.removeprefix("\ufeff")
    if "\x00" in text:
        raise Unreadable("This is not a text file. Save the sheet as “CSV UTF-8 (comma delimited)”.")
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


def columns_of(lines: Iterator[tuple[int, list[str]]], known: Sequence[str], *, needed: Sequence[str]) -> list[str]:
    """The columns that the first line names, in the order in which it does; the rows are left in `lines`.

    Raises:
        Unreadable: for no line, an unknown column, one that is there twice, or one of `needed` that is missing.
    """
    try:
        _, header = next(lines)
    except StopIteration:
        raise Unreadable("The file is empty. The first line names the columns, each further line is a fact.") from None
    names = ["e-mail" if name == "email" else name for name in (plain(cell).casefold() for cell in header)]
    while names and not names[-1]:
        names.pop()
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise Unreadable(
            f"The first line must name the columns. {shown(''.join(unknown[:1]))} is not one of: {', '.join(known)}."
        )
    if twice := [name for name in names if names.count(name) > 1]:
        raise Unreadable(f"The column “{twice[0]}” is there twice. Keep one of them.")
    if missing := [name for name in needed if name not in names]:
        raise Unreadable(f"The column “{missing[0]}” is missing. Start from the template, which has them all.")
    return names


def shown(value: str) -> str:
    """What somebody typed, in quotation marks, cut to what helps to find it."""
    return f"“{value[:MOST_SHOWN]}{'…' if len(value) > MOST_SHOWN else ''}”"


def check_email(email: str, typed: str) -> None:
    """Refuse what is no address: `email` as it was read, `typed` as it stands in the cell, in small letters.

    Raises:
        BadCell
    """
    if not email:
        raise BadCell("e-mail", "Say whose fact this is: the e-mail address is empty.")
    try:
        validate_email(email)
        # An address is not mended: without what was hidden within it, it would be another one.
        is_address = email in typed
    except ValidationError:
        is_address = False
    if not is_address:
        raise BadCell("e-mail", f"{shown(email)} is not an e-mail address.")
