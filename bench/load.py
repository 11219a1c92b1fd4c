"""Load from a process of its own: wrk, whose single thread is idle for most of a run (`busy` tells)."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

SCRIPT = Path(__file__).with_name("load.lua")
NUMBERS_PER_RUN = 1_000_000
MOST_SECONDS = 60
_runs = count(1)
_busiest = [0.0]


@dataclass(frozen=True)
class Run:
    """What one run did. `busy` is the share of one core that the load generator itself used."""

    seconds: float
    answered: int
    refused: int = 0
    broken: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    connections: int = 0
    busy: float = 0.0

    @property
    def accepted(self) -> int:
        return self.answered - self.refused

    @property
    def rate(self) -> float:
        return self.answered / self.seconds

    def __str__(self) -> str:
        parts = [f"{self.rate:>8.0f}/s"]
        if self.connections:
            parts.append(f"p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, generator {self.busy:.0%} busy")
        if self.refused:
            parts.append(f"{self.refused} refused")
        return "   ".join(parts)


def find_wrk() -> str:
    found = shutil.which("wrk")
    if not found:
        sys.exit("wrk is missing: as root on Debian `make bench` installs it, else: sudo apt-get install wrk")
    return found


def run_load(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Run:
    """Send the requests in turn over so many keep-alive connections, longer when not one answer came in that time."""
    run = _run_once(port, requests, connections=connections, seconds=seconds)
    if not run.answered and seconds < MOST_SECONDS:
        return run_load(port, requests, connections=connections, seconds=3 * seconds)
    return run


def _run_once(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Run:
    """Ends the bench when a connection broke."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(raw + b"\0" for raw in requests))
        file.flush()
        first = next(_runs) * NUMBERS_PER_RUN
        environment = os.environ | {"BENCH_REQUESTS": file.name, "BENCH_FIRST": str(first)}
        length = f"{max(1, round(seconds))}s"
        command = [find_wrk(), "-t1", f"-c{connections}", f"-d{length}", "--timeout", "60s", "-s", str(SCRIPT)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{port}/"], env=environment, capture_output=True, text=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = [line for line in done.stdout.splitlines() if line.startswith("BENCH ")]
    if done.returncode or not found:
        sys.exit(f"wrk failed:\n{done.stdout}{done.stderr}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = json.loads(found[0].removeprefix("BENCH "))
    load = Run(**told, connections=connections, busy=used / told["seconds"])
    _busiest.append(load.busy)
    if load.broken:
        sys.exit(f"{load.broken} of {load.answered + load.broken} requests got no answer at all")
    return load


def busiest_share() -> float:
    """The largest share of one core that the load generator used in a run of this bench."""
    return max(_busiest)
