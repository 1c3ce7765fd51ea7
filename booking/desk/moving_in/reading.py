"""Reading a file of what the school had before, each row by itself. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, time

from booking.desk.moving_in.rows import IN_TURN, Entry, What
from booking.payments.gateways.offline import Offline
from booking.payments.paying import reference_of
from booking.reservations.owing import Part
from workshops.tables import BadCell, Outcome, Row, Unreadable, check_email, columns_of, records, shown
from workshops.text import plain

COLUMNS = (
    "what", "e-mail", "cohort", "date", "seat", "price", "deposit", "amount", "by", "reference", "parts", "payer",
    "card", "title", "venue", "hours",
)  # fmt: skip
NEEDS: Mapping[What, tuple[str, ...]] = {
    "cohort": ("cohort", "date", "seat", "title", "venue", "hours"),
    "reservation": ("e-mail", "cohort", "date", "price", "deposit"),
    "payment": ("e-mail", "cohort", "date", "amount", "by", "reference"),
    "plan": ("e-mail", "cohort", "date", "parts"),
    "line": ("e-mail", "cohort", "date"),
}
"""What each kind of row needs, column by column; the rest may stay empty."""
WAYS = {"bank": "offline", "cheque": "offline", "stripe": "stripe"}
MOST_ROWS = 2_000
MOST_CENTS = 10_000_000
_LONGEST = {
    "e-mail": 254,
    "cohort": 50,
    "reference": 80,
    "payer": 80,
    "card": 80,
    "title": 120,
    "venue": 120,
    "parts": 400,
}
_MONEY = re.compile(r"\$?\s?(\d{1,3}(?:,\d{3})*|\d+)(?:\.(\d{2}))?")


def parse(text: str) -> tuple[Entry | Row, ...]:
    """Read every row: an entry, or a row that says what is wrong with it.

    Raises:
        Unreadable: when the file as a whole cannot be read.
    """
    lines = records(text)
    columns = columns_of(lines, COLUMNS, needed=("what", "cohort", "date"))
    read: list[Entry | Row] = []
    for number, cells in lines:
        if not any(plain(cell) for cell in cells):
            continue
        if len(read) == MOST_ROWS:
            raise Unreadable(f"The file has more than {MOST_ROWS:,} rows. Split it and import the parts one by one.")
        read.append(_entry(number, cells, columns))
    if not read:
        raise Unreadable("The file names its columns and has no rows under them.")
    return tuple(read)


def _entry(number: int, cells: Sequence[str], columns: Sequence[str]) -> Entry | Row:
    typed = dict(zip(columns, cells, strict=False))
    given = {name: plain(cell) for name, cell in typed.items()}
    email = given.get("e-mail", "").lower()
    try:
        if any(plain(cell) for cell in cells[len(columns) :]):
            raise BadCell(
                "", "This row has more cells than the first line names. Put a cell with a comma in quotation marks."
            )
        for column, most in _LONGEST.items():
            if len(given.get(column, "")) > most:
                raise BadCell(column, f"This is longer than {most} characters. Shorten it.")
        what = _what(given.get("what", ""))
        for column in NEEDS[what]:
            if not given.get(column):
                raise BadCell(column, f"“{what}” needs the column “{column}”, and it is empty here.")
        if what != "cohort":
            check_email(email, typed.get("e-mail", "").lower())
        return _read(number, what, email, given)
    except BadCell as bad:
        return Row(number, email[:254], given.get("what", "")[:40], Outcome.ERROR, bad.message, bad.column)


def _read(number: int, what: What, email: str, given: Mapping[str, str]) -> Entry:
    first, last = _days(given["date"], what)
    price, deposit = _cents(given, "price"), _cents(given, "deposit")
    if deposit > price:
        raise BadCell("deposit", "The deposit is part of the price and cannot be more than it.")
    amount = _cents(given, "amount")
    if what == "payment" and not amount:
        raise BadCell("amount", "Nothing was received. Leave the row out.")
    by = _way(given["by"]) if what == "payment" else ""
    if by == "stripe" and not given["reference"].startswith("pi_"):
        raise BadCell("reference", "A payment by Stripe is named by its number there, which begins with pi_.")
    begins, ends = _hours(given["hours"]) if what == "cohort" else (None, None)
    return Entry(
        line=number,
        what=what,
        email=email,
        cohort=given["cohort"],
        first=first,
        last=last,
        seat=_seat(given.get("seat", "")),
        price_cents=price,
        deposit_cents=deposit,
        amount_cents=amount,
        by=by,
        reference=reference_of(given["reference"]) if by == Offline.name else given.get("reference", ""),
        parts=_parts(given["parts"]) if what == "plan" else (),
        payer=given.get("payer", ""),
        card=given.get("card", ""),
        title=given.get("title", ""),
        venue=given.get("venue", ""),
        begins=begins,
        ends=ends,
    )


def _what(value: str) -> What:
    what = value.casefold()
    if what not in IN_TURN:
        raise BadCell("what", f"{shown(value)} cannot be brought in. Write one of: {', '.join(IN_TURN)}.")
    return what


def _way(value: str) -> str:
    way = WAYS.get(value.casefold())
    if way is None:
        raise BadCell("by", f"{shown(value)} is no way to pay. Write one of: {', '.join(WAYS)}.")
    return way


def _day(value: str, column: str = "date") -> date:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise BadCell(column, f"{shown(value)} is not a date. Write it with the year first: 2026-03-02.") from None
    if not 2000 <= day.year <= 2100:
        raise BadCell(column, f"{shown(value)} is not a date that the school can mean.")
    return day


def _days(value: str, what: What) -> tuple[date, date]:
    first, _, last = value.partition(" to ")
    if last and what != "cohort":
        raise BadCell("date", "Only a cohort lasts from one day to another. Write one date: 2026-03-02.")
    if what == "cohort" and not last:
        raise BadCell("date", "Write the first and the last day: 2026-03-02 to 2026-03-05.")
    begins, ends = _day(first.strip()), _day((last or first).strip())
    if ends < begins or (ends - begins).days > 30:
        raise BadCell("date", "The last day comes after the first, and within a month.")
    return begins, ends


def _cents(given: Mapping[str, str], column: str) -> int:
    value = given.get(column, "")
    if not value:
        return 0
    return cents_of(value, column)


def cents_of(value: str, column: str) -> int:
    """An amount as people write it, such as 2,099.00 or $500, in cents.

    Raises:
        BadCell
    """
    found = _MONEY.fullmatch(value)
    cents = int(found[1].replace(",", "")) * 100 + int(found[2] or 0) if found else MOST_CENTS + 1
    if cents > MOST_CENTS:
        raise BadCell(column, f"{shown(value)} is not an amount. Write it like 2099.00.")
    return cents


def _seat(value: str) -> int:
    if not value:
        return 0
    if not re.fullmatch(r"[0-9]{1,3}", value) or not 1 <= int(value) <= 200:
        raise BadCell("seat", f"{shown(value)} is not a seat. Write a number from 1.")
    return int(value)


def _hours(value: str) -> tuple[time, time]:
    try:
        begins, ends = (time.fromisoformat(part.strip()) for part in value.split("-"))
    except ValueError:
        raise BadCell("hours", f"{shown(value)} are no hours. Write them like 09:30-17:30.") from None
    if ends <= begins:
        raise BadCell("hours", "The end comes after the beginning. Write the hours like 09:30-17:30.")
    return begins, ends


def _parts(value: str) -> tuple[Part, ...]:
    parts = []
    for each in value.split(";"):
        day, _, amount = each.strip().partition(" ")
        parts.append(Part(cents_of(amount.strip(), "parts"), _day(day, "parts")))
    if [part.due_on for part in parts] != sorted(part.due_on for part in parts) or not all(
        part.cents for part in parts
    ):
        raise BadCell(
            "parts", "Write the parts that are still to come in their order: 2027-01-15 533.00; 2027-02-15 533.00."
        )
    return tuple(parts)
