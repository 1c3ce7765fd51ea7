"""Writing new rows where people queue for them: the statement of each model is written once and kept.

The ORM builds the same INSERT anew for every row, which takes longer than the database needs for it. Values are
prepared by the model's own fields, as the ORM does, and a row is what its model says. Signals are not sent.
"""

from collections.abc import Sequence
from functools import cache

from django.db import connection
from django.db.models import Field, Model

_FEW = 8


def insert(rows: Sequence[Model], *, passing_over_known: bool = False) -> None:
    """Write these new rows of one model, inside the caller's transaction: a few in one statement, many by the ORM.

    `passing_over_known`: rows that a unique constraint knows already are not written, and no row learns its key.
    Otherwise every row has its key afterwards.

    Raises:
        IntegrityError: when a constraint refuses one; nothing of it is written then.
    """
    if not rows:
        return
    model = type(rows[0])
    if len(rows) > _FEW:
        model._base_manager.bulk_create(rows, ignore_conflicts=passing_over_known)
        return
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in _fields(model)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_statement(model, len(rows), passing_over_known), values)
        keys = [] if passing_over_known else [key for (key,) in cursor.fetchall()]
    for row, key in zip(rows, keys, strict=False):
        row.pk = key
        row._state.adding, row._state.db = False, connection.alias


@cache
def _fields(model: type[Model]) -> "tuple[Field, ...]":  # type: ignore[type-arg]
    """What is written: everything but the key, which the database gives."""
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


@cache
def _statement(model: type[Model], count: int, passing_over_known: bool) -> str:
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(field.column)) for field in _fields(model))
    row = f"({', '.join(['%s'] * len(_fields(model)))})"
    ending = "ON CONFLICT DO NOTHING" if passing_over_known else f"RETURNING {quoted(str(model._meta.pk.column))}"
    return (
        f"INSERT INTO {quoted(model._meta.db_table)} ({columns}) "  # noqa: S608  (names of ours)
        f"VALUES {', '.join([row] * count)} {ending}"
    )
