"""The machine, the table, and the JSON."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psycopg
import redis

from bench.load import busiest_share
from bench.rounds import Result
from bench.stage import Environment, connect

RESULTS = Path(__file__).with_name("results")


def describe_machine(environment: Environment) -> dict[str, object]:
    """What the figures depend on; nothing that names this machine."""
    with connect(environment) as connection:
        settings = {name: _show(connection, name) for name in ("server_version", "synchronous_commit", "fsync")}
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory[1]) / 1024**2) if memory else None,
        "cpu": model[1].strip() if model else platform.machine(),
        "kernel": platform.release(),
        "postgresql": settings["server_version"].split()[0],
        "synchronous_commit": settings["synchronous_commit"],
        "fsync": settings["fsync"],
        "redis": redis.Redis.from_url(environment["REDIS_URL"]).info("server")["redis_version"],
        "python": platform.python_version(),
        **{name: version(name) for name in ("django", "uvicorn", "granian", "celery", "psycopg")},
    }


def _show(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def write_json(machine: dict[str, object], results: Sequence[Result], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    generator = {"tool": "wrk, one thread", "busiest_share_of_a_core": round(busiest_share(), 2)}
    content = {"machine": machine, "generator": generator, "results": [result.as_json() for result in results]}
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_table(results: Sequence[Result]) -> str:
    head = f"{'':<19}{'value':>9} {'unit':<27}{'ratio':>7}  {'must':<7}{'aim':<7}{'':<4}against"
    return "\n".join([head, *(_line(result) for result in results)])


def _line(result: Result) -> str:
    sign = "≤" if result.is_limit else "≥"
    verdict = "ok" if result.is_met else "NO"
    bounds = f"{sign} {result.must:<5g}{sign} {result.aim:<5g}"
    yardstick = f"{result.against} ({result.yardstick:.4g})"
    return (
        f"{result.name:<19}{result.value:>9.4g} {result.unit:<27}{result.ratio:>7.2f}  {bounds}{verdict:<4}{yardstick}"
    )
