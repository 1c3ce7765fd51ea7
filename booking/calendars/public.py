"""What the public feeds say: when cohorts meet and when their bookings open. No person's name, no places left."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db.models import Prefetch, Q

from booking.calendars.feeds import Entry, Feed
from workshops.clock import SCHOOL_ZONE, school_day
from workshops.cohorts.models import Cohort, CohortQuerySet, CohortStatus, Session

DAYS_BACK = 90
MONTHS_AHEAD = 18
# An entry without an end takes no time (RFC 5545, 3.6.1), and several clients then draw nothing.
_BOOKINGS_OPEN_FOR = timedelta(minutes=30)


def window(now: datetime) -> tuple[datetime, datetime]:
    """From when until when the feed of all cohorts tells: whole days in Los Angeles, so that it changes once a day."""
    today = school_day(now)
    opens = today - timedelta(days=DAYS_BACK)
    closes = _months_later(today, MONTHS_AHEAD) + timedelta(days=1)
    return datetime.combine(opens, time(), SCHOOL_ZONE), datetime.combine(closes, time(), SCHOOL_ZONE)


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last where it has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def all_cohorts(*, now: datetime) -> Feed:
    """Every cohort that meets, and every opening of bookings, within the window. Two SQL statements."""
    opens, closes = window(now)
    told = Q(ends_on__gte=opens.date(), starts_on__lt=closes.date()) | Q(
        bookings_open_at__gte=opens, bookings_open_at__lt=closes
    )
    entries: list[Entry] = []
    for cohort in _with_sessions(Cohort.objects.public().filter(told)):
        entries += (entry for entry in _entries(cohort) if opens <= entry.starts_at < closes)
    return Feed("CINTIMA Module IV workshops", tuple(entries))


def one_cohort(code: str) -> Feed:
    """One cohort, whole, however long ago it was: whoever subscribed keeps what they had. Two SQL statements.

    Raises:
        Cohort.DoesNotExist: when there is none, or none that the public may know of.
    """
    cohort = _with_sessions(Cohort.objects.public()).get(code=code)
    return Feed(f"CINTIMA {_title(cohort)}", tuple(_entries(cohort)))


def _with_sessions(cohorts: CohortQuerySet) -> CohortQuerySet:
    sessions = Prefetch("sessions", Session.objects.order_by("day"))
    return cohorts.select_related("module", "venue").prefetch_related(sessions)


def _entries(cohort: Cohort) -> list[Entry]:
    sessions = list(cohort.sessions.all())
    title, url = _title(cohort), settings.SITE_URL + cohort.get_absolute_url()
    cancelled = cohort.status == CohortStatus.CANCELLED
    entries = [
        Entry(
            uid=f"{session.uid}@{settings.CALENDAR_HOST}",
            sequence=session.sequence,
            revised_at=session.revised_at,
            starts_at=session.starts_at,
            ends_at=session.ends_at,
            title=f"{title}, day {session.day} of {len(sessions)}",
            url=url,
            location=_location(cohort),
            description=f"Details and booking: {url}",
            cancelled=cancelled,
        )
        for session in sessions
    ]
    entries.append(
        Entry(
            uid=f"bookings-{cohort.public_id}@{settings.CALENDAR_HOST}",
            sequence=cohort.sequence,
            revised_at=cohort.revised_at,
            starts_at=cohort.bookings_open_at,
            ends_at=cohort.bookings_open_at + _BOOKINGS_OPEN_FOR,
            title=f"Bookings open: {title}",
            url=url,
            description=f"Details and booking: {url}",
            cancelled=cancelled,
        )
    )
    return entries


def _title(cohort: Cohort) -> str:
    """The cohort's title, with its module in front where the school did not write it."""
    module = str(cohort.module)
    return cohort.title if cohort.title.startswith(module) else f"{module}, {cohort.title}"


def _location(cohort: Cohort) -> str:
    venue = cohort.venue
    parts = [venue.name, venue.address]
    if venue.city.casefold() not in venue.address.casefold():
        parts.append(venue.city)
    return ", ".join(part for part in parts if part)
