"""What each feed says, from its stamp and the tables that its revisions cover. No feed names a person.

Public: when cohorts meet and when their bookings open; no places left. Private: the days of one person, who is known by
the stamp. A feed changes with what it tells of and once a day, never with the hour: see `stamps`.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db.models import Prefetch, Q, QuerySet
from django.urls import reverse

from booking.calendars.feeds import Entry, Feed, Status, whole_day
from booking.calendars.models import FeedKind
from booking.calendars.stamps import Claim, Deadline, Due, Nears, Owner, Stamp
from booking.reservations.models import ChargeKind
from workshops.clock import SCHOOL_ZONE, school_day
from workshops.cohorts.models import Cohort, CohortQuerySet, CohortStatus, Session
from workshops.mentors.models import Meeting

DAYS_BACK = 90
MONTHS_AHEAD = 18
CANCELLED_KEPT = timedelta(days=30)
# An entry without an end takes no time (RFC 5545, 3.6.1), and several clients then draw nothing.
_AN_OPENING_TAKES = timedelta(minutes=30)

_DUE_TITLES = {ChargeKind.BALANCE: "Balance due", ChargeKind.FEE: "Fee for moving due"}
_DEADLINES: dict[Nears, str] = {
    "balances": "Balances due",
    "instalments": "Monthly parts due",
    "promises": "Promised prerequisites to review",
    "choices": "Choices end",
}


# -- the window --------------------------------------------------------------------------------------------------------
def window(today: date) -> tuple[datetime, datetime]:
    """From when until when a feed tells: whole days in Los Angeles, so that it changes once a day."""
    opens = today - timedelta(days=DAYS_BACK)
    closes = _months_later(today, MONTHS_AHEAD) + timedelta(days=1)
    return _midnight(opens), _midnight(closes)


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last where it has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SCHOOL_ZONE)


def _told(entries: Iterable[tuple[Entry, datetime]], today: date) -> tuple[Entry, ...]:
    """The entries of a feed with a window: those that begin in it, and what was cancelled only for some time after.

    Each comes with the moment of what would have cancelled it.
    """
    opens, closes = window(today)
    return tuple(
        entry
        for entry, changed_at in entries
        if opens <= _moment(entry.starts_at) < closes
        and (entry.status != "CANCELLED" or today <= school_day(changed_at) + CANCELLED_KEPT)
    )


def _moment(start: datetime | date) -> datetime:
    return start if isinstance(start, datetime) else _midnight(start)


# -- cohorts -----------------------------------------------------------------------------------------------------------
def all_cohorts(stamp: Stamp) -> Feed:
    """Every cohort that meets, and every opening of bookings, within the window. Two SQL statements."""
    cohorts = _within(Cohort.objects.public(), _today(stamp))
    told = ((entry, cohort.revised_at) for cohort in cohorts for entry in _public(cohort))
    return Feed("CINTIMA Module IV workshops", _told(told, _today(stamp)))


def one_cohort(code: str) -> Feed:
    """One cohort, whole, however long ago it was: whoever subscribed keeps what they had. Two SQL statements.

    Raises:
        Cohort.DoesNotExist: when there is none, or none that the public may know of.
    """
    cohort = _with_sessions(Cohort.objects.public()).get(code=code)
    return Feed(f"CINTIMA {cohort.full_title}", tuple(_public(cohort)))


def _within(cohorts: CohortQuerySet, today: date) -> CohortQuerySet:
    """Those of them of which something may stand in the window, with their sessions."""
    opens, closes = window(today)
    told = Q(ends_on__gte=opens.date(), starts_on__lt=closes.date())
    for moment in ("bookings_open_at", "bookings_close_at"):
        told |= Q(**{f"{moment}__gte": opens, f"{moment}__lt": closes})
    return _with_sessions(cohorts.filter(told))


def _with_sessions(cohorts: CohortQuerySet) -> CohortQuerySet:
    sessions = Session.objects.order_by("day").only(
        "cohort_id", "day", "starts_at", "ends_at", "uid", "sequence", "revised_at"
    )
    return (
        cohorts.order_by("pk")
        .select_related("module", "venue")
        .prefetch_related(Prefetch("sessions", sessions))
        .only(
            *("public_id", "code", "title", "status", "bookings_open_at", "bookings_close_at"),
            *("sequence", "revised_at", "module__numeral", "venue__name", "venue__address", "venue__city"),
        )
    )


def _public(cohort: Cohort) -> Iterator[Entry]:
    url = _cohort_page(cohort)
    yield from _days(cohort, url=url, description=f"Details and booking: {url}")
    yield _opening(cohort)


def _days(
    cohort: Cohort,
    *,
    url: str,
    description: str,
    suffix: str = "",
    before: str = "",
    status: Status | None = None,
    busy: bool = False,
    raised: int = 0,
    revised_at: datetime | None = None,
) -> Iterator[Entry]:
    """The days of a cohort. `suffix` sets UIDs apart from those of other calendars; `before` begins the titles.

    `status` where it is another than the cohort's; `raised` and `revised_at` for what changes beside the sessions.
    """
    title, location, told = cohort.full_title, cohort.venue.in_a_line, status or _status(cohort)
    sessions = list(cohort.sessions.all())
    for session in sessions:
        yield Entry(
            uid=_uid(f"{session.uid}{suffix}"),
            sequence=session.sequence + raised,
            revised_at=max(session.revised_at, revised_at) if revised_at else session.revised_at,
            starts_at=session.starts_at,
            ends_at=session.ends_at,
            title=f"{before}{title}, day {session.day} of {len(sessions)}",
            url=url,
            location=location,
            description=description,
            status=told,
            busy=busy,
        )


def _opening(cohort: Cohort) -> Entry:
    url = _cohort_page(cohort)
    return Entry(
        uid=_uid(f"bookings-{cohort.public_id}"),
        sequence=cohort.sequence,
        revised_at=cohort.revised_at,
        starts_at=cohort.bookings_open_at,
        ends_at=cohort.bookings_open_at + _AN_OPENING_TAKES,
        title=f"Bookings open: {cohort.full_title}",
        url=url,
        description=f"Details and booking: {url}",
        status=_status(cohort),
    )


def _status(cohort: Cohort) -> Status:
    if cohort.status == CohortStatus.CANCELLED:
        return "CANCELLED"
    return "TENTATIVE" if cohort.status == CohortStatus.DRAFT else "CONFIRMED"


def _cohort_page(cohort: Cohort) -> str:
    return settings.SITE_URL + cohort.get_absolute_url()


def _page(name: str, *arguments: str) -> str:
    return settings.SITE_URL + reverse(name, args=arguments)


def _uid(name: str) -> str:
    return f"{name}@{settings.CALENDAR_HOST}"


# -- one person's days -------------------------------------------------------------------------------------------------
def private(stamp: Stamp) -> Feed:
    """The private calendar that the stamp is of. At most four SQL statements, however many entries it has."""
    kind = FeedKind(stamp.feed)
    return Feed(_NAMES[kind], _told(_TELLERS[kind](stamp), _today(stamp)))


def _trainee(stamp: Stamp) -> Iterator[tuple[Entry, datetime]]:
    """Days under each claim, what is due where they want to see it, and meetings with their mentor."""
    claims = _one_a_cohort(stamp.claims)
    wanted = claims.keys() | {due.cohort_id for due in stamp.dues}
    cohorts = {cohort.pk: cohort for cohort in _with_sessions(Cohort.objects.filter(pk__in=wanted))} if wanted else {}
    for cohort_id, claim in claims.items():
        if cohort := cohorts.get(cohort_id):
            yield from _claimed(cohort, claim)
    for due in stamp.dues:
        if cohort := cohorts.get(due.cohort_id):
            entry = _due(cohort, due)
            yield entry, entry.revised_at
    meetings = Meeting.objects.filter(mentorship__trainee_id=_owner(stamp).user_id)
    yield from _met(meetings, "Meeting with your mentor", _today(stamp))


def _one_a_cohort(claims: Iterable[Claim]) -> dict[int, Claim]:
    """The claim that counts in each cohort: what has ended is not told of beside a later one."""
    return {
        claim.cohort_id: claim
        for claim in sorted(
            claims,
            key=lambda one: (one.status != "CANCELLED", one.revised_at, one.kind == "reservation", one.public_id),
        )
    }


def _claimed(cohort: Cohort, claim: Claim) -> Iterator[tuple[Entry, datetime]]:
    of_seat = claim.kind == "reservation"
    url = _page("reservation" if of_seat else "place-in-line", claim.public_id)
    is_off = cohort.status == CohortStatus.CANCELLED
    status: Status = "CANCELLED" if is_off else claim.status
    before = {"TENTATIVE": "On hold: " if of_seat else "In line: "}.get(status, "")
    for entry in _days(
        cohort,
        url=url,
        description=f"{'Your reservation' if of_seat else 'Your place in the line'}: {url}",
        suffix=f"-{claim.public_id}",
        before=before,
        status=status,
        busy=status == "CONFIRMED",
        raised=claim.sequence,
        revised_at=claim.revised_at,
    ):
        # Calling a cohort off revises every claim that stands: what had ended before does not come back with it.
        yield entry, claim.revised_at
    if claim.promised_until and status == "CONFIRMED":
        entry = _of_a_day(
            cohort,
            claim.promised_until,
            uid=_uid(f"promise-{claim.public_id}"),
            title="Prerequisites promised by today",
            url=_page("standing"),
            description=f"Where you stand: {_page('standing')}",
        )
        revised_at = max(cohort.revised_at, claim.revised_at)
        yield replace(entry, sequence=cohort.sequence + claim.sequence, revised_at=revised_at), revised_at


def _due(cohort: Cohort, due: Due) -> Entry:
    url = _page("reservation", due.reservation_id)
    entry = _of_a_day(
        cohort,
        due.due_on,
        uid=_uid(f"due-{due.charge_id}"),
        title=_DUE_TITLES.get(due.kind, f"Monthly part {due.number} due"),
        url=url,
        description=f"How much, and how to pay: {url}",
    )
    return replace(entry, sequence=cohort.sequence + due.sequence, revised_at=max(cohort.revised_at, due.revised_at))


def _of_a_day(cohort: Cohort, day: date, *, uid: str, title: str, url: str, description: str) -> Entry:
    """An entry of a whole day about a cohort, which is revised when the cohort's title is."""
    starts_on, ends_on = whole_day(day)
    return Entry(
        uid=uid,
        sequence=cohort.sequence,
        revised_at=cohort.revised_at,
        starts_at=starts_on,
        ends_at=ends_on,
        title=f"{title}: {cohort.full_title}",
        url=url,
        description=description,
    )


def _instructor(stamp: Stamp) -> Iterator[tuple[Entry, datetime]]:
    """The days of the cohorts they teach, like their page of them: drafts are not among them."""
    taught = Cohort.objects.public().filter(teachings__instructor_id=_owner(stamp).user_id)
    for cohort in _within(taught, _today(stamp)):
        url = _page("roster", cohort.code)
        words = f"Roster, after you sign in: {url}"
        for entry in _days(cohort, url=url, description=words, suffix="-teaching", busy=True):
            yield entry, cohort.revised_at


def _mentor(stamp: Stamp) -> Iterator[tuple[Entry, datetime]]:
    """Their meetings, without a name."""
    meetings = Meeting.objects.filter(mentorship__mentor_id=_owner(stamp).user_id)
    return _met(meetings, "Mentoring meeting", _today(stamp))


def _met(meetings: QuerySet[Meeting], title: str, today: date) -> Iterator[tuple[Entry, datetime]]:
    """Those of the meetings that `_told` would keep: people plan and cancel as many as they like, for years."""
    opens, closes = window(today)
    told = Q(cancelled_at=None) | Q(cancelled_at__gte=_midnight(today - CANCELLED_KEPT))
    for meeting in meetings.filter(told, starts_at__gte=opens, starts_at__lt=closes):
        url = _page("meeting", meeting.public_id)
        entry = Entry(
            uid=_uid(f"meeting-{meeting.public_id}"),
            sequence=meeting.sequence,
            revised_at=meeting.revised_at,
            starts_at=meeting.starts_at,
            ends_at=meeting.ends_at,
            title=title,
            url=url,
            location=meeting.place,
            description=f"Details, after you sign in: {url}",
            status="CANCELLED" if meeting.cancelled_at else "CONFIRMED",
            busy=True,
        )
        yield entry, meeting.cancelled_at or meeting.revised_at


def _registrar(stamp: Stamp) -> Iterator[tuple[Entry, datetime]]:
    """The school's year, drafts too, and the days on which something ends for somebody."""
    cohorts = list(_within(Cohort.objects.all(), _today(stamp)))
    by_key = {cohort.pk: cohort for cohort in cohorts}
    if others := {deadline.cohort_id for deadline in stamp.deadlines} - by_key.keys():
        by_key |= {cohort.pk: cohort for cohort in _with_sessions(Cohort.objects.filter(pk__in=others))}
    for cohort in cohorts:
        for entry in _planned(cohort):
            yield entry, cohort.revised_at
    for deadline in stamp.deadlines:
        if found := by_key.get(deadline.cohort_id):
            entry = _deadline(found, deadline)
            yield entry, entry.revised_at


def _planned(cohort: Cohort) -> Iterator[Entry]:
    """A cohort as the desk plans it. That a draft was published must be noticed: from then on numbers are one more."""
    is_draft = cohort.status == CohortStatus.DRAFT
    before, raised = ("Draft: ", 0) if is_draft else ("", 1)
    url = _page("desk:cohort", cohort.code)
    words = f"At the desk: {url}"
    yield from _days(cohort, url=url, description=words, suffix="-desk", before=before, raised=raised)
    opening = _opening(cohort)
    closing = replace(
        opening,
        uid=_uid(f"bookings-close-{cohort.public_id}"),
        starts_at=cohort.bookings_close_at,
        ends_at=cohort.bookings_close_at + _AN_OPENING_TAKES,
        title=f"Bookings close: {cohort.full_title}",
    )
    opening = replace(opening, uid=_uid(f"bookings-{cohort.public_id}-desk"))
    for edge in (opening, closing):
        title = f"{before}{edge.title}"
        yield replace(edge, title=title, sequence=edge.sequence + raised, url=url, description=words)


def _deadline(cohort: Cohort, deadline: Deadline) -> Entry:
    url = _page("desk:cohort", cohort.code)
    return _of_a_day(
        cohort,
        deadline.on,
        uid=_uid(f"{deadline.what}-{cohort.public_id}-{deadline.on:%Y%m%d}"),
        title=_DEADLINES[deadline.what],
        url=url,
        description=f"At the desk: {url}",
    )


def _today(stamp: Stamp) -> date:
    if stamp.day is None:
        raise AssertionError("Only the calendar of one cohort has no window, and asks for none.")
    return stamp.day


def _owner(stamp: Stamp) -> Owner:
    if stamp.owner is None:
        raise AssertionError("A private calendar is somebody's.")
    return stamp.owner


_NAMES: Mapping[FeedKind, str] = {
    FeedKind.TRAINEE: "CINTIMA: your days",
    FeedKind.INSTRUCTOR: "CINTIMA: days you teach",
    FeedKind.MENTOR: "CINTIMA: your mentoring meetings",
    FeedKind.REGISTRAR: "CINTIMA: the school's year",
}
_TELLERS: Mapping[FeedKind, Callable[[Stamp], Iterator[tuple[Entry, datetime]]]] = {
    FeedKind.TRAINEE: _trainee,
    FeedKind.INSTRUCTOR: _instructor,
    FeedKind.MENTOR: _mentor,
    FeedKind.REGISTRAR: _registrar,
}
