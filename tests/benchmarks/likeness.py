"""Rows like one that the product has written, as SQL: so that what is compared writes the very same columns."""

from typing import Any

from django.db import connection
from psycopg import sql

Row = dict[str, Any]


def row_of(table: str, where: str, *values: Any) -> Row:
    """One row of a table, by its columns, without its key."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY id LIMIT 1", values)
        found = cursor.fetchone()
        names = [column.name for column in cursor.description]
    assert found is not None, f"no row in {table}"
    return {name: value for name, value in zip(names, found, strict=True) if name != "id"}


def insert_like(table: str, rows: list[Row], source: str = "", **own: str) -> str:
    """An INSERT of rows like these. `own` gives SQL for the columns that differ, `source` what that SQL reads."""
    columns = list(rows[0])
    assert own.keys() <= set(columns), own.keys() - set(columns)
    ending = f" FROM {source}" if source else ""
    selects = [
        f"SELECT {', '.join(own.get(column) or _literal(row[column]) for column in columns)}{ending}" for row in rows
    ]
    return f"INSERT INTO {table} ({', '.join(columns)}) {' UNION ALL '.join(selects)}"


def _literal(value: Any) -> str:
    return str(sql.Literal(value).as_string(connection.connection))
