"""Growth: what a million reservations in the tables cost."""

from __future__ import annotations

import http.cookies
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from urllib.parse import urlencode

from bench import lines
from bench.load import Run, run_load
from bench.reserving import Shop, open_shop
from bench.rounds import Lane, Plan, Result, interleave, make_result, rates
from bench.rows import grow
from bench.stage import ROOT, Environment, Stage
from bench.wire import ask, write_request

NAMES = ("reserve_growth", "status_growth", "admin_growth", "promote_growth", "wave")
MANY, SOME = 1_000_000, 1_000
PAGES = 200
READERS = 1  # more would share a worker process in one shop and not in the other, as chance has it
ADMIN_LIST = "/admin/reservations/reservation/"
# Signed links of customers' pages, evenly taken from all places.
LINKS = """
from reservations.models import Reservation
from reservations.queries.links import reservation_path
rows = Reservation.objects.filter(place_number__in=range(1, {count} + 1, {step}))
print("\\n".join(reservation_path(row) for row in rows))
"""


def measure(stage: Stage, plan: Plan) -> list[Result]:
    with ExitStack() as stack:
        grown = stack.enter_context(_grown_shop(stage, MANY))
        small = stack.enter_context(_grown_shop(stage, SOME))
        results = _reading(small, grown, plan)
        if plan.wants("reserve_growth"):
            empty = stack.enter_context(_grown_shop(stage, 0))
            results.append(_reserving(empty, grown, plan))
        results += lines.measure(small, grown, plan)
    return results


@contextmanager
def _grown_shop(stage: Stage, count: int) -> Iterator[Shop]:
    """A shop with so many reservations more than its first."""
    with stage.database(f"grown_{count}") as environment, open_shop(stage, environment) as shop:
        if count:
            grow(environment, shop.samples, count)
            shop.before += count
        yield shop


def _reserving(empty: Shop, grown: Shop, plan: Plan) -> Result:
    runs = interleave({"reserve, grown": grown.reserve, "reserve, empty": empty.reserve}, plan)
    grown.check_books()
    empty.check_books()
    return make_result("reserve_growth", rates(runs["reserve, grown"]), rates(runs["reserve, empty"]))


def _reading(small: Shop, grown: Shop, plan: Plan) -> list[Result]:
    shops = {"small": (small, SOME), "grown": (grown, MANY)}
    results = []
    if plan.wants("status_growth"):
        lanes = {f"status, {name}": _status_lane(shop, count) for name, (shop, count) in shops.items()}
        runs = interleave(lanes, plan)
        times = {name: [run.p99_ms for run in found] for name, found in runs.items()}
        results.append(make_result("status_growth", times["status, grown"], times["status, small"]))
    if plan.wants("admin_growth"):
        lanes = {f"admin, {name}": _admin_lane(shop) for name, (shop, _) in shops.items()}
        runs = interleave(lanes, plan)
        times = {name: [run.p50_ms for run in found] for name, found in runs.items()}
        results.append(make_result("admin_growth", times["admin, grown"], times["admin, small"]))
    return results


def _status_lane(shop: Shop, count: int) -> Lane:
    """Customers' pages, one after the other."""
    paths = _links(shop.environment, count)
    ask(shop.port, paths[0]).expect(200)
    return partial(_load, shop, [write_request("GET", path) for path in paths], READERS)


def _links(environment: Environment, count: int) -> list[str]:
    code = LINKS.format(count=count, step=count // PAGES)
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the links of customers' pages cannot be made:\n{done.stderr}")
    return done.stdout.split()


def _admin_lane(shop: Shop) -> Lane:
    """The list of reservations as staff see it."""
    headers = {"Cookie": _sign_in(shop)}
    ask(shop.port, ADMIN_LIST, headers).expect(200)
    return partial(_load, shop, [write_request("GET", ADMIN_LIST, headers)], READERS)


def _sign_in(shop: Shop) -> str:
    """The cookies of a member of staff."""
    page = ask(shop.port, "/admin/login/").expect(200)
    token = http.cookies.SimpleCookie(page.headers["cookies"])["csrftoken"].value
    password = shop.environment["DJANGO_SUPERUSER_PASSWORD"]
    form = {"csrfmiddlewaretoken": token, "username": "staff", "password": password, "next": ADMIN_LIST}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": page.headers["cookies"]}
    return ask(shop.port, "/admin/login/", headers, urlencode(form)).expect(302).headers["cookies"]


def _load(shop: Shop, requests: list[bytes], connections: int, seconds: float) -> Run:
    run = run_load(shop.port, requests, connections=connections, seconds=seconds)
    if run.refused:
        sys.exit(f"{run.refused} of {run.answered} requests were refused")
    return run
