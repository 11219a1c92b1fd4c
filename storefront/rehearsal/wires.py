"""HTTP from one process for many visitors: requests as bytes, and connections that are kept and shared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

CONNECTIONS = 256
Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Answer:
    """An answer; header names in lower case, and `cookies` as a browser would send them back."""

    status: int
    headers: Mapping[str, str]
    body: str


def write_request(method: str, path: str, headers: Mapping[str, str] | None = None, body: str = "") -> bytes:
    """One HTTP/1.1 request on a connection that is kept."""
    fields = {"Host": "localhost", **(headers or {})}
    if method == "POST":
        fields["Content-Length"] = str(len(body.encode()))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode()


class Wires:
    """Connections to one port of this machine. A broken one raises OSError and is made anew."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[Wire] = []
        self._room = asyncio.Semaphore(CONNECTIONS)

    async def ask(self, path: str, headers: Mapping[str, str] | None = None, body: str | None = None) -> Answer:
        """GET, or POST when there is a body."""
        async with self._room, self._wire() as (reader, writer):
            writer.write(write_request("GET" if body is None else "POST", path, headers, body or ""))
            return await _read(reader)

    async def send_and_leave(self, path: str, headers: Mapping[str, str], body: str) -> None:
        """POST, and cut the connection before the answer."""
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(write_request("POST", path, headers, body))
        await writer.drain()
        writer.transport.abort()

    @asynccontextmanager
    async def _wire(self) -> AsyncIterator[Wire]:
        wire = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        try:
            yield wire
        except BaseException:
            wire[1].close()
            raise
        self._free.append(wire)

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Answer:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = [line.partition(": ") for line in head[1:] if line]
        headers = {name.lower(): value for name, _, value in fields}
        headers["cookies"] = "; ".join(value.split(";")[0] for name, _, value in fields if name.lower() == "set-cookie")
        body = await _read_body(reader, headers)
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError from error
    return Answer(int(head[0].split(" ")[1]), headers, body.decode())


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(parts)
