"""What may be done where: the gate's decision, the launch's window and what is left, as one answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from reservations.models import Decision
from reservations.queries.counters import current_lines
from reservations.queries.facts import Decided, Offering, World, current_offering, current_world
from reservations.queries.revisions import ByRevision
from reservations.rules import gate, opening


@dataclass(frozen=True, kw_only=True)
class Availability:
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


def availabilities(
    *,
    skus: Iterable[str],
    at: datetime,
    destinations: Iterable[tuple[str, str | None]] | None = None,
    is_replay: bool = False,
    world: World | None = None,
) -> list[Availability]:
    """One row a SKU and destination, in the order given; all markets without a subdivision by default. Two queries.

    `is_replay` decides afresh instead of reading the materialised decisions: for another instant than the present.
    `world` is the present one, where it was just read: then it is one query.
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
    return _with_supply(world, found, at)


Cell = tuple[str, str, str | None, Decided, tuple[Offering, ...]]


def _with_supply(world: World, cells: list[Cell], at: datetime) -> list[Availability]:
    """What is left, of direct sale and as committed now, for all cells at once."""
    current = {id(offerings): current_offering(offerings, at) for *_, offerings in cells}
    offered = [current[id(offerings)] for *_, offerings in cells]
    pools = [
        world.allotments.get((offering.launch_id, sku, country, False), {}).get(None) if offering else None
        for (sku, country, *_), offering in zip(cells, offered, strict=True)
    ]
    lines = current_lines(pool for pool in pools if pool is not None)
    return [
        _availability(cell, offering, lines[pool].left if pool in lines else None, at)
        for cell, offering, pool in zip(cells, offered, pools, strict=True)
    ]


def _availability(cell: Cell, offering: Offering | None, left: int | None, at: datetime) -> Availability:
    sku, country, subdivision, decided, offerings = cell
    window = offering.window if offering else None
    supply = None
    if offering is not None and left is not None:
        supply = opening.Supply(left=left, has_waiting_list=offering.has_waiting_list)
    windows = [each.window for each in offerings]
    return Availability(
        sku=sku,
        market=country,
        subdivision=subdivision,
        status=opening.status(decision=decided.decision, window=window, supply=supply, at=at),
        decided=decided,
        offering=offering,
        opens_at=window.opens_at if window else None,
        next_change_at=opening.next_instant(gate_change_at=decided.until, windows=windows, at=at),
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
