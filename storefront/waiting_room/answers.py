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
COOKIE_SECONDS = 7 * 24 * 3600
MOST_SENT = 4096


@dataclass(frozen=True)
class Request:
    """What the layer reads of a request."""

    environ: Environ
    language: str
    market: str
    product: str

    @property
    def method(self) -> str:
        return str(self.environ["REQUEST_METHOD"])

    @property
    def prefix(self) -> str:
        return f"/{self.language}-{self.market.lower()}/"

    def asked(self, name: str) -> str:
        """A parameter of the URL, or nothing."""
        return self._query.get(name, [""])[0]

    @cached_property
    def sent(self) -> dict[str, str]:
        """The fields of a short form; nothing when it is long."""
        length = self.environ.get("CONTENT_LENGTH") or "0"
        if self.method != "POST" or not length.isdecimal() or int(length) > MOST_SENT:
            return {}
        body = self.environ["wsgi.input"].read(int(length)).decode("ascii", "replace")
        return {name: values[0] for name, values in parse_qs(body).items()}

    @cached_property
    def _query(self) -> dict[str, list[str]]:
        return parse_qs(self.environ.get("QUERY_STRING", ""))

    def cookie(self, name: str) -> str:
        for part in self.environ.get("HTTP_COOKIE", "").split(";"):
            key, _equals, value = part.strip().partition("=")
            if key == name:
                return str(value)
        return ""


@dataclass(frozen=True)
class Answer:
    """What the layer answers."""

    status: int
    headers: list[Header]
    body: bytes = b""

    def send(self, start: Start) -> Iterable[bytes]:
        headers = [*self.headers, ("Cache-Control", "no-store"), ("Content-Length", str(len(self.body)))]
        start(f"{self.status} {HTTPStatus(self.status).phrase}", headers)
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
