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
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from build import build_messages, build_static
from services import as_user
from services import stop as end_on_signal

from bench import customers
from bench.books import check_books
from bench.load import run_load
from bench.stage import Environment, Stage, connect, manage, set_stage, stop, wait_until
from bench.wire import write_request
from storefront.rehearsal.plan import BUYS, PARTNER, Offer, Visit
from storefront.rehearsal.visitors import Seen, Visitors
from storefront.rehearsal.wires import Wires

ARRIVALS, ARRIVAL_SECONDS, STAY_SECONDS, EARLY = 20_000, 10, 25, 20
BEFORE_SECONDS = 4
ADMITTED_PER_MINUTE = 1_800
ORDERS, ORDERS_A_SECOND = 400, 20
TROUBLE_SECONDS = 5
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
        hot = customers.hot_offer(customers.find_offers(port))
        offer = Offer(sku=hot.sku, product=customers.HOT_PRODUCT, market=hot.market, consents=hot.consents)
        with connect(environment) as connection:
            connection.execute(
                "UPDATE reservations_launch SET has_waiting_room = true, admission_per_minute = %s",
                [ADMITTED_PER_MINUTE],
            )
            connection.execute(
                "UPDATE reservations_launchmarket SET opens_at = now() + make_interval(secs => %s)", [BEFORE_SECONDS]
            )
        opens = time.monotonic() + BEFORE_SECONDS
        visitors = Visitors(Wires(port), stage.api_key, opens=opens, until=opens + STAY_SECONDS)
        asyncio.run(_play(visitors, offer, trouble))
        findings = [*_seen_outside(visitors.seen, may_fail=trouble is not None)]
        findings += _seen_inside(environment, visitors.seen)
        check_books(environment)
        return [*findings, (True, manage(environment, "check_invariants"))]


async def _play(visitors: Visitors, offer: Offer, trouble: Callable[[], object] | None) -> None:
    early = [Visit(ARRIVALS + number, -BEFORE_SECONDS, PARTNER, True, offer) for number in range(EARLY)]
    await asyncio.gather(*(visitors.come(visit) for visit in early))
    visits = [Visit(number, ARRIVAL_SECONDS * number / ARRIVALS, BUYS, False, offer) for number in range(ARRIVALS)]
    visits += [
        Visit(ARRIVALS + EARLY + number, number / ORDERS_A_SECOND, PARTNER, True, offer) for number in range(ORDERS)
    ]

    async def make_trouble() -> None:
        await asyncio.sleep(visitors.opens + TROUBLE_SECONDS - time.monotonic())
        if trouble:
            await asyncio.to_thread(trouble)

    await asyncio.gather(make_trouble(), *(visitors.come(visit) for visit in visits))
    visitors.wires.close()


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


def _seen_outside(seen: Seen, *, may_fail: bool) -> list[Finding]:
    answers = Counter(sample.status for sample in seen.samples)
    told = f"answers by status: {dict(sorted(answers.items()))}"
    failed = [sample.at for sample in seen.samples if not sample.status or sample.status >= 500]
    lasted = max(failed, default=0) - min(failed, default=0)
    early = seen.no["not_open_yet"]
    return [
        (
            all(status < 500 or status == 503 for status in answers),
            told,
        ),
        (seen.tickets == ARRIVALS, f"{seen.tickets} of {ARRIVALS} arrivals have a place in the queue"),
        (may_fail or not failed, f"{len(failed)} requests were cut off or told to try again, within {lasted:.1f} s"),
        (early == EARLY, f"{early} of {EARLY} that came too early were refused"),
        (len(seen.yes) > ORDERS / 2, f"{len(seen.yes)} were told yes, others: {dict(seen.no)}"),
    ]


def _seen_inside(environment: Environment, seen: Seen) -> list[Finding]:
    """In the table: none before the instant, the first soon after it, and each yes as it was told."""
    with connect(environment) as connection:
        [(first, early)] = connection.execute(
            "SELECT min(extract(epoch FROM r.created_at - w.opens_at))::float, "
            "count(*) FILTER (WHERE r.created_at < w.opens_at) FROM reservations_reservation r "
            "JOIN reservations_launchmarket w ON w.launch_id = r.launch_id AND w.market_id = r.market_id"
        ).fetchall()
        rows = connection.execute("SELECT email, reference, place_number FROM reservations_reservation").fetchall()
    stored, places = {row[0]: row[1] for row in rows}, {row[1]: row[2] for row in rows}
    same = sum(set(told) == {stored.get(email)} for email, told in seen.yes.items())
    kept = sum(places.get(reference) == place for reference, place in seen.places.items())
    return [
        (not early, f"{early} reservations before the instant"),
        (first is not None and first <= 1, f"the first {first or 0:.2f} s after it"),
        (same == len(seen.yes), f"{same} of {len(seen.yes)} yes are in the table under the reference that was told"),
        (kept == len(seen.places), f"{kept} of {len(seen.places)} partners' orders have the place that was told"),
        (len(stored) == len(rows), f"{len(rows)} reservations of {len(stored)} customers"),
    ]


def memory(stage: Stage, stack: ExitStack) -> list[Finding]:
    """A web process after 20,000 requests and after 200,000: pages, answers, reservations, refusals."""
    with stage.database("memory") as environment, stage.shop(environment) as port:
        offer = customers.hot_offer(customers.find_offers(port))
        requests = customers.reserve_requests([offer], stage.api_key) + [
            write_request("GET", path)
            for path in (
                "/en-de/reserve/glasses-s1/",
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
    servers = [path for path in processes if f"\0--port={port}\0".encode() in _read(path / "cmdline")]
    webs = [
        Path("/proc", pid.decode()) for path in servers for pid in _read(path / "task" / path.name / "children").split()
    ]
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
