"""Days and hours as the school counts them. `now` is read once, at the edge, and handed to every rule."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.timesince import timesince

SCHOOL_ZONE = ZoneInfo(settings.TIME_ZONE)
OFFICE_CLOSES = time(17, 0)


def current_time() -> datetime:
    """What time it is. Read at the edge alone: by a page, a command, a worker."""
    return timezone.now()


def school_day(moment: datetime) -> date:
    """The calendar date of a moment in Los Angeles: the school's day ends at the school's midnight."""
    return moment.astimezone(SCHOOL_ZONE).date()


def end_of_school_day(day: date) -> datetime:
    """The last second of a day in Los Angeles: what is due on a day may be paid until then."""
    return datetime.combine(day, time(23, 59, 59), SCHOOL_ZONE)


def business_days_later(moment: datetime, days: int) -> datetime:
    """When the school's office closes, `days` working days (Monday to Friday) after the day of `moment`."""
    day = school_day(moment)
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return datetime.combine(day, OFFICE_CLOSES, SCHOOL_ZONE)


def in_words(day: date) -> str:
    """A date as a person writes it: 4 March 2027."""
    return f"{day.day} {day:%B %Y}"


def with_weekday(day: date) -> str:
    """A date with its weekday: Thursday 4 March 2027."""
    return f"{day:%A} {in_words(day)}"


def days_in_words(count: int) -> str:
    """So many days: 1 day, 14 days."""
    return f"{count} {'day' if count == 1 else 'days'}"


def range_in_words(first: date, last: date) -> str:
    """Two dates as one phrase: 4 to 7 March 2027, or 30 March to 2 April 2027. The same date twice is that date."""
    if first == last:
        return in_words(first)
    if first.year != last.year:
        return f"{in_words(first)} to {in_words(last)}"
    if first.month != last.month:
        return f"{first.day} {first:%B} to {in_words(last)}"
    return f"{first.day} to {in_words(last)}"


def time_in_words(clock: time) -> str:
    """A time of day: 9:30 am."""
    return f"{clock.hour % 12 or 12}:{clock:%M} {'am' if clock.hour < 12 else 'pm'}"


def hours_in_words(moment: datetime, zone: ZoneInfo = SCHOOL_ZONE) -> str:
    """The time of day of a moment: 9:30 am."""
    return time_in_words(moment.astimezone(zone).time())


def moment_in_words(moment: datetime, zone: ZoneInfo = SCHOOL_ZONE) -> str:
    """A moment with weekday and time zone: Thursday 4 March 2027, 5:00 pm PST."""
    local = moment.astimezone(zone)
    return f"{with_weekday(local.date())}, {hours_in_words(moment, zone)} {local.tzname()}"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago a moment was, in the largest unit alone: just now, 5 minutes ago, 3 weeks ago."""
    if now - moment < timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, now, depth=1)} ago"


def moment_for(moment: datetime, zone_name: str) -> str:
    """A moment in the school's zone, followed by the reader's own where their clocks differ."""
    schools = moment_in_words(moment)
    if not zone_name:
        return schools
    own = ZoneInfo(zone_name)
    if moment.astimezone(own).utcoffset() == moment.astimezone(SCHOOL_ZONE).utcoffset():
        return schools
    return f"{schools} ({moment_in_words(moment, own)} where you are)"


class NotOnTheClock(Exception):
    """A time that a clock does not show on that day, or shows twice; the sentence says so and what to do."""


def zone_in_words(zone: ZoneInfo) -> str:
    """A time zone by its place: Los Angeles."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def moment_at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The moment at which a clock in this zone shows that time on that day.

    Raises:
        NotOnTheClock: where clocks go forward past it on that day, or go back and show it twice.
    """
    shown = datetime.combine(day, clock, zone)
    first, second = shown.replace(fold=0).utcoffset(), shown.replace(fold=1).utcoffset()
    if first == second:
        return shown
    assert first is not None  # a ZoneInfo knows its offset on every day
    assert second is not None
    # PEP 495: before a gap the first reading is the smaller offset, before a repeated hour it is the larger one.
    said, where = time_in_words(clock), zone_in_words(zone)
    if first < second:
        raise NotOnTheClock(
            f"Clocks in {where} go forward on {with_weekday(day)}, so there is no {said} on that day. "
            "Choose an earlier or a later time."
        )
    raise NotOnTheClock(
        f"Clocks in {where} go back on {with_weekday(day)}, so {said} comes twice. Choose an earlier or a later time."
    )
