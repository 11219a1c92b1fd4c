"""The counters of allotments, as they are committed now: one short statement for all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from reservations.models import Allotment
from reservations.models.rows import Statement, is_one_of, look_together
from reservations.rules import places

ALLOTMENTS = Allotment._meta.db_table
# In the order of `places.Line`.
LINE = ("id", "capacity - held_back", "held", "waiting", "gone", "last_place", "last_at")


def current_lines(allotment_ids: Iterable[int]) -> dict[int, places.Line]:
    """By the id of the allotment."""
    ids = set(allotment_ids)
    return read_lines(look_together([look_at_lines(ids)])[0]) if ids else {}


def look_at_lines(allotment_ids: Iterable[int], *, is_locked: bool = False) -> Statement:
    where = is_one_of("id", allotment_ids)
    lock = " FOR UPDATE" if is_locked and connection.features.has_select_for_update else ""  # SQLite writes alone
    sql = f"SELECT {', '.join(LINE)} FROM {ALLOTMENTS} WHERE {where.sql} ORDER BY id{lock}"  # noqa: S608
    return Statement(sql, where.values)


def read_lines(rows: Iterable[tuple[Any, ...]]) -> dict[int, places.Line]:
    return {pk: places.Line._make((*counts, _aware(at))) for pk, *counts, at in rows}


def _aware(at: datetime | None) -> datetime | None:
    """SQLite stores no offset: what it gives back is UTC."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
