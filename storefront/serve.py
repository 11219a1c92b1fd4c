"""The web server: uvicorn with `entrance.py`, one event loop in each of its processes. Ends when its port is in use."""

from __future__ import annotations

import argparse
import asyncio
import resource
import socket
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

APPLICATION = "storefront.entrance:entrance"
BACKLOG = 1024
IDLE_SECONDS = 75  # longer than proxies keep a connection, and than those who wait go without asking
STOP_SECONDS = 8  # less than what service managers wait before they kill
STUCK_SECONDS = 30  # a process that does not answer its parent for so long is replaced
MOST_HEAD_BYTES = 32 * 1024  # after what was read first
HEAD_SECONDS = 20.0


class Connection(HttpToolsProtocol):
    """uvicorn's; it alone would read the head of a request for ever, however long it is and however slowly it comes."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head_bytes = 0
        self._is_in_head = True
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEAD_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._is_in_head or self.transport.is_closing():
            return
        if self._head_bytes > MOST_HEAD_BYTES:
            self.send_400_response("The head of the request is too long.")
        elif self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._be_patient()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._be_patient()
        super().connection_lost(exc)

    def _be_patient(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class Listener(socket.socket):
    """A socket that each process opens anew (SO_REUSEPORT): the kernel deals connections out to them.

    From one that they share, the process that wakes first takes all that wait.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return Listener.open, self.getsockname()[:2]

    @classmethod
    def open(cls, host: str, port: int) -> Self:
        """Bound. Raises OSError."""
        made = cls(socket.AF_INET6 if ":" in host else socket.AF_INET)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((host, port))
        return made


def allow_many_connections() -> None:
    """As many open files as this process and its children may have; by default a shell gives a thousand."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    asked = _read_arguments()
    allow_many_connections()
    socket.create_server((asked.host, asked.port)).close()  # raises where somebody listens: two shops would share it
    config = uvicorn.Config(
        APPLICATION,
        interface="asgi3",
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="off",
        workers=asked.workers,
        backlog=BACKLOG,
        log_level=asked.log_level,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_worker_healthcheck=STUCK_SECONDS,
    )
    Multiprocess(config, sockets=[Listener.open(asked.host, asked.port)]).run()


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m storefront.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--log-level", default="info")
    return parser.parse_args()


if __name__ == "__main__":
    main()
