"""Many rows in one statement: they travel as one JSON text, which PostgreSQL and SQLite both read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import orjson
from django.db import connection, models

Row = Mapping[str, Any]


def insert_rows(model: type[models.Model], rows: Iterable[Row]) -> None:
    """Insert rows given as {column: value}, all with the same columns. A failure is the statement's: none is stored."""
    rows = list(rows)
    if rows:
        table, columns = model._meta.db_table, tuple(rows[0])
        # The names are ours; every value is bound.
        statement = f"INSERT INTO {table} ({', '.join(columns)}) {select_rows(model, columns)}"
        with connection.cursor() as cursor:
            cursor.execute(statement, [write_rows(rows)])


def write_rows(rows: Iterable[Row]) -> str:
    return orjson.dumps(list(rows)).decode()


@cache
def select_rows(model: type[models.Model], columns: tuple[str, ...]) -> str:
    """`SELECT columns FROM` one parameter: a JSON array of objects, in the types of the model's columns."""
    by_column = {field.column: field for field in model._meta.concrete_fields}
    if connection.vendor == "postgresql":
        types = ", ".join(f"{column} {by_column[column].rel_db_type(connection)}" for column in columns)
        return f"SELECT {', '.join(columns)} FROM json_to_recordset(%s::json) AS given ({types})"  # noqa: S608
    values = ", ".join(_sqlite_value(by_column[column]) for column in columns)
    return f"SELECT {values} FROM json_each(%s) AS given WHERE true"  # noqa: S608


def _sqlite_value(field: models.Field[Any, Any]) -> str:
    """As Django stores it there: UUIDs without dashes, instants without offset."""
    value = f"given.value ->> '{field.column}'"
    kind = field.target_field if isinstance(field, models.ForeignKey) else field
    if isinstance(kind, models.UUIDField):
        return f"replace({value}, '-', '')"
    if isinstance(kind, models.JSONField):
        return f"given.value -> '{field.column}'"
    if isinstance(kind, models.DateTimeField):
        return f"replace(replace({value}, 'T', ' '), '+00:00', '')"
    return value
