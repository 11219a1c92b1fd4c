"""Reading: cached answers and pages, a conditional GET, and a list built from the database."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from bench.customers import API, HOT_MARKET, HOT_PRODUCT
from bench.load import Run, run_load
from bench.rounds import Lane, Plan, Result, interleave, make_result, rates
from bench.stage import Environment, Stage, connect
from bench.wire import ask, write_request

CONNECTIONS = 32
NAMES = ("read_api", "read_page", "read_304", "read_cold")
PRODUCT = f"{API}/products/{HOT_PRODUCT}/?market={HOT_MARKET}"
PRODUCTS = f"{API}/products/?market={HOT_MARKET}"
PAGE = f"/en-{HOT_MARKET.lower()}/products/{HOT_PRODUCT}/"
BARE = "bare GET"
STATISTICS_SECONDS = 11  # a session of PostgreSQL that has become idle tells what it has counted within ten seconds


def measure(stage: Stage, plan: Plan) -> list[Result]:
    with ExitStack() as stack:
        lanes: dict[str, Lane] = {BARE: partial(_load, stack.enter_context(stage.bare()), "/read/", {})}
        if plan.wants("read_api", "read_page", "read_304"):
            shop = stack.enter_context(stage.shop(stack.enter_context(stage.database("read"))))
            lanes |= _cached_lanes(shop, plan)
        cold = None
        if plan.wants("read_cold"):
            environment = stack.enter_context(stage.database("cold")) | {"BENCH_CACHE": "none"}
            cold = Cold(environment, stack.enter_context(stage.shop(environment)))
            lanes["read_cold"] = cold.load
        runs = interleave(lanes, plan)
        if cold:
            cold.check()
    bare = rates(runs.pop(BARE))
    return [make_result(name, rates(found), bare) for name, found in runs.items()]


def _cached_lanes(shop: int, plan: Plan) -> dict[str, Lane]:
    etag = ask(shop, PRODUCT).expect(200).headers.get("etag")
    if not etag:
        sys.exit(f"{PRODUCT} has no ETag")
    known = {"If-None-Match": etag}
    ask(shop, PRODUCT, known).expect(304)
    ask(shop, PAGE).expect(200)
    lanes: dict[str, Lane] = {
        "read_api": partial(_load, shop, PRODUCT, {}),
        "read_page": partial(_load, shop, PAGE, {}),
        "read_304": partial(_load, shop, PRODUCT, known),
    }
    return {name: lane for name, lane in lanes.items() if plan.wants(name)}


def _load(port: int, path: str, headers: dict[str, str], seconds: float) -> Run:
    run = run_load(port, [write_request("GET", path, headers)], connections=CONNECTIONS, seconds=seconds)
    if run.refused:
        sys.exit(f"{run.refused} of {run.answered} requests for {path} were refused")
    return run


@dataclass
class Cold:
    """The product list where there is no cache."""

    environment: Environment
    port: int
    answered: int = 0
    before: int = field(init=False)

    def __post_init__(self) -> None:
        self.before = _count_transactions(self.environment)

    def load(self, seconds: float) -> Run:
        run = _load(self.port, PRODUCTS, {}, seconds)
        self.answered += run.answered
        return run

    def check(self) -> None:
        """That each answer asked the database, and how often."""
        queries = (_count_transactions(self.environment) - self.before) / self.answered
        if queries < 1:
            sys.exit(f"The list was not built from the database: {queries:.2f} queries an answer")
        print(f"  cold: {queries:.1f} queries an answer", flush=True)


def _count_transactions(environment: Environment) -> int:
    """Outside a transaction each query is one."""
    time.sleep(STATISTICS_SECONDS)
    with connect(environment) as connection:
        row = connection.execute(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])
