"""The database refuses to change what has happened, whoever asks and however."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction

from booking import apps as booking_apps
from booking.payments import ledger
from booking.payments.models import Account, ClosedPeriod, LedgerEntry, Posting
from tests import factories
from tests.factories import NOW
from workshops import apps as workshops_apps
from workshops.clock import school_day
from workshops.history.models import AppendOnlyQuerySet, HistoryLine
from workshops.history.record import record
from workshops.history.triggers import triggers_on
from workshops.people.models import User

TABLES = [*workshops_apps.APPEND_ONLY, *booking_apps.APPEND_ONLY]


@pytest.fixture
def happened(db: None) -> User:
    """One line of history and one booking in the ledger; the person whom the line is about."""
    someone = factories.person()
    record("venue-changed", about=("seat", "17"), now=NOW, by=someone, person=someone, why="They asked.")
    amounts = {Account.BANK: 50_000, Account.TUITION_HELD: -50_000}
    ledger.post("payment:1", factories.reservation(), amounts, at=NOW)
    yesterday = school_day(NOW) - timedelta(days=1)
    ClosedPeriod.objects.create(through=yesterday, ends_at=NOW - timedelta(days=1), closed_at=NOW)
    if connection.vendor == "postgresql":
        execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is still to be checked would keep TRUNCATE away by itself
    return someone


def execute(statement: str) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)


def refuses(statement: str) -> None:
    with pytest.raises(IntegrityError, match="is only ever added to"):
        execute(statement)


def test_every_model_that_is_only_added_to_is_guarded_by_the_database() -> None:
    guarded = {
        model._meta.db_table
        for model in apps.get_models()
        if isinstance(model.objects.all(), AppendOnlyQuerySet)  # type: ignore[attr-defined]
    }
    assert guarded == set(TABLES)


@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
def test_the_triggers_are_there(table: str) -> None:
    events = {"sqlite": ("update", "delete"), "postgresql": ("update", "delete", "truncate")}[connection.vendor]
    besides = {"booking_ledgerentry_period"} if table == "booking_ledgerentry" else set()
    assert triggers_on(table) == {f"{table}_no_{event}" for event in events} | besides


@pytest.mark.parametrize("table", TABLES)
def test_nothing_that_happened_can_be_deleted(table: str, happened: User) -> None:
    refuses(f"DELETE FROM {table}")
    refuses(f"DELETE FROM {table} WHERE id = (SELECT min(id) FROM {table})")
    assert execute(f"DELETE FROM {table} WHERE id < 0") == 0


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("booking_ledgerentry", "source = 'payment:2'"),
        ("booking_ledgerentry", "at = '2020-01-01 00:00:00+00'"),
        ("booking_ledgerentry", "id = id"),
        ("booking_posting", "amount_cents = 1"),
        ("booking_posting", "account = 'sandbox'"),
        ("booking_posting", "amount_cents = amount_cents"),
        ("workshops_historyline", "what = 'venue-added'"),
        ("workshops_historyline", "why = 'They asked nicely.'"),
        ("workshops_historyline", "why = ' '"),
        ("workshops_historyline", "why = why || '.'"),
        ("workshops_historyline", "why = '', what = ''"),
        ("workshops_historyline", "why = '', facts = '{}'"),
        ("workshops_historyline", "why = '', about_id = ''"),
        ("workshops_historyline", "why = '', at = '2020-01-01 00:00:00+00'"),
        ("workshops_historyline", "about_kind = ''"),
        ("workshops_historyline", "at = '2020-01-01 00:00:00+00'"),
        ("workshops_historyline", """facts = '{"reason": "another"}'"""),
        ("workshops_historyline", "person_id = NULL, why = 'Another reason.'"),
        ("workshops_historyline", "by_id = NULL, about_id = '18'"),
    ],
)
def test_nothing_that_happened_can_be_changed(table: str, change: str, happened: User) -> None:
    refuses(f"UPDATE {table} SET {change}")


@pytest.mark.django_db
def test_a_line_of_history_cannot_be_laid_at_another_persons_door(happened: User) -> None:
    other = factories.person()
    for column in ("by_id", "person_id"):
        refuses(f"UPDATE workshops_historyline SET {column} = {other.pk} WHERE what = 'venue-changed'")
    execute("UPDATE workshops_historyline SET by_id = NULL, person_id = NULL")
    refuses(f"UPDATE workshops_historyline SET person_id = {other.pk}")


@pytest.mark.sqlite
def test_a_name_in_the_history_cannot_become_empty_words(happened: User) -> None:
    refuses("UPDATE workshops_historyline SET by_id = ''")


def test_a_reason_is_emptied_and_never_unknown(happened: User) -> None:
    refuses("UPDATE workshops_historyline SET why = NULL")


def test_a_person_can_be_taken_out_of_history_and_what_happened_stays(happened: User) -> None:
    assert execute(f"UPDATE workshops_historyline SET by_id = NULL WHERE by_id = {happened.pk}") == 1
    assert execute(f"UPDATE workshops_historyline SET person_id = NULL WHERE person_id = {happened.pk}") == 1
    line = HistoryLine.objects.get(what="venue-changed")
    assert (line.by_id, line.person_id, line.why) == (None, None, "They asked.")


def test_erasing_somebody_empties_the_reason_and_leaves_what_happened(happened: User) -> None:
    assert execute(f"UPDATE workshops_historyline SET why = '' WHERE person_id = {happened.pk}") == 1
    line = HistoryLine.objects.get(what="venue-changed")
    assert (line.why, line.by, line.person, line.about_id, line.at) == ("", happened, happened, "17", NOW)
    refuses("UPDATE workshops_historyline SET why = 'They asked.'")


def test_erasing_somebody_changes_no_reason_in_the_books(happened: User) -> None:
    refuses("UPDATE booking_ledgerentry SET source = ''")


def test_deleting_a_person_goes_through_and_leaves_history_without_a_name(happened: User) -> None:
    happened.delete()
    line = HistoryLine.objects.get(what="venue-changed")
    assert (line.by, line.person) == (None, None)


@pytest.mark.postgres
@pytest.mark.parametrize("table", TABLES)
def test_no_table_that_is_only_added_to_can_be_truncated(table: str, happened: User) -> None:
    refuses(f"TRUNCATE {table} CASCADE")


@pytest.mark.postgres
def test_truncating_what_the_books_lean_on_is_refused_as_well(happened: User) -> None:
    refuses("TRUNCATE booking_reservation CASCADE")


@pytest.mark.sqlite
def test_replacing_a_row_is_refused_as_well(happened: User) -> None:
    entry = LedgerEntry.objects.get()
    refuses(
        "INSERT OR REPLACE INTO booking_ledgerentry (source, at, reservation_id) "
        f"VALUES ('{entry.source}', '2031-01-01', {entry.reservation_id})"
    )
    refuses("UPDATE OR REPLACE booking_posting SET account = 'sandbox'")


def test_an_insert_that_meets_a_row_cannot_change_it(happened: User) -> None:
    posting = Posting.objects.earliest("pk")
    refuses(
        "INSERT INTO booking_posting (entry_id, account, amount_cents) "
        f"VALUES ({posting.entry_id}, '{posting.account}', 1) "
        "ON CONFLICT (entry_id, account) DO UPDATE SET amount_cents = 1"
    )


def test_what_happens_can_still_be_added(happened: User) -> None:
    record("venue-added", about=("seat", "17"), now=NOW)
    assert HistoryLine.objects.filter(about_id="17").count() == 2


def _rebuild_the_table() -> None:
    old = HistoryLine._meta.get_field("what")
    longer = models.CharField(max_length=61)
    longer.set_attributes_from_name("what")
    longer.model = HistoryLine
    with connection.schema_editor() as editor:
        editor.alter_field(HistoryLine, old, longer, strict=True)


def _drop_the_triggers() -> None:
    with connection.cursor() as cursor:
        for table in TABLES:
            for name in triggers_on(table):
                where = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f'DROP TRIGGER "{name}"{where}')


@pytest.mark.parametrize("lose_them", [_rebuild_the_table, _drop_the_triggers])
def test_every_migration_brings_the_triggers_back(lose_them: Callable[[], None], fresh_database: str) -> None:
    """SQLite rebuilds a table to change a column, and forgets its triggers."""
    before = {table: triggers_on(table) for table in TABLES}
    lose_them()
    lost = triggers_on("workshops_historyline") == set()
    assert lost or (connection.vendor == "postgresql" and lose_them is _rebuild_the_table)
    call_command("migrate", verbosity=0)
    assert {table: triggers_on(table) for table in TABLES} == before
    record("venue-changed", about=("seat", "17"), now=NOW)
    refuses("DELETE FROM workshops_historyline")
