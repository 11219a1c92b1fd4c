"""The revision of the facts, and what is read once for each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from reservations.models import GateRevision
from reservations.models.rows import Statement, look_together

Found = TypeVar("Found")
LOOK_AT_REVISION = Statement(f"SELECT number FROM {GateRevision._meta.db_table} WHERE id = 1")  # noqa: S608


def current_revision() -> int:
    """The number that grows with every change of what a `World` holds."""
    return read_revision(look_together([LOOK_AT_REVISION])[0])


def read_revision(rows: list[tuple[Any, ...]]) -> int:
    return int(rows[0][0]) if rows else 0


class ByRevision(Generic[Found]):
    """Wraps a reader: one thread reads for all that ask at once, and what belongs to the last few revisions is kept."""

    MOST = 4

    def __init__(self, read: Callable[[int], Found]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._kept: dict[int, Found] = {}
        self.latest: Found | None = None  # what was asked for last
        self.__doc__ = read.__doc__

    def known(self, revision: int) -> Found | None:
        """What was read for it, where that is still kept: it may be the present one no more."""
        return self._kept.get(revision)

    def __call__(self, revision: int) -> Found:
        kept = self._kept  # replaced, never changed: who looks into it sees it whole
        if revision not in kept:
            with self._lock:
                if revision not in self._kept:
                    newest = list(self._kept.items())[1 - self.MOST :]
                    self._kept = {**dict(newest), revision: self._read(revision)}
                kept = self._kept
        self.latest = kept[revision]
        return kept[revision]
