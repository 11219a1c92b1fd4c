"""The moves that a reservation can make. What is not in the table cannot happen."""

CONFIRMED, WAITLISTED, CANCELLED = "confirmed", "waitlisted", "cancelled"
STATUSES = (CONFIRMED, WAITLISTED, CANCELLED)
LIVE = (CONFIRMED, WAITLISTED)

MOVES: frozenset[tuple[str, str]] = frozenset(
    {
        (WAITLISTED, CONFIRMED),  # a place was freed and this entry is next
        (WAITLISTED, CANCELLED),
        (CONFIRMED, CANCELLED),
    }
)


def may_move(before: str, after: str) -> bool:
    return (before, after) in MOVES


def sources(after: str) -> tuple[str, ...]:
    """The statuses from which a reservation may reach `after`."""
    return tuple(before for before in STATUSES if may_move(before, after))
