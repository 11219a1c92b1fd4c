"""How many letters a mail provider takes now: the generic cell rate algorithm, which needs to know one instant.

`free_at` is the instant at which everything handed over so far would be through at the rate agreed. A provider takes a
second's worth at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

BURST = timedelta(seconds=1)


def allowance(*, free_at: datetime | None, at: datetime, per_second: int) -> int:
    """How many may be handed over at `at`; never negative."""
    room = at + BURST - max(free_at or at, at)
    return max(0, room // timedelta(seconds=1) * per_second + _part(room, per_second))


def _part(room: timedelta, per_second: int) -> int:
    """Of the part of a second that is left over, whole letters."""
    return (room % timedelta(seconds=1)) * per_second // timedelta(seconds=1)


def handed_over(*, free_at: datetime | None, at: datetime, count: int, per_second: int) -> datetime:
    """`free_at` after so many more."""
    return max(free_at or at, at) + timedelta(seconds=1) * count / per_second
