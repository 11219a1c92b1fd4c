"""What is read once for each revision of the facts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Found = TypeVar("Found")


class ByRevision(Generic[Found]):
    """Wraps a reader: one thread reads for all that ask at once, and what belongs to the last few revisions is kept."""

    MOST = 4

    def __init__(self, read: Callable[[int], Found]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._kept: dict[int, Found] = {}
        self.__doc__ = read.__doc__

    def known(self, revision: int) -> Found | None:
        """What was read for it, where that is still kept: it may be the present one no more."""
        return self._kept.get(revision)

    def __call__(self, revision: int) -> Found:
        kept = self._kept  # replaced, never changed: who looks into it sees it whole
        if revision in kept:
            return kept[revision]
        with self._lock:
            if revision not in self._kept:
                newest = list(self._kept.items())[1 - self.MOST :]
                self._kept = {**dict(newest), revision: self._read(revision)}
            return self._kept[revision]
