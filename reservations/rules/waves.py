"""Who a wave reaches: in the order of the line, nobody overtaken, pairs together.

A large request at the head of a line is never passed over for a small one behind it: where it no longer fits, the line
ends there for this wave. Two that are a pair are both reached or neither; where one of them is not, both are passed
over, and who stands behind them moves up.
"""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One that stands in a line: its key, its line, its units, the pair that it is one of, and its market."""

    key: uuid.UUID
    line: int
    quantity: int
    pair: Hashable = None
    market: str = ""


@dataclass(frozen=True)
class Allocation:
    """Who is reached, in order; what is left of each line's supply; who was passed over, since a pair is not whole."""

    reached: tuple[Entry, ...]
    left: Mapping[int, int]
    parted: tuple[Entry, ...]


def allocate(entries: Sequence[Entry], supply: Mapping[int, int]) -> Allocation:
    """Give out `supply` (line → units) to `entries`, which stand in the order of their lines.

    Entries of other lines, and those behind the supply, are not reached. Of one line the order is kept; between lines
    it does not matter.
    """
    parted: dict[Hashable, list[Entry]] = {}
    while True:
        reached, left = _walk([entry for entry in entries if entry.pair not in parted or entry.pair is None], supply)
        halves = _halves(reached)
        if not halves:
            return Allocation(tuple(reached), left, tuple(entry for pair in parted.values() for entry in pair))
        parted |= {pair: [entry for entry in entries if entry.pair == pair] for pair in halves}


def _walk(entries: Iterable[Entry], supply: Mapping[int, int]) -> tuple[list[Entry], dict[int, int]]:
    left, ended = dict(supply), set()
    reached = []
    for entry in entries:
        if entry.line in ended or entry.line not in left:
            continue
        if entry.quantity > left[entry.line]:
            ended.add(entry.line)
            continue
        left[entry.line] -= entry.quantity
        reached.append(entry)
    return reached, left


def _halves(reached: Iterable[Entry]) -> set[Hashable]:
    """The pairs of which only one was reached."""
    seen: dict[Hashable, int] = {}
    for entry in reached:
        if entry.pair is not None:
            seen[entry.pair] = seen.get(entry.pair, 0) + 1
    return {pair for pair, count in seen.items() if count < 2}


def plan(quantities: Iterable[int], supplies: Sequence[int]) -> list[int | None]:
    """For units asked in the order of one line: the index of the wave that is expected to reach each, or None.

    What a wave cannot give to the next in line waits for the wave after, together with the units left.
    """
    waves = iter(enumerate(supplies))
    index, left = next(waves, (None, 0))
    found: list[int | None] = []
    for quantity in quantities:
        while index is not None and quantity > left:
            following = next(waves, None)
            index, left = (following[0], left + following[1]) if following else (None, 0)
        left -= quantity if index is not None else 0
        found.append(index)
    return found
