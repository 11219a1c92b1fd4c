"""The stage: private PostgreSQL and Redis, a loaded database to copy, and the servers and workers of `make run`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from services import find_free_port, services

from bench.launchdata import write_launch_data
from bench.wire import is_up
from storefront.processes import list_processes

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 60
TEMPLATE = "launch"
Environment = Mapping[str, str]


@dataclass
class Stage:
    """Where everything of a bench runs. `environment` is that of processes on the template database."""

    environment: dict[str, str]
    folder: Path
    api_key: str = ""
    _names: Iterator[int] = field(default_factory=lambda: count(1))
    _logs: Iterator[int] = field(default_factory=lambda: count(1))

    @contextmanager
    def database(self, name: str) -> Iterator[dict[str, str]]:
        """A fresh copy of the loaded database, with a Redis database of its own."""
        number = next(self._names)
        name = f"{name}_{number}"
        with self._admin() as admin:
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (name, TEMPLATE))))
        base, redis = (self.environment[key].rpartition("/")[0] for key in ("DATABASE_URL", "REDIS_URL"))
        broker = f"{redis}/{number % 15 + 1}"
        try:
            yield self.environment | {
                "DATABASE_URL": f"{base}/{name}",
                "REDIS_URL": broker,
                "CELERY_BROKER_URL": broker,
            }
        finally:
            with self._admin() as admin:
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _admin(self) -> psycopg.Connection:
        base = self.environment["DATABASE_URL"].rpartition("/")[0]
        return psycopg.connect(f"{base}/postgres", autocommit=True)

    @contextmanager
    def shop(self, environment: Environment) -> Iterator[int]:
        """The project's web server, as `make run` starts it; its port."""
        port = find_free_port()
        command = list_processes(port, self.folder, None)["web"]
        settings = {"PORT": str(port), "SITE_URL": f"http://localhost:{port}"}
        with self.process(command, {**environment, **settings}, lambda: is_up(port, "/health/ready")):
            yield port

    @contextmanager
    def bare(self) -> Iterator[int]:
        """The bare Django project, served in the quickest way that we know (ADR 16); its port."""
        port = find_free_port()
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--workers", "2", "--blocking-threads", "16", "--backpressure", "1024", "--log-level", "error"]
        command += ["bench.bare.wsgi:application"]
        with self.process(command, self.environment, lambda: is_up(port, "/read/")):
            yield port

    @contextmanager
    def process(self, command: list[str], environment: Environment, is_ready: Callable[[], bool]) -> Iterator[None]:
        """A process in a group of its own, from the moment it is ready until the end of the block."""
        log = self.folder / f"process-{next(self._logs)}.log"
        with log.open("wb") as output:
            made = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            wait_until(lambda: made.poll() is not None or is_ready(), f"{command[2]} to be ready")
            if made.poll() is not None:
                sys.exit(f"{' '.join(command)} ended:\n{log.read_text()[-2000:]}")
            yield
        finally:
            stop(made)


def stop(made: subprocess.Popen[bytes]) -> None:
    """Ask the whole group to end; insist after a while."""
    for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 10)):
        with suppress(ProcessLookupError):
            os.killpg(made.pid, number)
        with suppress(subprocess.TimeoutExpired):
            made.wait(patience)
    assert made.poll() is not None


def wait_until(is_so: Callable[[], bool], what: str) -> float:
    """Look again and again; the seconds it took. Ends the bench when patience ends."""
    seconds = wait_for(is_so)
    if seconds >= PATIENCE_SECONDS:
        sys.exit(f"waited {PATIENCE_SECONDS} s for {what}")
    return seconds


def wait_for(is_so: Callable[[], bool]) -> float:
    """The seconds until it is so, or those that patience lasts."""
    begin = time.monotonic()
    while not is_so() and time.monotonic() - begin < PATIENCE_SECONDS:
        time.sleep(0.02)
    return time.monotonic() - begin


def connect(environment: Environment) -> psycopg.Connection:
    return psycopg.connect(environment["DATABASE_URL"], autocommit=True)


def address(environment: Environment) -> tuple[int, str]:
    """Port and name of a database on this machine."""
    parts = urlsplit(environment["DATABASE_URL"])
    return parts.port or 5432, parts.path.strip("/")


def manage(environment: Environment, *words: str) -> str:
    """Run one of the project's commands; what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"manage.py {words[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


@contextmanager
def set_stage() -> Iterator[Stage]:
    """Everything that a bench needs, gone afterwards."""
    for name in ("TEST_DATABASE_URL", "TEST_REDIS_URL", "PYTHONPATH"):
        os.environ.pop(name, None)
    with services() as started, tempfile.TemporaryDirectory(prefix="launch-bench-") as name:
        folder = Path(name)
        environment = started | {
            "API_REQUESTS_PER_MINUTE": "1000000000",
            "BENCH_FOLDER": str(folder),
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "DJANGO_SUPERUSER_PASSWORD": "a bench of staff",
            "EMAIL_URL": f"mailbox://{folder / 'mailbox'}",
            "OUTBOX_QUEUED_SECONDS": "86400",
            "PYTHONUNBUFFERED": "1",
        }
        stage = Stage(environment, folder)
        stage.api_key = _load(environment, folder)
        yield stage


def _load(environment: Environment, folder: Path) -> str:
    """Tables, launch data, staff and a partner; the partner's key."""
    manage(environment, "migrate", "--verbosity", "0")
    manage(environment, "load_launch", str(write_launch_data(folder / "data")))
    manage(environment, "createsuperuser", "--noinput", "--username", "staff", "--email", "staff@bench.example")
    scopes = ("reservations:read", "reservations:write")
    key = manage(environment, "create_api_key", "Bench", "--scopes", *scopes).splitlines()[-1]
    with connect(environment) as connection:
        connection.execute("VACUUM ANALYZE")
    return key
