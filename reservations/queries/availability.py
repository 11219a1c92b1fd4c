"""What may be done where: the gate's decision, the launch's window and what is left, as one answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

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
    shown: dict[str, Any]  # what follows from all but `left`, by its form and the status

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
    cells = [(sku, *place) for sku in skus for place in wanted]
    found = [_settle(world, cell, at) for cell in cells] if is_replay else _settled(world, cells, at)
    pools = {each.pool for each in found if each.pool is not None}
    lines = current_lines(pools) if lines is None else lines
    return [_say(each, lines.get(each.pool) if each.pool is not None else None) for each in found]


Cell = tuple[str, str, str | None]  # SKU, market, subdivision


class _Settled(NamedTuple):
    """All that is said of a cell in `[since, until)` but what is left. `said`: the last that was, by what was left."""

    cell: Cell
    decided: Decided
    offering: Offering | None
    pool: int | None
    since: datetime
    until: datetime | None
    shown: dict[str, Any]
    said: dict[int | None, Availability]

    def holds(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


def _settled(world: World, cells: Iterable[Cell], at: datetime) -> list[_Settled]:
    """Of the present, by the materialised decisions; for markets that we serve, kept until something changes."""
    kept = _kept_cells(world.revision) if world.revision is not None else {}
    found = []
    for cell in cells:
        each = kept.get(cell)
        if each is None or not each.holds(at):
            each = _settle(world, cell, at, _decided(world, cell, at))
            if cell[2] is None and cell[1] in world.markets:
                kept[cell] = each
        found.append(each)
    return found


def _decided(world: World, cell: Cell, at: datetime) -> Decided:
    sku, country, subdivision = cell
    if world.revision is not None and subdivision is None:
        decided = _kept_decisions(world.revision).get((sku, country))
        if decided is not None and decided.holds(at):
            return decided
    return world.decide(sku, country, subdivision, at)


def _settle(world: World, cell: Cell, at: datetime, decided: Decided | None = None) -> _Settled:
    """Without a decision the gate decides afresh."""
    sku, country, _ = cell
    decided = decided or world.decide_afresh(*cell, at)
    offerings = world.offers(sku, country)
    offering = current_offering(offerings, at)
    pools = world.allotments.get((offering.launch_id, sku, country, False), {}) if offering else {}
    instants = [instant for each in offerings for instant in (each.window.opens_at, each.window.closes_at)]
    until = opening.next_instant([decided.until, *instants], at)
    return _Settled(cell, decided, offering, pools.get(None), at, until, {}, {})


def _say(settled: _Settled, line: places.Line | None) -> Availability:
    left = line.left if line else None
    row = settled.said.get(left)
    if row is None:
        settled.said.clear()
        row = settled.said[left] = _availability(settled, left)
    return row


def _availability(settled: _Settled, left: int | None) -> Availability:
    offering, supply = settled.offering, None
    window = offering.window if offering else None
    if offering is not None and left is not None:
        supply = opening.Supply(left=left, has_waiting_list=offering.has_waiting_list)
    return Availability(
        *settled.cell,
        status=opening.status(decision=settled.decided.decision, window=window, supply=supply, at=settled.since),
        decided=settled.decided,
        offering=offering,
        opens_at=window.opens_at if window else None,
        next_change_at=settled.until,
        left=left,
        shown=settled.shown,
    )


@ByRevision
def _kept_cells(revision: int) -> dict[Cell, _Settled]:
    """What is settled of the cells of a revision, as they are asked for."""
    return {}


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
