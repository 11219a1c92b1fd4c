"""Many rows in one statement: they travel as one JSON text, which PostgreSQL and SQLite both read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import count
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary

import orjson
from django.db import DatabaseError, connection, models, transaction

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Statement:
    """One statement of SQL and the values bound in it."""

    sql: str
    values: Sequence[Any] = ()


def execute_together(statements: Sequence[Statement], *, is_prepared: bool = False) -> list[list[tuple[Any, ...]]]:
    """Run statements one after the other, on PostgreSQL in one round trip. The rows of each; none for no rows.

    `is_prepared`: there each that has values is prepared when its session meets it first, and its plan kept. One that
    was made while a table was nearly empty would read all of it for ever, except in a `Journey`, which plans by index.
    """
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            return [_rows(cursor.execute(each.sql, each.values) or cursor) for each in statements]
        texts = [each.sql for each in statements]
        if is_prepared:
            prepared = _prepare(each.sql for each in statements if each.values)
            texts = [prepared[each.sql] if each.values else each.sql for each in statements]
        try:
            cursor.execute("; ".join(texts), [value for each in statements for value in each.values])
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", None) == FORGOTTEN:
                _prepared.pop(connection.connection, None)
            raise
        own = cursor.cursor  # the driver's: what Django puts around it takes longer than the rows of a claim
        found: list[list[tuple[Any, ...]]] = []
        while not found or own.nextset():
            found.append(own.fetchall() if own.rownumber is not None else [])
        return found


def look_together(statements: Sequence[Statement]) -> list[list[tuple[Any, ...]]]:
    """`execute_together`, of statements that only read, and only tables that do not grow: they are prepared.

    Django asks a connection whether it still works before the first query of a request. Here it is found out by the
    query, and what was asked in vain, of a lost connection say, is asked once more.
    """
    if connection.in_atomic_block:
        return execute_together(statements)
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return execute_together(statements, is_prepared=True)
    except DatabaseError:
        if connection.connection is None or not connection.is_usable():
            connection.close()
        return execute_together(statements, is_prepared=True)


FORGOTTEN = "26000"  # SQLSTATE: somebody, such as a pool of connections, took the prepared statements away
_prepared: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()  # session → SQL → what executes it
_numbers = count(1)


def _prepare(texts: Iterable[str]) -> dict[str, str]:
    """What executes each of them in this session, which is connected."""
    session = connection.connection
    known = _prepared.setdefault(session, {})
    for sql in texts:
        if sql not in known:
            name, parts = f"together_{next(_numbers)}", sql.split("%s")
            marked = "".join(f"{part}${number}" for number, part in enumerate(parts[:-1], start=1)) + parts[-1]
            session.execute(f"PREPARE {name} AS {marked}")
            known[sql] = f"EXECUTE {name}({', '.join(['%s'] * (len(parts) - 1))})"
    return known


def is_one_of(column: str, ids: Iterable[int]) -> Statement:
    """The condition on a column of whole numbers: on PostgreSQL one statement, and one plan, for any number of them."""
    known = sorted(ids)
    if connection.vendor == "postgresql":
        return Statement(f"{column} = ANY(%s::bigint[])", ["{" + ",".join(map(str, known)) + "}"])
    return Statement(f"{column} IN ({', '.join(['%s'] * len(known))})", known)


def padded(values: Sequence[Any]) -> Sequence[Any]:
    """The last one repeated up to a power of two, so that lists of any length make few different statements."""
    return [*values, *[values[-1]] * ((1 << (len(values) - 1).bit_length()) - len(values))]


class Journey:
    """One transaction in as few round trips as it has runs: PostgreSQL begins with the first and commits with the last.

    Inside another transaction, and on SQLite, it is an ordinary one.
    """

    # A session keeps the plans of what it prepared and of what guards look up. One that was made while a table was
    # nearly empty reads all of it each time, until the next ANALYZE: on launch day, when tables begin empty, for long.
    BEGIN = (Statement("BEGIN"), Statement("SET LOCAL enable_seqscan = off"))

    def __init__(self) -> None:
        self._is_own = connection.vendor == "postgresql" and not connection.in_atomic_block
        self._is_open = False
        self._outer: AbstractContextManager[object] = nullcontext() if self._is_own else transaction.atomic()

    def __enter__(self) -> Self:
        self._outer.__enter__()
        return self

    def run(self, statements: Sequence[Statement], *, is_last: bool = False) -> list[list[tuple[Any, ...]]]:
        """The rows of each statement."""
        if not self._is_own:
            return execute_together(statements) if statements else []
        before = () if self._is_open else self.BEGIN
        after = [Statement("COMMIT")] if is_last else []
        self._is_open = True
        found = execute_together([*before, *statements, *after], is_prepared=True)
        self._is_open = not is_last
        return found[len(before) : len(found) - len(after)]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_open:
            try:
                execute_together([Statement("ROLLBACK")])
            except DatabaseError:
                connection.close()  # it is lost, and its transaction with it
        self._outer.__exit__(kind, error, trace)


def _rows(cursor: Any) -> list[tuple[Any, ...]]:
    return list(cursor.fetchall()) if cursor.description else []


def insert_statement(model: type[models.Model], rows: Sequence[Row]) -> Statement:
    """Insert rows given as {column: value}, all with the same columns. A failure is the statement's: none is stored."""
    table, columns = model._meta.db_table, tuple(rows[0])
    # The names are ours; every value is bound.
    return Statement(f"INSERT INTO {table} ({', '.join(columns)}) {select_rows(model, columns)}", [write_rows(rows)])


def write_rows(rows: Iterable[Row]) -> str:
    return orjson.dumps(list(rows)).decode()


@cache
def select_rows(model: type[models.Model], columns: tuple[str, ...]) -> str:
    """`SELECT columns FROM` one parameter: a JSON array of objects, in the types of the model's columns."""
    by_column = {field.column: field for field in model._meta.concrete_fields}
    if connection.vendor == "postgresql":
        types = ", ".join(f"{column} {by_column[column].rel_db_type(connection)}" for column in columns)
        return f"SELECT {', '.join(columns)} FROM jsonb_to_recordset(%s::jsonb) AS given ({types})"  # noqa: S608
    values = ", ".join(f"{_sqlite_value(by_column[column])} AS {column}" for column in columns)
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
