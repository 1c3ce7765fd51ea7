"""The stamp of a feed: everything that decides what it says, known after one statement.

A calendar client that has the feed already is told so by its stamp alone, without the feed being made.

A stamp holds the names of the revisions that cover the cohorts, their days, teachings and meetings
(`workshops.cohorts.revision`), the person's own claims and what they owe as those are now, the day, and what the code
is. A feed is built from its stamp and from tables under those revisions, read after it: what changes in between makes
the feed newer than its tag, never older, and the next time the tag is another.
"""

import hashlib
import platform
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args
from weakref import WeakKeyDictionary
from zoneinfo import TZPATH

from django.conf import settings
from django.db import DatabaseError, connection

from booking.calendars.feeds import Status
from booking.calendars.models import FeedKind, FeedToken
from booking.calendars.timezones import TZID
from booking.payments.ledger import KEPT_ON
from booking.reservations.models import SEATED, WAITING, ChargeKind, EntryState, State, in_calendar
from workshops.clock import school_day
from workshops.cohorts.revision import COHORTS, MEETINGS, TEACHING

PARTS: dict[FeedKind, tuple[int, ...]] = {
    FeedKind.TRAINEE: (COHORTS, MEETINGS),
    FeedKind.INSTRUCTOR: (COHORTS, TEACHING),
    FeedKind.MENTOR: (MEETINGS,),
    FeedKind.REGISTRAR: (COHORTS,),
}
"""The revisions that cover what each private feed reads beside its stamp."""


# -- what a stamp holds ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Owner:
    """Whose feed it is, by the secret in its address, and what they chose."""

    user_id: int
    with_due_dates: bool


@dataclass(frozen=True)
class LastFetch:
    """When the secret was used before, and by what. It is no part of what the feed says."""

    token_id: int
    at: datetime | None
    client: str


@dataclass(frozen=True)
class Claim:
    """A reservation or a place in line of the owner's, as of now."""

    kind: Literal["reservation", "line"]
    public_id: str
    cohort_id: int
    status: Status
    sequence: int
    revised_at: datetime
    promised_until: date | None = None
    """By when what is missing was promised: for a seat that is theirs, and where they want such dates."""


@dataclass(frozen=True)
class Due:
    """A charge of the owner's that is not covered yet."""

    charge_id: int
    reservation_id: str
    """The public one."""
    cohort_id: int
    kind: ChargeKind
    number: int
    due_on: date
    sequence: int
    revised_at: datetime


Nears = Literal["balances", "instalments", "promises", "choices"]


@dataclass(frozen=True)
class Deadline:
    """A day on which something ends for somebody in a cohort: not for whom, nor for how many."""

    what: Nears
    cohort_id: int
    on: date


@dataclass(frozen=True)
class Stamp:
    """All of it."""

    feed: str
    """Which feed: its name in the address, without any secret."""
    revisions: tuple[tuple[int, str], ...]
    day: date | None
    """Today in Los Angeles, where the feed has a window."""
    owner: Owner | None = None
    claims: tuple[Claim, ...] = ()
    dues: tuple[Due, ...] = ()
    deadlines: tuple[Deadline, ...] = ()

    @cached_property
    def tag(self) -> str:
        """A name for everything that decides what the feed says: another one where anything of it differs."""
        told = (MADE_BY, settings.SITE_URL, settings.CALENDAR_HOST, self)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


# -- what the code is --------------------------------------------------------------------------------------------------
def _made_by() -> str:
    """What writes the bytes: every line of the product, what it is written with, and the clocks of Los Angeles.

    All of the product's code, because a list of modules would be wrong one day: at the cost of one fetch by each client
    after the product was changed.
    """
    digest = hashlib.sha256()
    for package in ("booking", "workshops"):
        root = Path(str(files(package)))
        for source in sorted(root.rglob("*.py")):
            digest.update(source.relative_to(root).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    digest.update(_clocks())
    digest.update(f"{version('icalendar')} {version('django')} {platform.python_version()}".encode())
    digest.update(zlib.ZLIB_RUNTIME_VERSION.encode())
    return digest.hexdigest()


def _clocks() -> bytes:
    """The time zone's data as this machine has it: where zoneinfo looks for it, in that order."""
    for folder in TZPATH:
        if (data := Path(folder, TZID)).is_file():
            return data.read_bytes()
    return files("tzdata").joinpath("zoneinfo", *TZID.split("/")).read_bytes()


MADE_BY = _made_by()


# -- public feeds ------------------------------------------------------------------------------------------------------
def all_cohorts(now: datetime) -> Stamp:
    """The stamp of the calendar of all cohorts. One statement."""
    found = _asked("SELECT name FROM workshops_calendarrevision WHERE id = %s", [COHORTS])
    return Stamp("cohorts", tuple((COHORTS, name) for (name,) in found), school_day(now))


def one_cohort(code: str) -> Stamp | None:
    """The stamp of one cohort's calendar; None where there is none, or none that the public may know of.

    One statement. It has no window, so no day is part of it.
    """
    found = _asked(
        "SELECT revision.name FROM workshops_calendarrevision revision "
        "JOIN workshops_cohort cohort ON cohort.code = %s AND cohort.status <> 'draft' WHERE revision.id = %s",
        [code, COHORTS],
    )
    return Stamp(f"cohorts/{code}", tuple((COHORTS, name) for (name,) in found), None) if found else None


# -- private feeds -----------------------------------------------------------------------------------------------------
# Every row has ten columns of text: what it is, and what it says of that. SQLite and PostgreSQL read the same words.
_OWNER = """
WITH owner AS (
    SELECT token.id, token.user_id, token.with_due_dates, token.last_fetched_at, token.last_client
    FROM booking_feedtoken token
    JOIN workshops_user person ON person.id = token.user_id
    JOIN workshops_rolegrant held ON held.user_id = person.id AND held.role = token.kind
    WHERE token.digest = %(digest)s AND token.kind = %(kind)s
        AND person.is_active AND person.erased_at IS NULL AND person.merged_into_id IS NULL
)
SELECT 'owner', CAST(id AS text), CAST(user_id AS text), CASE WHEN with_due_dates THEN 'yes' ELSE 'no' END,
    CAST(last_fetched_at AS text), last_client, NULL, NULL, NULL, NULL
FROM owner
UNION ALL
SELECT 'revision', CAST(id AS text), name, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM workshops_calendarrevision
"""
_CLAIMS = """
UNION ALL
SELECT 'reservation', claim.public_id, CAST(claim.cohort_id AS text), claim.state, CAST(claim.held_until AS text),
    CAST(claim.sequence AS text), CAST(claim.revised_at AS text),
    CASE WHEN owner.with_due_dates THEN CAST(claim.provisional_until AS text) END, NULL, NULL
FROM owner JOIN booking_reservation claim ON claim.trainee_id = owner.user_id
UNION ALL
SELECT 'line', claim.public_id, CAST(claim.cohort_id AS text), claim.state, NULL,
    CAST(claim.sequence AS text), CAST(claim.revised_at AS text), NULL, NULL, NULL
FROM owner JOIN booking_waitlistentry claim ON claim.trainee_id = owner.user_id
"""
# What is owed on the seats that `owed` selects, after the deposit. Payments cover charges in the order of their due
# dates: a charge is open where all that was charged up to it, itself included, is more than what is here.
_OPEN = f"""
SELECT charge.*, owed.cohort_id, owed.public_id
FROM (
    SELECT charge.id, charge.reservation_id, charge.kind, charge.number, charge.due_at, charge.sequence,
        charge.revised_at, SUM(charge.amount_cents) OVER (
            PARTITION BY charge.reservation_id ORDER BY charge.due_at, charge.id ROWS UNBOUNDED PRECEDING
        ) AS charged
    FROM booking_charge charge JOIN owed ON owed.id = charge.reservation_id
) charge
JOIN owed ON owed.id = charge.reservation_id
WHERE charge.kind <> '{ChargeKind.DEPOSIT}' AND charge.charged > COALESCE((
    SELECT -SUM(posting.amount_cents) FROM booking_ledgerentry entry
    JOIN booking_posting posting ON posting.entry_id = entry.id
    WHERE entry.reservation_id = charge.reservation_id
        AND posting.account IN ({", ".join(f"'{account}'" for account in KEPT_ON)})
), 0)
"""  # noqa: S608  (names of ours)
_DUES = f"""
UNION ALL
SELECT 'due', CAST(due.id AS text), due.public_id, CAST(due.cohort_id AS text), due.kind, CAST(due.number AS text),
    CAST(due.due_at AS text), CAST(due.sequence AS text), CAST(due.revised_at AS text), NULL
FROM (
    WITH owed AS (
        SELECT claim.id, claim.cohort_id, claim.public_id
        FROM owner JOIN booking_reservation claim ON claim.trainee_id = owner.user_id
        WHERE claim.state = '{State.RESERVED}' AND owner.with_due_dates
    )
    {_OPEN}
) due
"""  # noqa: S608  (names of ours)
_SEATED = ", ".join(f"'{state}'" for state in SEATED)
_DEADLINES = f"""
UNION ALL
SELECT DISTINCT 'deadline', CASE due.kind WHEN '{ChargeKind.INSTALMENT}' THEN 'instalments' ELSE 'balances' END,
    CAST(due.cohort_id AS text), CAST(due.due_at AS text), NULL, NULL, NULL, NULL, NULL, NULL
FROM (
    WITH owed AS (
        SELECT claim.id, claim.cohort_id, claim.public_id
        FROM owner CROSS JOIN booking_reservation claim WHERE claim.state = '{State.RESERVED}'
    )
    {_OPEN}
) due
UNION ALL
SELECT DISTINCT 'deadline', 'promises', CAST(claim.cohort_id AS text), CAST(claim.provisional_until AS text),
    NULL, NULL, NULL, NULL, NULL, NULL
FROM owner CROSS JOIN booking_reservation claim
WHERE claim.provisional_until IS NOT NULL AND claim.state IN ({_SEATED})
UNION ALL
SELECT DISTINCT 'deadline', 'choices', CAST(claim.cohort_id AS text), CAST(claim.choose_until AS text),
    NULL, NULL, NULL, NULL, NULL, NULL
FROM owner CROSS JOIN booking_reservation claim
WHERE claim.choose_until IS NOT NULL
"""  # noqa: S608  (names of ours)
_STATUSES: dict[str, Status] = {status: status for status in get_args(Status)}
_STATEMENTS = {
    FeedKind.TRAINEE: _OWNER + _CLAIMS + _DUES,
    FeedKind.INSTRUCTOR: _OWNER,
    FeedKind.MENTOR: _OWNER,
    FeedKind.REGISTRAR: _OWNER + _DEADLINES,
}


def private(kind: FeedKind, secret: str, now: datetime) -> tuple[Stamp, LastFetch] | None:
    """The stamp of a private calendar as of `now`, and when it was fetched before. One statement.

    None where no active account that holds the role has a calendar of this kind under this secret.

    A connection to PostgreSQL says one more the first time: the plan of it.
    """
    found = _asked_for(kind, FeedToken.digest_of(secret))
    owners = [row for row in found if row[0] == "owner"]
    if not owners:
        return None
    _, token_id, user_id, with_due_dates, fetched_at, client, *_ = owners[0]
    claims = [_claim(row, now) for row in found if row[0] in ("reservation", "line")]
    deadlines = {_deadline(row) for row in found if row[0] == "deadline"}
    stamp = Stamp(
        feed=kind,
        revisions=tuple(sorted((int(row[1]), row[2]) for row in found if _covers(row, kind))),
        day=school_day(now),
        owner=Owner(int(user_id), with_due_dates == "yes"),
        claims=tuple(sorted(claims, key=lambda claim: (claim.kind, claim.public_id))),
        dues=tuple(sorted((_due(row) for row in found if row[0] == "due"), key=lambda due: due.charge_id)),
        deadlines=tuple(sorted(deadlines, key=lambda each: (each.on, each.cohort_id, each.what))),
    )
    return stamp, LastFetch(int(token_id), _moment(fetched_at) if fetched_at else None, client)


def _covers(row: tuple[Any, ...], kind: FeedKind) -> bool:
    return row[0] == "revision" and int(row[1]) in PARTS[kind]


def _claim(row: tuple[Any, ...], now: datetime) -> Claim:
    what, public_id, cohort_id, state, held_until, sequence, revised_at, promised_until, *_ = row
    told = {"kind": what, "public_id": public_id, "cohort_id": int(cohort_id)}
    if what == "line":
        # Whoever was offered a seat does not wait any more: the offer is a reservation, which stands for both.
        status: Status = "TENTATIVE" if state == EntryState.WAITING else "CANCELLED"
        return Claim(**told, status=status, sequence=int(sequence), revised_at=_moment(revised_at))
    if state in WAITING and _moment(held_until) <= now:
        # A hold that ran out is cancelled, whether or not a worker has noticed: with the number that noticing gives it.
        return Claim(**told, status="CANCELLED", sequence=int(sequence) + 1, revised_at=_moment(held_until))
    return Claim(
        **told,
        status=_STATUSES[in_calendar(state)],
        sequence=int(sequence),
        revised_at=_moment(revised_at),
        promised_until=date.fromisoformat(promised_until) if promised_until and state in SEATED else None,
    )


def _due(row: tuple[Any, ...]) -> Due:
    _, charge_id, reservation_id, cohort_id, kind, number, due_at, sequence, revised_at, _ = row
    return Due(
        charge_id=int(charge_id),
        reservation_id=reservation_id,
        cohort_id=int(cohort_id),
        kind=ChargeKind(kind),
        number=int(number),
        due_on=school_day(_moment(due_at)),
        sequence=int(sequence),
        revised_at=_moment(revised_at),
    )


def _deadline(row: tuple[Any, ...]) -> Deadline:
    what: Nears = row[1]
    on = date.fromisoformat(row[3]) if what == "promises" else school_day(_moment(row[3]))
    return Deadline(what, int(row[2]), on)


def _moment(text: str) -> datetime:
    """A moment as the database writes it: SQLite in UTC without saying so, PostgreSQL with its zone."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_planned: WeakKeyDictionary[Any, set[FeedKind]] = WeakKeyDictionary()
"""Which of the statements each connection to PostgreSQL has planned already."""
_NOT_PLANNED_HERE = ("26000", "42P05")
"""What PostgreSQL says where a statement was planned on another connection: a pooler between us gives out any."""


def _asked_for(kind: FeedKind, digest: str) -> list[tuple[Any, ...]]:
    """Ask for the stamp of a private calendar. PostgreSQL plans it once a connection: that takes it much longer."""
    values = {"digest": digest, "kind": kind}
    if connection.vendor != "postgresql":
        return _asked(_STATEMENTS[kind], values)
    try:
        return _asked_as_planned(kind, digest)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) not in _NOT_PLANNED_HERE:
            raise
        return _asked(_STATEMENTS[kind], values)


def _asked_as_planned(kind: FeedKind, digest: str) -> list[tuple[Any, ...]]:
    connection.ensure_connection()
    planned = _planned.setdefault(connection.connection, set())
    with connection.cursor() as cursor:
        if kind not in planned:
            statement = _STATEMENTS[kind] % {"digest": "$1", "kind": "$2"}
            cursor.execute(f"PREPARE stamp_{kind} (text, text) AS {statement}")
            planned.add(kind)
        cursor.execute(f"EXECUTE stamp_{kind} (%s, %s)", [digest, kind])
        return list(cursor.fetchall())


def _asked(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
