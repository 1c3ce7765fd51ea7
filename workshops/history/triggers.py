"""The database itself refuses to change what has happened: triggers on the tables that are only ever added to.

Models and querysets refuse as well, but a shell, a script or a mistake in SQL goes past them. The triggers are made
anew after every migration: SQLite drops them whenever it rebuilds a table. There a trigger also has to name the columns
it compares, so a migration that removes a column of such a table first drops the table's trigger on UPDATE.
"""

import json
from collections.abc import Mapping

from django.db import connections, transaction

Emptied = Mapping[str, str | None]
"""Columns that erasing a person empties, and what each is then: NULL where it names somebody, '' where it is words."""


def make_append_only(table: str, *, may_be_emptied: Emptied | None = None, using: str = "default") -> None:
    """Make the database refuse UPDATE, DELETE and TRUNCATE on `table`, which need not exist yet.

    An UPDATE that does nothing but empty columns in `may_be_emptied`, each to the one value given there, goes through:
    that is how a person is erased. Refusals are IntegrityErrors on both databases.
    """
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
        for statement in _WRITERS[connection.vendor](table, columns, may_be_emptied or {}):
            cursor.execute(statement)


def triggers_on(table: str, *, using: str = "default") -> set[str]:
    """The names of the triggers that a table has."""
    connection = connections[using]
    question = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND NOT tgisinternal",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(question, [table])
        return {name for (name,) in cursor.fetchall()}


def _on_sqlite(table: str, columns: list[str], may_be_emptied: Emptied) -> list[str]:
    allowed = "0"  # where nothing may change, an UPDATE that changes nothing has no business either
    if may_be_emptied:
        same = {column: f'NEW."{column}" IS OLD."{column}"' for column in columns}
        for column, empty in may_be_emptied.items():
            same[column] = f'({same[column]} OR NEW."{column}" IS {"NULL" if empty is None else repr(empty)})'
        allowed = " AND ".join(same.values())
    statements = []
    for event, condition in (("UPDATE", f"NOT ({allowed})"), ("DELETE", "1")):
        name = f'"{table}_no_{event.lower()}"'
        statements.append(f"DROP TRIGGER IF EXISTS {name}")
        statements.append(
            f'CREATE TRIGGER {name} BEFORE {event} ON "{table}" FOR EACH ROW WHEN {condition} '
            f"BEGIN SELECT RAISE(ABORT, '{table} is only ever added to'); END"
        )
    return statements


# Rows are compared as JSON: a condition that named columns would keep migrations from altering them.
_REFUSE = """
CREATE OR REPLACE FUNCTION refuse_to_change_what_happened() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed jsonb;
BEGIN
    IF TG_OP = 'UPDATE' AND TG_NARGS > 0 THEN
        allowed := to_jsonb(OLD);
        -- Pairs: a column that may be emptied, and what it is then, as JSON.
        FOR pair IN 0 .. TG_NARGS - 2 BY 2 LOOP
            IF to_jsonb(NEW) -> TG_ARGV[pair] = TG_ARGV[pair + 1]::jsonb THEN
                allowed := jsonb_set(allowed, ARRAY[TG_ARGV[pair]], TG_ARGV[pair + 1]::jsonb);
            END IF;
        END LOOP;
        IF to_jsonb(NEW) = allowed THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$
"""


def _on_postgresql(table: str, _columns: list[str], may_be_emptied: Emptied) -> list[str]:
    emptied = ", ".join(f"'{column}', '{json.dumps(empty)}'" for column, empty in may_be_emptied.items())
    statements = [_REFUSE]
    for event, each, arguments in (("UPDATE", "ROW", emptied), ("DELETE", "ROW", ""), ("TRUNCATE", "STATEMENT", "")):
        statements.append(
            f'CREATE OR REPLACE TRIGGER "{table}_no_{event.lower()}" BEFORE {event} ON "{table}" FOR EACH {each} '
            f"EXECUTE FUNCTION refuse_to_change_what_happened({arguments})"
        )
    return statements


_WRITERS = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}
