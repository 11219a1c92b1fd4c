"""python -m bench.trials [opening] [restart] [memory]

Three trials of a launch, each with a yes or no: 20,000 arrivals in the first ten seconds; the same with PostgreSQL
killed in the middle; and the memory of a web process. Prints what was seen; status 1 when something was not as it must.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

from build import build_messages, build_static
from services import as_user
from services import stop as end_on_signal

from bench import customers
from bench.books import check_books
from bench.crowd import FORM, Crowd, Told, Wires
from bench.load import run_load
from bench.stage import Environment, Stage, connect, manage, set_stage, stop, wait_until
from bench.wire import write_request

ARRIVALS, ARRIVAL_SECONDS, STAY_SECONDS, EARLY = 20_000, 10, 25, 20
BEFORE_SECONDS = 4
ADMITTED_PER_MINUTE = 1_800
ORDERS_A_SECOND = 20
TROUBLE_SECONDS, HOME_SECONDS = 5, 5
FIRST_REQUESTS, ALL_REQUESTS, MOST_GROWTH = 20_000, 200_000, 1.10

Finding = tuple[bool, str]


def opening(stage: Stage, stack: ExitStack) -> list[Finding]:
    """20,000 arrivals in ten seconds."""
    return _open(stage)


def restart(stage: Stage, stack: ExitStack) -> list[Finding]:
    """The same, with PostgreSQL killed in the middle."""
    return _open(stage, lambda: stack.callback(stop, restart_postgresql(stage.environment)))


def _open(stage: Stage, trouble: Callable[[], object] | None = None) -> list[Finding]:
    """An opening with the waiting room on, seen from outside and then in the books."""
    with stage.database("opening") as environment, stage.shop(environment) as port:
        offer = customers.hot_offer(customers.find_offers(port))
        with connect(environment) as connection:
            connection.execute(
                "UPDATE reservations_launch SET has_waiting_room = true, admission_per_minute = %s",
                [ADMITTED_PER_MINUTE],
            )
            connection.execute(
                "UPDATE reservations_launchmarket SET opens_at = now() + make_interval(secs => %s)", [BEFORE_SECONDS]
            )
        crowd = Crowd(Wires(port), until=time.monotonic() + BEFORE_SECONDS + STAY_SECONDS)
        began = time.monotonic()
        asyncio.run(_play(crowd, time.monotonic() + BEFORE_SECONDS, offer, stage.api_key, trouble))
        findings = [*_seen_outside(crowd.told, may_fail=trouble is not None), *_seen_inside(environment, crowd.told)]
        check_books(environment)
        findings.append((True, manage(environment, "check_invariants")))
        return [*findings, (True, f"{time.monotonic() - began:.0f} s")]


async def _play(
    crowd: Crowd, opens: float, offer: customers.Offer, api_key: str, trouble: Callable[[], object] | None
) -> None:
    await asyncio.gather(*(crowd.order(ARRIVALS + number, 0, offer, api_key) for number in range(EARLY)))
    visits = [crowd.visit(number, opens + ARRIVAL_SECONDS * number / ARRIVALS) for number in range(ARRIVALS)]
    visits += [
        crowd.order(number, opens + number / ORDERS_A_SECOND, offer, api_key)
        for number in range(ORDERS_A_SECOND * (STAY_SECONDS - HOME_SECONDS))
    ]

    async def make_trouble() -> None:
        await asyncio.sleep(opens + TROUBLE_SECONDS - time.monotonic())
        if trouble:
            await asyncio.to_thread(trouble)

    await asyncio.gather(make_trouble(), *visits)
    crowd.wires.close()


def restart_postgresql(environment: Environment) -> subprocess.Popen[bytes]:
    """Kill it as a power cut does, and start it again."""
    with connect(environment) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    folder = Path(row[0])
    number = int((folder / "postmaster.pid").read_text().split()[0])
    command = Path(f"/proc/{number}/cmdline").read_bytes().rstrip(b"\0").decode().split("\0")
    os.kill(number, signal.SIGQUIT)
    wait_until(lambda: not is_running(number), "PostgreSQL to be gone")
    owner = "postgres" if os.geteuid() == 0 else None
    made: subprocess.Popen[bytes] = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **as_user(owner),  # type: ignore[call-overload]
    )
    return made


def is_running(number: int) -> bool:
    state = Path(f"/proc/{number}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def _seen_outside(told: Told, *, may_fail: bool) -> list[Finding]:
    failed = {status: count for status, count in told.answers.items() if status >= HTTPStatus.INTERNAL_SERVER_ERROR}
    lasted = max(told.trouble_at, default=0) - min(told.trouble_at, default=0)
    return [
        (
            not set(failed) - {HTTPStatus.SERVICE_UNAVAILABLE},
            f"answers by status: {dict(sorted(told.answers.items()))}",
        ),
        (told.tickets == ARRIVALS, f"{told.tickets} of {ARRIVALS} arrivals have a place in the queue"),
        (
            True,
            f"{told.cut_off} requests were cut off, {sum(failed.values())} told to try again, within {lasted:.1f} s",
        ),
        (True, f"{len(told.references)} yes on the website, {len(told.orders)} to a partner, no: {dict(told.refused)}"),
    ]


def _seen_inside(environment: Environment, told: Told) -> list[Finding]:
    """In the table: none before the instant, the first soon after it, and each yes as it was told."""
    with connect(environment) as connection:
        [(first, early)] = connection.execute(
            "SELECT min(extract(epoch FROM r.created_at - w.opens_at))::float, "
            "count(*) FILTER (WHERE r.created_at < w.opens_at) FROM reservations_reservation r "
            "JOIN reservations_launchmarket w ON w.launch_id = r.launch_id AND w.market_id = r.market_id"
        ).fetchall()
        rows = connection.execute(
            "SELECT email, reference, id::text, place_number FROM reservations_reservation"
        ).fetchall()
    website = {email: reference for email, reference, _, _ in rows}
    orders = {email: (name, number) for email, _, name, number in rows}
    same = sum(website.get(email) == reference for email, reference in told.references.items())
    kept = sum(orders.get(email) == made for email, made in told.orders.items())
    return [
        (not early, f"{early} reservations before the instant"),
        (first is not None and first <= 1, f"the first {first:.2f} s after it"),
        (same == len(told.references), f"{same} of {len(told.references)} yes of the website are in the table"),
        (kept == len(told.orders), f"{kept} of {len(told.orders)} orders have the id and the place that was told"),
        (len(website) == len(rows), f"{len(rows)} reservations of {len(website)} customers"),
    ]


def memory(stage: Stage, stack: ExitStack) -> list[Finding]:
    """A web process after 20,000 requests and after 200,000: pages, answers, reservations, refusals."""
    with stage.database("memory") as environment, stage.shop(environment) as port:
        offer = customers.hot_offer(customers.find_offers(port))
        requests = customers.reserve_requests([offer], stage.api_key) + [
            write_request("GET", path)
            for path in (
                FORM,
                f"{customers.API}/products/?market=DE",
                f"{customers.API}/markets/",
                "/en-de/",
                "/de-at/",
            )
        ]
        sent, weights = 0, []
        for wanted in (FIRST_REQUESTS, ALL_REQUESTS):
            while sent < wanted:
                sent += run_load(port, requests, connections=32, seconds=2).answered
            weights.append(_weigh(port))
        growth = weights[1] / weights[0]
        return [
            (growth <= MOST_GROWTH, f"{weights[0]} kB after {FIRST_REQUESTS} requests, {weights[1]} kB after {sent}")
        ]


def _weigh(port: int) -> int:
    """The largest web process, in kB of memory that is really there."""
    processes = [path for path in Path("/proc").iterdir() if path.name.isdecimal()]
    webs = [path for path in processes if f"\0--port\0{port}\0".encode() in _read(path / "cmdline")]
    return max(int(_read(path / "status").partition(b"VmRSS:")[2].split()[0]) for path in webs)


def _read(file: Path) -> bytes:
    """Nothing of a process that has just ended."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


TRIALS = {trial.__name__: trial for trial in (opening, restart, memory)}


def main(arguments: list[str]) -> int:
    if unknown := set(arguments) - set(TRIALS):
        sys.exit(f"no such trial: {', '.join(sorted(unknown))}; there are {', '.join(TRIALS)}")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end_on_signal)
    build_messages()
    build_static()
    held = True
    with ExitStack() as stack:
        stage = stack.enter_context(set_stage())
        for name in arguments or TRIALS:
            print(f"\n{name}: {TRIALS[name].__doc__}", flush=True)
            for is_so, sentence in TRIALS[name](stage, stack):
                print(f"  {'ok' if is_so else 'NO'}  {sentence}", flush=True)
                held = held and is_so
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
