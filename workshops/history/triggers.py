"""The database itself refuses to change what has happened: triggers on the tables that are only ever added to.

Models and querysets refuse as well, but a shell, a script or a mistake in SQL goes past them. The triggers are made
anew after every migration: SQLite drops them whenever it rebuilds a table. There a trigger also has to name the columns
it compares, so a migration that removes a column of such a table first drops the table's trigger on UPDATE.
"""

from collections.abc import Collection

from django.db import connections, transaction


def make_append_only(table: str, *, may_be_emptied: Collection[str] = (), using: str = "default") -> None:
    """Make the database refuse UPDATE, DELETE and TRUNCATE on `table`, which need not exist yet.

    An UPDATE that does nothing but set columns in `may_be_emptied` to NULL goes through: that is how a person is
    erased. Refusals are IntegrityErrors on both databases.
    """
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
        for statement in _WRITERS[connection.vendor](table, columns, may_be_emptied):
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


def _on_sqlite(table: str, columns: list[str], may_be_emptied: Collection[str]) -> list[str]:
    allowed = "0"  # where nothing may change, an UPDATE that changes nothing has no business either
    if may_be_emptied:
        same = {column: f'NEW."{column}" IS OLD."{column}"' for column in columns}
        for column in may_be_emptied:
            same[column] = f'({same[column]} OR NEW."{column}" IS NULL)'
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
    may_be_emptied text;
    allowed jsonb;
BEGIN
    IF TG_OP = 'UPDATE' AND TG_NARGS > 0 THEN
        allowed := to_jsonb(OLD);
        FOREACH may_be_emptied IN ARRAY TG_ARGV LOOP
            IF to_jsonb(NEW) -> may_be_emptied = 'null' THEN
                allowed := jsonb_set(allowed, ARRAY[may_be_emptied], 'null');
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


def _on_postgresql(table: str, _columns: list[str], may_be_emptied: Collection[str]) -> list[str]:
    emptied = ", ".join(f"'{column}'" for column in may_be_emptied)
    statements = [_REFUSE]
    for event, each, arguments in (("UPDATE", "ROW", emptied), ("DELETE", "ROW", ""), ("TRUNCATE", "STATEMENT", "")):
        statements.append(
            f'CREATE OR REPLACE TRIGGER "{table}_no_{event.lower()}" BEFORE {event} ON "{table}" FOR EACH {each} '
            f"EXECUTE FUNCTION refuse_to_change_what_happened({arguments})"
        )
    return statements


_WRITERS = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}
