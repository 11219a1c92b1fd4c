"""Places in a line, and the references of reservations."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

# Crockford's base 32: no I, L, O or U, so that a reference survives being read aloud and typed.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("ILO", "110")


def reference(number: int) -> str:
    """QW-XXXX-XXXX from the low 40 bits of a random number."""
    letters = "".join(ALPHABET[(number >> shift) & 31] for shift in range(35, -5, -5))
    return f"QW-{letters[:4]}-{letters[4:]}"


def tidy_reference(text: str) -> str:
    """A reference as somebody typed it, as we write it: case, spaces and look-alike letters forgiven."""
    letters = "".join(text.upper().split()).replace("-", "").removeprefix("QW").translate(_READ_AS)
    return f"QW-{letters[:4]}-{letters[4:]}"


def identifier(at: datetime, chance: int) -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): the milliseconds of `at`, then 74 bits of chance.

    Rows that are made together stand together in an index.
    """
    milliseconds = int(at.timestamp() * 1000) & ((1 << 48) - 1)
    bits = chance & ((1 << 74) - 1)
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & ((1 << 62) - 1))


@dataclass(frozen=True, kw_only=True)
class Line:
    """The counters of an allotment: units of those confirmed, entries that wait or left, the last place given."""

    capacity: int
    held: int
    waiting: int
    cancelled: int
    last_place: int

    @property
    def left(self) -> int:
        """Units that can be confirmed at once. While somebody waits, nothing is left for those who come later."""
        return 0 if self.waiting else max(self.capacity - self.held, 0)

    def refuses(self, quantity: int, *, has_waiting_list: bool) -> bool:
        return quantity > self.left and not has_waiting_list

    def ahead(self, place: int, *, waits: bool, cancelled_before: int) -> int:
        """How many are ahead of a place: of those confirmed, or for one that waits of those that wait.

        Nobody is overtaken: who is confirmed stands before everybody who waits.
        """
        confirmed = self.last_place - self.waiting - self.cancelled if waits else 0
        return place - 1 - cancelled_before - confirmed


@dataclass(frozen=True)
class Place:
    """What a reservation was given: its number, whether its units are held, and how many are ahead in its line."""

    number: int
    is_confirmed: bool
    ahead: int


def give(line: Line, quantities: Iterable[int], *, has_waiting_list: bool) -> tuple[Line, list[Place | None]]:
    """Give places in the order asked: the line as it is then, and a place each, or None where nothing is left.

    Nobody overtakes those who wait: while one waits, a new entry waits too, whatever is free.
    """
    given: list[Place | None] = []
    for quantity in quantities:
        if line.refuses(quantity, has_waiting_list=has_waiting_list):
            given.append(None)
            continue
        number, fits = line.last_place + 1, quantity <= line.left
        after = replace(
            line,
            held=line.held + quantity * fits,
            waiting=line.waiting + (not fits),
            last_place=number,
        )
        given.append(Place(number, fits, after.ahead(number, waits=not fits, cancelled_before=line.cancelled)))
        line = after
    return line, given
