"""Run the whole shop on this machine: broker, web server, worker and beat. Usage: make run"""

from __future__ import annotations

import fcntl
import http.client
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from build import build_messages, build_static
from honcho.manager import Manager
from honcho.process import Popen, Process

from storefront.processes import list_processes

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("VAR_DIR", "").strip() or ROOT / "var")
READY_SECONDS = 60
ONE_SHOT_STEPS = (("migrate", "--verbosity", "0"), ("load_launch", "--once"), ("ensure_staff",))


def read_port() -> int:
    """PORT, when it is a port that nobody listens on; else end with one line that names it."""
    given = os.environ.get("PORT", "").strip() or "8000"
    if not given.isdecimal() or not 0 < int(given) < 65536:
        sys.exit(f"PORT: {given!r} is not a number from 1 to 65535")
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(given)))
    except OSError as error:
        sys.exit(f"PORT: {given} cannot be used ({error.strerror}); choose another one, as in: PORT=8001 make run")
    return int(given)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def single_run() -> Iterator[None]:
    """Two runs in one folder would share one database and one broker: refuse the second."""
    VAR.mkdir(exist_ok=True)
    with (VAR / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("`make run` is running in this folder already; stop it first")
        yield


def make_environment(port: int, broker_port: int | None, standin_port: int | None) -> dict[str, str]:
    """What every process gets; a variable that is set already stays."""
    given = {name: value for name, value in os.environ.items() if value.strip()}
    defaults = {
        "SITE_URL": f"http://localhost:{port}",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "DJANGO_SETTINGS_MODULE": "storefront.settings",
        "PYTHONUNBUFFERED": "1",
    }
    if broker_port:
        defaults["REDIS_URL"] = f"redis://127.0.0.1:{broker_port}/0"
    standin = standin_environment(standin_port) if standin_port else {}
    return {**defaults, **given, **standin, "PORT": str(port)}


def standin_environment(port: int) -> dict[str, str]:
    """What a shop needs to be paid by the stand-in for Stripe on this machine. No real money moves."""
    return {
        "STRIPE_SECRET_KEY": "sk_test_of_the_stand_in",
        "STRIPE_API_BASE": f"http://127.0.0.1:{port}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(24)}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tools")]),
    }


def make_standin(port: int, shop_port: int, secret: str) -> list[str]:
    """The stand-in, which keeps what it holds."""
    options = {
        "port": str(port),
        "webhook": f"http://127.0.0.1:{shop_port}/stripe/webhook/",
        "secret": secret,
        "state": str(VAR / "stripe.sqlite3"),
    }
    words = (word for name, value in options.items() for word in (f"--{name}", value))
    return [sys.executable, "-m", "stripe_standin", *words]


def prepare(environment: dict[str, str]) -> None:
    """The steps that end by themselves, before anything is served."""
    os.environ.update(environment)
    build_messages()
    build_static()
    for step in ONE_SHOT_STEPS:
        subprocess.run([sys.executable, "manage.py", *step], cwd=ROOT, check=True)


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def announce(port: int, site_url: str) -> None:
    """Say where everything is, as soon as the site is ready."""
    end = time.monotonic() + READY_SECONDS
    while not is_ready(port):
        if time.monotonic() > end:
            print(f"\n  Not ready after {READY_SECONDS} s: see http://localhost:{port}/health/ready\n", flush=True)
            return
        time.sleep(0.2)
    password = VAR / "staff-password"
    sign_in = f"staff / {password.read_text().strip()}" if password.exists() else "as before"
    base = os.environ.get("STRIPE_API_BASE", "")
    payments = f"no real money: a stand-in for Stripe at {base} (card 4242 4242 4242 4242)" if base else "by Stripe"
    lines = {
        "Shop": f"{site_url}/",
        "E-mails": f"{site_url}/mailbox/" if not os.environ.get("EMAIL_URL") else "sent to EMAIL_URL",
        "Staff": f"{site_url}/admin/   sign in: {sign_in}",
        "API": f"{site_url}/api/docs/",
        "Payments": payments,
        "Stop": "Ctrl-C",
    }
    rule = "─" * 76
    print("\n".join(["", rule, *(f"  {name:<9}{text}" for name, text in lines.items()), rule, ""]), flush=True)


class Leash(Popen):
    """A process whose forks end with it, however it ends; else they would hold its output, and nobody would notice."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        threading.Thread(target=self._end_group, daemon=True).start()

    def _end_group(self) -> None:
        with suppress(ChildProcessError, ProcessLookupError):  # it was waited for already: its output is closed
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            os.killpg(self.pid, signal.SIGKILL)


class LeashedProcess(Process):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._child_ctor = Leash


class Supervisor(Manager):
    """Honcho's, with leashed processes, and able to stop while it is still starting."""

    def __init__(self) -> None:
        super().__init__()
        self._process_ctor = LeashedProcess

    def terminate(self) -> None:
        if self._all_started():
            super().terminate()
        else:
            threading.Timer(0.1, self.terminate).start()


def supervise(processes: dict[str, list[str]], environment: dict[str, str]) -> int:
    """Run them until one ends or we are told to stop; then stop all. Return 0 only when told to."""
    manager = Supervisor()
    for name, command in processes.items():
        manager.add_process(name, "exec " + shlex.join(command), env=environment, cwd=str(ROOT))
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    manager.loop()
    was_told = manager.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    return 0 if was_told else 1


def stop(*_: object) -> NoReturn:
    sys.exit(0)


def main() -> int:
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    port = read_port()
    broker_port = None if os.environ.get("REDIS_URL", "").strip() else find_free_port()
    standin_port = None if os.environ.get("STRIPE_SECRET_KEY", "").strip() else find_free_port()
    environment = make_environment(port, broker_port, standin_port)
    with single_run():
        try:
            prepare(environment)
        except subprocess.CalledProcessError as failed:
            sys.exit(f"`{shlex.join(failed.cmd[1:])}` failed; nothing was started")
        announcer = threading.Thread(target=announce, args=(port, environment["SITE_URL"].rstrip("/")), daemon=True)
        announcer.start()
        processes = list_processes(port, VAR, broker_port)
        if standin_port:
            processes["stripe"] = make_standin(standin_port, port, environment["STRIPE_WEBHOOK_SECRET"])
        return supervise(processes, environment)


if __name__ == "__main__":
    sys.exit(main())
