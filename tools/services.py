"""Run a command against a private, throw-away PostgreSQL and Redis on free ports.

Usage: python tools/services.py -- pytest tests/rules -q
With TEST_DATABASE_URL or TEST_REDIS_URL set, that server is used instead of one of our own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 20


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_postgresql() -> Path:
    """The folder of the newest PostgreSQL on this machine."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    found = debian[-1] if debian else shutil.which("initdb")
    if not found:
        sys.exit("PostgreSQL is missing: `make test` installs it, or set TEST_DATABASE_URL")
    return Path(found).parent


def find_redis() -> str:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if not found:
        sys.exit("Redis is missing: `make test` installs it, or set TEST_REDIS_URL")
    return found


@contextmanager
def temporary_folder(owner: str | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="launch-test-"))
    if owner:
        shutil.chown(folder, owner, owner)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def server(command: list[str], folder: Path, owner: str | None, is_up: Callable[[], bool]) -> Iterator[None]:
    """Start a server in a process group of its own, wait until it answers, and stop it whatever happens."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **as_user(owner),  # type: ignore[call-overload]
        )
    try:
        end = time.monotonic() + START_SECONDS
        while not is_up():
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"{Path(command[0]).name} did not start:\n{log.read_text()}")
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown; Redis takes it as an end too
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def as_user(owner: str | None) -> dict[str, object]:
    return {"user": owner, "group": owner, "extra_groups": []} if owner else {}


def make_cluster(programs: Path, data: Path, owner: str | None) -> None:
    command = [
        str(programs / "initdb"),
        "-D",
        str(data),
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "-N",
    ]
    subprocess.run(command, cwd=data.parent, check=True, stdout=subprocess.DEVNULL, **as_user(owner))  # type: ignore[call-overload]


@contextmanager
def postgresql(*, is_durable: bool = True) -> Iterator[str]:
    """A private PostgreSQL; its URL. One that is not durable survives its own death, but not the machine's."""
    programs = find_postgresql()
    owner = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    port = find_free_port()
    with temporary_folder(owner) as folder:
        data = folder / "data"
        make_cluster(programs, data, owner)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(folder),
            "max_connections": "200",
            "fsync": "on" if is_durable else "off",
        }
        command = [str(programs / "postgres"), "-D", str(data)]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        answers = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        with server(command, folder, owner, lambda: subprocess.run(answers, check=False).returncode == 0):
            address = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
            subprocess.run([str(programs / "createdb"), *address, "launch"], check=True)
            yield f"postgres://postgres@127.0.0.1:{port}/launch"


@contextmanager
def redis() -> Iterator[str]:
    """A private Redis; its URL."""
    port = find_free_port()

    def is_up() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    with temporary_folder(None) as folder:
        command = [find_redis(), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
        with server(command, folder, None, is_up):
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def services(*, is_durable: bool = True) -> Iterator[dict[str, str]]:
    """Both servers; the environment in which the project uses them. No test cuts the power: they need no fsync."""
    with ExitStack() as stack:
        database = os.environ.get("TEST_DATABASE_URL") or stack.enter_context(postgresql(is_durable=is_durable))
        broker = os.environ.get("TEST_REDIS_URL") or stack.enter_context(redis())
        environment = {
            "DATABASE_URL": database,
            "REDIS_URL": broker,
            "CELERY_BROKER_URL": broker,
            "SECRET_KEY": secrets.token_urlsafe(64),
            "DJANGO_SETTINGS_MODULE": "storefront.settings",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        yield {**os.environ, **environment}


def run(command: list[str], environment: dict[str, str]) -> int:
    """Run the command in the foreground; when we are stopped it is stopped too, and waited for."""
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


def stop(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)


def main(arguments: list[str]) -> int:
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        sys.exit(__doc__)
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, stop)
    with services(is_durable=False) as environment:
        return run(command, environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
