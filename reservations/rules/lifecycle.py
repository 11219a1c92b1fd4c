"""The moves that a reservation can make. What is not in the table cannot happen.

The guards of the database are made from this table (`models/guards.py`), and so is the drawing in docs/lifecycle.md.
"""

from __future__ import annotations

from dataclasses import dataclass

WAITLISTED, CONFIRMED, INVITED, CONVERTED = "waitlisted", "confirmed", "invited", "converted"
CANCELLED, EXPIRED, REVOKED = "cancelled", "expired", "revoked"
STATUSES = (WAITLISTED, CONFIRMED, INVITED, CONVERTED, CANCELLED, EXPIRED, REVOKED)

STARTS = (CONFIRMED, WAITLISTED)
HOLDING = (CONFIRMED, INVITED, CONVERTED)  # their units count against the capacity
LIVE = (WAITLISTED, *HOLDING)
GONE = (CANCELLED, EXPIRED, REVOKED)  # out of the line; the number stays theirs and is not given again


@dataclass(frozen=True)
class Move:
    """From one status to another, the word by which the log names it, and when it happens."""

    before: str
    after: str
    word: str
    when: str


MOVES = (
    Move(WAITLISTED, CONFIRMED, "promoted", "a place was freed and this entry is next"),
    Move(WAITLISTED, CANCELLED, "cancelled", "the customer, the partner or staff cancel"),
    Move(WAITLISTED, REVOKED, "revoked", "the maker takes it back, with a reason"),
    Move(CONFIRMED, WAITLISTED, "moved", "the customer moved to a line in which all units are held"),
    Move(CONFIRMED, INVITED, "invited", "a wave that reaches this place is released"),
    Move(CONFIRMED, CANCELLED, "cancelled", "the customer, the partner or staff cancel"),
    Move(CONFIRMED, REVOKED, "revoked", "the maker takes it back, with a reason"),
    Move(INVITED, CONVERTED, "converted", "the customer orders before the deadline"),
    Move(INVITED, CONFIRMED, "set_aside", "the customer skips this wave and keeps the rank"),
    Move(INVITED, EXPIRED, "expired", "the deadline has passed after a delivered reminder"),
    Move(INVITED, CANCELLED, "cancelled", "the customer, the partner or staff cancel"),
    Move(INVITED, REVOKED, "revoked", "the maker takes it back, with a reason"),
    Move(CONVERTED, CANCELLED, "cancelled", "the customer withdraws from the order"),
    Move(EXPIRED, CONFIRMED, "put_back", "staff put a lapse back and a unit is free"),
    Move(EXPIRED, WAITLISTED, "put_back", "staff put a lapse back and all units are held"),
)
_WORDS = {(move.before, move.after): move.word for move in MOVES}


def may_move(before: str, after: str) -> bool:
    return (before, after) in _WORDS


def word(before: str, after: str) -> str:
    """How the log calls a move that is in the table."""
    return _WORDS[before, after]


def sources(after: str) -> tuple[str, ...]:
    """The statuses from which a reservation may reach `after`."""
    return tuple(before for before in STATUSES if may_move(before, after))


def counts(status: str, quantity: int) -> tuple[int, int, int]:
    """What a reservation adds to its line's counters: units held, entries that wait, entries that are gone."""
    return quantity * (status in HOLDING), int(status == WAITLISTED), int(status in GONE)


def draw() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", *(f"    [*] --> {status}" for status in STARTS)]
    lines += [f"    {move.before} --> {move.after}: {move.word}" for move in MOVES]
    ends = [status for status in STATUSES if not any(move.before == status for move in MOVES)]
    return "\n".join([*lines, *(f"    {status} --> [*]" for status in ends)])
