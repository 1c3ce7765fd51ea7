"""Closing the books through a day. The database takes no entry before its end any more, whoever tries."""

from datetime import date, datetime, timedelta

from django.db import connection, connections, transaction

from booking.payments.models import ClosedPeriod
from workshops.clock import end_of_school_day, school_day
from workshops.history.record import record
from workshops.people.models import User
from workshops.transactions import writes


class CannotClose(Exception):
    """The books cannot be closed through that day. The message says why."""


def closed_through() -> date | None:
    """The last day of the closed books; None while nothing is closed."""
    return ClosedPeriod.objects.order_by("-through").values_list("through", flat=True).first()


@writes
def close(through: date, *, by: User, now: datetime) -> ClosedPeriod:
    """Close the books through a day that is over. It cannot be undone: what is learnt later is booked later.

    Waits for the entries that are being written, and has others wait until it is done.

    Raises:
        CannotClose: for today, a day to come, or one that is closed already.
    """
    if through >= school_day(now):
        raise CannotClose("That day is not over yet. Choose yesterday or an earlier day.")
    _lock_entries()
    last = closed_through()
    if last and through <= last:
        raise CannotClose(f"The books are closed through {last:%-d %B %Y} already. Choose a later day.")
    period = ClosedPeriod.objects.create(
        through=through, ends_at=end_of_school_day(through) + timedelta(seconds=1), closed_at=now, closed_by=by
    )
    record("books-closed", about=("books", through.isoformat()), by=by, now=now, on=through.isoformat())
    return period


def _lock_entries() -> None:
    """Nobody is in the middle of writing an entry: one that the trigger let pass would be committed after the close.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE booking_ledgerentry IN SHARE ROW EXCLUSIVE MODE")


def keep_closed(*, using: str = "default") -> None:
    """Have the database refuse an entry in a closed period: an IntegrityError on both databases."""
    database = connections[using]
    with transaction.atomic(using), database.cursor() as cursor:
        tables = set(database.introspection.table_names(cursor))
        if {"booking_ledgerentry", "booking_closedperiod"} <= tables:
            for statement in _TRIGGERS[database.vendor]:
                cursor.execute(statement)


_TRIGGERS = {
    "sqlite": (
        "DROP TRIGGER IF EXISTS booking_ledgerentry_period",
        (
            "CREATE TRIGGER booking_ledgerentry_period BEFORE INSERT ON booking_ledgerentry FOR EACH ROW "
            "WHEN EXISTS (SELECT 1 FROM booking_closedperiod WHERE ends_at > NEW.at) "
            "BEGIN SELECT RAISE(ABORT, 'the books are closed for that day'); END"
        ),
    ),
    "postgresql": (
        """
        CREATE OR REPLACE FUNCTION refuse_entries_of_a_closed_period() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT 1 FROM booking_closedperiod WHERE ends_at > NEW.at) THEN
                RAISE EXCEPTION 'the books are closed for that day' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END
        $$
        """,
        (
            "CREATE OR REPLACE TRIGGER booking_ledgerentry_period BEFORE INSERT ON booking_ledgerentry FOR EACH ROW "
            "EXECUTE FUNCTION refuse_entries_of_a_closed_period()"
        ),
    ),
}
