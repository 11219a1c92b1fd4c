"""Reservations: through the API and the form, hot and spread, crowded, sold out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from bench import customers
from bench.books import check_books
from bench.customers import Offer
from bench.launchdata import FEW
from bench.load import Run, run_load
from bench.pgbench import run_pgbench, write_statement
from bench.rounds import Lane, Plan, Result, interleave, make_result, rates
from bench.rows import Samples, copy_wordings, read_samples
from bench.stage import Environment, Stage, connect

CONNECTIONS, CROWD = 32, 256
# Figure → the lane that is measured, and the lane that it is measured against.
PAIRS = {
    "reserve_hot": ("hot", "pgbench, one row"),
    "reserve_framework": ("hot", "bare POST"),
    "reserve_spread": ("hot", "100 allotments"),
    "reserve_crowd": ("256 connections", "hot"),
    "reserve_tail": ("hot", "hot"),
    "reserve_form": ("form", "bare POST"),
    "sold_out": ("sold out", "hot"),
}
NAMES = tuple(PAIRS)


@dataclass
class Shop:
    """A running shop on a database of its own, and all that was sent to it."""

    port: int
    environment: Environment
    api_key: str
    offers: list[Offer]
    samples: Samples
    sent: list[Run] = field(default_factory=list)
    before: int = 1

    def send(self, requests: list[bytes], connections: int, seconds: float) -> Run:
        run = run_load(self.port, requests, connections=connections, seconds=seconds)
        self.sent.append(run)
        return run

    def reserve(self, seconds: float, *, offers: list[Offer] | None = None, connections: int = CONNECTIONS) -> Run:
        """Reservations through the API, each of another customer; all on one allotment unless offers are named."""
        wanted = offers or [customers.hot_offer(self.offers)]
        return accept_all(self.send(customers.reserve_requests(wanted, self.api_key), connections, seconds))

    def reserve_by_form(self, seconds: float) -> Run:
        request = customers.form_request(self.port, customers.hot_offer(self.offers))
        return accept_all(self.send([request], CONNECTIONS, seconds))

    def ask_in_vain(self, seconds: float) -> Run:
        """Requests for a variant that is sold out, all of them refused."""
        requests = customers.reserve_requests([customers.scarce_offer(self.offers)], self.api_key)
        run = self.send(requests, CONNECTIONS, seconds)
        if run.accepted:
            sys.exit(f"{run.accepted} of {run.answered} requests for what is sold out were told yes")
        return run

    def sell_out(self) -> None:
        """Sell the scarce variant to its last unit, and not one more."""
        offer = customers.scarce_offer(self.offers)
        while not self.send(customers.reserve_requests([offer], self.api_key), CONNECTIONS, 1).refused:
            pass
        query = (
            "SELECT held FROM reservations_allotment WHERE id = (SELECT allotment_id FROM reservations_reservation r "
        )
        query += "JOIN reservations_variant v ON v.id = r.variant_id WHERE v.sku = %s AND r.market_id = %s LIMIT 1)"
        with connect(self.environment) as connection:
            row = connection.execute(query.encode(), [offer.sku, offer.market]).fetchone()
        if row != (FEW,):
            sys.exit(f"{offer.sku} is refused as sold out, but {row and row[0]} of {FEW} units are held")

    def check_books(self) -> None:
        counts = check_books(self.environment, before=self.before, runs=self.sent)
        number = counts["reservations"]
        print(f"  books: {number} reservations = units claimed = messages = events, none over capacity", flush=True)


def accept_all(run: Run) -> Run:
    if run.refused:
        sys.exit(f"{run.refused} of {run.answered} reservations were refused: the figure would mean nothing")
    return run


@contextmanager
def open_shop(stage: Stage, environment: Environment) -> Iterator[Shop]:
    """A shop with its first reservation made, which is the sample of what one stores."""
    with stage.shop(environment) as port:
        offers = customers.find_offers(port)
        customers.reserve_once(port, customers.hot_offer(offers), stage.api_key, "9000000001")
        yield Shop(port, environment, stage.api_key, offers, read_samples(environment))


def measure(stage: Stage, plan: Plan) -> list[Result]:
    with ExitStack() as stack:
        shop = stack.enter_context(open_shop(stage, stack.enter_context(stage.database("reserve"))))
        bare = stack.enter_context(stage.bare())
        yard = stack.enter_context(stage.database("yardstick"))
        runs = interleave(_choose(_lanes(shop, bare, yard), plan), plan)
        shop.check_books()
    return [_result(name, runs) for name in NAMES if plan.wants(name)]


def _choose(lanes: dict[str, Callable[[], Lane]], plan: Plan) -> dict[str, Lane]:
    """The lanes that the wanted figures need, made ready."""
    needed = {lane for name, pair in PAIRS.items() if plan.wants(name) for lane in pair}
    return {name: make() for name, make in lanes.items() if name in needed}


def _lanes(shop: Shop, bare: int, yard: Environment) -> dict[str, Callable[[], Lane]]:
    hot = customers.hot_offer(shop.offers)
    spread = customers.spread_offers(shop.offers)
    copy_wordings(shop.environment, yard)
    parse = [customers.parse_request(hot, shop.api_key)]
    statement = write_statement(
        shop.samples, [int(shop.samples["reservations_reservation"]["allotment_id"].split("'")[1])]
    )

    def sold_out() -> Lane:
        shop.sell_out()
        return shop.ask_in_vain

    return {
        "hot": lambda: shop.reserve,
        "pgbench, one row": lambda: partial(run_pgbench, yard, statement),
        "bare POST": lambda: lambda seconds: run_load(bare, parse, connections=CONNECTIONS, seconds=seconds),
        "100 allotments": lambda: partial(shop.reserve, offers=spread),
        "256 connections": lambda: partial(shop.reserve, connections=CROWD),
        "form": lambda: shop.reserve_by_form,
        "sold out": sold_out,
    }


def _result(name: str, runs: dict[str, list[Run]]) -> Result:
    measured, yardstick = (runs[lane] for lane in PAIRS[name])
    if name == "reserve_tail":
        return make_result(name, [run.p99_ms for run in measured], [run.p50_ms for run in measured])
    return make_result(name, rates(measured), rates(yardstick))
