"""Times that two people agree on, each on their own clock. Pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

from workshops.clock import SCHOOL_ZONE, hours_in_words, with_weekday


def zone_of(zone_name: str) -> ZoneInfo:
    """The time zone in which somebody enters and reads times: the school's, where they have said none."""
    return ZoneInfo(zone_name) if zone_name else SCHOOL_ZONE


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
