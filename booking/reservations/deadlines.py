"""Until when things wait for a person: pure functions of a moment and the terms."""

from datetime import UTC, date, datetime, time, timedelta

from workshops.clock import SCHOOL_ZONE, end_of_school_day
from workshops.programme.terms import Terms


def offer_ends(now: datetime, terms: Terms, latest: datetime) -> datetime | None:
    """When an offer made at `now` ends: after the hours that the terms give, never at night, never past `latest`.

    An end that would fall into the quiet hours of Los Angeles waits for the morning; where `latest` (the end of
    bookings) does not leave it that long, it comes on the evening before instead. Whether a clock is put forward or
    back in between changes nothing: hours are hours, and the night is read off the wall. None when no offer could end
    by day.
    """
    # In UTC: adding hours to a local time would move the hands of the clock, not the hours.
    ends = _after_the_night(now.astimezone(UTC) + timedelta(hours=terms.offer_hours), terms)
    if ends > latest:
        ends = _before_the_night(latest, terms)
    return ends if ends > now else None


def is_quiet(moment: datetime, terms: Terms) -> bool:
    """Whether a moment is in the quiet hours of Los Angeles. The first and the last minute are not."""
    start, end, clock = _hours(terms), _hours(terms, until=True), moment.astimezone(SCHOOL_ZONE).time()
    if start <= end:
        return start < clock < end
    return clock > start or clock < end


def _after_the_night(moment: datetime, terms: Terms) -> datetime:
    if not is_quiet(moment, terms):
        return moment
    local, end = moment.astimezone(SCHOOL_ZONE), _hours(terms, until=True)
    return _on(local.date() + timedelta(days=local.time() >= end), end)


def _before_the_night(moment: datetime, terms: Terms) -> datetime:
    if not is_quiet(moment, terms):
        return moment
    local, start = moment.astimezone(SCHOOL_ZONE), _hours(terms)
    return _on(local.date() - timedelta(days=local.time() <= start), start)


def _hours(terms: Terms, *, until: bool = False) -> time:
    return time.fromisoformat(terms.quiet_until if until else terms.quiet_from)


def _on(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, SCHOOL_ZONE)


def last_day_to_move(starts_on: date, terms: Terms) -> date:
    """The last day on which a trainee may move away from a cohort that begins on `starts_on`."""
    return starts_on - timedelta(days=terms.moving_until_days)


def last_day_to_move_free(starts_on: date, terms: Terms) -> date:
    """The last day on which moving away costs nothing; never later than the last day to move at all."""
    return min(starts_on - timedelta(days=terms.moving_free_days), last_day_to_move(starts_on, terms))


def last_day_to_keep_a_promise(starts_on: date) -> date:
    """The last day on which promised prerequisites may come: the day after it, the seat can still go to another."""
    return starts_on - timedelta(days=2)


def end_of_grace(due_at: datetime, terms: Terms) -> datetime:
    """When the school stops waiting for a balance that was due at `due_at`: at the end of a day in Los Angeles."""
    return end_of_school_day(due_at.astimezone(SCHOOL_ZONE).date() + timedelta(days=terms.balance_grace_days))
