"""The web server: what it does with those who keep it waiting, and with a port that is in use."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from django.conf import settings

from storefront import serve
from tests.jobs.stage import free_port, wait_until

ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


async def answer(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while (message := await receive())["more_body"]:
        body += message["body"]
    body += message["body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def listening() -> Iterator[int]:
    config = uvicorn.Config(answer, http=serve.Connection, loop="uvloop", lifespan="off", log_config=None)
    server, listener = uvicorn.Server(config), serve.Listener.open("127.0.0.1", free_port())
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        wait_until(lambda: server.started, "the server")
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def told(port: int, *parts: bytes) -> bytes:
    """All that is answered until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        found = b""
        for part in parts:
            client.sendall(part)
            time.sleep(0.1)  # so that it is read alone
        while more := client.recv(65536):
            found += more
        return found


def test_a_head_is_read_to_its_end_and_a_body_may_be_longer() -> None:
    body = b"x" * 2 * serve.MOST_HEAD_BYTES
    post = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    with listening() as port:
        assert told(port, post + body, b"").endswith(b"\r\n\r\n" + body)


def test_a_head_without_end_is_refused() -> None:
    line = b"X-More: " + b"x" * 1000 + b"\r\n"
    with listening() as port:
        found = told(port, ASK, line * (serve.MOST_HEAD_BYTES // 1000 + 1))
    assert found.startswith(b"HTTP/1.1 400 ") and b"too long" in found


@pytest.mark.parametrize("begun", [b"", ASK], ids=["nothing", "half a head"])
def test_who_keeps_the_server_waiting_for_a_head_is_hung_up_on(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(serve, "HEAD_SECONDS", 0.2)
    with listening() as port:
        assert told(port, begun) == b""


def test_the_second_head_on_a_connection_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "HEAD_SECONDS", 0.2)
    with listening() as port:
        assert told(port, ASK + b"\r\n" + ASK).count(b"HTTP/1.1 200 ") == 1


def test_it_may_have_as_many_connections_as_the_machine_allows() -> None:
    code = "import resource; from storefront import serve; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 640)); "
    code += "serve.allow_many_connections(); print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "(640, 640)"


def test_a_port_in_use_ends_the_server_with_its_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "storefront.serve", "--port", str(port)]
        done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert done.returncode and "Address already in use" in done.stderr
