"""How long it will take, as a range that is honest."""

from __future__ import annotations

import math
from typing import NamedTuple

LEAST_MS = 10_000  # a pace measured over less says nothing
FAST, SLOW = 0.8, 1.3
NEAREST_MS, FARTHEST_MS = 3_000, 10_000


class Wait(NamedTuple):
    """From `low` to `high` whole minutes; (0, 1) is less than a minute."""

    low: int
    high: int


def wait(*, ahead: int, passed: int, span_ms: int) -> Wait | None:
    """The wait behind `ahead` places when `passed` places went on in `span_ms`; None when nobody can tell yet."""
    if passed <= 0 or span_ms < LEAST_MS:
        return None
    minutes = (ahead + 1) * span_ms / passed / 60_000
    return Wait(math.floor(minutes * FAST), max(1, math.ceil(minutes * SLOW)))


def poll_ms(expected: Wait | None, chance: float) -> int:
    """When to ask again: 3 to 10 seconds, later for those far behind; `chance` in [0, 1) spreads the crowd."""
    nearness = NEAREST_MS if expected is None or expected.high <= 1 else FARTHEST_MS * 0.8
    return min(FARTHEST_MS, int(nearness * (1 + 0.25 * chance)))
