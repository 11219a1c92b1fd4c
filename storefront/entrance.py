"""RSGI entry point: reservations and what is at hand are answered on the event loop, all else by WSGI in threads.

A reservation, through the API or by a form that is right at the first look, never enters Django's request handling: it
is read, waits for its batch and is answered here. Everything else is the WSGI application of `wsgi.py`, asked on the
loop first, where it answers from memory or says that it cannot (`at_hand.py`), and then in a thread with a database
connection of its own.
"""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import orjson

from storefront.wsgi import application, headers_of  # isort: skip  # Django is ready from here on

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.db import close_old_connections
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.views.decorators.cache import never_cache

from reservations.actions.reserving import reserve_once_from_loop
from storefront import clock
from storefront.api.partners import REPLAYED, read_wish
from storefront.api.problems import describe, make, media_type
from storefront.at_hand import NotAtHand
from storefront.waiting_room.layer import POLL, is_form
from storefront.web import at_once
from storefront.web.middleware import most_bytes
from storefront.whole import Environ, Header, whole_answer

log = logging.getLogger(__name__)
THREADS = 16  # each keeps a database connection
RESERVATIONS = "/api/v1/reservations/"
Answer = tuple[int, list[Header], bytes]
Found = TypeVar("Found")


class Entrance:
    """The RSGI application."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "web")
        self._headers = headers_of(SecurityMiddleware)
        pages = headers_of(SecurityMiddleware, CSPMiddleware, XFrameOptionsMiddleware, never_cache)
        self._page_headers = [("Content-Length", "0"), *pages]

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        status, headers, body = await self._answer(scope, protocol)
        if body:
            protocol.response_bytes(status, headers, body)
        else:
            protocol.response_empty(status, headers)

    async def _answer(self, scope: Any, protocol: Any) -> Answer:
        if scope.method in ("GET", "HEAD"):
            try:
                return ask(at_hand_environ(scope))
            except NotAtHand:
                return await self._in_thread(ask, make_environ(scope))
        body, length = await read(scope, protocol)
        if scope.method == "POST" and length == len(body) and is_secure(scope.headers):
            if scope.path == RESERVATIONS:
                return await self._reserve(scope.headers, body)
            if is_form(scope.path):
                try:
                    return await self._reserve_by_form(with_body(make_environ(scope), body, length))
                except NotAtHand:
                    pass
        return await self._in_thread(ask, with_body(make_environ(scope), body, length))

    async def _in_thread(self, act: Callable[..., Found], *of: Any) -> Found:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act, *of)

    async def _from_memory(self, ask: Callable[..., Found], *of: Any) -> Found:
        """What can be said from memory; else it is looked up in a thread."""
        try:
            return ask(*of)
        except NotAtHand:
            return await self._in_thread(looked_up, ask, *of)

    async def _reserve(self, headers: Any, body: bytes) -> Answer:
        try:
            wish, request = await self._from_memory(read_wish, headers, headers.get("content-type") or "", body)
            (status, answer), is_replayed = await reserve_once_from_loop(wish=wish, at=clock.now(), request=request)
        except Exception as error:
            problem, told = describe(error)
            if problem is None:
                log.exception("POST %s", RESERVATIONS)
                problem = make(500, "internal_error", "We failed. Send the same request again; nothing is doubled.")
            return self._written(problem["status"], problem, told)
        return self._written(status, answer, REPLAYED if is_replayed else {})

    async def _reserve_by_form(self, environ: Environ) -> Answer:
        """Raises NotAtHand where Django has to answer."""
        began, form = time.monotonic(), await self._from_memory(application.let_through, environ)
        response = await at_once.reserve(form)
        if form.is_behind_a_room:
            note = partial(application.note, environ, began, is_failed=False)
            await self._in_thread(note)
        cookies = [("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values()]
        return response.status_code, [*response.items(), *self._page_headers, *cookies], b""

    def _written(self, status: int, answer: dict[str, Any] | orjson.Fragment, told: dict[str, str]) -> Answer:
        return status, [("Content-Type", media_type(status)), *self._headers, *told.items()], orjson.dumps(answer)


def is_secure(headers: Any) -> bool:
    """Come securely, where the site is secure; else Django says where to go."""
    return not settings.IS_SECURE or headers.get("x-forwarded-proto") == "https"


async def read(scope: Any, protocol: Any) -> tuple[bytes, int]:
    """The body and its length; one that is too long is not read further, and `BodyLimit` refuses it by its length."""
    most, declared = most_bytes(scope.path), scope.headers.get("content-length") or ""
    if declared.isdecimal():
        return (b"", int(declared)) if int(declared) > most else (bytes(await protocol()), int(declared))
    parts, length = [], 0
    async for part in protocol:
        parts.append(part)
        length += len(part)
        if length > most:
            return b"", length
    return b"".join(parts), length


def at_hand_environ(scope: Any) -> Environ:
    """Of a question of those who wait no more than it is answered from: tens of thousands ask, every few seconds."""
    if not scope.path.endswith(POLL):
        return make_environ(scope)
    return {
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": scope.path,
        "QUERY_STRING": scope.query_string,
        "HTTP_COOKIE": "; ".join(scope.headers.get_all("cookie")),
    }


def make_environ(scope: Any) -> Environ:
    """The request without its body, as PEP 3333 has it."""
    name, _, port = scope.server.rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(),
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


def looked_up(ask: Callable[..., Found], *of: Any) -> Found:
    """In a thread, outside of a request: nobody else looks whether its connection still works."""
    close_old_connections()
    return ask(*of)


def with_body(environ: Environ, body: bytes, length: int) -> Environ:
    return environ | {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(length)}


def ask(environ: Environ) -> Answer:
    status, headers, body = whole_answer(application, environ)
    return int(status[:3]), headers, body


# What is there now stays: the collector need not look at it again. A full collection would stop everybody for 0.1 s.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 50)

entrance = Entrance()
