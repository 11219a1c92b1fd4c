"""Which decisions would differ if the facts did: the pure gate over two sets of facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from reservations.queries.facts import World
from reservations.rules import gate


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A variant in a market, and what the gate answers before and after, in words."""

    sku: str
    market: str
    before: str
    after: str


def cells_that_differ(world: World, facts: gate.Facts, *, at: datetime, most: int | None = None) -> list[Cell]:
    """Sorted by SKU and market. A decision whose stages and reasons stay may still differ in its texts."""
    return list(islice(_differing(world, facts, at), most))


def _differing(world: World, facts: gate.Facts, at: datetime) -> Iterator[Cell]:
    for sku, subject in sorted(world.subjects.items()):
        for market in sorted(world.markets):
            to = world.destination(market)
            before = gate.decide(subject=subject, destination=to, facts=world.facts, at=at)
            after = gate.decide(subject=subject, destination=to, facts=facts, at=at)
            if before != after:
                words = in_words(before), in_words(after)
                then = words[1] if words[0] != words[1] else "the same, with other texts"
                yield Cell(sku=sku, market=market, before=words[0], after=then)


def in_words(decision: gate.Decision) -> str:
    """Stages that are allowed and what forbids the others, such as "announce; not: kr-kc-radio"."""
    allowed = ", ".join(stage for stage in gate.STAGES if decision.stages[stage]) or "nothing"
    reasons = ", ".join(row.requirement for row in decision.reasons)
    return f"{allowed}; not: {reasons}" if reasons else allowed
