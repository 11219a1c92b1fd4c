"""Answers that need nothing but memory are given on the event loop; whatever has to wait is done in a thread."""

from __future__ import annotations

import asyncio


class NotAtHand(Exception):
    """Nothing was done: ask again in a thread."""


def leave_the_loop() -> None:
    """Called before anything that waits for a database, for Redis or for Django. Raises NotAtHand on the event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise NotAtHand
