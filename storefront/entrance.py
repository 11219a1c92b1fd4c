"""ASGI entry point: reservations and what is at hand are answered on the event loop, all else by WSGI in threads.

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
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache, partial
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
from storefront.shelf import is_public
from storefront.waiting_room.layer import POLL, is_form
from storefront.web import at_once
from storefront.web.middleware import most_bytes
from storefront.whole import Environ, Header, whole_answer

log = logging.getLogger(__name__)
# Each keeps a database connection. What is for everybody waits for nothing but the database, and briefly: more readers
# than these only take the interpreter from each other.
READERS, THREADS = 6, 10
RESERVATIONS = "/api/v1/reservations/"
Answer = tuple[int, list[Header], bytes]
Found = TypeVar("Found")


class Gone(Exception):
    """Whoever asked has left before all of it was said."""


class Entrance:
    """The ASGI application."""

    def __init__(self) -> None:
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._threads = ThreadPoolExecutor(THREADS, "web")
        self._headers = headers_of(SecurityMiddleware)
        pages = headers_of(SecurityMiddleware, CSPMiddleware, XFrameOptionsMiddleware, never_cache)
        self._page_headers = [("Content-Length", "0"), *pages]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with suppress(Gone):
            status, headers, body = await self._answer(scope, receive)
            if body and "Content-Length" not in dict(headers):
                headers.append(("Content-Length", str(len(body))))
            told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            await send({"type": "http.response.start", "status": status, "headers": told})
            await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Any, receive: Any) -> Answer:
        """Raises Gone."""
        if scope["method"] in ("GET", "HEAD"):
            try:
                return ask(at_hand_environ(scope))
            except NotAtHand:
                pool = self._readers if is_public(scope["path"]) else self._threads
                return await asyncio.get_running_loop().run_in_executor(pool, ask, make_environ(scope))
        headers = headers_in(scope)
        body, length = await read(scope, headers, receive)
        if scope["method"] == "POST" and length == len(body) and is_secure(headers):
            if scope["path"] == RESERVATIONS:
                return await self._reserve(headers, body)
            if is_form(scope["path"]):
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

    async def _reserve(self, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            wish, request = await self._from_memory(read_wish, headers, headers.get("content-type", ""), body)
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


def headers_in(scope: Any) -> dict[str, str]:
    """Those of the request, by their names in lower case; one that comes more than once is joined (RFC 9110, 5.3)."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        joint = "; " if name == "cookie" else ","
        found[name] = f"{found[name]}{joint}{value}" if name in found else value
    return found


def is_secure(headers: Mapping[str, str]) -> bool:
    """Come securely, where the site is secure; else Django says where to go."""
    return not settings.IS_SECURE or headers.get("x-forwarded-proto") == "https"


async def read(scope: Any, headers: Mapping[str, str], receive: Any) -> tuple[bytes, int]:
    """The body and its length; one that is too long is not read further, and `BodyLimit` refuses it by its length.

    Raises Gone.
    """
    most, declared = most_bytes(scope["path"]), headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        return b"", int(declared)
    parts, length, is_whole = [], 0, False
    while not is_whole:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        parts.append(message["body"])
        length, is_whole = length + len(message["body"]), not message["more_body"]
        if length > most:
            return b"", length
    return b"".join(parts), length


def at_hand_environ(scope: Any) -> Environ:
    """Of a question of those who wait no more than it is answered from: tens of thousands ask, every few seconds."""
    if not scope["path"].endswith(POLL):
        return make_environ(scope)
    return {
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": scope["path"],
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "HTTP_COOKIE": b"; ".join([value for name, value in scope["headers"] if name == b"cookie"]).decode("latin-1"),
    }


def make_environ(scope: Any) -> Environ:
    """The request without its body, as PEP 3333 has it."""
    name, port = scope["server"]
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",  # of one who has left already, nothing is known
        "SERVER_NAME": name,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for header, value in headers_in(scope).items():
        if "_" not in header:  # else it would pass for another one
            environ[_environ_name(header)] = value
    return environ


@lru_cache(maxsize=512)
def _environ_name(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


def looked_up(ask: Callable[..., Found], *of: Any) -> Found:
    """In a thread, outside of a request: nobody else looks whether its connection still works."""
    close_old_connections()
    return ask(*of)


def with_body(environ: Environ, body: bytes, length: int) -> Environ:
    return environ | {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(length)}


def ask(environ: Environ) -> Answer:
    status, headers, body = whole_answer(application, environ)
    return int(status[:3]), headers, body


# What is there now stays: the collector need not look at it again. A full collection would stop everybody for 0.1 s,
# one of 50,000 young objects for 17 ms.
gc.collect()
gc.freeze()
gc.set_threshold(5_000, 20, 100)

entrance = Entrance()
