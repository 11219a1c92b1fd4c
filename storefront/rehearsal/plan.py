"""Who comes when, and what they do: the same plan for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

# Kind → share of the visitors.
BUYS, CLICKS_TWICE, IS_CUT_OFF, LEAVES, PARTNER = "buys", "clicks twice", "is cut off", "leaves", "partner"
SHARES = {BUYS: 0.5, CLICKS_TWICE: 0.1, IS_CUT_OFF: 0.1, LEAVES: 0.15, PARTNER: 0.15}
BY_API = 0.2  # of those who click twice or are cut off, so many are a partner's system
# Half of the visitors come in the first eighth of the time, and hardly anybody at its end.
MEDIAN, SPREAD = 0.125, 1.0


@dataclass(frozen=True)
class Offer:
    """A variant that is open in a market, and its consents: id and version."""

    sku: str
    product: str
    market: str
    consents: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Visit:
    """`at`: seconds after the opening. `by_api`: a partner's system, not a browser."""

    number: int
    at: float
    kind: str
    by_api: bool
    offer: Offer


def plan(*, visitors: int, seconds: float, seed: int, offers: Sequence[Offer]) -> list[Visit]:
    """In the order of arrival: a steep rise at the opening and a long tail, over all markets."""
    chance = random.Random(seed)  # noqa: S311  # a plan, not a secret
    kinds = chance.choices(list(SHARES), list(SHARES.values()), k=visitors)
    instants = sorted(_arrival(chance) * seconds for _ in range(visitors))
    return [
        Visit(
            number=number,
            at=at,
            kind=kind,
            by_api=kind == PARTNER or (kind in (CLICKS_TWICE, IS_CUT_OFF) and chance.random() < BY_API),
            offer=chance.choice(offers),
        )
        for number, (at, kind) in enumerate(zip(instants, kinds, strict=True))
    ]


def _arrival(chance: random.Random) -> float:
    """In [0, 1)."""
    while (at := MEDIAN * chance.lognormvariate(0, SPREAD)) >= 1:
        pass
    return at
