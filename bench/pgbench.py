"""The database's own limit: one statement that claims a unit of an allotment and stores all rows of a reservation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from services import find_postgresql

from bench.load import Run
from bench.rows import Samples, make_insert
from bench.stage import Environment, address

CLIENTS = 8
RESERVATION = "reservations_reservation"


def write_statement(samples: Samples, allotments: Sequence[int]) -> str:
    """A pgbench script; with several allotments each transaction takes one of them by chance."""
    given = {"n": ":n", "place": "claim.last_place", "allotment": "claim.id"}
    chosen = f"(ARRAY[{', '.join(map(str, allotments))}])[:a]" if len(allotments) > 1 else str(allotments[0])
    claim = (
        f"UPDATE reservations_allotment SET held = held + 1, last_place = last_place + 1 "
        f"WHERE id = {chosen} AND held + 1 <= capacity RETURNING id, last_place"
    )
    others = [table for table in samples if table != RESERVATION]
    parts = [f"claim AS ({claim})"]
    parts += [f"{table} AS ({make_insert(samples, table, 'FROM claim', given)})" for table in others]
    final = make_insert(samples, RESERVATION, "FROM claim", given)
    lines = ["\\set n random(1, 900000000000000000)", f"\\set a random(1, {len(allotments)})"]
    return "\n".join([*lines, f"WITH {', '.join(parts)} {final};", ""])


def run_pgbench(environment: Environment, statement: str, seconds: float) -> Run:
    """So many clients, each one transaction after the other."""
    port, name = address(environment)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(statement)
        script.flush()
        command = [str(find_postgresql() / "pgbench"), "-n", "-M", "prepared", "-f", script.name]
        command += ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c", str(CLIENTS), "-j", "1"]
        command += ["-T", str(max(1, round(seconds))), name]
        planner = os.environ | {"PGOPTIONS": "-c enable_seqscan=off"}  # as the shop's own claim does: see `Journey`
        done = subprocess.run(command, env=planner, capture_output=True, text=True, check=False)
    found = re.search(r"actually processed: (\d+)", done.stdout)
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or not found or not rate or "aborted" in done.stderr:
        sys.exit(f"pgbench failed:\n{done.stdout}{done.stderr[-2000:]}")
    return Run(seconds=int(found[1]) / float(rate[1]), answered=int(found[1]))
