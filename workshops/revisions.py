"""Revisions: a name that becomes another one with every change of the tables that something is made of.

The database gives it, by triggers, in the transaction of the change: whoever writes, through a command, a shell or a
test, nobody goes on with what they remember under the old name. Names are random and never given twice: a number would
be given again after a transaction that was rolled back, and then stand for something else.

The triggers are made anew after every migration, because SQLite drops them whenever it rebuilds a table. They write to
a table of their own: one that they name cannot be rebuilt there while they exist.
"""

from collections.abc import Collection

from django.db import connections, transaction

_RENEWED = {
    "sqlite": "UPDATE {revision} SET name = lower(hex(randomblob(16))) WHERE id = {row}",
    "postgresql": "UPDATE {revision} SET name = replace(gen_random_uuid()::text, '-', '') WHERE id = {row}",
}


def renew_with_every_change(revision: str, row: int, parts: Collection[str], *, using: str = "default") -> None:
    """Have the database renew the name in this row of the table `revision` whenever one of the tables `parts` changes.

    The tables may not exist yet. On PostgreSQL the change then holds that row until it commits, so changes come one
    after the other.
    """
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        if not {revision, *parts} <= set(connection.introspection.table_names(cursor)):
            return
        renewed = _RENEWED[connection.vendor].format(revision=revision, row=row)
        for statement in _WRITERS[connection.vendor](f"{revision}_{row}", renewed, parts):
            cursor.execute(statement)


def _on_sqlite(name: str, renewed: str, parts: Collection[str]) -> list[str]:
    statements = []
    for table in parts:
        for event in ("INSERT", "UPDATE", "DELETE"):
            trigger = f"{table}_renews_{name}_on_{event.lower()}"
            statements.append(f"DROP TRIGGER IF EXISTS {trigger}")
            statements.append(f"CREATE TRIGGER {trigger} AFTER {event} ON {table} FOR EACH ROW BEGIN {renewed}; END")
    return statements


def _on_postgresql(name: str, renewed: str, parts: Collection[str]) -> list[str]:
    function = (
        f"CREATE OR REPLACE FUNCTION renew_{name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {renewed}; RETURN NULL; END $$"
    )
    return [function] + [
        f"CREATE OR REPLACE TRIGGER {table}_renews_{name} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION renew_{name}()"
        for table in parts
    ]


_WRITERS = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}
