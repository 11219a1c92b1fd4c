"""The gate: how long one cell takes, for all variants in all markets."""

from __future__ import annotations

import json
import sys

from bench.rounds import Plan, Result, make_result
from bench.stage import Environment, Stage, manage

NAMES = ("gate_decide",)
MOST_MS = 2.0
SCRIPT = """
import json, time
from datetime import UTC, datetime
from reservations.queries.facts import read_world
world, at = read_world(), datetime.now(UTC)
cells = [(sku, code) for sku in world.subjects for code in world.markets]
begin = time.perf_counter()
for sku, code in cells:
    world.decide_afresh(sku, code, None, at)
print(json.dumps([len(cells), time.perf_counter() - begin]))
"""


def measure(stage: Stage, plan: Plan) -> list[Result]:
    """Decision and next change of every cell, nothing remembered between them."""
    with stage.database("gate") as environment:
        found = [_measure_once(environment, number) for number in range(1, plan.runs + 1)]
    return [make_result("gate_decide", found, [MOST_MS] * len(found))]


def _measure_once(environment: Environment, number: int) -> float:
    cells, seconds = json.loads(manage(environment, "shell", "--no-imports", "--command", SCRIPT))
    if not cells:
        sys.exit("there is nothing to decide")
    print(f"  {number}  gate_decide  {seconds * 1000 / cells:.2f} ms a cell, {cells} cells", flush=True)
    return float(seconds * 1000 / cells)
