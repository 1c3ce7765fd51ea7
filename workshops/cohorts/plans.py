"""A plan for a cohort, and what speaks against it: pure functions, in words that say what would be right."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from workshops.clock import (
    SCHOOL_ZONE,
    NotOnTheClock,
    hours_in_words,
    in_words,
    moment_at,
    moment_in_words,
    school_day,
    with_weekday,
)
from workshops.cohorts.models import Venue
from workshops.people.models import User

COHORTS_A_YEAR = 3
DAYS = 4
LARGEST = 60


@dataclass(frozen=True)
class Objection:
    """Something that speaks against a plan, in words that say what would be right.

    An overridable one is the school's own custom: the registrar may go ahead with a reason.
    """

    code: str
    message: str
    overridable: bool = False


@dataclass(frozen=True)
class Day:
    """One day of a plan."""

    starts_at: datetime
    ends_at: datetime
    topics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a registrar wants a cohort to be."""

    title: str
    code: str
    venue: Venue
    days: tuple[Day, ...]
    capacity: int
    bookings_open_at: datetime
    bookings_close_at: datetime
    instructors: tuple[User, ...] = ()
    lead: User | None = None

    @property
    def dates(self) -> list[date]:
        """The calendar date of each day in Los Angeles."""
        return [school_day(day.starts_at) for day in self.days]

    @property
    def numbered(self) -> list[tuple[int, Day]]:
        """The days in order, the first as 1."""
        return list(enumerate(sorted(self.days, key=lambda day: day.starts_at), start=1))

    @property
    def hours(self) -> list[tuple[datetime, datetime]]:
        """When each day begins and ends, in order."""
        return [(day.starts_at, day.ends_at) for _, day in self.numbered]

    @property
    def days_in_words(self) -> str:
        """Each day with its hours in Los Angeles."""
        return "; ".join(
            f"{with_weekday(school_day(starts))}, {hours_in_words(starts)} to {hours_in_words(ends)}"
            for starts, ends in self.hours
        )


@dataclass(frozen=True)
class Neighbour:
    """Another cohort, as far as a plan can collide with it."""

    title: str
    code: str
    starts_on: date
    venue_id: int
    instructor_ids: frozenset[int]
    hours: tuple[tuple[datetime, datetime], ...]
    is_cancelled: bool = False


def changes(before: Plan, after: Plan) -> dict[str, str]:
    """What differs, in words for the history."""
    versions = [
        {
            "title": plan.title,
            "code": plan.code,
            "venue": str(plan.venue),
            "days": plan.days_in_words,
            "topics": "; ".join(f"{number}: {', '.join(day.topics)}" for number, day in plan.numbered),
            "bookings": f"{moment_in_words(plan.bookings_open_at)} to {moment_in_words(plan.bookings_close_at)}",
        }
        for plan in (before, after)
    ]
    return {key: f"{old} → {versions[1][key]}" for key, old in versions[0].items() if old != versions[1][key]}


# -- the rules ---------------------------------------------------------------------------------------------------------
def objections(plan: Plan, others: Iterable[Neighbour], now: datetime, *, days: int = DAYS) -> list[Objection]:
    """Everything that speaks against `plan` beside `others`, the cohorts that exist already. Pure.

    `days` is how many days the programme gives the module. Cancelled cohorts count for nothing but their code, which
    stays theirs for as long as links to it exist.
    """
    known = list(others)
    running = [other for other in known if not other.is_cancelled]
    return [
        *_about_code(plan, known),
        *about_capacity(plan.capacity),
        *_about_days(plan, days),
        *_about_year(plan, running),
        *_about_past(plan, now),
        *_about_bookings(plan),
        *_about_venue(plan, running),
        *_about_instructors(plan, running),
    ]


def _about_code(plan: Plan, others: Iterable[Neighbour]) -> Iterator[Objection]:
    for other in others:
        if other.code == plan.code:
            yield Objection(
                "code-taken",
                f"{other.title} has the code {plan.code} already. Choose another; it is part of the address.",
            )


def about_capacity(capacity: int) -> Iterator[Objection]:
    """What speaks against this number of seats."""
    if not 1 <= capacity <= LARGEST:
        yield Objection("capacity", f"A cohort has between 1 and {LARGEST} seats, not {capacity}.")


def _about_days(plan: Plan, count: int) -> Iterator[Objection]:
    if not plan.days:
        yield Objection("no-days", "The cohort needs at least one day.")
        return
    for which in ("starts", "ends"):
        moments = [day.starts_at if which == "starts" else day.ends_at for day in plan.days]
        yield from (Objection(f"clock-{which}", words) for words in map(_not_on_the_clock, moments) if words)
    for on, day in zip(plan.dates, plan.days, strict=True):
        if day.ends_at <= day.starts_at:
            yield Objection("hours", f"{with_weekday(on)} must end after it starts.")
    ordered = sorted(plan.days, key=lambda day: day.starts_at)
    for earlier, later in pairwise(ordered):
        if later.starts_at < earlier.ends_at:
            on = school_day(later.starts_at)
            yield Objection("hours-overlap", f"Two days overlap on {with_weekday(on)}. Each day has hours of its own.")
    dates = sorted(plan.dates)
    if dates != [dates[0] + timedelta(days=index) for index in range(count)]:
        last = dates[0] + timedelta(days=count - 1)
        yield Objection(
            "days",
            f"Module IV is taught on {_number(count)} consecutive days. From {in_words(dates[0])} that is until "
            f"{in_words(last)}; this plan has {', '.join(map(in_words, dates))}.",
            overridable=True,
        )


def _not_on_the_clock(moment: datetime) -> str:
    """Why this cannot be the hour of a day, in words: clocks in Los Angeles skip it or show it twice. "" where it can.

    Read as it was entered, by those clocks: an hour that they skip becomes another one as soon as it is kept.
    """
    local = moment.astimezone(SCHOOL_ZONE)
    try:
        moment_at(local.date(), local.time(), SCHOOL_ZONE)
    except NotOnTheClock as not_there:
        return str(not_there)
    return ""


def _about_year(plan: Plan, running: Sequence[Neighbour]) -> Iterator[Objection]:
    if not plan.days:
        return
    year = min(plan.dates).year
    same_year = sorted((other for other in running if other.starts_on.year == year), key=lambda other: other.starts_on)
    if len(same_year) >= COHORTS_A_YEAR:
        titles = ", ".join(f"{other.title} ({in_words(other.starts_on)})" for other in same_year)
        yield Objection(
            "year-full",
            f"The school runs {_number(COHORTS_A_YEAR)} cohorts a year, and {year} has {_number(len(same_year))} "
            f"already: {titles}. Choose a first day in another year.",
            overridable=True,
        )


def _about_past(plan: Plan, now: datetime) -> Iterator[Objection]:
    if plan.days and min(day.starts_at for day in plan.days) <= now:
        yield Objection(
            "past",
            f"The first day, {in_words(min(plan.dates))}, has begun or passed. Choose a day to come, unless this is "
            "for the record.",
            overridable=True,
        )


def _about_bookings(plan: Plan) -> Iterator[Objection]:
    if plan.bookings_close_at <= plan.bookings_open_at:
        yield Objection(
            "bookings-order",
            f"Bookings must close after they open on {moment_in_words(plan.bookings_open_at)}.",
        )
    if plan.days and plan.bookings_close_at > (begins := min(day.starts_at for day in plan.days)):
        yield Objection("bookings-late", f"Bookings must close before the cohort begins on {moment_in_words(begins)}.")


def _about_venue(plan: Plan, running: Iterable[Neighbour]) -> Iterator[Objection]:
    for other in running:
        if other.venue_id == plan.venue.pk and (when := _meeting(plan, other)):
            yield Objection(
                "venue-busy",
                f"{plan.venue} is taken by {other.title} on {with_weekday(when)}. Choose another venue or other days.",
            )


def _about_instructors(plan: Plan, running: Sequence[Neighbour]) -> Iterator[Objection]:
    if plan.lead is not None and plan.lead not in plan.instructors:
        yield Objection(
            "lead", f"{plan.lead} must be one of the instructors to lead. Choose them as well, or another lead."
        )
    for instructor in plan.instructors:
        for other in running:
            if instructor.pk in other.instructor_ids and (when := _meeting(plan, other)):
                yield Objection(
                    "instructor-busy",
                    f"{instructor} teaches {other.title} on {with_weekday(when)}. Choose someone else or other days.",
                )


def _meeting(plan: Plan, other: Neighbour) -> date | None:
    """The first date on which the plan and the other cohort are in session at the same time."""
    for on, day in sorted(zip(plan.dates, plan.days, strict=True), key=lambda pair: pair[0]):
        if any(begins < day.ends_at and day.starts_at < ends for begins, ends in other.hours):
            return on
    return None


def _number(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return words[number] if number < len(words) else str(number)
