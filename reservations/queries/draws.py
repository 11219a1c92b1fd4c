"""A launch's draw as anybody may see it: the promise before, the proof after."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from reservations.models import Draw, Launch
from reservations.queries.rooms import opening_numbers
from reservations.rules import draw as rule

RULE = "sort by HMAC-SHA256(key = seed, message = ticket id), as hexadecimal"


def draw_of(launch: str, market: str | None) -> Draw | None:
    """The draw of the opening at which this market opens; without one, of the first opening. Four queries."""
    row = Launch.objects.prefetch_related("windows", "draws").filter(slug=launch).first()
    if row is None:
        return None
    numbers = opening_numbers(row)
    opening = next((numbers[each.opens_at] for each in row.windows.all() if each.market_id == market), 1)
    found = next((draw for draw in row.draws.all() if draw.opening == opening), None)
    if found is not None:
        found.launch = row
    return found


def order_of(draw: Draw) -> list[str]:
    """The tickets from the first place to the last; empty before the draw."""
    return list(_order(draw.pk, draw.tickets_digest)) if draw.drawn_at else []


@lru_cache(maxsize=8)
def _order(pk: int, digest: str) -> tuple[str, ...]:
    row = Draw.objects.get(pk=pk)
    return tuple(rule.order(row.tickets, row.seed))


def proof(draw: Draw) -> dict[str, Any]:
    """Everything that is published; seed, tickets and order are null until the draw. No personal data."""
    is_drawn = draw.drawn_at is not None
    return {
        "launch": draw.launch.slug,
        "opening": draw.opening,
        "rule": RULE,
        "commitment": draw.commitment,
        "opens_at": draw.opens_at,
        "closes_at": draw.closes_at,
        "drawn_at": draw.drawn_at,
        "seed": draw.seed if is_drawn else None,
        "tickets": draw.tickets if is_drawn else None,
        "tickets_sha256": draw.tickets_digest if is_drawn else None,
        "order": order_of(draw) if is_drawn else None,
    }
