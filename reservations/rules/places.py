"""Places in a line, and the references of reservations."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

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


class Line(NamedTuple):
    """The counters of an allotment: units held, entries that wait, numbers whose holder left; the last place given.

    The order of a line is that of (instant, number). `last_at` is the instant of the last in it: who comes later is
    given no earlier one, so that numbers and instants rise together, and only who moved in stands out of turn.
    """

    capacity: int
    held: int
    waiting: int
    gone: int
    last_place: int
    last_at: datetime | None = None

    @property
    def left(self) -> int:
        """Units that can be confirmed at once. While somebody waits, nothing is left for those who come later."""
        return 0 if self.waiting else max(self.capacity - self.held, 0)

    def refuses(self, quantity: int, *, has_waiting_list: bool) -> bool:
        return quantity > self.left and not has_waiting_list


class Place(NamedTuple):
    """What a reservation was given: its number and instant, whether its units are held, and how many are ahead.

    Ahead of who is confirmed are those who are confirmed; ahead of who waits, those who wait.
    """

    number: int
    at: datetime
    is_confirmed: bool
    ahead: int


def give(
    line: Line, asks: Iterable[tuple[int, datetime]], *, has_waiting_list: bool
) -> tuple[Line, list[Place | None]]:
    """Give places at the end of a line, in the order asked, for (quantity, instant) each.

    Returns the line as it is then, and a place each, or None where nothing is left. Nobody overtakes those who wait:
    while one waits, a new entry waits too, whatever is free.
    """
    given: list[Place | None] = []
    for quantity, asked_at in asks:
        if line.refuses(quantity, has_waiting_list=has_waiting_list):
            given.append(None)
            continue
        fits = quantity <= line.left
        number, at = line.last_place + 1, max(asked_at, line.last_at or asked_at)
        ahead = line.last_place - line.gone if fits else line.waiting
        given.append(Place(number, at, fits, ahead))
        line = line._replace(
            held=line.held + quantity * fits,
            waiting=line.waiting + (not fits),
            last_place=number,
            last_at=at,
        )
    return line, given
