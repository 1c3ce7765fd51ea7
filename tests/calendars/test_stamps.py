"""That a stamp covers every input of its feed: whatever changes what a calendar says changes its stamp.

Not by a list that somebody keeps: the statements that are asked while a feed is made say which columns it reads, and
each of them is changed behind everyone's back, by plain SQL, value by value.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from booking.calendars import building, stamps, tokens
from booking.calendars.feeds import as_bytes
from booking.calendars.models import FeedKind, FeedToken
from booking.payments import ledger, paying
from booking.payments.models import Account, Purpose
from booking.reservations import calling_off, cancelling, waiting
from booking.reservations.models import Reservation
from tests import factories
from tests.factories import NOW
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.cohorts.revision import COHORTS, MEETINGS, PARTS, TEACHING
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
CODE = "2027-spring"
FEEDS = ("cohorts", CODE, *FeedKind)
"""All of them: of all cohorts, of one, and of each kind."""
READ_BY_STAMP: dict[str, set[str]] = {
    "cohorts": set(),
    CODE: {"workshops_cohort"},
    **{kind: {"booking_feedtoken", "workshops_user", "workshops_rolegrant"} for kind in FeedKind},
}
BOOKS = {"booking_charge", "booking_ledgerentry", "booking_posting"}
READ_BY_STAMP[FeedKind.TRAINEE] = {
    *READ_BY_STAMP[FeedKind.TRAINEE],
    *BOOKS,
    "booking_reservation",
    "booking_waitlistentry",
}
READ_BY_STAMP[FeedKind.REGISTRAR] = {*READ_BY_STAMP[FeedKind.REGISTRAR], *BOOKS, "booking_reservation"}


@dataclass
class Year:
    """One person who is everything at once, and a year in which everything has happened to them."""

    everyone: User
    secrets: dict[FeedKind, str]

    def stamp(self, feed: str, now: datetime = NOW) -> stamps.Stamp | None:
        """The stamp of this feed of theirs."""
        if feed == "cohorts":
            return stamps.all_cohorts(now)
        if feed == CODE:
            return stamps.one_cohort(CODE)
        found = stamps.private(FeedKind(feed), self.secrets[FeedKind(feed)], now)
        return found[0] if found else None

    def body(self, feed: str, stamp: stamps.Stamp | None) -> bytes | None:
        """The feed itself; nothing where there is none."""
        if stamp is None:
            return None
        if feed == "cohorts":
            return as_bytes(building.all_cohorts(stamp))
        if feed != CODE:
            return as_bytes(building.private(stamp))
        try:
            return as_bytes(building.one_cohort(CODE))
        except Cohort.DoesNotExist:
            return None

    def both(self, feed: str, now: datetime = NOW) -> tuple[str | None, bytes | None]:
        """The tag and the bytes."""
        stamp = self.stamp(feed, now)
        return stamp.tag if stamp else None, self.body(feed, stamp)


@pytest.fixture
def year() -> Year:
    """Seats in every state, a place in line, a plan's worth of charges, a cohort taught, meetings on both sides."""
    everyone = factories.trainee(lacking="module-iii")
    for role in (Role.INSTRUCTOR, Role.MENTOR, Role.REGISTRAR):
        everyone.role_grants.create(role=role, granted_at=NOW)
    everyone = User.objects.get(pk=everyone.pk)
    registrar = factories.person(Role.REGISTRAR)
    provisional: dict[str, Any] = {"terms_changed": {"provisional_days": 30, "one_active_seat": False}}
    reserved = factories.cohort(code=CODE, title="Spring 2027", instructors=(everyone,), **provisional)
    factories.cohort(code="draft", status=CohortStatus.DRAFT, starts_on=date(2027, 9, 1))
    held, left, full, off = (
        factories.cohort(starts_on=date(2027, 6, 1) + number * 14 * DAY, capacity=1, **provisional)
        for number in range(4)
    )
    seat = factories.reservation(cohort=reserved, trainee=everyone)
    paying.begin(seat, Purpose.DEPOSIT, "sandbox", by=everyone, now=NOW)
    factories.reservation(cohort=held, trainee=everyone)
    gone = factories.reservation(cohort=left, trainee=everyone)
    paying.begin(gone, Purpose.DEPOSIT, "sandbox", by=everyone, now=NOW)
    cancelling.cancel(gone, now=NOW, by=everyone)
    other = factories.reservation(cohort=full)
    paying.begin(other, Purpose.DEPOSIT, "sandbox", by=other.trainee, now=NOW)
    waiting.join(full, everyone, now=NOW)
    called_off = factories.reservation(cohort=off)
    paying.begin(called_off, Purpose.DEPOSIT, "sandbox", by=called_off.trainee, now=NOW)
    calling_off.call_off(off, by=registrar, now=NOW, why="No stage.")
    mentor, mentee = factories.person(Role.MENTOR), factories.trainee()
    for pair in ((mentor, everyone), (everyone, mentee)):
        mentorship = mentorships.begin(*pair, by=registrar, now=NOW)
        for day in (7, 9):
            planned = meetings.plan(mentorship, Agreed(NOW + day * DAY + pair[0].pk * DAY / 8, 30), by=pair[0], now=NOW)
        meetings.cancel(planned, seen=0, by=pair[0], now=NOW)
    secrets = {
        kind: tokens.make(everyone, kind, now=NOW)[1].rpartition("/")[2].removesuffix(".ics") for kind in FeedKind
    }
    return Year(everyone, secrets)


# -- which tables and columns ------------------------------------------------------------------------------------------
TABLE = re.compile(r'\b(?:FROM|JOIN)\s+"?((?:workshops|booking)_\w+)"?', re.IGNORECASE)


def tables(asked: CaptureQueriesContext) -> set[str]:
    return {table for query in asked for table in TABLE.findall(query["sql"])}


@contextmanager
def watched(year: Year, feed: str) -> Iterator[tuple[CaptureQueriesContext, CaptureQueriesContext]]:
    """The statements of the stamp, and those of the body."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
        stamps._planned.clear()
    with CaptureQueriesContext(connection) as of_stamp:
        stamp = year.stamp(feed)
    with CaptureQueriesContext(connection) as of_body:
        assert year.body(feed, stamp)
    yield of_stamp, of_body


def columns(year: Year, feed: str) -> list[tuple[type[models.Model], "models.Field[Any, Any]"]]:
    """Every column that a statement of this feed names, in the tables that it reads."""
    by_table = {model._meta.db_table: model for model in apps.get_models()}
    with watched(year, feed) as (of_stamp, of_body):
        words = {word for each in (of_stamp, of_body) for query in each for word in re.findall(r"\w+", query["sql"])}
        read = sorted((tables(of_stamp) | tables(of_body)) - {"workshops_calendarrevision"})
    return [
        (by_table[table], field)
        for table in read
        for field in by_table[table]._meta.concrete_fields
        if field.column in words
    ]


@pytest.mark.parametrize("feed", FEEDS)
def test_a_stamp_is_one_statement_and_the_feed_reads_only_what_its_revisions_cover(year: Year, feed: str) -> None:
    parts = stamps.PARTS[FeedKind(feed)] if feed in FeedKind.values else (COHORTS,)
    covered = {table for part in parts for table in PARTS[part]}
    with watched(year, feed) as (of_stamp, of_body):
        assert len([query for query in of_stamp if not query["sql"].startswith("PREPARE")]) == 1
        assert tables(of_stamp) == READ_BY_STAMP[feed] | {"workshops_calendarrevision"}
        assert tables(of_body)
        assert tables(of_body) <= covered
    stamp = year.stamp(feed)
    assert stamp is not None
    assert [part for part, _ in stamp.revisions] == list(parts)


# -- every value -------------------------------------------------------------------------------------------------------
def other_values(field: "models.Field[Any, Any]", value: Any) -> list[Any]:
    """Values that this column might have instead; the database refuses some."""
    found: list[Any] = [None] if field.null else []
    if field.choices:
        found += [choice for choice, _ in field.flatchoices]
    elif isinstance(field, models.BooleanField):
        found += [not value]
    elif isinstance(value, datetime):
        found += [value + step * DAY for step in (-400, -1, 1 / 24, 1, 40)]
    elif isinstance(value, date):
        found += [value + step * DAY for step in (-400, -1, 1, 40)]
    elif isinstance(field, models.ForeignKey):
        others = field.related_model._default_manager.exclude(pk=value)
        found += list(others.order_by("pk").values_list("pk", flat=True)[:4])
    elif isinstance(value, int):
        found += [value + 1, value - 1, 0, value + 1_000_000]
    elif isinstance(value, str):
        found += [value + "x", value[1:], *([""] if field.blank else [])]
    elif value is None and isinstance(field, models.DateTimeField):
        found += [NOW - 40 * DAY, NOW]
    elif value is None and isinstance(field, models.DateField):
        found += [date(2027, 3, 1)]
    return [other for other in found if other != value]


TOGETHER = {
    "booking_waitlistentry.state": "UPDATE booking_waitlistentry SET state = 'withdrawn', ended_at = revised_at",
    "booking_reservation.state": "UPDATE booking_reservation SET state = 'expired', held_until = NULL",
    "booking_charge.amount_cents": "UPDATE booking_charge SET amount_cents = 1",
}
"""What the database only lets change together, or what only together makes a difference."""


def changes(year: Year, feed: str, within: str = "") -> Iterator[tuple[str, str, Callable[[], bool]]]:
    """Every change of one value, and of one row to none: the column, what would change, and how to try it.

    With `within`, those of that table alone.
    """
    read = [(model, field) for model, field in columns(year, feed) if within in ("", model._meta.db_table)]
    for column, statement in TOGETHER.items():
        if column.partition(".")[0] in {model._meta.db_table for model, _ in read}:
            yield column, statement, partial(_run, statement, [])
    for model, field in read:
        for key, value in _rows(model, field):
            for other in other_values(field, value):
                words = f"{model._meta.db_table}.{field.column} of {key}: {value!r} to {other!r}"
                yield f"{model._meta.db_table}.{field.column}", words, _update(model, field, key, other)
    for model in {model for model, _ in read}:
        table = model._meta.db_table
        for key, _ in _rows(model, model._meta.pk):
            yield table, f"{table} without {key}", _delete(table, key)


def _rows(model: type[models.Model], field: "models.Field[Any, Any]") -> list[tuple[Any, Any]]:
    """Some rows from the beginning, some from the end."""
    rows = list(model._default_manager.order_by("pk").values_list("pk", field.attname))
    return rows[:4] + rows[4:][-2:]


def _update(model: type[models.Model], field: "models.Field[Any, Any]", key: Any, value: Any) -> Callable[[], bool]:
    table, column, pk = model._meta.db_table, field.column, model._meta.pk.column
    statement = f'UPDATE "{table}" SET "{column}" = %s WHERE "{pk}" = %s'
    return partial(_run, statement, [field.get_db_prep_save(value, connection), key])


def _delete(table: str, key: Any) -> Callable[[], bool]:
    return partial(_run, f'DELETE FROM "{table}" WHERE id = %s', [key])


def _run(statement: str, values: list[Any]) -> bool:
    """Carry it out; whether the database let it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)
    except DatabaseError:
        return False
    return True


def uncovered(year: Year, feed: str, within: str = "") -> tuple[list[str], set[str]]:
    """The changes that another feed came of under the same stamp, and the columns that made another feed at all."""
    before, told = year.both(feed), set[str]()
    found: list[str] = []
    assert before == year.both(feed)
    for column, words, change in changes(year, feed, within):
        with transaction.atomic():
            if change():
                tag, body = year.both(feed)
                if body != before[1]:
                    told.add(column)
                    if tag == before[0]:
                        found.append(words)
            transaction.set_rollback(True)
    return found, told


TOLD = {
    "cohorts": "workshops_cohort.title workshops_cohort.status workshops_session.starts_at workshops_venue.address "
    "workshops_module.numeral workshops_session.sequence workshops_cohort.revised_at workshops_session",
    CODE: "workshops_cohort.code workshops_cohort.title workshops_session.ends_at workshops_venue.name",
    FeedKind.TRAINEE: "booking_reservation.state booking_reservation.sequence booking_reservation.held_until "
    "booking_reservation.provisional_until booking_waitlistentry.state booking_waitlistentry.revised_at "
    "booking_charge.due_at booking_charge.amount_cents booking_charge.sequence booking_charge.kind "
    "booking_feedtoken.with_due_dates booking_feedtoken.user_id workshops_user.is_active workshops_rolegrant "
    "workshops_session.starts_at workshops_venue.city workshops_meeting.place workshops_mentorship.trainee_id",
    FeedKind.INSTRUCTOR: "workshops_teaching.instructor_id workshops_teaching workshops_session.starts_at "
    "workshops_user.erased_at workshops_user.merged_into_id booking_feedtoken.digest",
    FeedKind.MENTOR: "workshops_meeting.starts_at workshops_meeting.minutes workshops_meeting.cancelled_at "
    "workshops_mentorship.mentor_id workshops_rolegrant.role",
    FeedKind.REGISTRAR: "workshops_cohort.bookings_close_at workshops_cohort.status booking_charge.due_at "
    "booking_reservation.state booking_reservation.choose_until booking_reservation.provisional_until",
}
"""Some of what decides what each says: should the changes not reach it, they would prove nothing."""


@pytest.mark.parametrize("feed", FEEDS)
def test_no_value_changes_a_feed_under_the_same_stamp(year: Year, feed: str) -> None:
    found, told = uncovered(year, feed)
    assert found == []
    assert set(TOLD[feed].split()) <= told


NEGATIVE = [("cohorts", table) for table in PARTS[COHORTS]] + [  # what is told of it, as the feeds that need it show
    (FeedKind.INSTRUCTOR, "workshops_teaching"),
    (FeedKind.MENTOR, "workshops_mentorship"),
    (FeedKind.TRAINEE, "workshops_meeting"),
]


@pytest.mark.parametrize(("feed", "table"), NEGATIVE)
def test_without_a_tables_triggers_that_very_proof_fails(year: Year, feed: str, table: str) -> None:
    assert {table for part in (COHORTS, TEACHING, MEETINGS) for table in PARTS[part]} == {each for _, each in NEGATIVE}
    drop_triggers(table)
    assert uncovered(year, feed, within=table)[0]


def drop_triggers(table: str) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
        else:
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE '%%_renews_%%'", [table]
            )
        names = [name for (name,) in cursor.fetchall() if "_renews_" in name]
        assert names
        for name in names:
            cursor.execute(f'DROP TRIGGER "{name}"' + ("" if connection.vendor == "sqlite" else f' ON "{table}"'))


@pytest.mark.parametrize("forgotten", ["claims", "dues", "deadlines", "owner", "day", "revisions"])
def test_without_a_part_of_the_stamp_the_proof_fails(
    year: Year, forgotten: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof itself is put to the test: a tag that leaves out a part of the stamp is found out."""
    nothing = stamps.Stamp("", (), None)
    whole = stamps.Stamp.tag.func  # type: ignore[attr-defined]
    monkeypatch.setattr(
        stamps.Stamp, "tag", property(lambda stamp: whole(replace(stamp, **{forgotten: getattr(nothing, forgotten)})))
    )
    assert forgotten in {field.name for field in fields(stamps.Stamp)}
    if forgotten == "day":
        assert not one_body_a_tag(year, "cohorts")
        return
    feed, table = {
        "claims": (FeedKind.TRAINEE, "booking_reservation"),
        "dues": (FeedKind.TRAINEE, "booking_charge"),
        "deadlines": (FeedKind.REGISTRAR, "booking_reservation"),
        "owner": (FeedKind.MENTOR, "booking_feedtoken"),
        "revisions": (FeedKind.INSTRUCTOR, "workshops_session"),
    }[forgotten]
    assert uncovered(year, feed, within=table)[0]


# -- time, money, code -------------------------------------------------------------------------------------------------
def one_body_a_tag(year: Year, feed: str) -> bool:
    """Whether the same tag means the same bytes all through a day and a night, and from day to day for two years."""
    moments = [NOW + step * timedelta(minutes=20) for step in range(24 * 2)]
    moments += [NOW + day * DAY for day in range(1, 125, 2)] + [NOW + month * 29 * DAY for month in range(5, 25)]
    bodies: dict[str | None, set[bytes | None]] = {}
    for moment in moments:
        tag, body = year.both(feed, moment)
        bodies.setdefault(tag, set()).add(body)
    return all(len(each) == 1 for each in bodies.values())


@pytest.mark.parametrize("feed", FEEDS)
def test_no_hour_and_no_day_changes_a_feed_under_the_same_stamp(year: Year, feed: str) -> None:
    assert one_body_a_tag(year, feed)


@pytest.mark.parametrize("feed", [FeedKind.TRAINEE, FeedKind.REGISTRAR])
def test_money_in_the_books_changes_the_stamp_with_the_feed(year: Year, feed: str) -> None:
    """Entries are only ever added, so it is this that the books can change."""
    seat = Reservation.objects.get(trainee=year.everyone, state="reserved")
    missing = seat.owed_cents - ledger.kept_cents(seat)
    before = year.both(feed)
    for part in (missing - 1, 1):
        ledger.post(f"test:{part}", seat, {Account.SANDBOX: part, Account.TUITION_HELD: -part}, at=NOW)
        after = year.both(feed)
        assert (after[1] == before[1]) is (after[0] == before[0]) is (part != 1)
        before = after


@pytest.mark.parametrize("feed", FEEDS)
def test_other_addresses_are_another_stamp(year: Year, feed: str, settings: Settings) -> None:
    tags = {year.both(feed)[0]}
    settings.SITE_URL = "https://elsewhere.example.org"
    tags.add(year.both(feed)[0])
    settings.CALENDAR_HOST = "elsewhere.example.org"
    tags.add(year.both(feed)[0])
    assert len(tags) == 3


def test_other_code_is_another_stamp(year: Year, monkeypatch: pytest.MonkeyPatch) -> None:
    before = year.both("cohorts")[0]
    monkeypatch.setattr(stamps, "MADE_BY", "something else")
    assert year.both("cohorts")[0] != before


def test_the_code_that_counts_is_all_of_the_product(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("booking", "workshops"):
        (tmp_path / package / "calendars").mkdir(parents=True)
        (tmp_path / package / "calendars" / "feeds.py").write_text("one = 1\n")
    monkeypatch.setattr(stamps, "files", lambda name: tmp_path / name)
    seen = {stamps._made_by()}
    (tmp_path / "workshops" / "calendars" / "feeds.py").write_text("one = 2\n")
    seen.add(stamps._made_by())
    (tmp_path / "booking" / "new.py").write_text("")
    seen.add(stamps._made_by())
    monkeypatch.setattr(stamps, "_clocks", lambda: b"another time zone")
    seen.add(stamps._made_by())
    monkeypatch.setattr(stamps, "version", lambda _name: "99")
    seen.add(stamps._made_by())
    assert len(seen) == 5


def test_what_changes_between_the_stamp_and_the_feed_is_newer_than_its_tag_and_told_the_next_time(year: Year) -> None:
    """The stamp is read first. The other way round, an old feed would stand under a new tag for good."""
    for feed in FEEDS:
        with transaction.atomic():
            stamp = year.stamp(feed)
            assert stamp is not None
            with connection.cursor() as cursor:
                cursor.execute("UPDATE workshops_session SET sequence = sequence + 1")
                cursor.execute("UPDATE workshops_meeting SET sequence = sequence + 1")
            body = year.body(feed, stamp)
            tag, fresh = year.both(feed)
            assert body == fresh
            assert tag != stamp.tag
            transaction.set_rollback(True)


def test_a_fetch_is_no_part_of_the_stamp(year: Year) -> None:
    before = [year.both(kind) for kind in FeedKind]
    FeedToken.objects.update(last_fetched_at=NOW, last_client="google")
    assert [year.both(kind) for kind in FeedKind] == before
