"""RSGI entry point: reservations and what is at hand are answered on the event loop, all else by WSGI in threads.

A reservation through the API never enters Django's request handling: it is read, waits for its batch and is answered
here. Everything else is the WSGI application of `wsgi.py`, asked on the loop first, where it answers from memory or
says that it cannot (`at_hand.py`), and then in a thread with a database connection of its own.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from storefront.wsgi import application, own_headers  # isort: skip  # Django is ready from here on

from django.conf import settings

from reservations.actions.reserving import reserve_once_from_loop
from storefront import clock
from storefront.api.partners import REPLAYED, read_wish
from storefront.api.problems import MEDIA_TYPE, describe, make
from storefront.at_hand import NotAtHand

log = logging.getLogger(__name__)
THREADS = 16  # each keeps a database connection
MOST_BYTES = 64_000_000  # of what does not declare its length; else `BodyLimit` and the views say what is too much
RESERVATIONS = "/api/v1/reservations/"
Header = tuple[str, str]
Answer = tuple[int, list[Header], bytes]


class Entrance:
    """The RSGI application."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "web")
        self._headers = list(own_headers().items())

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        status, headers, body = await self._answer(scope, protocol)
        if body:
            protocol.response_bytes(status, headers, body)
        else:
            protocol.response_empty(status, headers)

    async def _answer(self, scope: Any, protocol: Any) -> Answer:
        if scope.method in ("GET", "HEAD"):
            try:
                return ask(make_environ(scope, b""))
            except NotAtHand:
                return await self._ask_in_thread(scope, b"")
        body = await read(protocol, scope.headers)
        if body is None:
            return 413, [], b""
        if scope.method == "POST" and scope.path == RESERVATIONS and is_ordinary(scope.headers):
            try:
                return await self._reserve(scope.headers, body)
            except NotAtHand:
                pass
        return await self._ask_in_thread(scope, body)

    async def _ask_in_thread(self, scope: Any, body: bytes) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask, make_environ(scope, body))

    async def _reserve(self, headers: Any, body: bytes) -> Answer:
        """Raises NotAtHand before anything has happened."""
        try:
            wish, request = read_wish(headers, headers.get("content-type") or "", body)
            (status, answer), is_replayed = await reserve_once_from_loop(wish=wish, at=clock.now(), request=request)
        except NotAtHand:
            raise
        except Exception as error:
            problem, told = describe(error)
            if problem is None:
                log.exception("POST %s", RESERVATIONS)
                problem = make(500, "internal_error", "We failed. Send the same request again; nothing is doubled.")
            return self._written(problem["status"], problem, told)
        return self._written(status, answer, REPLAYED if is_replayed else {})

    def _written(self, status: int, answer: dict[str, Any], told: dict[str, str]) -> Answer:
        kind = "application/json" if status < 400 else MEDIA_TYPE
        return status, [("Content-Type", kind), *self._headers, *told.items()], orjson.dumps(answer)


def is_ordinary(headers: Any) -> bool:
    """Of a declared length within the limit, and come securely where the site is secure; Django sees to the rest."""
    length = headers.get("content-length") or ""
    is_short = length.isdecimal() and int(length) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return is_short and (not settings.IS_SECURE or headers.get("x-forwarded-proto") == "https")


async def read(protocol: Any, headers: Any) -> bytes | None:
    """The body; empty where `BodyLimit` refuses it by its length, None where it is too large and does not say so."""
    length = headers.get("content-length") or ""
    if length.isdecimal():
        return b"" if int(length) > MOST_BYTES else bytes(await protocol())
    parts, size = [], 0
    async for part in protocol:
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            return None
    return b"".join(parts)


def make_environ(scope: Any, body: bytes) -> dict[str, Any]:
    """The request as PEP 3333 has it."""
    name, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for header, value in scope.headers.items():
        if "_" in header:  # it would pass for another one
            continue
        key = "HTTP_" + header.upper().replace("-", "_")
        joint = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if f"HTTP_{key}" in environ:
            environ[key] = environ.pop(f"HTTP_{key}")
    return environ


def ask(environ: dict[str, Any]) -> Answer:
    """What the WSGI application answers, whole."""
    told: list[Any] = []
    parts = application(environ, lambda status, headers, *_: told.extend((status, headers)))
    try:
        body = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close:
            close()
    return int(told[0][:3]), told[1], body


entrance = Entrance()
