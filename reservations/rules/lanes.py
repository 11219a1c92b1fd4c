"""Which letters go first while more are owed than the mail provider takes."""

from __future__ import annotations

URGENT, PLAIN, NEWS = 1, 2, 3
_LANES = {
    "invited": URGENT,
    "reminder": URGENT,
    "texted": URGENT,
    "awaiting_payment": URGENT,
    "confirm_address": URGENT,
    "new_link": URGENT,
    "window": NEWS,
    "opened": NEWS,
}


def lane(kind: str) -> int:
    """URGENT has a deadline or somebody who waits for it; NEWS can wait; all else is PLAIN."""
    return _LANES.get(kind, PLAIN)
