"""python -m bench [--only NAME,NAME] [--seconds 5] [--runs 3]

Measures, prints a table, and writes bench/results/latest.json; with --only, var/bench.json instead.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable

from build import build_messages, build_static
from services import stop

from bench import deciding, growing, mailing, reading, reserving, waiting
from bench.figures import FIGURES
from bench.load import find_wrk
from bench.report import RESULTS, describe_machine, write_json, write_table
from bench.rounds import Plan, Result
from bench.stage import ROOT, Stage, set_stage

Group = Callable[[Stage, Plan], list[Result]]
GROUPS: dict[tuple[str, ...], Group] = {
    reserving.NAMES: reserving.measure,
    mailing.NAMES: mailing.measure,
    reading.NAMES: reading.measure,
    growing.NAMES: growing.measure,
    waiting.NAMES: waiting.measure,
    deciding.NAMES: deciding.measure,
}
PARTIAL = ROOT / "var" / "bench.json"


def read_plan(arguments: list[str]) -> Plan:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"some of: {', '.join(FIGURES)}")
    parser.add_argument("--seconds", type=float, default=5, help="of each run (default 5)")
    parser.add_argument("--runs", type=int, default=3, help="of each lane, interleaved (default 3)")
    given = parser.parse_args(arguments)
    wanted = frozenset(given.only.replace(" ", "").split(",")) if given.only else frozenset(FIGURES)
    if unknown := wanted - set(FIGURES):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
    return Plan(seconds=given.seconds, runs=given.runs, wanted=wanted)


def measure(stage: Stage, plan: Plan, results: list[Result]) -> None:
    """Fill in the results, one group after the other."""
    for names, group in GROUPS.items():
        if plan.wants(*names):
            print(f"\n{', '.join(name for name in names if plan.wants(name))}", flush=True)
            results += group(stage, plan)
    order = list(FIGURES)
    results.sort(key=lambda result: order.index(result.name))


def main(arguments: list[str]) -> int:
    plan = read_plan(arguments)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    find_wrk()
    begin = time.monotonic()
    build_messages()
    build_static()
    results: list[Result] = []
    try:
        with set_stage() as stage:
            machine = describe_machine(stage.environment)
            measure(stage, plan, results)
    finally:  # what was measured before something went wrong is shown too
        if results:
            print(f"\n{write_table(results)}\n", flush=True)
    is_whole = plan.wanted == frozenset(FIGURES)
    file = RESULTS / "latest.json" if is_whole else PARTIAL
    write_json(machine, results, file)
    print(f"{file.relative_to(ROOT)}, {time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
