"""Times that two people agree on, each on their own clock: what a clock shows, and what it never does. Pure."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from workshops.clock import SCHOOL_ZONE, hours_in_words, time_in_words, with_weekday


class NotOnTheClock(Exception):
    """A time that a clock does not show on that day, or shows twice; the sentence says so and what to do."""


def zone_of(zone_name: str) -> ZoneInfo:
    """The time zone in which somebody enters and reads times: the school's, where they have said none."""
    return ZoneInfo(zone_name) if zone_name else SCHOOL_ZONE


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


def span_in_words(starts_at: datetime, ends_at: datetime, zone_name: str) -> str:
    """From when until when, with weekday and zone, in Los Angeles; then on the reader's own clock where it differs.

    Thursday 4 March 2027, 5:00 pm to 6:00 pm PST (Friday 5 March 2027, 2:00 am to 3:00 am CET where you are)
    """
    schools, own = spans(starts_at, ends_at, zone_name)
    return f"{schools} ({own} where you are)" if own else schools


def spans(starts_at: datetime, ends_at: datetime, zone_name: str) -> tuple[str, str]:
    """The same in two parts; the second is empty where the reader's own clock shows what Los Angeles shows."""
    own = zone_of(zone_name)
    is_same = _offsets(starts_at, ends_at, own) == _offsets(starts_at, ends_at, SCHOOL_ZONE)
    return _span(starts_at, ends_at, SCHOOL_ZONE), "" if is_same else _span(starts_at, ends_at, own)


def _offsets(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> tuple[object, object]:
    return starts_at.astimezone(zone).utcoffset(), ends_at.astimezone(zone).utcoffset()


def _span(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> str:
    first, last = starts_at.astimezone(zone), ends_at.astimezone(zone)
    begins = f"{with_weekday(first.date())}, {hours_in_words(starts_at, zone)}"
    if (first.date(), first.tzname()) != (last.date(), last.tzname()):
        begins = f"{begins} {first.tzname()}"
    ends = f"{hours_in_words(ends_at, zone)} {last.tzname()}"
    return f"{begins} to {ends if first.date() == last.date() else f'{with_weekday(last.date())}, {ends}'}"
