"""Requests and answers as bare WSGI."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import orjson
from django.conf import settings

Environ = dict[str, Any]
Start = Callable[..., Any]
Header = tuple[str, str]
_LINES = {int(each): f"{each.value} {each.phrase}" for each in HTTPStatus}
COOKIE_SECONDS = 7 * 24 * 3600
MOST_SENT = 4096


class Request:
    """What the layer reads of a request. `product` is that of the path, else of the query."""

    def __init__(self, environ: Environ, language: str, market: str, product: str | None) -> None:
        self.environ, self.language, self.market = environ, language, market
        self._query = _read_query(environ.get("QUERY_STRING", ""))
        self.product = self.asked("product") if product is None else product

    @property
    def method(self) -> str:
        return str(self.environ["REQUEST_METHOD"])

    @property
    def prefix(self) -> str:
        return f"/{self.language}-{self.market.lower()}/"

    def asked(self, name: str) -> str:
        """A parameter of the URL, or nothing."""
        return self._query.get(name, "")

    @cached_property
    def sent(self) -> dict[str, str]:
        """The fields of a short form; nothing when it is long."""
        length = self.environ.get("CONTENT_LENGTH") or "0"
        if self.method != "POST" or not length.isdecimal() or int(length) > MOST_SENT:
            return {}
        body = self.environ["wsgi.input"].read(int(length)).decode("ascii", "replace")
        return {name: values[0] for name, values in parse_qs(body).items()}

    def cookie(self, name: str) -> str:
        for part in self.environ.get("HTTP_COOKIE", "").split(";"):
            key, _equals, value = part.strip().partition("=")
            if key == name:
                return str(value)
        return ""


def _read_query(query: str) -> dict[str, str]:
    if "%" in query or "+" in query:
        return {name: values[0] for name, values in parse_qs(query).items()}
    pairs = [part.partition("=") for part in query.split("&")]
    return {name: value for name, _equals, value in pairs}


@dataclass(frozen=True)
class Answer:
    """What the layer answers."""

    status: int
    headers: list[Header]
    body: bytes = b""

    def send(self, start: Start) -> Iterable[bytes]:
        headers = [*self.headers, ("Cache-Control", "no-store"), ("Content-Length", str(len(self.body)))]
        start(_LINES[self.status], headers)
        return [self.body]


def redirect(url: str, *cookies: Header) -> Answer:
    """Go and look there (303, RFC 9110)."""
    return Answer(303, [("Location", url), *cookies])


def as_json(facts: dict[str, Any], *cookies: Header) -> Answer:
    headers = [("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff"), *cookies]
    return Answer(200, headers, orjson.dumps(facts))


def set_cookie(name: str, value: str, seconds: int = COOKIE_SECONDS) -> Header:
    secure = "; Secure" if settings.IS_SECURE else ""
    return ("Set-Cookie", f"{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}")
