"""Answers that need nothing but memory are given on the event loop; whatever has to wait is done in a thread."""

from __future__ import annotations

import asyncio
import math


class NotAtHand(Exception):
    """Nothing was done: ask again in a thread."""


def leave_the_loop() -> None:
    """Called before anything that waits for a database, for Redis or for Django. Raises NotAtHand on the event loop."""
    if is_on_loop():
        raise NotAtHand


def is_on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Renewal:
    """Of what is known for so many seconds: it is asked for again in the second half of them, in a thread.

    Of those on the event loop one goes there; the others go on with what is known.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known_at = self._left_at = -math.inf

    def is_due(self, now: float) -> bool:
        """Whether the caller has to ask. Raises NotAtHand where it may not wait."""
        age = now - self._known_at
        if 0 <= age < self._seconds / 2:
            return False
        if not is_on_loop():
            return True
        if 0 <= age < self._seconds and 0 <= now - self._left_at < self._seconds / 4:
            return False
        self._left_at = now
        raise NotAtHand

    def renew(self, now: float) -> None:
        """It was so at `now`."""
        self._known_at = now
