"""Every feed and every invitation, as programs read them that did not write them and share no code with each other.

What they must find is worked out here from the tables, by none of the product's calendar code. The year has a cohort on
each side of both changes of the clocks: to summer time on 14 March 2027, and back on 7 November 2027.
"""

import io
import sys
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from booking.calendars import invitations, tokens, views
from booking.calendars.models import FeedKind
from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import waiting
from booking.reservations.models import ChargeKind, Reservation, WaitlistEntry
from tests import factories
from tests.calendars.js import ICAL_JS
from tests.calendars.mailboxes import expanded, expanded_by_vobject, in_utc
from tests.calendars.mailboxes import read as read_strictly
from tests.calendars.readers import Read, Reader, in_order
from tests.factories import LOS_ANGELES, NOW
from tests.services import npm
from tests.services.npm import NpmUnavailableError, Pinned
from workshops.clock import school_day
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed
from workshops.mentors.models import Meeting
from workshops.people.models import Role, User

SPRING, AUTUMN = date(2027, 3, 12), date(2027, 11, 5)
HALF_AN_HOUR, HOUR, DAY = timedelta(minutes=30), timedelta(hours=1), timedelta(days=1)
# The clocks show half past one twice on 7 November: the first time it is 8:30 in UTC, the second time 9:30.
TWICE = (datetime(2027, 11, 7, 8, 30, tzinfo=UTC), datetime(2027, 11, 7, 9, 30, tzinfo=UTC))


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "current_time", lambda: NOW)


# -- a year with everything in it --------------------------------------------------------------------------------------
@dataclass
class Year:
    """Cohorts across both changes, and one person in each role."""

    spring: Cohort
    autumn: Cohort
    draft: Cohort
    trainee: User
    instructor: User
    mentor: User
    registrar: User
    seat: Reservation
    place: WaitlistEntry


@pytest.fixture
def year(db: None) -> Year:
    instructor, mentor = factories.person(Role.INSTRUCTOR), factories.person(Role.MENTOR)
    registrar = factories.person(Role.REGISTRAR)
    opens = datetime(2027, 3, 14, 10, 0, tzinfo=LOS_ANGELES)  # seven hours after the clocks change
    about: dict[str, Any] = {"instructors": (instructor,)}
    spring = factories.cohort(
        code="spring",
        title="Module IV, spring; in March",
        starts_on=SPRING,
        terms_changed={"provisional_days": 20},
        **about,
    )
    autumn = factories.cohort(code="autumn", title="Autumn 2027", starts_on=AUTUMN, capacity=1, **about)
    draft = factories.cohort(
        code="plan", starts_on=date(2028, 3, 10), status=CohortStatus.DRAFT, bookings_open_at=opens
    )
    trainee = factories.trainee(lacking="module-iii")
    seat = factories.reservation(cohort=spring, trainee=trainee)
    paying.begin(seat, Purpose.DEPOSIT, "sandbox", by=trainee, now=NOW)
    seat.refresh_from_db()
    factories.reservation(cohort=autumn)
    place, _ = waiting.join(autumn, trainee, now=NOW)
    both = mentorships.begin(mentor, trainee, by=registrar, now=NOW)
    nights = [
        datetime(2027, month, day, 9, 0, tzinfo=LOS_ANGELES) for month, day in ((3, 13), (3, 14), (11, 6), (11, 8))
    ]
    for starts_at in (*nights, *TWICE):
        meetings.plan(both, Agreed(starts_at, 45, "Café, corner table"), by=mentor, now=NOW)
    return Year(spring, autumn, draft, trainee, instructor, mentor, registrar, seat, place)


# -- what must be found ------------------------------------------------------------------------------------------------
def uid(name: str) -> str:
    return f"{name}@{settings.CALENDAR_HOST}"


def days(cohort: Cohort, title: str, suffix: str = "") -> list[Read]:
    found = cohort.sessions.order_by("day")
    return [
        Read(each.starts_at, each.ends_at, uid(f"{each.uid}{suffix}"), f"{title}, day {each.day} of 4")
        for each in found
    ]


def at(moment: datetime, name: str, title: str) -> Read:
    return Read(moment, moment + HALF_AN_HOUR, uid(name), title)


def whole_day(day: date, name: str, title: str) -> Read:
    return Read(day, day + DAY, uid(name), title)


def met(title: str) -> list[Read]:
    return [
        Read(each.starts_at, each.ends_at, uid(f"meeting-{each.public_id}"), title) for each in Meeting.objects.all()
    ]


SPRING_TITLE, AUTUMN_TITLE = "Module IV, spring; in March", "Module IV, Autumn 2027"


def public(year: Year) -> list[Read]:
    found = [*days(year.spring, SPRING_TITLE), *days(year.autumn, AUTUMN_TITLE)]
    for cohort, title in ((year.spring, SPRING_TITLE), (year.autumn, AUTUMN_TITLE)):
        found.append(at(cohort.bookings_open_at, f"bookings-{cohort.public_id}", f"Bookings open: {title}"))
    return found


def one_cohort(year: Year) -> list[Read]:
    return [each for each in public(year) if AUTUMN_TITLE in each.title]


def trainee(year: Year) -> list[Read]:
    balance = year.seat.charges.get(kind=ChargeKind.BALANCE)
    assert year.seat.provisional_until is not None
    return [
        *days(year.spring, SPRING_TITLE, f"-{year.seat.public_id}"),
        *days(year.autumn, f"In line: {AUTUMN_TITLE}", f"-{year.place.public_id}"),
        whole_day(school_day(balance.due_at), f"due-{balance.pk}", f"Balance due: {SPRING_TITLE}"),
        whole_day(
            year.seat.provisional_until,
            f"promise-{year.seat.public_id}",
            f"Prerequisites promised by today: {SPRING_TITLE}",
        ),
        *met("Meeting with your mentor"),
    ]


def instructor(year: Year) -> list[Read]:
    return [*days(year.spring, SPRING_TITLE, "-teaching"), *days(year.autumn, AUTUMN_TITLE, "-teaching")]


def mentor(year: Year) -> list[Read]:
    return met("Mentoring meeting")


def registrar(year: Year) -> list[Read]:
    found = []
    for cohort, title, before in (
        (year.spring, SPRING_TITLE, ""),
        (year.autumn, AUTUMN_TITLE, ""),
        (year.draft, year.draft.title, "Draft: "),
    ):
        found += days(cohort, f"{before}{title}", "-desk")
        found.append(
            at(cohort.bookings_open_at, f"bookings-{cohort.public_id}-desk", f"{before}Bookings open: {title}")
        )
        closes = cohort.bookings_close_at
        found.append(at(closes, f"bookings-close-{cohort.public_id}", f"{before}Bookings close: {title}"))
    balance = school_day(year.seat.charges.get(kind=ChargeKind.BALANCE).due_at)
    promise = year.seat.provisional_until
    assert promise is not None
    for what, day, title in (
        ("balances", balance, "Balances due"),
        ("promises", promise, "Promised prerequisites to review"),
    ):
        name = f"{what}-{year.spring.public_id}-{day:%Y%m%d}"
        found.append(whole_day(day, name, f"{title}: {SPRING_TITLE}"))
    return found


FEEDS: dict[str, Callable[[Year], list[Read]]] = {
    "public": public,
    "one cohort": one_cohort,
    "trainee": trainee,
    "instructor": instructor,
    "mentor": mentor,
    "registrar": registrar,
}


def address(feed: str, year: Year) -> str:
    """Where this feed is fetched, in this year by the one person who has it."""
    if feed in FeedKind.values:
        _, whole = tokens.make(getattr(year, feed), FeedKind(feed), now=NOW)
        return whole.removeprefix(settings.SITE_URL)
    return {"public": "/calendar/cohorts.ics", "one cohort": "/calendar/cohorts/autumn.ics"}[feed]


def fetched(path: str) -> bytes:
    answer = Client().get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    return answer.content


# -- feeds -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("feed", FEEDS)
def test_every_reader_finds_in_every_feed_the_events_that_there_are(
    feed: str, year: Year, readers: dict[str, Reader]
) -> None:
    written, there_are = fetched(address(feed, year)), in_order(FEEDS[feed](year))
    assert len(there_are) >= 5
    assert len(readers) >= 4
    for name, read in readers.items():
        assert read(written) == there_are, name


@pytest.mark.parametrize("feed", FEEDS)
def test_every_feed_shows_the_same_hours_on_both_sides_of_a_change(
    feed: str, year: Year, readers: dict[str, Reader]
) -> None:
    """Half past nine in the morning is an hour earlier in UTC once the clocks have gone forward."""
    written = fetched(address(feed, year))
    for name, read in readers.items():
        shown = {}
        for each in read(written):
            if isinstance(each.starts_at, datetime) and (", day " in each.title or feed == "mentor"):
                local = each.starts_at.astimezone(LOS_ANGELES)
                if local.date() not in (each.astimezone(LOS_ANGELES).date() for each in TWICE):
                    shown[local.date()] = (local.hour, each.starts_at.astimezone(UTC).hour)
        hour = 9
        for day in (SPRING + DAY, AUTUMN + DAY, AUTUMN + 3 * DAY):
            if day in shown:
                assert shown[day][0] == hour, (name, day)
        changes = [shown[day][1] for day in (SPRING + DAY, SPRING + 2 * DAY) if day in shown]
        assert changes in ([17, 16], []), (name, changes)
        changes = [shown[day][1] for day in (AUTUMN + DAY, AUTUMN + 3 * DAY) if day in shown]
        assert changes == [16, 17], (name, changes)


def test_an_hour_that_the_clocks_show_twice_is_the_one_that_was_meant(year: Year, readers: dict[str, Reader]) -> None:
    written = fetched(address("mentor", year))
    for name, read in readers.items():
        begins = [each.starts_at.astimezone(UTC) for each in read(written) if isinstance(each.starts_at, datetime)]
        assert set(TWICE) <= set(begins), name


def test_without_due_dates_every_reader_finds_the_rest(year: Year, readers: dict[str, Reader]) -> None:
    path = address("trainee", year)
    tokens.set_due_dates(year.trainee, FeedKind.TRAINEE, shown=False)
    there_are = in_order(each for each in trainee(year) if isinstance(each.starts_at, datetime))
    for name, read in readers.items():
        assert read(fetched(path)) == there_are, name


def test_what_is_cancelled_is_read_as_that_by_everyone(year: Year, readers: dict[str, Reader]) -> None:
    before = {each.uid: each for each in public(year)}
    Cohort.objects.filter(pk=year.autumn.pk).update(status=CohortStatus.CANCELLED, sequence=1, revised_at=NOW)
    year.autumn.sessions.update(sequence=1, revised_at=NOW)
    for name, read in readers.items():
        found = {each.uid: each for each in read(fetched("/calendar/cohorts.ics"))}
        assert found.keys() == before.keys(), name
        for key, each in found.items():
            assert (each.starts_at, each.ends_at) == (before[key].starts_at, before[key].ends_at), name
            off = "Cancelled: " if AUTUMN_TITLE in each.title else ""
            assert each.title == f"{off}{before[key].title}", name


# -- invitations -------------------------------------------------------------------------------------------------------
HOURS: dict[str, tuple[date, dict[int, tuple[int, int]]]] = {
    # the first day, and the days with hours of their own
    "into summer time": (SPRING, {}),
    "out of summer time": (AUTUMN, {}),
    "into summer time, the last day short": (SPRING, {4: (9, 13)}),
    "out of summer time, the day of the change later": (AUTUMN, {3: (12, 18)}),
}


def spans(events: Iterable[Read]) -> list[tuple[datetime, datetime]]:
    return in_utc(
        (each.starts_at, each.ends_at)
        for each in events
        if isinstance(each.starts_at, datetime) and isinstance(each.ends_at, datetime)
    )


@pytest.mark.parametrize(("first", "own"), HOURS.values(), ids=HOURS)
def test_every_reader_finds_in_an_invitation_the_days_that_there_are(
    db: None, first: date, own: dict[int, tuple[int, int]], readers: dict[str, Reader]
) -> None:
    cohort = factories.cohort(title="Module IV, here; there", starts_on=first)
    for day, (begins, ends) in own.items():
        session = cohort.sessions.get(day=day)
        session.starts_at = session.starts_at.astimezone(LOS_ANGELES).replace(hour=begins, minute=0)
        session.ends_at = session.ends_at.astimezone(LOS_ANGELES).replace(hour=ends, minute=0)
        session.save()
    seat = factories.reservation(cohort=cohort)
    written = invitations.request(seat, now=NOW)
    there_are = in_utc((each.starts_at, each.ends_at) for each in cohort.sessions.all())
    assert len(there_are) == 4
    assert (spans(readers["ical.js"](written.encode())), expanded(written), expanded_by_vobject(written)) == (
        there_are,
        there_are,
        there_are,
    )
    same = (uid(f"reservation-{seat.calendar_id}"), "Module IV, here; there")
    for name, read in readers.items():
        assert {(each.uid, each.title) for each in read(written.encode())} == {same}, name


def test_every_reader_finds_in_a_cancellation_what_it_cancels(db: None, readers: dict[str, Reader]) -> None:
    seat = factories.reservation(cohort=factories.cohort(title="Module IV, spring", starts_on=SPRING))
    written = invitations.cancellation(seat, now=NOW)
    assert str(read_strictly(written)["METHOD"]) == "CANCEL"
    for name, read in readers.items():
        found = {(each.uid, each.title) for each in read(written.encode())}
        assert found == {(uid(f"reservation-{seat.calendar_id}"), "Cancelled: Module IV, spring")}, name


# -- the readers themselves --------------------------------------------------------------------------------------------
def test_no_reader_takes_what_is_no_calendar(readers: dict[str, Reader]) -> None:
    for name, read in readers.items():
        with pytest.raises(Exception, match=r"."):
            assert read(b"<html>404</html>"), name


def test_an_hour_without_a_zone_would_be_noticed(year: Year, readers: dict[str, Reader]) -> None:
    """The negative control: hours that mean those of whoever reads, and a zone that does not change its clocks."""
    written = fetched("/calendar/cohorts.ics")
    floating = written.replace(b";TZID=America/Los_Angeles:", b":")
    with pytest.raises(AssertionError, match="in no time zone"):
        readers["ical.js"](floating)
    stopped = written.replace(b"TZOFFSETTO:-0700", b"TZOFFSETTO:-0800")
    for name in ("ical.js", "vobject"):  # the two that work hours out from the feed's own zone
        assert readers[name](stopped) != in_order(public(year)), name


def archive(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as writing:
        for path in ("package/dist/ical.min.js", "package/LICENSE"):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            writing.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def test_a_package_that_is_not_what_was_pinned_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = archive(b"export default {}")

    def packed(_: Pinned, folder: Path) -> Path:
        fetched.append(folder)
        (folder / "it.tgz").write_bytes(served)
        return folder / "it.tgz"

    fetched: list[Path] = []
    monkeypatch.setattr(npm, "_packed", packed)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    pinned = Pinned(ICAL_JS.name, ICAL_JS.version, npm.integrity(good), ICAL_JS.files)
    (tmp_path / "run").mkdir()
    served = archive(b"steal()")
    for _ in range(2):
        with pytest.raises(NpmUnavailableError, match="is not what was pinned"):
            npm.package(pinned, tmp_path / "run")
    assert len(fetched) == 1, "tried once in a run"
    (tmp_path / "next run").mkdir()
    served = good
    kept = npm.package(pinned, tmp_path / "next run")
    assert sorted(path.name for path in kept.iterdir()) == ["LICENSE", "ical.min.js"]
    assert npm.package(pinned, tmp_path / "next run") == kept
    assert len(fetched) == 2, "and kept from then on"
