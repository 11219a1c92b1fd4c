"""What may be done where: the gate's decision, the launch's window and what is left, as one answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from reservations.models import Decision
from reservations.models.rows import look_together
from reservations.queries.counters import current_lines, look_at_lines, read_lines
from reservations.queries.facts import Decided, Offering, World, current_offering, current_world, world_of
from reservations.queries.revisions import LOOK_AT_REVISION, ByRevision, read_revision
from reservations.rules import gate, opening, places


class Availability(NamedTuple):
    """One variant in one destination at one instant."""

    sku: str
    market: str
    subdivision: str | None
    status: str
    decided: Decided
    offering: Offering | None  # the one that speaks now
    opens_at: datetime | None
    next_change_at: datetime | None
    left: int | None

    @property
    def decision(self) -> gate.Decision:
        return self.decided.decision


def present_in(market: str) -> tuple[World, dict[int, places.Line]]:
    """The world, and the lines of direct sale in a market, as committed now: one query where no fact has changed."""
    known = world_of.latest
    pools = known.pools.get(market, frozenset()) if known else frozenset()
    looks = [LOOK_AT_REVISION, *([look_at_lines(pools)] if pools else [])]
    found = look_together(looks)
    world = world_of(read_revision(found[0]))
    if world is known and pools:
        return world, read_lines(found[1])
    return world, current_lines(world.pools.get(market, ()))


def availabilities(
    *,
    skus: Iterable[str],
    at: datetime,
    destinations: Iterable[tuple[str, str | None]] | None = None,
    is_replay: bool = False,
    world: World | None = None,
    lines: Mapping[int, places.Line] | None = None,
) -> list[Availability]:
    """One row a SKU and destination, in the order given; all markets without a subdivision by default. Two queries.

    `is_replay` decides afresh instead of reading the materialised decisions: for another instant than the present.
    `world` is the present one, and `lines` those that the destinations can ask for, where they were just read: then it
    is one query, or none.
    """
    world = world or current_world()
    wanted = list(destinations) if destinations is not None else [(code, None) for code in world.markets]
    kept = {} if is_replay or world.revision is None else _kept_decisions(world.revision)
    found = []
    for sku in skus:
        for country, subdivision in wanted:
            decided = kept.get((sku, country)) if subdivision is None else None
            if is_replay:
                decided = world.decide_afresh(sku, country, subdivision, at)
            elif decided is None or not decided.holds(at):
                decided = world.decide(sku, country, subdivision, at)
            found.append((sku, country, subdivision, decided, world.offers(sku, country)))
    return _with_supply(world, found, at, lines)


Cell = tuple[str, str, str | None, Decided, tuple[Offering, ...]]
Spoken = tuple[Offering | None, datetime | None]  # the offering that speaks, and when a window changes next


def _with_supply(
    world: World, cells: list[Cell], at: datetime, lines: Mapping[int, places.Line] | None
) -> list[Availability]:
    """What is left, of direct sale and as committed now, for all cells at once."""
    spoken: dict[int, Spoken] = {}  # by the launches of a product in a market, which its variants share
    for *_, offerings in cells:
        if id(offerings) not in spoken:
            spoken[id(offerings)] = _speak(offerings, at)
    pools = [
        world.allotments.get((offering.launch_id, sku, country, False), {}).get(None) if offering else None
        for sku, country, _, _, offerings in cells
        for offering in [spoken[id(offerings)][0]]
    ]
    asked = [pool for pool in pools if pool is not None]
    found = current_lines(asked) if lines is None else lines
    left = {pool: found[pool].left for pool in asked if pool in found}
    return [
        _availability(cell, spoken[id(cell[-1])], left.get(pool) if pool is not None else None, at)
        for cell, pool in zip(cells, pools, strict=True)
    ]


def _speak(offerings: tuple[Offering, ...], at: datetime) -> Spoken:
    instants = [instant for each in offerings for instant in (each.window.opens_at, each.window.closes_at)]
    return current_offering(offerings, at), opening.next_instant(instants, at)


def _availability(cell: Cell, spoken: Spoken, left: int | None, at: datetime) -> Availability:
    (sku, country, subdivision, decided, _), (offering, window_change_at) = cell, spoken
    window = offering.window if offering else None
    supply = None
    if offering is not None and left is not None:
        supply = opening.Supply(left=left, has_waiting_list=offering.has_waiting_list)
    return Availability(
        sku=sku,
        market=country,
        subdivision=subdivision,
        status=opening.status(decision=decided.decision, window=window, supply=supply, at=at),
        decided=decided,
        offering=offering,
        opens_at=window.opens_at if window else None,
        next_change_at=opening.next_instant((decided.until, window_change_at), at),
        left=left,
    )


@ByRevision
def _kept_decisions(revision: int) -> dict[tuple[str, str], Decided]:
    """The materialised decisions of a revision that was just read as the current one."""
    return {
        (row.variant.sku, row.market_id): Decided(read_decision(row.answer), row.decided_at, row.next_change_at)
        for row in Decision.objects.select_related("variant")
    }


def write_decision(decision: gate.Decision) -> dict[str, object]:
    """A decision as JSON."""
    return {
        "stages": dict(decision.stages),
        "reasons": [
            {**vars(reason), "until": reason.until.isoformat() if reason.until else None} for reason in decision.reasons
        ],
        "notices": [vars(notice) for notice in decision.notices],
        "disabled_features": list(decision.disabled_features),
        "varies_in": list(decision.varies_in),
        "is_stopped": decision.is_stopped,
    }


def read_decision(answer: dict[str, object]) -> gate.Decision:
    """The decision that `write_decision` wrote."""
    stored: dict[str, list[dict[str, object]]] = answer  # type: ignore[assignment]
    return gate.Decision(
        stages=answer["stages"],  # type: ignore[arg-type]
        reasons=tuple(
            gate.Reason(**{**row, "until": datetime.fromisoformat(str(row["until"])).date() if row["until"] else None})  # type: ignore[arg-type]
            for row in stored["reasons"]
        ),
        notices=tuple(gate.Notice(**row) for row in stored["notices"]),  # type: ignore[arg-type]
        disabled_features=tuple(answer["disabled_features"]),  # type: ignore[arg-type]
        varies_in=tuple(answer["varies_in"]),  # type: ignore[arg-type]
        is_stopped=bool(answer["is_stopped"]),
    )
