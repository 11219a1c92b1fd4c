"""The waiting room: how often those who wait can ask where they stand."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from functools import partial
from http import HTTPStatus

from bench.customers import HOT_MARKET, HOT_PRODUCT
from bench.load import Run, run_load
from bench.rounds import Lane, Plan, Result, interleave, make_result, rates
from bench.stage import Environment, Stage, connect
from bench.wire import ask, write_request

NAMES = ("waiting_room",)
CONNECTIONS = 32
PEOPLE = 500
ROOM = f"/en-{HOT_MARKET.lower()}/waiting-room/"
QUERY = f"?product={HOT_PRODUCT}"


def measure(stage: Stage, plan: Plan) -> list[Result]:
    with ExitStack() as stack:
        environment = stack.enter_context(stage.database("waiting"))
        _shut_door(environment)
        shop = stack.enter_context(stage.shop(environment))
        bare = stack.enter_context(stage.bare())
        lanes: dict[str, Lane] = {
            "poll": partial(_load, shop, [_poll_request(cookies) for cookies in _queue_up(shop)]),
            "bare GET": partial(_load, bare, [write_request("GET", "/read/")]),
        }
        runs = interleave(lanes, plan)
    return [make_result("waiting_room", rates(runs["poll"]), rates(runs["bare GET"]))]


def _shut_door(environment: Environment) -> None:
    """A waiting room that lets in one a minute."""
    with connect(environment) as connection:
        connection.execute("UPDATE reservations_launch SET has_waiting_room = true, admission_per_minute = 1")


def _queue_up(shop: int) -> list[str]:
    """People who wait, each with the cookie of a ticket."""
    answers = [ask(shop, f"{ROOM}{QUERY}").expect(200, 303) for _ in range(PEOPLE)]
    people = [answer.headers["cookies"] for answer in answers if answer.status == HTTPStatus.OK]
    answer = ask(shop, f"{ROOM}poll/{QUERY}", {"Cookie": people[-1]}).expect(200)
    told = json.loads(answer.body)
    if told["state"] != "waiting" or told["ahead"] is None:
        sys.exit(f"the last in the queue should wait, but is told: {answer.body}")
    return people


def _poll_request(cookies: str) -> bytes:
    return write_request("GET", f"{ROOM}poll/{QUERY}", {"Cookie": cookies, "Accept": "application/json"})


def _load(port: int, requests: list[bytes], seconds: float) -> Run:
    run = run_load(port, requests, connections=CONNECTIONS, seconds=seconds)
    if run.refused:
        sys.exit(f"{run.refused} of {run.answered} polls were refused")
    return run
