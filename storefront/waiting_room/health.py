"""How the shop fares, seen from this process: slow or failing reservations call for the brake."""

from __future__ import annotations

import math
import threading
from collections import deque

WINDOW_SECONDS = 30.0
SLOW_SECONDS = 1.0
LEAST_SAMPLES = 20
MOST_FAILURES = 3
BRAKE_SECONDS = 10


class Health:
    """The reservations that this process answered in the last 30 seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, float, bool]] = deque(maxlen=1000)

    def note(self, *, at: float, seconds: float, is_failed: bool) -> bool:
        """Remember one answer. True when admission should halve: p95 over a second, or three answers of 5xx."""
        with self._lock:
            self._samples.append((at, seconds, is_failed))
            recent = [sample for sample in self._samples if sample[0] > at - WINDOW_SECONDS]
        failures = sum(failed for _at, _seconds, failed in recent)
        durations = sorted(seconds for _at, seconds, _failed in recent)
        is_slow = len(recent) >= LEAST_SAMPLES and durations[math.ceil(0.95 * len(recent)) - 1] > SLOW_SECONDS
        return is_slow or failures >= MOST_FAILURES
