"""The programme's revision: a name that becomes another one with every change of what decides about a seat.

The database gives it, by triggers, in the transaction of the change: whoever writes, through `changing`, a shell or a
test, no process goes on with a programme that it remembers (`in_force`). Names are random and never given twice: a
number would be given again after a transaction that was rolled back, and then stand for something else.

The triggers are made anew after every migration, because SQLite drops them whenever it rebuilds a table. They write to
a table of their own: one that they name cannot be rebuilt there while they exist.
"""

from django.db import connections, transaction

REVISION = "workshops_programmerevision"
PARTS = (
    "workshops_conducttext",
    "workshops_module",
    "workshops_policyterm",
    "workshops_price",
    "workshops_requirement",
)
"""The tables that `in_force` reads."""

_RENEW_HERE = "BEGIN UPDATE workshops_programmerevision SET name = lower(hex(randomblob(16))); END"
_RENEW = """
CREATE OR REPLACE FUNCTION renew_programme_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE workshops_programmerevision SET name = replace(gen_random_uuid()::text, '-', '');
    RETURN NULL;
END
$$
"""


def renew_with_every_change(*, using: str = "default") -> None:
    """Have the database renew the revision whenever a part of the programme is written. The tables may not exist yet.

    On PostgreSQL the change then holds the revision's row until it commits, so changes come one after the other.
    """
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        if not {REVISION, *PARTS} <= set(connection.introspection.table_names(cursor)):
            return
        for statement in _WRITERS[connection.vendor]():
            cursor.execute(statement)


def _on_sqlite() -> list[str]:
    statements = []
    for table in PARTS:
        for event in ("INSERT", "UPDATE", "DELETE"):
            name = f"{table}_renews_on_{event.lower()}"
            statements.append(f"DROP TRIGGER IF EXISTS {name}")
            statements.append(f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW {_RENEW_HERE}")
    return statements


def _on_postgresql() -> list[str]:
    return [_RENEW] + [
        f"CREATE OR REPLACE TRIGGER {table}_renews AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION renew_programme_revision()"
        for table in PARTS
    ]


_WRITERS = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}
