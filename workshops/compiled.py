"""Questions asked for every seat: written with the ORM, and turned into SQL once for each process.

Building the SQL of a queryset takes longer than answering it. Here a queryset is built with `Parameter`s where its
values go, and kept together with its SQL; asking again only fills them in.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.models.sql.compiler import SQLCompiler

Row = TypeVar("Row", bound=Model)


class Parameter(Expression):
    """A value that each asking brings along."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, _compiler: SQLCompiler, _connection: Any) -> Any:
        """A placeholder, with this very parameter in the place of its value."""
        return "%s", [self]


class Compiled(Generic[Row]):
    """A queryset that is built once. Called with the values of its parameters, it answers with its rows."""

    def __init__(self, build: Callable[[], QuerySet[Row]]) -> None:
        self._build = build
        self._kept: dict[str, tuple[SQLCompiler, str, list[Any]]] = {}

    def __call__(self, **values: Any) -> list[Row]:
        """Ask. One statement; related rows and annotations as the queryset says."""
        with connection.cursor() as cursor:
            cursor.execute(*self.statement(**values))
            found = cursor.fetchall()
        return self._rows(self._once()[0], found)

    def statement(self, **values: Any) -> tuple[str, list[Any]]:
        """The SQL and its values, for a statement that asks this as a part of it."""
        _, sql, parameters = self._once()
        return sql, [_filled_in(parameter, values) for parameter in parameters]

    def _once(self) -> tuple[SQLCompiler, str, list[Any]]:
        return self._kept.get(connection.vendor) or self._compile()

    def _compile(self) -> tuple[SQLCompiler, str, list[Any]]:
        compiler = self._build().query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        self._kept[connection.vendor] = kept = (compiler, sql, list(parameters))
        return kept

    def _rows(self, compiler: SQLCompiler, found: list[Any]) -> list[Row]:
        # What ModelIterable does with the answer to a queryset.
        info, database = compiler.klass_info, connection.alias
        first, last = info["select_fields"][0], info["select_fields"][-1] + 1
        names = [column[0].target.attname for column in compiler.select[first:last]]
        related = get_related_populators(info, compiler.select, database)  # type: ignore[call-arg]
        rows = []
        for values in compiler.results_iter([found]):
            row = info["model"].from_db(database, names, values[first:last])
            for populator in related:
                populator.populate(values, row)
            for name, position in compiler.annotation_col_map.items():
                setattr(row, name, values[position])
            rows.append(row)
        return rows


def _filled_in(parameter: Any, values: dict[str, Any]) -> Any:
    if not isinstance(parameter, Parameter):
        return parameter
    return parameter.output_field.get_db_prep_value(values[parameter.name], connection)
