"""The moves that a reservation can make. What is not in the table cannot happen.

The guards of the database are made from this table (`models/guards.py`), and so is the drawing in docs/lifecycle.md.
"""

from __future__ import annotations

from dataclasses import dataclass

AWAITING_PAYMENT, WAITLISTED, CONFIRMED = "awaiting_payment", "waitlisted", "confirmed"
INVITED, CONVERTED = "invited", "converted"
CANCELLED, EXPIRED, REVOKED = "cancelled", "expired", "revoked"
STATUSES = (AWAITING_PAYMENT, WAITLISTED, CONFIRMED, INVITED, CONVERTED, CANCELLED, EXPIRED, REVOKED)

STARTS = (CONFIRMED, WAITLISTED, AWAITING_PAYMENT)
ASSURED = (CONFIRMED, INVITED, CONVERTED)  # nothing more is asked of them to keep the place
HOLDING = (AWAITING_PAYMENT, *ASSURED)  # their units count against the capacity
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
    Move(AWAITING_PAYMENT, CONFIRMED, "paid", "the deposit has arrived, or staff waive it"),
    Move(AWAITING_PAYMENT, EXPIRED, "unpaid", "the place was held for the deposit, and none came"),
    Move(AWAITING_PAYMENT, CANCELLED, "cancelled", "the customer, the partner or staff cancel"),
    Move(AWAITING_PAYMENT, REVOKED, "revoked", "the maker takes it back, with a reason"),
    Move(WAITLISTED, AWAITING_PAYMENT, "promoted", "a place was freed, this entry is next, and a deposit is due"),
    Move(WAITLISTED, CONFIRMED, "promoted", "a place was freed and this entry is next"),
    Move(WAITLISTED, CANCELLED, "cancelled", "the customer, the partner or staff cancel"),
    Move(WAITLISTED, REVOKED, "revoked", "the maker takes it back, with a reason"),
    Move(CONFIRMED, WAITLISTED, "moved", "the customer moved to a line in which all units are held"),
    Move(CONFIRMED, INVITED, "invited", "a wave that reaches this place is released"),
    Move(CONFIRMED, CANCELLED, "cancelled", "the customer, the partner or staff cancel"),
    Move(CONFIRMED, REVOKED, "revoked", "the maker takes it back, with a reason"),
    Move(INVITED, CONVERTED, "converted", "the customer has paid the order in full"),
    Move(INVITED, CONFIRMED, "set_aside", "the customer skips this wave and keeps the rank"),
    Move(INVITED, EXPIRED, "expired", "the deadline has passed after a delivered reminder"),
    Move(INVITED, CANCELLED, "cancelled", "the customer, the partner or staff cancel"),
    Move(INVITED, REVOKED, "revoked", "the maker takes it back, with a reason"),
    Move(CONVERTED, CANCELLED, "cancelled", "the customer withdraws from the order"),
    Move(EXPIRED, CONFIRMED, "put_back", "staff put a lapse back, or a deposit comes late, and a unit is free"),
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
