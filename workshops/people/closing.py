"""Closed accounts: one that was erased, or merged into another account, stays as that left it.

Commands ask `presence.hold_open` first. Behind them stands the database itself, for whatever was read before somebody
closed the account and is written afterwards (a form that saves all it read, a password that took long to hash): it
refuses that the row comes back, and that a way to enter is added to it. The triggers are made anew after every
migration, as those of `history.triggers` are.
"""

from typing import TYPE_CHECKING

from django.db import IntegrityError, connections, transaction

if TYPE_CHECKING:
    from workshops.people.models import User

ACCOUNTS = "workshops_user"
WAYS_IN = ("account_emailaddress", "mfa_authenticator")
"""Tables whose rows, each with its `user_id`, let somebody enter an account or say who they are."""
_REFUSED = "this account is closed"


class Closed(Exception):
    """The account was erased or merged into another one, so nothing more is written about it."""

    def __init__(self, user: "User | None" = None) -> None:
        super().__init__(
            "This account was merged into another one meanwhile. Nothing has been recorded; go on with that one."
            if user and user.merged_into_id and not user.erased_at
            else "This person was erased. Nothing is recorded about them any more."
        )


def is_refusal(error: Exception) -> bool:
    """Whether this is the database refusing to write about a closed account."""
    return isinstance(error, IntegrityError) and _REFUSED in str(error)


def keep_closed(*, using: str = "default") -> None:
    """Make the database refuse to open a closed account again. The tables need not exist yet.

    A closed account can still be erased, and where the account that took it over is merged again it points to the next
    one. Refusals are IntegrityErrors on both databases.
    """
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        if ACCOUNTS not in there:
            return
        columns = [column.name for column in connection.introspection.get_table_description(cursor, ACCOUNTS)]
        if not {"erased_at", "merged_into_id"} <= set(columns):
            return
        ways_in = [table for table in WAYS_IN if table in there]
        for statement in _WRITERS[connection.vendor](columns, ways_in):
            cursor.execute(statement)


def _on_sqlite(columns: list[str], ways_in: list[str]) -> list[str]:
    same = " AND ".join(f'NEW."{column}" IS OLD."{column}"' for column in columns if column != "merged_into_id")
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
    stays_closed = (
        f"CREATE TRIGGER {ACCOUNTS}_stays_closed BEFORE UPDATE ON {ACCOUNTS} FOR EACH ROW "
        "WHEN (OLD.erased_at IS NOT NULL OR OLD.merged_into_id IS NOT NULL) "
        "AND NOT (OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL) "
        f"AND NOT (NEW.merged_into_id IS NOT NULL AND {same}) {refuse}"
    )
    statements = [f"DROP TRIGGER IF EXISTS {ACCOUNTS}_stays_closed", stays_closed]
    for table in ways_in:
        into_open_ones = (
            f"CREATE TRIGGER {table}_into_open_ones BEFORE INSERT ON {table} FOR EACH ROW WHEN EXISTS (SELECT 1 "  # noqa: S608
            f"FROM {ACCOUNTS} WHERE id = NEW.user_id AND (erased_at IS NOT NULL OR merged_into_id IS NOT NULL)) "
            f"{refuse}"
        )
        statements += [f"DROP TRIGGER IF EXISTS {table}_into_open_ones", into_open_ones]
    return statements


# Rows are compared as JSON: a condition that named columns would keep migrations from altering them.
_STAYS_CLOSED = f"""
CREATE OR REPLACE FUNCTION keep_account_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.erased_at IS NULL AND OLD.merged_into_id IS NULL)
        OR (OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL)
        OR (NEW.merged_into_id IS NOT NULL AND to_jsonb(NEW) - 'merged_into_id' = to_jsonb(OLD) - 'merged_into_id')
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'restrict_violation';
END
$$
"""
# FOR SHARE waits for whoever is closing the account at this moment, and then sees what has become of it.
_INTO_OPEN_ONES = f"""
CREATE OR REPLACE FUNCTION add_to_open_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_closed boolean;
BEGIN
    SELECT erased_at IS NOT NULL OR merged_into_id IS NOT NULL INTO is_closed
        FROM {ACCOUNTS} WHERE id = NEW.user_id FOR SHARE;
    IF is_closed THEN
        RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$
"""  # noqa: S608


def _on_postgresql(_columns: list[str], ways_in: list[str]) -> list[str]:
    stays_closed = (
        f"CREATE OR REPLACE TRIGGER {ACCOUNTS}_stays_closed BEFORE UPDATE ON {ACCOUNTS} FOR EACH ROW "
        "EXECUTE FUNCTION keep_account_closed()"
    )
    into_open_ones = (
        f"CREATE OR REPLACE TRIGGER {table}_into_open_ones BEFORE INSERT ON {table} FOR EACH ROW "
        "EXECUTE FUNCTION add_to_open_accounts()"
        for table in ways_in
    )
    return [_STAYS_CLOSED, _INTO_OPEN_ONES, stays_closed, *into_open_ones]


_WRITERS = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}
