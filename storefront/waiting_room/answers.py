"""Requests and answers as bare WSGI."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import orjson
from django.conf import settings

Environ = dict[str, Any]
Start = Callable[..., Any]
Header = tuple[str, str]
COOKIE_SECONDS = 7 * 24 * 3600


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
        query = self.environ.get("QUERY_STRING", "")
        return parse_qs(query).get(name, [""])[0] if query else ""

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
