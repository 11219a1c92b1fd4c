"""Every check, then every test on PostgreSQL, then those that hold on both databases on SQLite. Usage: make test

All of it runs even when something fails; each failure is shown, and the exit status is 0 only when nothing failed.
"""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from build import build_messages, build_static
from services import run, services, stop

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
PROGRAMS = Path(PYTHON).parent
LANES = 2


@dataclass(frozen=True)
class Outcome:
    name: str
    seconds: float
    status: int
    output: str = ""

    def __str__(self) -> str:
        return f"{'ok    ' if self.status == 0 else 'FAILED'}  {self.seconds:6.1f} s  {self.name}"


@dataclass(frozen=True)
class Check:
    name: str
    command: tuple[str, ...]
    environment: dict[str, str]

    def run(self) -> Outcome:
        begin = time.monotonic()
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            self.command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Outcome(self.name, time.monotonic() - begin, done.returncode, done.stdout)


def list_checks(scratch: Path) -> list[Check]:
    """The slowest first; no check writes a file of the project that another one reads."""
    sqlite = {"DATABASE_URL": f"sqlite:///{scratch / 'checks.sqlite3'}", "SECRET_KEY": secrets.token_urlsafe(64)}
    manage = f"{PYTHON} -W error manage.py"
    named = [
        ("types (mypy)", f"{PROGRAMS}/mypy", sqlite),
        ("templates (djlint --check)", f"{PROGRAMS}/djlint --check --quiet templates", {}),
        ("templates (djlint --lint)", f"{PROGRAMS}/djlint --lint --quiet templates", {}),
        ("style (ruff check)", f"{PROGRAMS}/ruff check --output-format concise", {}),
        ("format (ruff format)", f"{PROGRAMS}/ruff format --check", {}),
        ("import contracts", f"{PROGRAMS}/lint-imports", {}),
        ("translations are complete", f"{PYTHON} tools/messages.py --check", {}),
        ("migrations are complete", f"{manage} makemigrations --check --dry-run", sqlite),
        ("deployment check", f"{manage} check --deploy --fail-level WARNING", make_production_environment()),
        ("locked packages fit each other", f"{PYTHON} -m pip check --disable-pip-version-check", {}),
    ]
    return [Check(name, tuple(shlex.split(command)), environment) for name, command, environment in named]


def make_production_environment() -> dict[str, str]:
    """The variables of a real deployment; nothing is connected to."""
    return {
        "DATABASE_URL": "postgres://shop:secret@database.example/shop",
        "REDIS_URL": "redis://broker.example:6379/0",
        "CELERY_BROKER_URL": "redis://broker.example:6379/0",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "shop.example",
        "SITE_URL": "https://shop.example",
        "EMAIL_URL": "smtp://user:secret@mail.example:587?tls=1",
    }


def run_checks(scratch: Path) -> list[Outcome]:
    """The build and all checks, two at a time; the output of those that failed, one after the other."""
    with ThreadPoolExecutor(LANES) as lanes:
        pending = [lanes.submit(build), *(lanes.submit(check.run) for check in list_checks(scratch))]
        outcomes = []
        for one in pending:
            outcomes.append(one.result())
            print(outcomes[-1], flush=True)
    for outcome in outcomes:
        if outcome.status:
            print(f"\n── {outcome.name} ──\n{outcome.output.rstrip()}\n", flush=True)
    return outcomes


def build() -> Outcome:
    begin = time.monotonic()
    try:
        build_messages(always=True)
        build_static()
        status = 0
    except subprocess.CalledProcessError as failed:
        status = failed.returncode
    return Outcome("translations and static files", time.monotonic() - begin, status)


def run_tests(scratch: Path) -> list[Outcome]:
    """The whole suite on PostgreSQL; once more on SQLite what must be true of both."""
    pytest = [PYTHON, "-m", "pytest", "-n", "2"]
    with services(is_durable=False) as environment:
        sqlite = {**environment, "DATABASE_URL": f"sqlite:///{scratch / 'tests.sqlite3'}"}
        return [
            run_suite("tests on PostgreSQL", pytest, environment),
            run_suite("tests on SQLite", [*pytest, "-m", "both_databases"], sqlite),
        ]


def run_suite(name: str, command: list[str], environment: dict[str, str]) -> Outcome:
    print(f"\n── {name} ──", flush=True)
    begin = time.monotonic()
    status = run(command, environment)
    return Outcome(name, time.monotonic() - begin, status)


def main(arguments: list[str]) -> int:
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, stop)
    with tempfile.TemporaryDirectory(prefix="launch-verify-") as folder:
        scratch = Path(folder)
        outcomes = run_checks(scratch)
        if "--checks-only" not in arguments:
            outcomes += run_tests(scratch)
    failed = [outcome for outcome in outcomes if outcome.status]
    verdict = f"{len(failed)} of {len(outcomes)} failed." if failed else "All passed."
    print("\n".join(["", *map(str, outcomes), "", verdict]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
