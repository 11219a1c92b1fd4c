"""A shop of the rehearsal's own: the processes of `make run` in a folder that is thrown away."""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from storefront.processes import list_processes

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 60
RESTARTED_AFTER_SECONDS = 1.5


class NotReady(Exception):
    """The sentence says what did not start."""


class Shop:
    """All that it has is in `folder`: database, broker, mails, journal, keys. No mail leaves it, and no money moves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._broker_port = find_free_port(), find_free_port()
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ},
            "API_REQUESTS_PER_MINUTE": "1000000",
            "DJANGO_SETTINGS_MODULE": "storefront.settings",
            "OUTBOX_LEASE_SECONDS": "4",
            "OUTBOX_QUEUED_SECONDS": "4",
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            "REDIS_URL": f"redis://127.0.0.1:{self._broker_port}/0",
            "SECRET_KEY": secrets.token_urlsafe(64),
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
            "EMAIL_URL": f"mailbox://{folder / 'mailbox'}",
            "VAR_DIR": str(folder),
        }
        self._commands = list_processes(self.port, folder, self._broker_port)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(self, *, admission_per_minute: int) -> str:
        """Tables, launch data, launches that are open; a waiting room where some are admitted. A partner's key."""
        self.manage("migrate", "--verbosity", "0")
        self.manage("load_launch")
        key = self.manage("create_api_key", "Rehearsal", "--scopes", "reservations:read", "reservations:write")
        with closing(self.connect()) as connection, connection:
            connection.execute("DELETE FROM reservations_deposit")  # money is not rehearsed: there is no Stripe
            connection.execute(
                "UPDATE reservations_launch SET has_waiting_room = ?, admission_per_minute = ?",
                [admission_per_minute > 0, admission_per_minute],
            )
        self.open_in(-1)
        return key.splitlines()[-1]

    def open_in(self, seconds: float) -> None:
        """All launches open then, in all markets; or have been open since, with less than nought."""
        with closing(self.connect()) as connection, connection:
            connection.execute(
                "UPDATE reservations_launchmarket SET opens_at = strftime('%Y-%m-%d %H:%M:%f', 'now', ?)",
                [f"{seconds:+.3f} seconds"],
            )

    def start(self) -> None:
        for name in self._commands:
            self._start(name)
        end = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            dead = [name for name, process in self._running.items() if process.poll() is not None]
            if dead or time.monotonic() > end:
                raise NotReady(f"{', '.join(dead) or 'the site'} did not start: see {self.folder}/*.log")
            time.sleep(0.1)

    def kill(self, name: str) -> None:
        """SIGKILL to a process and all its children, and a new one after a moment."""
        self._end(name, signal.SIGKILL)
        time.sleep(RESTARTED_AFTER_SECONDS)
        self._start(name)

    def stop(self) -> None:
        for name in reversed(self._running):
            self._end(name, signal.SIGKILL)

    def manage(self, *words: str) -> str:
        """One of the project's commands; what it printed. Raises NotReady with what it complained of."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotReady(f"manage.py {words[0]}: {done.stdout}{done.stderr}"[-2000:])
        return done.stdout.strip()

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / "db.sqlite3", timeout=20)

    def count_mails(self) -> tuple[int, int]:
        """Messages that are owed, and mails in the mailbox."""
        with closing(self.connect()) as connection:
            [(owed,)] = connection.execute("SELECT count(*) FROM reservations_message").fetchall()
        return owed, sum(1 for _ in (self.folder / "mailbox").glob("**/*.eml"))

    def _start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._commands[name],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _end(self, name: str, number: int) -> None:
        process = self._running[name]
        with suppress(ProcessLookupError):  # it has ended already
            os.killpg(process.pid, number)
        process.wait()

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def own_shop() -> Iterator[Shop]:
    """A shop that is not there afterwards."""
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as name:
        shop = Shop(Path(name))
        try:
            yield shop
        finally:
            shop.stop()


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
