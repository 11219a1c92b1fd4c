"""How long it will take, as a range that is honest."""

from __future__ import annotations

import math
from typing import NamedTuple

LEAST_MS = 10_000  # a pace measured over less says nothing
FAST, SLOW = 0.8, 1.3
NEAREST_MS, FARTHEST_MS = 3_000, 10_000
NEAR_PLACES = 50


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


def poll_ms(expected: Wait | None, ahead: int, chance: float) -> int:
    """When to ask again: after 3 to 4 seconds for those who are near, else 8 to 10; `chance` in [0, 1) spreads them."""
    is_near = expected.high <= 1 if expected else ahead < NEAR_PLACES
    least, most = (NEAREST_MS, NEAREST_MS + 1_000) if is_near else (FARTHEST_MS - 2_000, FARTHEST_MS)
    return int(least + (most - least) * chance)
