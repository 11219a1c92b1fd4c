"""Whether an answer that was made a moment ago is still true."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, connection

from reservations.models import Allotment, Decision, LaunchMarket
from reservations.queries.revisions import current_revision
from reservations.rules import opening


@dataclass(frozen=True)
class Mark:
    """What public answers are made from: two answers with the same mark are the same.

    The revision of the facts; of each allotment whether nothing, how many of the last few, or more is left; and the
    last instant at which a window or a decision changed by itself.
    """

    revision: int
    left: tuple[tuple[int, int], ...]
    passed: datetime | None


class Freshness:
    """The present mark. The database is asked at most once in `SECONDS` a process, by one thread for all.

    `before_asking` may raise where nobody may wait.
    """

    SECONDS = 0.2  # a change is seen everywhere within this time
    PATIENCE = 5.0  # for so long a database that does not answer changes nothing

    def __init__(self, before_asking: Callable[[], None] = lambda: None) -> None:
        self._before_asking = before_asking
        self._lock = threading.Lock()
        self._mark: Mark | None = None
        self._asked = -self.PATIENCE
        self._next: datetime | None = None

    def mark(self, at: datetime) -> Mark | None:
        """None: nobody knows, since the database has not answered for a while."""
        age = time.monotonic() - self._asked
        is_due = age >= self.SECONDS or (self._next is not None and at >= self._next)
        # While one thread asks, the others go on with what was true a moment ago, but not for long.
        may_go_on = age < 2 * self.SECONDS
        if not is_due or (may_go_on and self._lock.locked()):
            return self._mark
        self._before_asking()
        if self._lock.acquire(timeout=0 if may_go_on else self.PATIENCE):
            try:
                self._ask(at)
            finally:
                self._lock.release()
        return self._mark

    def _ask(self, at: datetime) -> None:
        asked = time.monotonic()
        if self._asked > asked - self.SECONDS and not (self._next is not None and at >= self._next):
            return  # another thread was faster
        try:
            self._mark, self._next = read_mark(at)
            self._asked = asked
        except DatabaseError:
            connection.close()  # so that the next question opens a new one
            if asked - self._asked > self.PATIENCE:
                self._mark = None


def read_mark(at: datetime) -> tuple[Mark, datetime | None]:
    """The mark as committed now, and the next instant at which it changes by itself: four queries."""
    pools = Allotment.objects.filter(partner=None, is_sandbox=False).order_by("pk")
    instants = {each for row in LaunchMarket.objects.values_list("opens_at", "closes_at") for each in row}
    instants |= set(Decision.objects.values_list("next_change_at", flat=True).distinct())
    known = [each for each in instants if each is not None]
    mark = Mark(
        revision=current_revision(),
        left=tuple((pool.pk, min(pool.left, opening.FEW + 1)) for pool in pools),
        passed=max((each for each in known if each <= at), default=None),
    )
    return mark, min((each for each in known if each > at), default=None)
