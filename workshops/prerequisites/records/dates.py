"""Reading dates as people write them down. Pure.

A person may put one date a line, or several with commas, semicolons or “and” between them, and ranges:

    2026-03-02 to 2026-03-06        Monday 2 March 2026        March 2, 3 and 5, 2026
    Mar 2-6, 2026                   30 March to 2 April 2026   3/2/2026

With slashes the month comes first: the school is in the United States. What is left out (a month, a year) is taken
from the same line where only one thing can be meant. Whatever cannot be read is named, and nothing is guessed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from workshops.clock import in_words
from workshops.prerequisites.set_days import cannot_be, days_between, runs_of

MOST_DAYS = 400
"""Days of one record: more than a year of work belongs on several."""
LONGEST_TEXT = 10_000
"""Characters: room for all of those days, one a line, in words."""

MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_MONTH = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])\.?"
)
_WEEKDAY = (
    r"(?:(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|"
    r"sat(?:urday)?|sun(?:day)?)(?![a-z])\.?,?\ )?"
)
_DAY = r"(?P<day>[0-9]{1,2})(?![0-9])(?:st|nd|rd|th)?(?![a-z])"
_YEAR = r"(?:(?:,\ ?|\ )(?P<year>[0-9]{4})(?![0-9]|[-/.][0-9]{1,2}[-/.]))?"
# A point in time as written, the most particular way first.
_POINTS = tuple(
    re.compile(_WEEKDAY + way, re.IGNORECASE)
    for way in (
        r"(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})(?![0-9])",
        r"(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})(?:/(?P<year>[0-9]{4}|[0-9]{2}))?(?![0-9/])",
        r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?(?:\ of)?\ ?" + _MONTH + _YEAR,
        _MONTH + r"\ ?" + _DAY + _YEAR,
        _DAY + _YEAR,
    )
)
_DAY_FIRST, _MONTH_FIRST = _POINTS[2], _POINTS[3]
_BETWEEN = re.compile(r"\ ?[-\u2010-\u2015\u2212]\ ?|\ (?:to|through|thru|until|till)\ ", re.IGNORECASE)
_APART = re.compile(r"(?:[\ ,;&]|and(?=\ ))+", re.IGNORECASE)
_OPENING = re.compile(r"(?:[-*\u2022\u2013\u2014]\ |from\ )+", re.IGNORECASE)
_ENDS = re.compile(r"$|(?=[\ ,;&])")
_CHUNK = re.compile(r"[^,;]*")


@dataclass(frozen=True)
class Fault:
    """Something that could not be read: its line, what it is, and what to do about it."""

    line: int
    what: str
    words: str

    def __str__(self) -> str:
        return f"Line {self.line}, “{_short(self.what)}”: {self.words}"


@dataclass(frozen=True)
class Reading:
    """The distinct dates that could be read, in order, and what could not."""

    days: tuple[date, ...]
    faults: tuple[Fault, ...]


def read(text: str, today: date) -> Reading:
    """Read dates up to `today`. A thing with a fault adds no day; the others count all the same."""
    days: set[date] = set()
    faults: list[Fault] = []
    for number, line in enumerate(text.splitlines(), start=1):
        for item in _items(" ".join(line.split())):
            try:
                found = days | set(_days_of(item, today))
                if len(found) > MOST_DAYS:
                    raise _Unclear(f"with this they are more than {MOST_DAYS} days. Begin another record for the rest.")
            except _Unclear as unclear:
                faults.append(Fault(number, item.text, str(unclear)))
            else:
                days = found
    return Reading(tuple(sorted(days)), tuple(faults))


def typed(days: Iterable[date]) -> str:
    """Dates the way the calendar writes them into the field, one run of days a line; `read` reads it back."""
    return "\n".join(
        first.isoformat() if first == last else f"{first.isoformat()} to {last.isoformat()}"
        for first, last in runs_of(days)
    )


class _Unclear(Exception):
    """Why something cannot be read, and what to write instead."""


@dataclass
class _Point:
    """A date, or as much of it as was written. `names` is where its month's name stands: before the day, after it."""

    day: int
    month: int | None
    year: int | None
    weekday: str
    names: str
    slashed: str


@dataclass
class _Item:
    """One thing of a line: a point, a range of two, or what is neither."""

    text: str
    points: list[_Point]


def _items(line: str) -> list[_Item]:
    """What a line holds, in order; unreadable things that stand beside each other are one."""
    items: list[_Item] = []
    opening = _OPENING.match(line)
    at = opening.end() if opening else 0
    while at < len(line):
        if apart := _APART.match(line, at):
            at = apart.end()
            continue
        points, end = _points_at(line, at)
        if points:
            items.append(_Item(line[at:end], points))
        else:
            end = max(_chunk_end(line, at), at + 1)
            if items and not items[-1].points:
                items[-1].text = line[line.index(items[-1].text) : end]
            else:
                items.append(_Item(line[at:end].strip(), []))
        at = end
    _complete([point for item in items for point in item.points])
    return items


def _chunk_end(line: str, at: int) -> int:
    chunk = _CHUNK.match(line, at)
    return chunk.end() if chunk else at


def _points_at(line: str, at: int) -> tuple[list[_Point], int]:
    """A date or a range of two that begins here and is whole, with its end; otherwise nothing."""
    opening = _OPENING.match(line, at)
    first, end = _point(line, opening.end() if opening else at)
    if first is None:
        return [], at
    if between := _BETWEEN.match(line, end):
        last, last_end = _point(line, between.end())
        if last is not None and _ENDS.match(line, last_end):
            return [first, last], last_end
    return ([first], end) if _ENDS.match(line, end) else ([], at)


def _point(line: str, at: int) -> tuple[_Point | None, int]:
    for way in _POINTS:
        if found := way.match(line, at):
            parts = found.groupdict()
            name = parts.get("name")
            month = _number(name, MONTHS) + 1 if name else int(parts["month"]) if parts.get("month") else None
            year = int(parts["year"]) if parts["year"] else None
            names = "before" if way is _MONTH_FIRST else "after" if way is _DAY_FIRST else ""
            slashed = found.group() if "/" in found.group() and way is _POINTS[1] else ""
            return _Point(int(parts["day"]), month, year, parts["weekday"] or "", names, slashed), found.end()
    return None, at


def _number(name: str, names: Sequence[str]) -> int:
    return next(index for index, each in enumerate(names) if each.startswith(name.lower()))


def _complete(points: list[_Point]) -> None:
    """Give each date the month and the year that its line leaves no doubt about.

    “March 2, 4” and “2, 4 March” go with the month that is named before, or after, the days; a year stands after
    what it is for, or once at the beginning.
    """
    for before, point in pairwise(points):
        if point.month is None and before.names == "before":
            point.month, point.names = before.month, "before"
    for point, after in pairwise(points[::-1]):
        if after.month is None and point.names == "after":
            after.month, after.names = point.month, "after"
    for later, point in pairwise(points[::-1]):
        point.year = later.year if point.year is None else point.year
    for before, point in pairwise(points):
        point.year = before.year if point.year is None else point.year


def _days_of(item: _Item, today: date) -> Iterator[date]:
    if not item.points:
        raise _Unclear("this is not a date. Write 2 March 2026, 2026-03-02, or 3/2/2026 with the month first.")
    found = [_date(point) for point in item.points]
    first, last = found[0], found[-1]
    try:
        days = days_between(first, last)
    except ValueError as fault:
        raise _Unclear(str(fault)) from None
    if why_not := cannot_be(last, today) or cannot_be(first, today):
        raise _Unclear(why_not)
    return iter(days)


def _date(point: _Point) -> date:
    if point.month is None:
        raise _Unclear(f"the month is missing. Write for example {point.day} March 2026.")
    if point.slashed and point.month > 12 >= point.day:
        right = "/".join(str(part) for part in (point.day, point.month, point.year) if part is not None)
        raise _Unclear(f"there is no month {point.month}. With slashes the month comes first: {right}.")
    if point.year is None:
        raise _Unclear("the year is missing. Write it after the date, for example 2 March 2026.")
    if point.year < 100:
        raise _Unclear(f"write the year with four digits, for example 20{point.year:02}.")
    try:
        found = date(point.year, point.month, point.day)
    except ValueError:
        raise _Unclear("there is no such day in the calendar. Look at it again.") from None
    if point.weekday and _number(point.weekday, WEEKDAYS) != found.weekday():
        raise _Unclear(f"{in_words(found)} was a {found:%A}. Look at the date again.")
    return found


def _short(what: str) -> str:
    return what if len(what) <= 60 else f"{what[:59]}…"
